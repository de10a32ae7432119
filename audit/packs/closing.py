"""The second half of a pack: what the log says about it, hashes up to a signed checkpoint, and the zip around all of it."""

from __future__ import annotations

import hashlib
import os
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db.models import Q

from audit.keeping.erased import covers, erasures
from audit.log import sealing
from audit.log.receipts import reader, receipt
from audit.log.tlog import tile_node
from audit.models import Checkpoint, Cosignature, Leaf, LogKey, Stamp
from audit.outside.anchors import cosigned_note, handovers
from audit.packs.selection import Choice, as_ranges, lines
from audit.packs.spool import Spool
from audit.services import record
from audit.verifier import verify

MOST_RANGES = 20_000
MOST_CHECKPOINTS = 30
PATIENCE = 120  # seconds for the log to be sealed
DOS_EPOCH = (1980, 1, 1, 0, 0, 0)

Beat = Callable[[], None]


class NotSealed(Exception):
    """The log did not get a checkpoint in time."""


@dataclass(frozen=True)
class Order:
    """What a pack is made from."""

    pack: int
    choice: Choice
    kept_size: int | None
    policy: bytes
    asked_words: str = ""


Beside = dict[str, bytes]  # earlier checkpoints and time stamps, by the name of their file


def announce(order: Order, spool: Spool, wanted: Sequence[int], names: dict[str, str], beside: Beside) -> int:
    """Let the log itself say what is in this pack; answers the entry's id."""
    verifier = Path(verify.__file__).read_bytes()
    key = LogKey.objects.order_by("-id").values_list("vkey", flat=True).first()
    detail: dict[str, Any] = {
        "format": verify.FORMAT,
        "pack": order.pack,
        "title": order.choice.title,
        "whole": order.choice.whole,
        "entries": spool.reading.count,
        "places": as_ranges(wanted, MOST_RANGES),
        "names": names,
        "key": key,
        "keys": list(LogKey.objects.order_by("id").values_list("vkey", flat=True)),
        "kept_size": order.kept_size,
        "receipts": as_ranges(spool.receipts, MOST_RANGES),
        "beside": {name: hashlib.sha256(data).hexdigest() for name, data in beside.items()},
        "sha256": {name: spool.digest(name) for name in ("entries.ndjson", "fields.txt", "names.ndjson")}
        | {"policy.json": hashlib.sha256(order.policy).hexdigest(), "verify.py": hashlib.sha256(verifier).hexdigest()},
    }
    if order.asked_words:
        detail["asked_words"] = order.asked_words
    return record("audit.export-contents", model="audit.pack", object_id=str(order.pack), detail=detail)


def sealed(entry_id: int, beat: Beat) -> tuple[int, Checkpoint]:
    """Place of the entry and the newest checkpoint, once one holds it; raises NotSealed."""
    deadline = time.monotonic() + PATIENCE
    while True:
        sealing.seal(wait_seconds=10)
        leaf = Leaf.objects.filter(entry_id=entry_id).values_list("seq", flat=True).first()
        newest = Checkpoint.objects.select_related("key").order_by("-size").first()
        if leaf is not None and newest is not None and leaf < newest.size:
            return leaf, newest
        if time.monotonic() > deadline:
            raise NotSealed(f"Entry {entry_id} was not sealed within {PATIENCE} seconds.")
        beat()
        time.sleep(0.2)


class Zip:
    """A zip that remembers the digest of each file in it."""

    def __init__(self, path: Path, beat: Beat) -> None:
        self.path, self.beat = path, beat
        self.files: list[dict[str, Any]] = []
        self.zip = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6)

    def add(self, name: str, data: bytes, *, listed: bool = True) -> None:
        """A small file."""
        self.zip.writestr(zipfile.ZipInfo(name, DOS_EPOCH), data, zipfile.ZIP_DEFLATED, 6)
        if listed:
            self.files.append({"name": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()})

    def move(self, name: str, path: Path) -> None:
        """A file of any size, which is deleted once it is in."""
        digest, size = hashlib.sha256(), 0
        info = zipfile.ZipInfo(name, DOS_EPOCH)
        info.compress_type = zipfile.ZIP_DEFLATED
        with path.open("rb") as source, self.zip.open(info, "w", force_zip64=True) as target:
            while part := source.read(1 << 20):
                digest.update(part)
                size += len(part)
                target.write(part)
                self.beat()
        path.unlink()
        self.files.append({"name": name, "bytes": size, "sha256": digest.hexdigest()})

    def close(self) -> tuple[int, str]:
        """Write the manifest and the end; answers size and SHA-256 of the whole."""
        manifest = {"format": verify.FORMAT, "files": self.files}
        self.add("manifest.json", (verify.canonical(manifest) + "\n").encode(), listed=False)
        self.zip.close()
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return self.path.stat().st_size, digest


def fill(target: Zip, order: Order, spool: Spool, wanted: Sequence[int], contents: int, beside: Beside, beat: Beat) -> None:
    """Everything but the manifest. `contents` is the entry that `announce` made of `beside` and the rest."""
    place, newest = sealed(contents, beat)
    own = next(lines([place]))
    erasing = list(_erasures(spool, newest.size))
    older = [int(Path(name).stem) for name in beside if name.startswith("checkpoints/")]
    head = verify.read_head(newest.note, [verify.read_key(newest.key.vkey)])
    target.add("README.txt", verify.README.encode())
    target.add("index.html", "".join(line + "\n" for line in verify.index_page(spool.reading, own[0], head)).encode("utf-8", "replace"))
    target.add("verify.py", Path(verify.__file__).read_bytes())
    target.add("policy.json", order.policy)
    target.add("contents.ndjson", (own[1] + "\n").encode())
    target.add("erasures.ndjson", "".join(line + "\n" for _, line in erasing).encode())
    _add_heads(target, newest, beside)
    sizes = [newest.size, *older]
    if order.kept_size is not None and 0 < order.kept_size <= newest.size:
        sizes.append(order.kept_size)
    read = reader()
    found = (seq for part in (wanted, [place], [entry.seq for entry, _ in erasing]) for seq in part)
    for level, index in sorted(verify.tiles_for(found, sizes)):
        width = verify.tile_width(level, index, newest.size)
        target.add(verify.tile_path(level, index, width), read(level, index)[: 32 * width])
        beat()
    node = tile_node(read)
    for seq in spool.receipts:
        target.add(f"receipts/{seq}.tlog-proof", receipt(seq, newest, node).encode())
        beat()
    for name in (*spool.pages, "entries.ndjson", "entries.csv", "values.csv", "fields.txt", "names.ndjson"):
        target.move(name, spool.folder / name)


def _add_heads(target: Zip, newest: Checkpoint, beside: Beside) -> None:
    note = cosigned_note(newest)
    target.add("checkpoint.txt", note.encode())
    for name, data in beside.items():
        target.add(name, data)
    vkeys = LogKey.objects.order_by("id").values_list("vkey", flat=True)
    target.add("keys.txt", "".join(f"{vkey}\n" for vkey in vkeys).encode())
    for number, key in enumerate((key for key in handovers() if key.handover), start=1):
        target.add(f"handovers/{number}.txt", key.handover.encode())
    # A witness may have cosigned since; only those whose line is in a note here have anything to do with this pack.
    known = [verify.read_key(text) for text in dict.fromkeys(Cosignature.objects.order_by("id").values_list("witness", flat=True))]
    notes = [note, *(data.decode() for name, data in beside.items() if name.startswith("checkpoints/"))]
    witnesses = dict.fromkeys(key for one in notes for key, _ in verify.read_head(one, known).witnesses)
    if witnesses:
        target.add("witnesses.txt", "".join(f"{key}\n" for key in witnesses).encode())


def earlier() -> Beside:
    """Earlier checkpoints that are worth having, with their time stamps: those that stand outside, and the last ones signed."""
    signed = Checkpoint.objects.select_related("key").filter(size__gt=0).order_by("-size")
    outside = signed.filter(Q(cosignatures__isnull=False) | Q(stamps__isnull=False)).distinct()
    found = {one.size: one for one in [*outside[: MOST_CHECKPOINTS - 5], *signed[:5]]}
    beside = {f"checkpoints/{size}.txt": cosigned_note(found[size]).encode() for size in sorted(found)}
    for stamp in Stamp.objects.filter(checkpoint__in=[one.pk for one in found.values()]).order_by("pk"):
        beside[f"stamps/{stamp.checkpoint_id}-{stamp.pk}.tsr"] = bytes(stamp.token)
    return beside


def _erasures(spool: Spool, size: int) -> Iterator[tuple[verify.Entry, str]]:
    """The entries that say why values in this pack are missing."""
    if not spool.erased:
        return
    ids = [one.entry for one in erasures() if any(covers(one.ranges, entry_id) for entry_id in spool.erased)]
    seqs = sorted(Leaf.objects.filter(entry_id__in=ids, seq__lt=size).values_list("seq", flat=True))
    yield from lines(seqs)
