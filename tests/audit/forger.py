"""Someone who may rewrite every file of a pack, recompute what can be recomputed, and sign with a key of their own."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from audit.log.notes import SignerKey
from audit.verifier import verify

Lines = list[dict[str, Any]]


class Forger:
    """The files of a pack, to be altered and written again."""

    def __init__(self, path: Path) -> None:
        with zipfile.ZipFile(path) as pack:
            self.files = {name: pack.read(name) for name in pack.namelist()}
        self.lines: Lines = [json.loads(line) for line in self.files["entries.ndjson"].decode().splitlines()]

    def entry(self, model: str, action: str = "created") -> dict[str, Any]:
        """The last line of a kind."""
        return next(line for line in reversed(self.lines) if line["entry"]["model"] == model and line["entry"]["action"] == action)

    def entries(self) -> list[verify.Entry]:
        return [verify.Entry(line["seq"], line["entry"], line["salt"], line["body"]) for line in self.lines]

    def set_value(self, line: dict[str, Any], field: str, value: Any) -> None:
        """Replace one recorded value in the exact text."""
        body = json.loads(line["body"])
        old = f'"{field}" : {json.dumps(body["values"][field], ensure_ascii=False)}'
        assert line["body"].count(old) == 1, old
        line["body"] = line["body"].replace(old, f'"{field}" : {json.dumps(value, ensure_ascii=False)}')

    def head(self) -> verify.Head:
        keys = [verify.read_key(line) for line in self.files["keys.txt"].decode().splitlines()]
        return verify.read_head(self.files["checkpoint.txt"].decode(), keys)

    def render(self, *, prints: bool = False) -> None:
        """Write NDJSON, CSV and HTML anew from the altered lines (and the fingerprints, where a forger thinks of them)."""
        names = {one["actor"]: one["name"] for one in map(json.loads, self.files["names.ndjson"].decode().splitlines())}
        reading = verify.Reading(names)
        files: dict[str, list[str]] = {
            "entries.ndjson": [verify.canonical(line) for line in self.lines],
            "entries.csv": [verify.row(verify.ENTRY_COLUMNS)],
            "values.csv": [verify.row(verify.VALUE_COLUMNS)],
        }
        pages: list[list[str]] = []
        for number, entry in enumerate(self.entries()):
            if number % verify.PAGE_ROWS == 0:
                pages.append(verify.page_head(len(pages) + 1))
            lines = reading.add(entry)
            files["entries.csv"].append(lines.entry)
            files["values.csv"] += lines.values
            pages[-1].append(lines.page)
        for number, page in enumerate(pages, start=1):
            files[verify.page_name(number)] = [*page, *verify.page_foot(number, number == len(pages))]
        contents = verify.read_entry(self.files["contents.ndjson"].decode().rstrip("\n"))
        files["index.html"] = verify.index_page(reading, contents, self.head())
        if prints:
            files["fields.txt"] = [verify.fingerprints(entry) for entry in self.entries()]
        self.files |= {name: "".join(line + "\n" for line in lines).encode() for name, lines in files.items()}

    def sign_as(self, name: str, *, root: bytes | None = None, brought_along: bool = True) -> None:
        """Sign the checkpoint (with another root, where given) with a key of the forger's own."""
        signer = SignerKey(name, b"f" * 32)
        head = self.head()
        text = f"{head.origin}\n{head.size}\n{base64.b64encode(root or head.root).decode()}\n"
        self.files["checkpoint.txt"] = signer.sign(text).encode()
        if brought_along:
            self.files["keys.txt"] = f"{signer.verifier}\n".encode()

    def write(self, path: Path, *, manifest: bool = True) -> Path:
        if manifest:
            listed = [
                {"name": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
                for name, data in self.files.items()
                if name != "manifest.json"
            ]
            self.files["manifest.json"] = (verify.canonical({"format": verify.FORMAT, "files": listed}) + "\n").encode()
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as pack:
            for name, data in self.files.items():
                pack.writestr(name, data)
        return path


Forge = Callable[[Forger], None]


def said(path: Path, *arguments: str, python: str = sys.executable) -> tuple[int, str]:
    """Exit code and words of the verifier, run as an auditor runs it: alone, in another folder, without anything of ours."""
    alone = path.parent / "verify.py"
    alone.write_bytes(Path(verify.__file__).read_bytes())
    done = subprocess.run(
        [python, "-I", "-S", str(alone), str(path), *arguments], cwd=path.parent, env={}, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr + done.stdout, done.stderr
    return done.returncode, done.stdout
