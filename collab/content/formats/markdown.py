"""Rich text as Markdown (CommonMark, with the tables, tasks and strikethrough of GitHub).

What this writes says, read by any such parser, exactly the words of the document: no words become a sign, no sign
becomes words, and no HTML gets through. What Markdown has no sign for (underline, sizes of pictures) is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from collab.content.formats.bounds import Output
from collab.content.formats.markdown_words import words_of
from collab.content.formats.tree import Block, Code, Heading, Inline, Item, List, Paragraph, Quote, Table, Words, flat

#: quotes and lists inside each other; parsers give up on some depth, and deeper ones are written side by side
MAX_DEPTH: Final = 16
#: the largest number that a list may begin with
_MAX_NUMBER: Final = 999_999_999
_FENCES = re.compile(r"`{3,}")
_LAST_SIGNS = re.compile(r"#+$")
# What a line may not begin with, unless it is meant.
_LINE_START = re.compile(
    r"^(?:(?P<number>\d{1,9})(?=[.)](?:[ \t]|$))|(?=#{1,6}(?:[ \t]|$)|[-+](?:[ \t]|$)|>|[-=:|][-=:| \t]*$))"
)


def write_markdown(blocks: Iterable[Block]) -> str:
    """The blocks as Markdown.

    Raises:
        CollabError: ``document_too_large``.
    """
    writer = _Writer()
    writer.blocks(blocks, 0, top=True)
    return writer.out.text()


class _Writer:
    def __init__(self) -> None:
        self.out = Output("Markdown")
        self._prefix = ""
        self._next: str | None = None  # of the next line, where it differs

    def blocks(
        self, blocks: Iterable[Block], depth: int, *, top: bool = False, close: bool = False, sign: str = ""
    ) -> None:
        """Write blocks below each other.

        Args:
            close: without blank lines between them.
            sign: which items of a list may not have, if it is the first block.
        """
        begun = False
        gap = 0  # empty paragraphs, which at the top are blank lines more
        for block in blocks:
            if not _says_something(block):
                gap += top
                continue
            for _ in range(gap + (begun and not close)):
                self._line("")
            gap, begun = 0, True
            sign = self._block(block, depth, sign)

    def _block(self, block: Block, depth: int, sign: str) -> str:
        """Write a block; returns the sign of its items, which a list right behind it must not have."""
        if isinstance(block, Paragraph):
            self._paragraph(block.content)
        elif isinstance(block, Heading):
            words = _one_line(block.content)
            words = _edges(_LAST_SIGNS.sub(lambda found: "\\" + found[0], words))
            self._line(f"{'#' * block.level} {words}".rstrip(" "))
        elif isinstance(block, Code):
            self._code(block)
        elif isinstance(block, Quote):
            self._quote(block, depth)
        elif isinstance(block, List):
            return self._list(block, depth, sign)
        elif isinstance(block, Table):
            self._table(block)
        else:
            self._line("___" if depth else "---")
        return ""

    def _line(self, text: str) -> None:
        prefix = self._prefix if self._next is None else self._next
        self._next = None
        self.out.put((prefix + text if text else prefix.rstrip(" ")) + "\n")

    def _paragraph(self, content: list[Inline], before: str = "") -> None:
        lines = words_of(content).split("\\\n")
        while len(lines) > 1 and not lines[-1]:
            lines.pop()  # a line break at the end has no sign
        for number, line in enumerate(lines):
            last = number == len(lines) - 1
            self._line(before + _line_start(_edges(line, end=last)) + ("" if last else "\\"))
            before = ""

    def _code(self, block: Code) -> None:
        longest = max((len(found) for found in _FENCES.findall(block.text)), default=2)
        fence = "`" * (longest + 1)
        self._line(fence + block.language)
        if block.text:
            for line in block.text.split("\n"):
                self._line(line)
        self._line(fence)

    def _quote(self, block: Quote, depth: int) -> None:
        if depth >= MAX_DEPTH:
            self.blocks(block.blocks, depth)
            return
        outer = self._prefix
        if self._next is not None:
            self._next += "> "
        self._prefix += "> "
        if not any(_says_something(each) for each in block.blocks):
            self._line("")
        self.blocks(block.blocks, depth + 1)
        self._prefix = outer

    def _list(self, block: List, depth: int, avoided: str) -> str:
        signs = ".)" if block.kind == "ordered" else "-*"
        sign = signs[0] if signs[0] != avoided else signs[1]
        if depth >= MAX_DEPTH:
            self.blocks((inner for item in block.items for inner in item.blocks), depth)
            return ""
        close = all(_is_close(item) for item in block.items)
        for number, item in enumerate(block.items):
            if number and not close:
                self._line("")
            marker = f"{min(block.start + number, _MAX_NUMBER)}{sign} " if block.kind == "ordered" else f"{sign} "
            self._item(item, marker, ("[x] " if item.checked else "[ ] ") if block.kind == "task" else "", depth, close)
        return sign

    def _item(self, item: Item, marker: str, box: str, depth: int, close: bool) -> None:
        outer = self._prefix
        self._next = (outer if self._next is None else self._next) + marker
        self._prefix += " " * len(marker)
        blocks = [each for each in item.blocks if _says_something(each)]
        if box and blocks and isinstance(blocks[0], Paragraph):
            self._paragraph(blocks[0].content, box)
        elif box or not blocks:
            self._line(box.rstrip(" "))
        if box or not blocks:
            blocks = blocks[1:] if blocks and isinstance(blocks[0], Paragraph) else blocks
            if blocks and not close:
                self._line("")
        # Three signs alone on a line would be a rule: `- - -`.
        self.blocks(blocks, depth + 1, close=close, sign=marker[0])
        self._prefix = outer

    def _table(self, block: Table) -> None:
        rows = [[_cell(cell.blocks) + [""] * (cell.columns - 1) for cell in row] for row in block.rows]
        flat_rows = [[text for cell in row for text in cell] for row in rows]
        width = max(map(len, flat_rows), default=0)
        headed = bool(block.rows) and all(cell.header for cell in block.rows[0])
        head, body = (flat_rows[0], flat_rows[1:]) if headed else ([], flat_rows)
        if not width:
            return
        self._row(head + [""] * (width - len(head)))
        self._row(["---"] * width)
        for row in body:
            self._row(row)

    def _row(self, cells: list[str]) -> None:
        self._line("| " + " | ".join(cells) + " |")


def _cell(blocks: list[Block]) -> list[str]:
    return [_edges(_one_line(flat(blocks), in_table=True))]


def _one_line(content: list[Inline], *, in_table: bool = False) -> str:
    """Words where no line may end."""
    plain = [
        Words(piece.text.replace("\n", " "), piece.marks) if isinstance(piece, Words) else piece for piece in content
    ]
    return words_of(plain, in_table=in_table)


def _edges(line: str, *, end: bool = True) -> str:
    """A line whose white space at both ends stays."""
    inner = line.lstrip()
    head, tail = line[: len(line) - len(inner)], ""
    if end:
        stripped = inner.rstrip()
        inner, tail = stripped, inner[len(stripped) :]
    return "".join(f"&#{ord(char)};" for char in head) + inner + "".join(f"&#{ord(char)};" for char in tail)


def _line_start(line: str) -> str:
    return _LINE_START.sub(lambda found: (found["number"] or "") + "\\", line, count=1)


def _says_something(block: Block) -> bool:
    return not isinstance(block, Paragraph) or any(
        not isinstance(piece, Words) or piece.marks.code or piece.text.strip("\n") for piece in block.content
    )


def _is_close(item: Item) -> bool:
    """Whether an item needs no blank line: one paragraph, perhaps with lists that may follow one at once."""
    first, *others = [each for each in item.blocks if _says_something(each)] or [Paragraph()]
    return isinstance(first, Paragraph) and all(
        isinstance(each, List)
        and (each.kind != "ordered" or each.start == 1)
        and bool(each.items)
        and isinstance(next(filter(_says_something, each.items[0].blocks), None), Paragraph)
        for each in others
    )
