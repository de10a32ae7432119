"""The public formats: paths, tiles, bundles, notes, checkpoints and proof files."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.log import notes, tlog
from audit.log.handover import Handover
from audit.log.merkle import inclusion_proof, leaf_hash, root, root_of, verify_inclusion

# The example of the signed-note specification, and the key that Go's note package uses for it in its tests.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
SIGNER = tlog.SignerKey("log.example/audit", bytes(range(32)))


def test_path__number_of_the_specification__reads_and_writes_back() -> None:
    path = tlog.TilePath.parse("2/x001/x234/067.p/12")
    assert path == tlog.TilePath(level=2, index=1234067, width=12)
    assert str(path) == "2/x001/x234/067.p/12"
    assert tlog.TilePath.parse("entries/000") == tlog.TilePath(level=None, index=0, width=256)


@given(st.one_of(st.none(), st.integers(0, 63)), st.integers(0, 10**15 - 1), st.integers(1, 256))
def test_path__any__reads_back(level: int | None, index: int, width: int) -> None:
    path = tlog.TilePath(level, index, width)
    assert tlog.TilePath.parse(str(path)) == path


@pytest.mark.parametrize(
    "text",
    ["", "0", "0/0", "0/00", "0/0000", "00/000", "64/000", "0/x000/001", "0/001/002", "0/x001", "-1/000", "0/000.p/0", "0/000.p/256", "0/000.p/01",
     "0/000.p/", "entries", "entry/000", "0/000/", "0/ 00", "0/٠٠٠", "0/000\n", "0/" + "x001/" * 6 + "000"],
)  # fmt: skip
def test_path__malformed__is_refused(text: str) -> None:
    with pytest.raises(tlog.FormatError):
        tlog.TilePath.parse(text)


def test_tile_width__tree_of_70000__is_as_the_specification_counts() -> None:
    assert [tlog.tile_width(0, index, 70_000) for index in (0, 272, 273, 274)] == [256, 256, 112, 0]
    assert [tlog.tile_width(1, index, 70_000) for index in (0, 1, 2)] == [256, 17, 0]
    assert tlog.tile_width(2, 0, 70_000) == 1
    assert [tlog.tile_width(level, 0, 256) for level in (0, 1, 2)] == [256, 1, 0]


@settings(deadline=None, max_examples=15)
@given(st.lists(st.integers(0, 400), min_size=1, max_size=4))
def test_tiles__grown_in_any_steps__hold_the_tree(steps: list[int]) -> None:
    hashes = [leaf_hash(number.to_bytes(4, "big")) for number in range(sum(steps))]
    tiles: dict[tuple[int, int], bytes] = {}
    size = 0
    for step in steps:
        grown = list(tlog.append_to_tiles(size, hashes[size : size + step], lambda level, index: tiles[level, index]))
        for level, index, data in grown:
            assert data.startswith(tiles.get((level, index), b""))
            tiles[level, index] = data
        size += step
    for (level, index), data in tiles.items():
        assert len(data) == 32 * tlog.tile_width(level, index, size)
    node = tlog.tile_node(lambda level, index: tiles[level, index])
    assert root(size, node) == root_of(hashes)
    if size:
        index = size // 2
        verify_inclusion(leaf=hashes[index], index=index, size=size, proof=inclusion_proof(index, size, node), root=root_of(hashes))


def test_tiles__past_65536_entries__have_three_levels() -> None:
    size = 65_536 + 300
    hashes = [leaf_hash(number.to_bytes(4, "big")) for number in range(size)]
    tiles = {(level, index): data for level, index, data in tlog.append_to_tiles(0, hashes, lambda _level, _index: b"")}
    assert tiles[2, 0] == root_of(hashes[:65_536])
    node = tlog.tile_node(lambda level, index: tiles[level, index])
    assert root(size, node) == root_of(hashes)
    assert root(65_537, node) == root_of(hashes[:65_537])


def test_tiles__shortened__are_noticed() -> None:
    with pytest.raises(tlog.FormatError):
        tlog.tile_node(lambda _level, _index: bytes(31))(0, 0)
    with pytest.raises(tlog.FormatError):
        list(tlog.append_to_tiles(3, [bytes(32)], lambda _level, _index: bytes(64)))


@given(st.lists(st.binary(max_size=200), max_size=30))
def test_bundle__any_entries__reads_back(entries: list[bytes]) -> None:
    assert list(tlog.unbundle(tlog.bundle(entries))) == entries


def test_bundle__oversize_or_cut__is_refused() -> None:
    assert list(tlog.unbundle(tlog.bundle([bytes(65_535)]))) == [bytes(65_535)]
    with pytest.raises(tlog.FormatError):
        tlog.bundle([bytes(65_536)])
    for data in (b"\x00", b"\x00\x02a"):
        with pytest.raises(tlog.FormatError):
            list(tlog.unbundle(data))


def test_note__signed_by_another_program__opens() -> None:
    assert tlog.open_note(GO_NOTE, [tlog.VerifierKey.parse(GO_KEY)]).startswith("If you think")


def test_note__own_signature__opens_and_any_changed_letter_does_not() -> None:
    key = tlog.VerifierKey.parse(str(SIGNER.verifier))
    assert key == SIGNER.verifier
    note = SIGNER.sign("one\n\ntwo\n")
    assert tlog.open_note(note, [key]) == "one\n\ntwo\n"
    for at, letter in enumerate(note[:-1]):
        changed = note[:at] + ("x" if letter != "x" else "y") + note[at + 1 :]
        with pytest.raises(tlog.FormatError):
            tlog.open_note(changed, [key])


def test_note__unknown_signers_beside_the_known_one__are_ignored() -> None:
    other = tlog.SignerKey("witness.example", bytes(32))
    note = SIGNER.sign("text\n") + other.sign("text\n").rpartition("\n\n")[2]
    assert tlog.open_note(note, [SIGNER.verifier]) == "text\n"
    with pytest.raises(tlog.FormatError):
        tlog.open_note(note, [tlog.SignerKey("third.example", bytes(32)).verifier])
    # The name of the log with another key is another signer.
    with pytest.raises(tlog.FormatError):
        tlog.open_note(note, [tlog.SignerKey(SIGNER.name, bytes(32)).verifier])


@pytest.mark.parametrize(
    "note", ["", "text\n", "text\n\n", "text\n\nnot a signature\n", "text\t\n\n— a AAAA\n", "text\n\n— a!b\n", "text\n\n— a AAA\n"]
)
def test_note__malformed__is_refused(note: str) -> None:
    with pytest.raises(tlog.FormatError):
        tlog.open_note(note, [SIGNER.verifier])


@pytest.mark.parametrize("text", ["", "a+b", "log+00000000+AAAA", str(SIGNER.verifier).replace("+", "+0", 1), "PeterNeumann+c74f20a3+!"])
def test_key__malformed__is_refused(text: str) -> None:
    with pytest.raises(tlog.FormatError):
        tlog.VerifierKey.parse(text)


def test_key__name_that_a_note_cannot_carry__does_not_sign() -> None:
    for name in ("", "two words", "plus+sign"):
        with pytest.raises(tlog.FormatError):
            tlog.SignerKey(name, bytes(32)).sign("text\n")
    with pytest.raises(tlog.FormatError):
        SIGNER.sign("no newline")


def test_checkpoint__signed__says_origin_size_and_root() -> None:
    head = tlog.TreeHead(SIGNER.name, 70_000, leaf_hash(b"root"))
    note = SIGNER.sign(str(head))
    assert tlog.open_checkpoint(note, [SIGNER.verifier], SIGNER.name) == head
    with pytest.raises(tlog.FormatError):
        tlog.open_checkpoint(note, [SIGNER.verifier], "another.example")


@pytest.mark.parametrize(
    "text", ["", "o\n1\n", "o\n01\nAAAA\n", "o\n-1\nAAAA\n", "o\n1\nAAAA\n", "\n1\n" + "A" * 43 + "=\n", "o\n1\n" + "A" * 43 + "=\n\n"]
)
def test_checkpoint__malformed__is_refused(text: str) -> None:
    with pytest.raises(tlog.FormatError):
        tlog.TreeHead.parse(text)


def test_proof_file__written__reads_back() -> None:
    note = SIGNER.sign(str(tlog.TreeHead(SIGNER.name, 3, bytes(32))))
    proof = tlog.InclusionProof(2, (leaf_hash(b"a"), leaf_hash(b"b")), note)
    assert tlog.InclusionProof.parse(str(proof)) == proof
    assert str(proof).startswith("c2sp.org/tlog-proof@v1\nindex 2\n")
    with_extra = str(proof).replace("\nindex", "\nextra AAAA\nindex", 1)
    assert tlog.InclusionProof.parse(with_extra) == proof
    single = tlog.InclusionProof(0, (), note)
    assert tlog.InclusionProof.parse(str(single)) == single


@pytest.mark.parametrize("text", ["", "c2sp.org/tlog-proof@v2\nindex 0\n\nx", "c2sp.org/tlog-proof@v1\n\nx", "c2sp.org/tlog-proof@v1\nindex 01\n\nx",
                                  "c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\nx", "c2sp.org/tlog-proof@v1\nindex 0"])  # fmt: skip
def test_proof_file__malformed__is_refused(text: str) -> None:
    with pytest.raises(tlog.FormatError):
        tlog.InclusionProof.parse(text)


# Whatever comes from outside: an error in words, never a crash, never a pass.

WITNESS_SECRET = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
WITNESS = notes.VerifierKey("witness.example", WITNESS_SECRET.public_key().public_bytes_raw(), notes.COSIGNATURE)
CHECKPOINT = SIGNER.sign(str(tlog.TreeHead(SIGNER.name, 3, leaf_hash(b"root"))))
TEXT = CHECKPOINT.partition("\n\n")[0] + "\n"


def cosignature(seconds: int, text: str = TEXT, length: int = 72) -> str:
    blob = seconds.to_bytes(8, "big") + WITNESS_SECRET.sign(notes.cosigned_message(text, seconds))
    return f"— witness.example {base64.b64encode(WITNESS.id + blob[:length]).decode()}\n"


def test_cosignature__of_a_known_witness__verifies_with_its_time() -> None:
    note = CHECKPOINT + cosignature(1_700_000_000)
    assert notes.cosigned(note, [WITNESS]) == {WITNESS: 1_700_000_000}
    assert tlog.open_checkpoint(note, [SIGNER.verifier]).size == 3
    assert notes.cosigned(note, [notes.VerifierKey.parse(str(WITNESS), notes.COSIGNATURE)]) == {WITNESS: 1_700_000_000}
    assert notes.cosigned(CHECKPOINT, [WITNESS]) == {}


def test_cosignature__altered_short_doubled_or_over_another_text__is_refused() -> None:
    good = cosignature(1_700_000_000)
    for lines in (
        cosignature(1, TEXT.replace("3", "4")),
        cosignature(1, length=71),
        cosignature(1, length=8),
        good + good,
        good.replace("A", "B", 1),
    ):
        with pytest.raises(tlog.FormatError):
            tlog.open_note(CHECKPOINT + lines, [WITNESS])
    # A witness's key is none of a log, and the other way round; a plain signature is no cosignature.
    with pytest.raises(tlog.FormatError):
        notes.VerifierKey.parse(str(WITNESS))
    with pytest.raises(tlog.FormatError):
        notes.VerifierKey.parse(str(SIGNER.verifier), notes.COSIGNATURE)


def test_cosignature__time_changed__does_not_verify() -> None:
    raw = base64.b64decode(cosignature(1_700_000_000).split(" ")[2])
    for at in range(4, 12):
        changed = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
        with pytest.raises(tlog.FormatError):
            notes.cosigned(f"{CHECKPOINT}— witness.example {base64.b64encode(changed).decode()}\n", [WITNESS])


def test_key__under_which_anybody_can_sign__is_refused() -> None:
    for public in (bytes(32), b"\x01" + bytes(31), b"\x01" + bytes(30) + b"\x80", b"\xff" * 32, bytes.fromhex("ec" + "ff" * 30 + "7f")):
        with pytest.raises(tlog.FormatError):
            notes.VerifierKey.parse(str(notes.VerifierKey("log.example", public)))


def test_base64__not_in_its_one_form__is_refused() -> None:
    assert tlog.unbase64("AAAA") == bytes(3)
    for text in ("AAB=", "AA=", "AA", "A A A A", "AAAA\n", "AA-_", "AA==AA==", "\ud800"):
        with pytest.raises(tlog.FormatError):
            tlog.unbase64(text)


READ: list[Callable[[str], object]] = [
    tlog.TilePath.parse,
    notes.VerifierKey.parse,
    lambda text: notes.VerifierKey.parse(text, notes.COSIGNATURE),
    lambda text: tlog.open_checkpoint(text, [SIGNER.verifier]),
    lambda text: notes.cosigned(text, [WITNESS]) or tlog.unbase64("!"),
    tlog.TreeHead.parse,
    lambda text: tlog.open_checkpoint(tlog.InclusionProof.parse(text).checkpoint, [SIGNER.verifier]),
    Handover.parse,
    tlog.size_of,
]
GOOD = [
    CHECKPOINT + cosignature(7), TEXT, str(WITNESS), str(SIGNER.verifier), "2/x001/x234/067.p/12", "entries/000", "12345",
    str(tlog.InclusionProof(2, (leaf_hash(b"a"),), CHECKPOINT)),
]  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(st.one_of(st.text(max_size=400), st.text("\n—+ =AB019./xp\ud800\x00é٣", max_size=80), st.sampled_from(GOOD)), st.data())
def test_anything__read_as_any_format__is_refused_in_words_or_reads_back(text: str, data: st.DataObject) -> None:
    if text in GOOD:  # one letter taken out, doubled or replaced
        at = data.draw(st.integers(0, len(text) - 1))
        text = text[:at] + data.draw(st.sampled_from(["", text[at] * 2, "\n", "\x00", "٣", "A"])) + text[at + 1 :]
    for read in READ:
        try:
            found = read(text)
        except tlog.FormatError:
            pass
        else:
            # What is read is either in its one written form, or its text was really signed by the key.
            assert str(found) in (text, text.strip()) or text.startswith((TEXT, tlog.PROOF_HEADER)), (read, text)


@given(st.binary(max_size=300))
def test_bytes__read_as_a_bundle_or_text__are_refused_in_words_or_read_back(data: bytes) -> None:
    with contextlib.suppress(tlog.FormatError):
        assert tlog.bundle(tlog.unbundle(data)) == data
    with contextlib.suppress(tlog.FormatError):
        assert notes.as_text(data).encode() == data


def test_anything__oversize__is_refused_at_once() -> None:
    for text in (
        "x" * 10**7,
        CHECKPOINT * 10_000,
        TEXT + "\n" + "— a AAAAAAA=\n" * 10_000,
        tlog.PROOF_HEADER + "\n" + "A" * 10**7,
        "1" * 10**6,
    ):
        for read in READ:
            with pytest.raises(tlog.FormatError):
                read(text)


def test_note__with_more_signatures_than_anybody_needs__is_refused() -> None:
    with pytest.raises(tlog.FormatError):
        tlog.open_note(CHECKPOINT + "— a AAAAAAA=\n" * 100, [SIGNER.verifier])
    assert tlog.open_note(CHECKPOINT + "— a AAAAAAA=\n" * 99, [SIGNER.verifier]) == TEXT


def test_size__beyond_what_a_log_can_have__is_refused() -> None:
    assert tlog.size_of(str(2**63 - 1)) == 2**63 - 1
    for text in (str(2**63), "9" * 19, "9" * 20, "-1", "+1", "01", "", " 1", "1 ", "1_0", "٣"):
        with pytest.raises(tlog.FormatError):
            tlog.size_of(text)
