"""Rich text as it is, whichever editor wrote it: what readers make, and writers take.

A line break inside a paragraph is ``"\\n"`` in its words. Control characters are never in a tree.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final, Literal

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_ENDS = re.compile("\r\n?|[\u2028\u2029]")
#: what a code block may say of its language
_LANGUAGE = re.compile(r"[A-Za-z0-9_+#.-]{1,40}")


@dataclass(frozen=True, slots=True)
class Marks:
    """How words look. ``link`` is an address that :mod:`addresses` lets pass."""

    link: str | None = None
    bold: bool = False
    italic: bool = False
    strike: bool = False
    underline: bool = False
    code: bool = False


PLAIN: Final = Marks()


@dataclass(frozen=True, slots=True)
class Words:
    """Words that look alike."""

    text: str
    marks: Marks = PLAIN


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture among words."""

    source: str
    words: str = ""
    width: int | None = None
    marks: Marks = PLAIN


Inline = Words | Picture


@dataclass(slots=True)
class Paragraph:
    content: list[Inline] = field(default_factory=list)


@dataclass(slots=True)
class Heading:
    level: int
    content: list[Inline] = field(default_factory=list)


@dataclass(slots=True)
class Code:
    text: str
    language: str = ""


@dataclass(slots=True)
class Rule:
    pass


@dataclass(slots=True)
class Quote:
    blocks: list[Block] = field(default_factory=list)


@dataclass(slots=True)
class Item:
    """An entry of a list; ``checked`` in a list of tasks."""

    blocks: list[Block] = field(default_factory=list)
    checked: bool = False


ListKind = Literal["bullet", "ordered", "task"]


@dataclass(slots=True)
class List:
    kind: ListKind
    items: list[Item] = field(default_factory=list)
    start: int = 1


@dataclass(slots=True)
class Cell:
    blocks: list[Block] = field(default_factory=list)
    header: bool = False
    columns: int = 1
    rows: int = 1


@dataclass(slots=True)
class Table:
    rows: list[list[Cell]] = field(default_factory=list)


Block = Paragraph | Heading | Code | Rule | Quote | List | Table


def clean(text: str) -> str:
    """Text of others without what is no character of a text; line breaks are all ``"\\n"``."""
    text = _ENDS.sub("\n", text)
    return _CONTROLS.sub("\ufffd", text)


def language(word: object) -> str:
    """The language of a code block, if ``word`` names one."""
    return word if isinstance(word, str) and _LANGUAGE.fullmatch(word) and word not in ("plain", "true") else ""


def whole(value: object, low: int, high: int) -> int | None:
    """A whole number from ``low`` to ``high``, also where an editor keeps it as a string or as floating point."""
    if isinstance(value, str) and re.fullmatch(r"\d{1,9}(?:px)?", value, re.ASCII):
        value = int(value.removesuffix("px"))
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        return None
    return int(value)


def joined(content: Iterable[Inline]) -> list[Inline]:
    """Neighbours that look alike as one; nothing empty."""
    out: list[Inline] = []
    # Words are collected first: adding to a long string again and again takes quadratic time.
    shown = (piece for piece in content if isinstance(piece, Picture) or piece.text)
    for look, pieces in groupby(shown, lambda piece: piece.marks if isinstance(piece, Words) else None):
        if look is None:
            out += pieces
        else:
            out.append(Words("".join(piece.text for piece in pieces if isinstance(piece, Words)), look))
    return out


def paragraph(text: str) -> Paragraph:
    """Plain words as a paragraph."""
    return Paragraph([Words(clean(text))] if text else [])


def flat(blocks: Iterable[Block]) -> list[Inline]:
    """All words of some blocks on one line."""
    out: list[Inline] = []
    for content in _contents(blocks):
        if content:
            if out:
                out.append(Words(" "))
            out += content
    return out


def _contents(blocks: Iterable[Block]) -> Iterator[list[Inline]]:
    for block in blocks:
        if isinstance(block, Paragraph | Heading):
            yield block.content
        elif isinstance(block, Code):
            yield [Words(block.text, Marks(code=True))] if block.text.strip() else []
        elif isinstance(block, Quote):
            yield from _contents(block.blocks)
        elif isinstance(block, List):
            for item in block.items:
                yield from _contents(item.blocks)
        elif isinstance(block, Table):
            for row in block.rows:
                for cell in row:
                    yield from _contents(cell.blocks)
