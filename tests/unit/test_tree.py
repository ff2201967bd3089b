"""Rich text as it is: what of others' text is kept, and runs that look alike are one."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.content.formats.tree import (
    Block,
    Cell,
    Code,
    Heading,
    Inline,
    Item,
    List,
    Marks,
    Paragraph,
    Picture,
    Quote,
    Rule,
    Table,
    Words,
    clean,
    flat,
    joined,
    language,
    paragraph,
    whole,
)

BOLD = Marks(bold=True)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a\r\nb\rc\nd\u2028e\u2029f", "a\nb\nc\nd\ne\nf"),
        ("a\tb", "a\tb"),
        ("a\0b\x08c\x0bd\x1fe\x7ff\x85g", "a\ufffdb\ufffdc\ufffdd\ufffde\ufffdf\ufffdg"),
        ("\ud83d alone", "\ufffd alone"),
        ("\ufffe\uffff", "\ufffd\ufffd"),
        ("😀é\u00a0\u202e", "😀é\u00a0\u202e"),
    ],
)
def test_what_is_no_character_of_a_text_is_replaced(text: str, kept: str) -> None:
    assert clean(text) == kept
    assert clean(kept) == kept


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("python", "python"), ("c++", "c++"), ("objective-c", "objective-c"), ("x" * 40, "x" * 40), ("x" * 41, ""),
        ("plain", ""), ("true", ""), ("", ""), ("two words", ""), ('"><script>', ""), (7, ""), (None, ""), (True, ""),
    ],
)  # fmt: skip
def test_what_names_a_language(word: Any, name: str) -> None:
    assert language(word) == name


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (3, 3), (3.0, 3), ("3", 3), ("3px", 3), (1, 1), (9, 9), (0, None), (10, None), ("10", None), (True, None), ("-3", None),
        ("3em", None), ("３", None), ("", None), (None, None), ([3], None), (float("nan"), None), ("1" * 5000, None),
    ],
)  # fmt: skip
def test_whole_numbers_however_editors_keep_them(value: Any, number: int | None) -> None:
    assert whole(value, 1, 9) == number


pieces = st.lists(
    st.builds(Words, st.sampled_from(["", "a", "bc"]), st.sampled_from([Marks(), BOLD, Marks(link="/a")]))
    | st.just(Picture("/p")),
    max_size=10,
)


@given(pieces)
def test_neighbours_that_look_alike_are_joined(content: list[Inline]) -> None:
    out = joined(content)
    assert joined(out) == out
    assert letters(out) == letters(content)
    for one, other in pairwise(out):
        assert isinstance(one, Picture) or isinstance(other, Picture) or one.marks != other.marks
    assert all(isinstance(piece, Picture) or piece.text for piece in out)


def letters(content: list[Inline]) -> list[Any]:
    return [
        letter
        for piece in content
        for letter in ([piece] if isinstance(piece, Picture) else [(char, piece.marks) for char in piece.text])
    ]


def test_a_plain_paragraph() -> None:
    assert paragraph("a\r\nb") == Paragraph([Words("a\nb")])
    assert paragraph("") == Paragraph()


def test_all_words_on_one_line() -> None:
    blocks: list[Block] = [
        Heading(1, [Words("one", BOLD)]),
        Paragraph(),
        Rule(),
        Quote([paragraph("two")]),
        List("bullet", [Item([paragraph("three")]), Item([Code("four"), Code("  ")])]),
        Table([[Cell([paragraph("five")]), Cell()], [Cell([paragraph("six")])]]),
    ]
    space = Words(" ")
    assert flat(blocks) == [
        Words("one", BOLD), space, Words("two"), space, Words("three"), space, Words("four", Marks(code=True)), space,
        Words("five"), space, Words("six"),
    ]  # fmt: skip
    assert flat([Rule(), Paragraph()]) == []
