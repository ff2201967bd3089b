"""Rich text as plain text: a line for every paragraph, a tab between the cells of a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from collab.content.formats.tree import Block, Code, Heading, Inline, List, Paragraph, Quote, Table, Words, flat


def plain_lines(blocks: Iterable[Block]) -> Iterator[str]:
    """The lines; a line break inside a paragraph is in its line."""
    for block in blocks:
        if isinstance(block, Paragraph | Heading):
            yield _text(block.content)
        elif isinstance(block, Code):
            yield block.text
        elif isinstance(block, Quote):
            yield from plain_lines(block.blocks)
        elif isinstance(block, List):
            for item in block.items:
                yield from plain_lines(item.blocks)
        elif isinstance(block, Table):
            for row in block.rows:
                yield "\t".join(_text(flat(cell.blocks)).replace("\n", " ") for cell in row)


def _text(content: Iterable[Inline]) -> str:
    return "".join(piece.text if isinstance(piece, Words) else piece.words for piece in content)
