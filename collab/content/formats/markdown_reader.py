"""Markdown as a tree: CommonMark with tables, tasks and strikethrough. HTML in it is words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from collab.content.formats.addresses import safe_link, safe_picture
from collab.content.formats.tree import (
    PLAIN,
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
    joined,
    language,
)

#: blocks and signs inside each other
_DEEPEST: Final = 60
_BOX = re.compile(r"\[([ xX])\](?=[ \t]|$)")
_MARKS: Final[dict[str, Any]] = {"strong": {"bold": True}, "em": {"italic": True}, "s": {"strike": True}}


def read_markdown(markdown: str) -> list[Block]:
    """The blocks; blank lines beyond the one between two blocks are empty paragraphs."""
    text = clean(markdown)
    root = SyntaxTreeNode(_parser().parse(text))
    lines = text.split("\n")
    ends = [0]
    starts = []
    for node in root.children:
        begin, end = node.map or (ends[-1], ends[-1])
        while end > begin and not lines[end - 1].strip():
            end -= 1
        starts.append(begin)
        ends.append(end)
    blocks: list[Block] = []
    for number, (node, begin) in enumerate(zip(root.children, starts, strict=True)):
        blank = begin - ends[number]
        blocks += [Paragraph() for _ in range(blank if number == 0 else blank - 1)]
        blocks += _block(node)
    return blocks


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"maxNesting": _DEEPEST, "html": False}).enable(["table", "strikethrough"])
    parser.disable(["html_inline", "html_block"])
    # Addresses are judged by our own list, and stay as they were written.
    parser.validateLink = lambda url: True  # type: ignore[method-assign]
    parser.normalizeLink = lambda url: url  # type: ignore[method-assign]
    return parser


def _blocks(nodes: Iterable[SyntaxTreeNode]) -> list[Block]:
    return [block for node in nodes for block in _block(node)]


def _block(node: SyntaxTreeNode) -> Iterator[Block]:
    kind = node.type
    if kind == "paragraph":
        yield Paragraph(_content(node))
    elif kind == "heading":
        yield Heading(int(node.tag[1]), _content(node))
    elif kind in ("fence", "code_block"):
        yield Code(node.content.removesuffix("\n"), language(node.info.strip().partition(" ")[0]))
    elif kind == "blockquote":
        yield Quote(_blocks(node.children))
    elif kind == "bullet_list":
        yield _bullets(node)
    elif kind == "ordered_list":
        start = node.attrs.get("start", 1)
        yield List("ordered", [Item(_blocks(item.children)) for item in node.children], int(start))
    elif kind == "table":
        if rows := list(_rows(node)):
            yield Table(rows)
    elif kind == "hr":
        yield Rule()


def _bullets(node: SyntaxTreeNode) -> List:
    boxes = [_box(item) for item in node.children]
    if None in boxes:
        return List("bullet", [Item(_blocks(item.children)) for item in node.children])
    items = []
    for item, box in zip(node.children, boxes, strict=True):
        first, *others = item.children
        content = _content(first)
        begin = content[0]
        assert isinstance(begin, Words)
        rest = joined([replace(begin, text=begin.text[4:]), *content[1:]])
        items.append(Item(([Paragraph(rest)] if rest else []) + _blocks(others), box != " "))
    return List("task", items)


def _box(item: SyntaxTreeNode) -> str | None:
    """What stands in the box of a task; None for an item without one."""
    first = item.children[0] if item.children else None
    if first is None or first.type != "paragraph" or not first.children:
        return None
    found = _BOX.match(first.children[0].content)
    return found[1] if found else None


def _rows(table: SyntaxTreeNode) -> Iterator[list[Cell]]:
    for part in table.children:
        for row in part.children:
            cells = [Cell([Paragraph(_content(cell))], cell.type == "th") for cell in row.children]
            # A table without a head is written with an empty one.
            if part.type == "tbody" or any(_content(cell) for cell in row.children):
                yield cells


def _content(node: SyntaxTreeNode) -> list[Inline]:
    inline = node.children[0] if node.children else None
    return joined(_inlines(inline.children, PLAIN)) if inline is not None else []


def _inlines(nodes: Iterable[SyntaxTreeNode], marks: Marks) -> Iterator[Inline]:
    for node in nodes:
        kind = node.type
        if kind == "text":
            yield Words(clean(node.content), marks)
        elif kind == "softbreak":
            yield Words(" ", marks)
        elif kind == "hardbreak":
            yield Words("\n", marks)
        elif kind == "code_inline":
            yield Words(clean(node.content), replace(marks, code=True))
        elif kind == "image":
            yield from _picture(node, marks)
        elif kind == "link":
            link = safe_link(_attribute(node, "href"))
            yield from _inlines(node.children, replace(marks, link=link or marks.link))
        elif kind in _MARKS:
            yield from _inlines(node.children, replace(marks, **_MARKS[kind]))


def _picture(node: SyntaxTreeNode, marks: Marks) -> Iterator[Inline]:
    words = "".join(piece.text for piece in _inlines(node.children, PLAIN) if isinstance(piece, Words))
    source = safe_picture(_attribute(node, "src"))
    if source is not None:
        yield Picture(source, words.replace("\n", " "), None, marks)
    elif words:
        yield Words(words, marks)


def _attribute(node: SyntaxTreeNode, name: str) -> Any:
    return node.attrs.get(name)
