"""Rich text as plain text, line by line."""

from __future__ import annotations

import pytest

from collab.content.formats.plain import plain_lines
from collab.content.formats.tree import (
    Block,
    Cell,
    Code,
    Heading,
    Item,
    List,
    Marks,
    Paragraph,
    Picture,
    Quote,
    Rule,
    Table,
    Words,
    paragraph,
)


@pytest.mark.parametrize(
    ("block", "lines"),
    [
        (Paragraph([Words("a "), Words("b", Marks(bold=True, link="/x"))]), ["a b"]),
        (Paragraph(), [""]),
        (paragraph("a\nb"), ["a\nb"]),
        (Heading(2, [Words("title")]), ["title"]),
        (Paragraph([Words("a "), Picture("/p.png", "a cat"), Picture("/q.png")]), ["a a cat"]),
        (Code("x = 1\n  y", "python"), ["x = 1\n  y"]),
        (Rule(), []),
        (Quote([paragraph("said"), Quote([paragraph("again")])]), ["said", "again"]),
        (List("task", [Item([paragraph("one"), paragraph("more")], True), Item([paragraph("two")])]), ["one", "more", "two"]),
        (Table([[Cell([paragraph("a"), paragraph("b")]), Cell()], [Cell([paragraph("c\nd")])]]), ["a b\t", "c d"]),
    ],
)  # fmt: skip
def test_a_block_as_lines(block: Block, lines: list[str]) -> None:
    assert list(plain_lines([block])) == lines
    assert list(plain_lines([block, paragraph("end")])) == [*lines, "end"]
