"""The verifier inside a pack, against a forger who may rewrite every file: it names row and field, and never crashes."""

from __future__ import annotations

import ast
import base64
import contextlib
import csv
import hashlib
import hmac
import io
import json
import random
import re
import shutil
import struct
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.log import receipts
from audit.log.merkle import root_of
from audit.log.notes import SignerKey
from audit.log.tlog import append_to_tiles
from audit.verifier import verify
from tests.audit.forger import Forge, Forger, said
from tests.audit.packs import kit

__all__ = ["kit"]
ROOT = Path(__file__).resolve().parent.parent.parent


_made: dict[str, bytes] = {}


@pytest.fixture
def pack(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A pack of everything; made once, for it is only ever read or copied."""
    if not _made:
        _made["pack"] = request.getfixturevalue("kit").make().read_bytes()
    path = tmp_path / "pack.zip"
    path.write_bytes(_made["pack"])
    return path


def edited_value(forger: Forger) -> None:
    forger.set_value(forger.entry("governance.signature"), "decision", "reject")
    forger.render()


def edited_value_and_fingerprints(forger: Forger) -> None:
    forger.set_value(forger.entry("governance.signature"), "decision", "reject")
    forger.render(prints=True)


def removed(forger: Forger) -> None:
    forger.lines.remove(forger.entry("governance.signature"))
    forger.render(prints=True)


def inserted(forger: Forger) -> None:
    copy = verify.parse(verify.canonical(forger.entry("governance.signature")))
    copy["seq"] = forger.lines[-1]["seq"] + 1
    forger.lines.append(copy)
    forger.render(prints=True)


def swapped_names(forger: Forger) -> None:
    one = forger.entry("governance.signature")
    other = next(line for line in forger.lines if line["entry"]["model"] == "governance.signature" and "Priya Raman" in line["body"])
    forger.set_value(one, "printed_name", "Priya Raman")
    forger.set_value(other, "printed_name", "Helen Castellan")
    forger.render()


def swapped_pseudonyms(forger: Forger) -> None:
    names = forger.files["names.ndjson"].decode()
    names = names.replace("Helen Castellan", "?").replace("Priya Raman", "Helen Castellan").replace("?", "Priya Raman")
    forger.files["names.ndjson"] = names.encode()
    forger.render()


def other_root(forger: Forger) -> None:
    forger.sign_as("testserver/log", root=b"r" * 32)
    forger.render()


def other_key(forger: Forger) -> None:
    forger.sign_as("testserver/log")
    forger.render()


def reordered(forger: Forger) -> None:
    at = forger.lines.index(forger.entry("governance.signature"))
    forger.lines[at - 3], forger.lines[at] = forger.lines[at], forger.lines[at - 3]
    forger.render(prints=True)


def reordered_with_places(forger: Forger) -> None:
    at = forger.lines.index(forger.entry("governance.signature"))
    one, other = forger.lines[at - 3], forger.lines[at]
    one["seq"], other["seq"] = other["seq"], one["seq"]
    forger.lines[at - 3], forger.lines[at] = other, one
    forger.render(prints=True)


def edited_actor(forger: Forger) -> None:
    forger.entry("governance.signature")["entry"]["actor"] = "p:00000000-0000-4000-8000-000000000000"
    forger.render()


def forged_throughout(forger: Forger) -> None:
    """Value, commitment, leaf and hash tile together: what is left is the root."""
    line = forger.entry("governance.signature")
    forger.set_value(line, "decision", "reject")
    line["entry"]["c"] = hmac.new(bytes.fromhex(line["salt"]), line["body"].encode(), "sha256").hexdigest()
    name = next(name for name in forger.files if name.startswith("tile/0/"))
    tile = bytearray(forger.files[name])
    tile[line["seq"] * 32 : line["seq"] * 32 + 32] = verify.leaf_hash(verify.canonical(line["entry"]).encode())
    forger.files[name] = bytes(tile)
    forger.render()


def csv_alone(forger: Forger) -> None:
    text = forger.files["values.csv"].decode()
    assert '"decision","approve"' in text
    forger.files["values.csv"] = text.replace('"decision","approve"', '"decision","reject"').encode()


def html_alone(forger: Forger) -> None:
    forger.files["index.html"] = forger.files["index.html"].replace(b"Helen Castellan (", b"Mara Lindqvist (")


def erased_silently(forger: Forger) -> None:
    line = forger.entry("governance.signature")
    line["salt"] = line["body"] = None
    forger.render()


def verifier_replaced(forger: Forger) -> None:
    forger.files["verify.py"] = b"print('GREEN: everything fits.')\n"


def edited_time(forger: Forger) -> None:
    forger.entry("governance.signature")["entry"]["at"] = "2020-01-01T00:00:00.000000Z"
    forger.render()


SIGNATURE = r"governance\.signature \d+"
SEALED = r"receipts/\d+\.tlog-proof of this pack still proves what was sealed: "
ALTERATIONS: list[tuple[Forge, str]] = [
    (
        edited_value,
        rf"entry \d+, field `decision` of {SIGNATURE}: the values do not fit the commitment in the log \(`decision` now says “reject”",
    ),
    (edited_value_and_fingerprints, rf"entry \d+ of {SIGNATURE}: the values do not fit the commitment in the log"),
    (removed, r"entry (\d+): it is missing: .* it was taken out; receipts/\1\.tlog-proof of this pack still holds it"),
    (inserted, r"entry \d+: it was inserted"),
    (swapped_names, rf"entry \d+, field `printed_name` of {SIGNATURE}: .*“Priya Raman”"),
    (swapped_pseudonyms, r"names\.ndjson, actor [0-9a-f-]{36}, field `name`: “Helen Castellan” is not the name"),
    (other_root, r"checkpoint\.txt, field `root`"),
    (other_key, r"checkpoint\.txt: it is signed by testserver/log\+\S+, and the log itself says that its key is testserver/log\+"),
    (reordered, r"entry \d+: it stands after entry \d+: the order was changed"),
    (reordered_with_places, r"entry \d+: these bytes were sealed at place \d+: the order was changed"),
    (edited_actor, rf"entry \d+, field `actor` of {SIGNATURE}: this is not what was sealed"),
    (
        edited_time,
        rf"field `at` of {SIGNATURE}: .*\(`at`, time of the entry, now says “2020-01-01T00:00:00.000000Z”\)\. {SEALED}`at`, time of the entry, was",
    ),
    (edited_value, rf"{SEALED}`decision` was “approve”"),
    (forged_throughout, r"checkpoint\.txt, field `root`"),
    (forged_throughout, rf"{SEALED}.*`decision` was “approve”"),
    (csv_alone, r"values\.csv, row of entry \d+, column `value`: it says “reject”, and the entry says “approve”"),
    (html_alone, r"index\.html, row of entry \d+, column `who`: it says “Mara"),
    (erased_silently, rf"entry \d+ of {SIGNATURE}: its values are missing, and no entry of the log says that they were erased"),
    (verifier_replaced, r"verify\.py: it is not the file that was put together"),
]


def test_verifier__pack_as_it_was_made__is_green(pack: Path) -> None:
    code, words = said(pack)
    assert code == 0, words
    assert words.startswith("GREEN")
    assert "Compare it with the one that you were given elsewhere" in words
    assert re.search(
        r"signature: .* UTC, Helen Castellan \(responsibility.*: approve request R-\d+: widen route-optimiser-northfield", words
    )


@pytest.mark.parametrize(
    ("forge", "words"), ALTERATIONS, ids=[f"{forge.__name__}-{number}" for number, (forge, _) in enumerate(ALTERATIONS)]
)
def test_verifier__alteration_with_everything_recomputed__is_named(pack: Path, tmp_path: Path, forge: Forge, words: str) -> None:
    forger = Forger(pack)
    forge(forger)
    code, found = said(forger.write(tmp_path / "forged.zip"))
    assert code == 1
    assert re.search(words, found), found


def test_verifier__what_only_follows__is_no_finding(pack: Path, tmp_path: Path) -> None:
    forger = Forger(pack)
    edited_value_and_fingerprints(forger)
    words = said(forger.write(tmp_path / "forged.zip"))[1]
    assert words.startswith("RED: something was altered: 1 finding.\n")
    found, follows = words.split("These only follow from what is said above")
    assert "it is not the file that was put together" not in found
    assert follows.count("it is not the file that was put together") == 2


def test_verifier__pack_zipped_again__is_green_and_a_folder_is_told_apart(pack: Path, tmp_path: Path) -> None:
    files = Forger(pack).files
    folders = [(f"{folder}/", b"") for folder in ("pages", "receipts", "tile", "tile/0")]
    again = malformed(files, tmp_path / "again.zip", extra=folders)
    code, words = said(again)
    assert code == 0, words
    assert said(malformed(files, tmp_path / "more.zip", extra=[("else/", b"")]))[0] == 1
    assert said(malformed(files, tmp_path / "full.zip", extra=[("pages/", b"hidden")]))[0] == 1
    code, words = said(malformed({f"pack/{name}": data for name, data in files.items()}, tmp_path / "deep.zip"))
    assert (code, "lie in a folder inside this zip" in words) == (2, True)
    (tmp_path / "unpacked").mkdir()
    code, words = said(tmp_path / "unpacked")
    assert (code, "Give me the zip file" in words) == (2, True)


@pytest.mark.slow
def test_verifier__every_python_from_3_8_on__says_the_same(pack: Path) -> None:
    ast.parse(Path(verify.__file__).read_text(encoding="utf-8"), feature_version=(3, 8))
    found = [path for path in map(shutil.which, (f"python3.{minor}" for minor in range(8, 15))) if path]
    found += sorted(map(str, Path.home().glob(".pyenv/versions/3.*/bin/python3")))
    said_by = {}
    for python in found:
        version = subprocess.run(
            [python, "-c", "import sys; print(sys.version_info[:2] >= (3, 8))"], capture_output=True, text=True, check=False
        )
        if version.stdout.strip() == "True":
            said_by[python] = said(pack, python=python)
    assert said_by
    assert set(said_by.values()) == {said(pack)}


def test_verifier__imports__nothing_but_pythons_own_library() -> None:
    tree = ast.parse(Path(verify.__file__).read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imported} <= set(sys.stdlib_module_names) | {"__future__"}
    assert not imported & {"socket", "urllib", "http", "subprocess", "ctypes"}


def test_guide__names_the_digest_of_the_verifier() -> None:
    """An auditor compares the verifier of a pack with the guide."""
    digest = hashlib.sha256(Path(verify.__file__).read_bytes()).hexdigest()
    guide = ROOT / "docs" / "guide" / "auditor.md"
    told = re.search(r"sha256sum verify\.py\n +([0-9a-f]{64})\n", guide.read_text(encoding="utf-8"))
    assert told, "docs/guide/auditor.md shows `sha256sum verify.py` and its answer"
    assert told[1] == digest, f"verify.py was changed. Run: sed -i s/{told[1]}/{digest}/ docs/guide/auditor.md"


# RFC 8032, section 7.1.
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("public", "message", "signature"), VECTORS)
def test_ed25519__vectors_of_the_rfc__verify_and_no_other(public: str, message: str, signature: str) -> None:
    key, text, signed = map(bytes.fromhex, (public, message, signature))
    assert verify.ed25519(key, text, signed)
    assert not verify.ed25519(key, text + b"!", signed)
    for place in (0, 31, 32, 63):
        wrong = bytearray(signed)
        wrong[place] ^= 1
        assert not verify.ed25519(key, text, bytes(wrong))
    # The same scalar plus the order of the group: a second signature that must not verify.
    large = int.from_bytes(signed[32:], "little") + verify.L
    assert not verify.ed25519(key, text, signed[:32] + large.to_bytes(32, "little"))


def test_ed25519__agrees_with_the_library() -> None:
    chance = random.Random(8032)
    for _ in range(10):
        secret = Ed25519PrivateKey.from_private_bytes(chance.randbytes(32))
        message = chance.randbytes(chance.randrange(100))
        public = secret.public_key().public_bytes_raw()
        assert verify.ed25519(public, message, secret.sign(message))
        assert not verify.ed25519(public, message, chance.randbytes(64))


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 65_535, 65_536, 65_537, 66_000])
def test_tiles__of_few_entries_in_trees_of_any_size__lead_to_the_root(size: int) -> None:
    hashes = [hashlib.sha256(number.to_bytes(4, "big")).digest() for number in range(size)]
    tiles = {(level, index): data for level, index, data in append_to_tiles(0, hashes, lambda _level, _index: b"")}
    older = max(1, size * 2 // 3)
    wanted = verify.tiles_for([0, size // 2, size - 1], [size, older])
    assert len(wanted) <= 12
    read = verify.Tiles(size, lambda level, index: tiles[level, index] if (level, index) in wanted else b"")
    assert read.root(size) == root_of(hashes)
    assert read.root(older) == root_of(hashes[:older])
    for place in (0, size // 2, size - 1):
        assert read.tile(0, place // 256)[place % 256 * 32 :][:32] == hashes[place]
    for name in wanted:

        def altered(level: int, index: int, name: tuple[int, int] = name) -> bytes:
            return bytes(32) + tiles[level, index][32:] if (level, index) == name else tiles[level, index]

        assert not leads_to(verify.Tiles(size, altered), name, root_of(hashes))


def leads_to(tiles: verify.Tiles, name: tuple[int, int], root: bytes) -> bool:
    try:
        tiles.tile(*name)
        return tiles.root(tiles.size) == root
    except verify.Wrong:
        return False


CELLS = [
    ("=1+1", "'=1+1"),
    ("  =1+1", "'  =1+1"),
    ("\u00a0=1+1", "'\u00a0=1+1"),
    ("\u200b=1+1", "'\u25a1=1+1"),
    (" " * 100 + "=1+1", "'" + " " * 100 + "=1+1"),
    ("note;=cmd|x", "note;'=cmd|x"),
    ('note; "=cmd', 'note;\' ""=cmd'),
    ("x\t=cmd", "x\t'=cmd"),
    ("x;;\t@a;b", "x;;\t'@a;b"),
    ("a; b", "a; b"),
    ("a,=1", "a,=1"),
    ("\ufe62 1", "'\ufe62 1"),
    ("\uff1d1", "'\uff1d1"),
    ("+44 20", "'+44 20"),
    ("-1", "-1"),
    ("-1.5", "-1.5"),
    ("-1+1", "'-1+1"),
    ("@cmd", "'@cmd"),
    ("|calc", "'|calc"),
    ("\t=1", "'\t'=1"),
    ("\n=1", "'\u21b5=1"),
    ("\x00=1", "'\u2400=1"),
    ('say "hi"', 'say ""hi""'),
    ("a\u202eb", "a\u25a1b"),
    ("Zoë", "Zoë"),
    ("", ""),
]


@pytest.mark.parametrize(("text", "cell"), CELLS)
def test_csv__what_a_spreadsheet_might_run__is_defused(text: str, cell: str) -> None:
    assert verify.cell(text) == f'"{cell}"'


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv__read_with_any_separator__no_cell_begins_a_formula(separator: str) -> None:
    for text in ["note;=cmd|x", "x\t=cmd", 'a;"=1', 'a;""=1', "a\t @b", "a;\u200b=1", 'a";=1', "=1;=1", ";=1", "a;", "-1;-1"]:
        for found in csv.reader([verify.row(["1", text, text, "end"])], delimiter=separator):
            assert not [cell for cell in found if cell.strip(' "\u25a1')[:1] in tuple("=+-@|")], (text, found)


def test_plain__signs_that_show_nothing__are_boxes() -> None:
    for (
        sign
    ) in "\x9b\x85\u061c\u200b\u2060\u00ad\u180e\u115f\u1160\u3164\uffa0\u2066\u202e\ue000\ufeff\u2028\u2029\U000e0041\U000e0001\U0010fffd":
        assert verify.plain(f"a{sign}b") == "a\u25a1b", ascii(sign)
    assert verify.plain("\x1b[31m\n\ud800") == "\u241b[31m\u21b5?"
    assert verify.plain("Zoë 日本\t“x”") == "Zoë 日本\t“x”"


def _strip_receipt(files: dict[str, bytes]) -> dict[str, bytes]:
    name = next(name for name in files if name.startswith("receipts/"))
    return files | {name: without_values(files[name].decode()).encode()}


def without_values(receipt: str) -> str:
    """A receipt whose carried entry has lost its values: the proof itself still holds."""
    found = re.search("\nextra (.*)\n", receipt)
    assert found
    carried = json.loads(base64.b64decode(found[1]))
    line = json.loads(carried["line"]) | {"body": None, "salt": None}
    carried["line"] = verify.canonical(line)
    return receipt.replace(found[1], base64.b64encode(verify.canonical(carried).encode()).decode())


def _without(folder: str) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    return lambda files: {name: data for name, data in files.items() if not name.startswith(folder)}


OTHER_KEY = f"{SignerKey('other/log', b'o' * 32).verifier}\n".encode()
ADDED: list[tuple[Callable[[dict[str, bytes]], dict[str, bytes]], str]] = [
    *(
        (lambda files, name=name: files | {name: files["index.html"]}, f"{re.escape(name)}: this file was added: no such file was made")
        for name in (
            "pages/0000.html",
            "pages/00001.html",
            "pages/000000001.html",
            "pages/0002.html",
            "stamps/1-1.tsr",
            "tile/7/000",
            "tile/0/x001/000",
            "receipts/0.tlog-proof",
        )
    ),
    (_without("receipts/"), r"receipts/\d+\.tlog-proof: it is missing: the log says that it is in this pack"),
    (_without("checkpoints/"), r"checkpoints/\d+\.txt: it is missing: the log says that it is in this pack"),
    (_strip_receipt, r"receipts/(\d+)\.tlog-proof: its values were taken out: entry \1 of this pack has them"),
    (lambda files: files | {"keys.txt": files["keys.txt"] + OTHER_KEY}, r"keys\.txt: other/log\S+ is no key of this log"),
    (lambda files: files | {"witnesses.txt": OTHER_KEY}, r"witnesses\.txt: other/log has cosigned no checkpoint"),
]


@pytest.mark.parametrize(("change", "words"), ADDED, ids=[str(number) for number in range(len(ADDED))])
def test_verifier__file_added_taken_out_or_emptied_and_listed__is_named(
    pack: Path, tmp_path: Path, change: Callable[[dict[str, bytes]], dict[str, bytes]], words: str
) -> None:
    forger = Forger(pack)
    forger.files = change(forger.files)
    code, found = said(forger.write(tmp_path / "forged.zip"))
    assert code == 1, found
    assert re.search(words, found), found


def test_verifier__zip_with_words_or_bytes_of_others__is_red(pack: Path, tmp_path: Path) -> None:
    data = pack.read_bytes()
    path = tmp_path / "more.zip"
    for more, words in (
        (data + data, "belong to no file of it"),
        (b"GREEN" + data, "belong to no file of it"),
        (data[:-2] + b"\x05\x00Queen", "it has a comment"),
        (data + b"more", "bytes after its end"),
    ):
        path.write_bytes(more)
        code, found = said(path)
        assert code in {1, 2}, found
        assert code == 2 or words in found, found


def test_verifier__manifest_with_more_in_it__is_red(pack: Path, tmp_path: Path) -> None:
    forger = Forger(pack)
    forger.write(tmp_path / "forged.zip")
    manifest = json.loads(forger.files["manifest.json"]) | {"note": "signed by the queen"}
    forger.files["manifest.json"] = (verify.canonical(manifest) + "\n").encode()
    code, found = said(forger.write(tmp_path / "forged.zip", manifest=False))
    assert code == 1
    assert "manifest.json, field `note`: it was added" in found


def test_receipt__alone_without_its_values__says_that_they_were_not_compared(pack: Path, tmp_path: Path) -> None:
    files = Forger(pack).files
    receipt = next(data for name, data in files.items() if name.startswith("receipts/")).decode()
    path = tmp_path / "one.tlog-proof"
    path.write_text(without_values(receipt), encoding="utf-8", newline="\n")
    code, words = said(path)
    assert (code, "were not compared: this receipt does not carry them" in words) == (2, True), words


def test_receipts__longest_extra__is_the_same_for_portal_and_verifier() -> None:
    assert receipts.MOST_BESIDE == verify.MOST_BESIDE


@pytest.mark.slow
def test_verifier__any_byte_of_any_file_flipped__is_never_green(pack: Path, tmp_path: Path) -> None:
    """The manifest as it was, and recomputed: each file is bound by something else as well."""
    chance = random.Random(20261122)
    original = Forger(pack).files
    for name, data in original.items():
        for manifest in (False, True):
            if name == "manifest.json" and manifest:
                continue
            forger = Forger(pack)
            at = chance.randrange(len(data)) if data else 0
            forger.files[name] = data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :] if data else b"x"
            report = checked(forger.write(tmp_path / "flipped.zip", manifest=manifest))
            assert report != 0, (name, at, manifest)


@pytest.mark.slow
def test_verifier__any_bytes_of_the_zip_flipped__is_never_green_unless_nothing_changed(pack: Path, tmp_path: Path) -> None:
    chance = random.Random(1122)
    data, original = pack.read_bytes(), Forger(pack).files
    for _ in range(80):
        wrong = bytearray(data)
        for _ in range(chance.choice((1, 1, 3, 20))):
            wrong[chance.randrange(len(wrong))] = chance.randrange(256)
        path = tmp_path / "flipped.zip"
        path.write_bytes(wrong)
        if checked(path) == 0:
            assert Forger(path).files == original


def checked(path: Path) -> int:
    """The exit code, without the cost of a process."""
    with contextlib.redirect_stdout(io.StringIO()):
        return verify.main([str(path)])


def malformed(files: dict[str, bytes], path: Path, *, extra: list[tuple[str, bytes]] = []) -> Path:  # noqa: B006
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, data in [*files.items(), *extra]:
            target.writestr(name, data)
    return path


def line_of(files: dict[str, bytes], **changes: object) -> bytes:
    line = {**json.loads(files["contents.ndjson"]), **changes}
    return (verify.canonical(line) + "\n").encode()


def endless(files: dict[str, bytes]) -> str:
    body = json.loads(json.loads(files["contents.ndjson"])["body"])
    body["detail"]["places"] = [[0, 1 << 61]]
    return json.dumps(body)


BROKEN: list[tuple[str, Callable[[dict[str, bytes]], dict[str, bytes]]]] = [
    (name, lambda files, name=name: {other: data for other, data in files.items() if other != name}) for name in verify.NEEDED
] + [
    ("not JSON", lambda files: files | {"manifest.json": b"{"}),
    ("another JSON", lambda files: files | {"manifest.json": b"[1, 2]"}),
    ("strange files", lambda files: files | {"manifest.json": b'{"files":[{"name":1}],"format":"lastmile-pack/1"}'}),
    ("duplicate keys", lambda files: files | {"entries.ndjson": b'{"seq":1,"seq":2}\n'}),
    ("huge number", lambda files: files | {"entries.ndjson": b'{"seq":' + b"9" * 100_000 + b"}\n"}),
    ("float", lambda files: files | {"contents.ndjson": b'{"seq":1e999}\n'}),
    ("deep", lambda files: files | {"entries.ndjson": b"[" * 100_000 + b"\n"}),
    ("not UTF-8", lambda files: files | {"entries.ndjson": b"\xff\xfe\n"}),
    ("keys not UTF-8", lambda files: files | {"keys.txt": b"\xff"}),
    ("no key", lambda files: files | {"keys.txt": b"nonsense\n"}),
    ("empty checkpoint", lambda files: files | {"checkpoint.txt": b""}),
    ("checkpoint of nothing", lambda files: files | {"checkpoint.txt": b"a\n-1\nAA==\n\n\xe2\x80\x94 a AAAA\n"}),
    ("huge checkpoint", lambda files: files | {"checkpoint.txt": files["checkpoint.txt"].replace(b"\n", b"\n9999999", 1)}),
    ("places of anything", lambda files: files | {"contents.ndjson": line_of(files, body='{"detail":{"places":[["a",1]]}}')}),
    ("places without end", lambda files: files | {"contents.ndjson": line_of(files, body=endless(files))}),
    ("body of nothing", lambda files: files | {"contents.ndjson": line_of(files, body="null")}),
    ("short tiles", lambda files: {name: data[:-1] if name.startswith("tile/") else data for name, data in files.items()}),
    ("empty names", lambda files: files | {"names.ndjson": b"\n"}),
    ("strange names", lambda files: files | {"names.ndjson": b'{"actor":[],"name":1,"salt":null}\n'}),
    ("no erasure", lambda files: files | {"erasures.ndjson": files["contents.ndjson"]}),
    ("traversal", lambda files: files | {"../../etc/passwd": b"x"}),
    ("absolute", lambda files: files | {"/etc/passwd": b"x"}),
    ("backslash", lambda files: files | {"pages\\..\\x": b"x"}),
    ("program", lambda files: files | {"setup.exe": b"MZ"}),
]


@pytest.mark.parametrize("change", [change for _, change in BROKEN], ids=[name for name, _ in BROKEN])
def test_verifier__malformed_pack__is_red_or_an_error_in_words(
    pack: Path, tmp_path: Path, change: Callable[[dict[str, bytes]], dict[str, bytes]], capsys: pytest.CaptureFixture[str]
) -> None:
    forger = Forger(pack)
    for manifest in (False, True):
        forger.files = change(dict(Forger(pack).files))
        if "manifest.json" not in forger.files and manifest:
            continue
        if forger.files.get("manifest.json") != Forger(pack).files["manifest.json"]:
            path = malformed(forger.files, tmp_path / "broken.zip")
        else:
            path = forger.write(tmp_path / "broken.zip", manifest=manifest)
        assert verify.main([str(path)]) in {1, 2}
        told = capsys.readouterr().out
        assert told.startswith(("RED", "NOT CHECKED"))


def test_verifier__files_that_are_no_packs__are_errors_in_words(pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = pack.read_bytes()
    files = Forger(pack).files
    cases = {
        "nothing": b"",
        "text": b"hello",
        "cut off": data[: len(data) // 2],
        "end alone": data[-22:],
        "proof": b"c2sp.org/tlog-proof@v1\nindex x\n\n",
        "proof of nothing": b"c2sp.org/tlog-proof@v1\n",
        "proof of bytes": b"c2sp.org/tlog-proof@v1\n\xff",
    }
    for name, content in cases.items():
        path = tmp_path / "file.zip"
        path.write_bytes(content)
        assert verify.main([str(path)]) in {1, 2}, name
    twice = malformed(files, tmp_path / "twice.zip", extra=[("checkpoint.txt", files["checkpoint.txt"])])
    assert verify.main([str(twice)]) == 1
    bomb = malformed(files | {"values.csv": bytes(300 << 20)}, tmp_path / "bomb.zip")
    assert verify.main([str(bomb)]) == 2
    assert "unpack" in capsys.readouterr().out
    lying = bytearray(data)
    at = lying.index(b"PK\x01\x02")
    lying[at + 24 : at + 28] = struct.pack("<I", 1 << 31)
    (tmp_path / "lying.zip").write_bytes(lying)
    assert verify.main([str(tmp_path / "lying.zip")]) in {1, 2}
    assert verify.main([str(tmp_path / "none.zip")]) == 2
    assert verify.main([str(pack), "--key", "nonsense+1+2"]) == 2
    assert verify.main([str(pack), "--checkpoint", str(tmp_path / "none")]) == 2
