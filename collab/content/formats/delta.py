"""Rich text as Quill keeps it in a ``Y.Text``, as a tree and back.

Formats of lines stand on their line break: ``header``, ``list`` with ``indent``, ``blockquote``, ``code-block``;
those of words on the words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

from collab.content.formats.editors import marks_of, picture_of
from collab.content.formats.tree import (
    PLAIN,
    Block,
    Code,
    Heading,
    Inline,
    Item,
    List,
    ListKind,
    Paragraph,
    Picture,
    Quote,
    Rule,
    Table,
    Words,
    clean,
    joined,
    language,
    whole,
)

LINE_FORMATS: Final = ("header", "list", "blockquote", "code-block")
WORD_FORMATS: Final = ("bold", "code", "italic", "link", "strike", "underline")
_KINDS: Final[dict[str, ListKind]] = {"ordered": "ordered", "checked": "task", "unchecked": "task"}
_DEEPEST: Final = 16


@dataclass(slots=True)
class Line:
    """One line: its words, and the formats on its line break."""

    content: list[Inline] = field(default_factory=list)
    formats: dict[str, Any] = field(default_factory=dict)


# -- reading ----------------------------------------------------------------------------------------------


def blocks_of_delta(pieces: Iterable[tuple[Any, dict[str, Any] | None]]) -> list[Block]:
    """The blocks of a text, given as pycrdt's ``diff()`` gives it: (text or embed, formats)."""
    blocks: list[Block] = []
    for kind, group in groupby(_lines(pieces), _kind):
        lines = list(group)
        if kind == "code-block":
            text = "\n".join(
                "".join(piece.text for piece in line.content if isinstance(piece, Words)) for line in lines
            )
            blocks.append(Code(text, language(lines[0].formats["code-block"])))
        elif kind == "blockquote":
            blocks.append(Quote([Paragraph(line.content) for line in lines]))
        elif kind == "list":
            blocks += _lists(lines)
        elif kind == "header":
            blocks += [Heading(whole(line.formats["header"], 1, 6) or 1, line.content) for line in lines]
        else:
            blocks += [Paragraph(line.content) for line in lines]
    return blocks


def _kind(line: Line) -> str:
    return next((name for name in LINE_FORMATS if line.formats.get(name)), "")


def _lines(pieces: Iterable[tuple[Any, dict[str, Any] | None]]) -> Iterator[Line]:
    content: list[Inline] = []
    for piece, given in pieces:
        formats = given or {}
        marks = marks_of(formats, PLAIN)
        if not isinstance(piece, str):
            content += picture_of(piece, marks)
            continue
        *ended, rest = clean(piece).split("\n")
        for words in ended:
            if words:
                content.append(Words(words, marks))
            yield Line(joined(content), formats)
            content = []
        if rest:
            content.append(Words(rest, marks))
    if content:
        yield Line(joined(content))


def _lists(lines: Iterable[Line]) -> list[Block]:
    """Lines of lists; ``indent`` says how deep each stands."""
    blocks: list[Block] = []
    open_lists: list[List] = []
    for line in lines:
        value = str(line.formats["list"])
        kind = _KINDS.get(value, "bullet")
        depth = min(whole(line.formats.get("indent"), 0, _DEEPEST) or 0, len(open_lists))
        del open_lists[depth + 1 :]
        if len(open_lists) <= depth or open_lists[depth].kind != kind:
            del open_lists[depth:]
            made = List(kind)
            (open_lists[-1].items[-1].blocks if open_lists else blocks).append(made)
            open_lists.append(made)
        open_lists[depth].items.append(Item([Paragraph(line.content)], value == "checked"))
    return blocks


# -- writing ----------------------------------------------------------------------------------------------


def lines_of_blocks(blocks: Iterable[Block]) -> Iterator[Line]:
    """The lines that say what these blocks do, as far as Quill has words for it."""
    for block in blocks:
        yield from _block_lines(block, {}, 0)


def _block_lines(block: Block, around: dict[str, Any], depth: int) -> Iterator[Line]:
    if isinstance(block, Paragraph):
        yield from _broken(block.content, around)
    elif isinstance(block, Heading):
        yield from _broken(block.content, {"header": block.level})
    elif isinstance(block, Code):
        for text in block.text.split("\n"):
            yield Line([Words(text)] if text else [], {"code-block": block.language or "plain"})
    elif isinstance(block, Rule):
        yield Line([Words("———")], around)
    elif isinstance(block, Quote):
        for inner in block.blocks:
            yield from _block_lines(inner, {"blockquote": True}, depth)
    elif isinstance(block, List):
        for item in block.items:
            yield from _item_lines(block.kind, item, depth)
    elif isinstance(block, Table):
        for row in block.rows:
            cells: list[Inline] = []
            for cell in row:
                if cells:
                    cells.append(Words(" | "))
                for line in lines_of_blocks(cell.blocks):
                    cells += line.content
            yield Line(joined(cells), around)


def _item_lines(kind: ListKind, item: Item, depth: int) -> Iterator[Line]:
    value = ("checked" if item.checked else "unchecked") if kind == "task" else kind
    own: dict[str, Any] = {"list": value} | ({"indent": min(depth, _DEEPEST)} if depth else {})
    begun = False
    for block in item.blocks or [Paragraph()]:
        if isinstance(block, List) and not begun:
            yield Line([], own)
        begun = True
        yield from _block_lines(block, own, depth + 1)


def _broken(content: Iterable[Inline], formats: dict[str, Any]) -> Iterator[Line]:
    """Words with line breaks in them, as lines."""
    line: list[Inline] = []
    for piece in content:
        if isinstance(piece, Picture):
            line.append(piece)
            continue
        *ended, rest = piece.text.split("\n")
        for words in ended:
            if words:
                line.append(Words(words, piece.marks))
            yield Line(line, formats)
            line = []
        if rest:
            line.append(Words(rest, piece.marks))
    yield Line(line, formats)
