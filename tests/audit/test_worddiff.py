"""Word by word: nothing is lost, whole words are marked, and no text takes long."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.explore.worddiff import ADDED, REMOVED, SAME, Part, compare, shortened

WORDS = st.text(alphabet="ab c\n.é_😀", max_size=60)


@given(WORDS, WORDS)
def test_compare__any_two_texts__both_can_be_read_back(old: str, new: str) -> None:
    parts = compare(old, new)
    assert "".join(part.text for part in parts if part.kind != ADDED) == old
    assert "".join(part.text for part in parts if part.kind != REMOVED) == new
    assert all(part.text for part in parts)
    assert (old == new) == all(part.kind == SAME for part in parts)


def test_compare__one_word_changed__only_that_word_is_marked() -> None:
    assert compare("Plans the order of stops.", "Plans the sequence of stops.") == [
        Part(SAME, "Plans the "),
        Part(REMOVED, "order"),
        Part(ADDED, "sequence"),
        Part(SAME, " of stops."),
    ]


def test_compare__half_a_word_changed__the_whole_word_is_marked() -> None:
    assert compare("unsafe route", "unsaved route") == [Part(REMOVED, "unsafe"), Part(ADDED, "unsaved"), Part(SAME, " route")]


def test_compare__two_neighbouring_words__are_one_change() -> None:
    assert compare("it never decides", "it always recommends") == [
        Part(SAME, "it "),
        Part(REMOVED, "never decides"),
        Part(ADDED, "always recommends"),
    ]


def test_compare__only_a_space_added__is_a_change() -> None:
    assert [part.kind for part in compare("a  b", "a b")].count(SAME) < 3
    assert any(part.kind != SAME for part in compare("a  b", "a b"))


def test_compare__long_text_with_one_line_changed__marks_words_of_that_line() -> None:
    lines = [f"Line {number} says what was agreed about depot {number}.\n" for number in range(300)]
    changed = lines.copy()
    changed[10] = "Line 10 says what was refused about depot 10.\n"
    changed[290] = "Line 290 says what was agreed about yard 290.\n"
    parts = compare("".join(lines), "".join(changed))
    assert [(part.kind, part.text) for part in parts if part.kind != SAME] == [
        (REMOVED, "agreed"),
        (ADDED, "refused"),
        (REMOVED, "depot"),
        (ADDED, "yard"),
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a " * 50_000, "b " * 50_000),
        ("a b " * 40_000, "b a " * 40_000),
        ("a\n" * 50_000, "b\na\n" * 30_000),
        ("x" * 200_000, "x" * 100_000 + "y" + "x" * 100_000),
        ("a b " * 100, "b a c " * 70),
        ("\n".join("ab" * 3), "\n".join("ba" * 300)),
        (" " * 100_000, "\t" * 100_000),
    ],
)
def test_compare__huge_or_mean_texts__in_bounded_time(old: str, new: str) -> None:
    began = time.process_time()
    parts = compare(old, new)
    assert time.process_time() - began < 1.5
    assert "".join(part.text for part in parts if part.kind != ADDED) == old
    assert "".join(part.text for part in parts if part.kind != REMOVED) == new


def test_shortened__long_stretch_without_change__keeps_its_ends() -> None:
    text = "word " * 500
    first, *_rest = shortened(compare(text + "old", text + "new"))
    assert first.kind == SAME
    assert len(first.text) < 400
    assert "[…]" in first.text
