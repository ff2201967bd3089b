"""Rich text as HTML that is safe to put into a page: few elements and attributes, everything else escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

from collab.content.formats.bounds import Output
from collab.content.formats.inline import nested
from collab.content.formats.tree import (
    Block,
    Cell,
    Code,
    Heading,
    Inline,
    Item,
    List,
    Paragraph,
    Picture,
    Quote,
    Table,
    Words,
)

_TAGS: Final = {"bold": "strong", "italic": "em", "strike": "s", "underline": "u", "code": "code"}
#: what may stand in the output; tests hold every output to it
ELEMENTS: Final = frozenset({
    "p", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "code", "hr", "blockquote", "ul", "ol", "li", "input", "table",
    "tbody", "tr", "th", "td", "strong", "em", "s", "u", "a", "br", "img",
})  # fmt: skip
ATTRIBUTES: Final = frozenset({
    "href", "rel", "src", "alt", "width", "class", "start", "type", "checked", "disabled", "colspan", "rowspan",
})  # fmt: skip


def write_html(blocks: Iterable[Block]) -> str:
    """The blocks as a piece of HTML, without head and body.

    Raises:
        CollabError: ``document_too_large``.
    """
    out = Output("HTML")
    _blocks(blocks, out)
    return out.text()


def _blocks(blocks: Iterable[Block], out: Output) -> None:
    for block in blocks:
        if isinstance(block, Paragraph):
            _line("p", block.content, out)
        elif isinstance(block, Heading):
            _line(f"h{block.level}", block.content, out)
        elif isinstance(block, Code):
            named = f' class="language-{escape(block.language)}"' if block.language else ""
            # A parser drops the first line break in <pre>.
            first = "\n" if block.text.startswith("\n") else ""
            out.put(f"<pre><code{named}>{first}{escape(block.text, quote=False)}\n</code></pre>\n")
        elif isinstance(block, Quote):
            out.put("<blockquote>\n")
            _blocks(block.blocks, out)
            out.put("</blockquote>\n")
        elif isinstance(block, List):
            _list(block, out)
        elif isinstance(block, Table):
            _table(block, out)
        else:
            out.put("<hr>\n")


def _line(tag: str, content: Iterable[Inline], out: Output) -> None:
    out.put(f"<{tag}>")
    _inline(content, out)
    out.put(f"</{tag}>\n")


def _list(block: List, out: Output) -> None:
    tag = "ol" if block.kind == "ordered" else "ul"
    start = f' start="{block.start}"' if block.kind == "ordered" and block.start != 1 else ""
    tasks = ' class="tasks"' if block.kind == "task" else ""
    out.put(f"<{tag}{start}{tasks}>\n")
    for item in block.items:
        out.put("<li>")
        if block.kind == "task":
            out.put(f'<input type="checkbox" disabled{" checked" if item.checked else ""}> ')
        _inside(item, out)
        out.put("</li>\n")
    out.put(f"</{tag}>\n")


def _inside(holder: Item | Cell, out: Output) -> None:
    """What stands in an item or a cell; its first paragraph without a tag of its own."""
    first, *others = holder.blocks or [Paragraph()]
    if not isinstance(first, Paragraph):
        _blocks(holder.blocks, out)
        return
    _inline(first.content, out)
    if others:
        out.put("\n")
        _blocks(others, out)


def _table(block: Table, out: Output) -> None:
    out.put("<table>\n<tbody>\n")
    for row in block.rows:
        out.put("<tr>")
        for cell in row:
            tag = "th" if cell.header else "td"
            spans = f' colspan="{cell.columns}"' if cell.columns > 1 else ""
            spans += f' rowspan="{cell.rows}"' if cell.rows > 1 else ""
            out.put(f"<{tag}{spans}>")
            _inside(cell, out)
            out.put(f"</{tag}>")
        out.put("</tr>\n")
    out.put("</tbody>\n</table>\n")


def _inline(content: Iterable[Inline], out: Output) -> None:
    for kind, piece, link in nested(content):
        if isinstance(piece, Words):
            out.put(escape(piece.text, quote=False).replace("\n", "<br>\n"))
        elif isinstance(piece, Picture):
            width = f' width="{piece.width}"' if piece.width else ""
            out.put(f'<img src="{escape(piece.source)}" alt="{escape(piece.words)}"{width}>')
        elif piece == "link":
            out.put(f'<a href="{escape(link or "")}" rel="noopener noreferrer nofollow">' if kind == "open" else "</a>")
        else:
            out.put(f"<{_TAGS[piece]}>" if kind == "open" else f"</{_TAGS[piece]}>")
