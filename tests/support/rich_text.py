"""Trees of rich text to test writers and readers with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from random import Random

from collab.content.formats.tree import (
    Block,
    Cell,
    Code,
    Heading,
    Inline,
    Item,
    List,
    ListKind,
    Marks,
    Paragraph,
    Picture,
    Quote,
    Rule,
    Table,
    Words,
    joined,
)

#: what is a sign somewhere, and what stands beside signs
LETTERS = "ab  *_`~[]()#>-+=.1!|\\<&;:/\"'é😀€\t\u00a0\u0301\n"
KINDS: tuple[ListKind, ...] = ("bullet", "ordered", "task")
ADDRESSES = ("https://x.org/y", "/a(b)c", "mailto:a@b.c", "https://x.org/?a=1&copy;=[2]*_\\", "#top")


def a_tree(seed: int) -> list[Block]:
    """A small document; the same for the same seed."""
    chance = Random(seed)
    return [_a_block(chance, 0) for _ in range(chance.randint(0, 5))]


def a_content(chance: Random) -> list[Inline]:
    """Words of a paragraph."""
    return joined(_a_piece(chance) for _ in range(chance.randint(0, 6)))


def _a_piece(chance: Random) -> Inline:
    if chance.random() < 0.1:
        source = chance.choice(["https://x.org/a.png", "data:image/png;base64,AA=="])
        return Picture(source, "".join(chance.choices("a]*<", k=chance.randint(0, 3))), None, _a_look(chance))
    if chance.random() < 0.15:
        text = chance.choice(["<b>", "&amp;", "1. a", "- b", "# c", "| a | b |", "---", "://"])
    else:
        text = "".join(chance.choices(LETTERS, k=chance.randint(1, 6)))
    return Words(text, _a_look(chance))


def _a_look(chance: Random) -> Marks:
    if chance.random() < 0.5:
        return Marks()
    link = chance.choice(ADDRESSES) if chance.random() < 0.3 else None
    flags = {name: chance.random() < 0.4 for name in ("bold", "italic", "strike", "underline")}
    return Marks(link, code=chance.random() < 0.2, **flags)


def _a_block(chance: Random, depth: int) -> Block:
    kind = chance.choice("pppppchrtlllq" if depth < 3 else "ppppchr")
    if kind == "p":
        return Paragraph(a_content(chance))
    if kind == "c":
        text = "".join(chance.choices("a` ~\n<>\t", k=chance.randint(0, 12)))
        return Code(text, chance.choice(["", "python", "c++"]))
    if kind == "h":
        return Heading(chance.randint(1, 6), a_content(chance))
    if kind == "r":
        return Rule()
    if kind == "q":
        return Quote([_a_block(chance, depth + 1) for _ in range(chance.randint(0, 3))])
    if kind == "t":
        rows, columns = chance.randint(1, 3), chance.randint(1, 3)
        head = chance.random() < 0.5
        return Table([
            [Cell([Paragraph(a_content(chance))], head and not row) for _ in range(columns)] for row in range(rows)
        ])  # fmt: skip
    items = [
        Item([_a_block(chance, depth + 1) for _ in range(chance.randint(0, 3))], chance.random() < 0.5)
        for _ in range(chance.randint(1, 3))
    ]
    return List(chance.choice(KINDS), items, chance.choice([1, 1, 1, 0, 7]))


def projected(tree: Iterable[Block], *, top: bool = True) -> list[Block]:
    """What of a tree Markdown can say."""
    out: list[Block] = []
    for block in tree:
        if isinstance(block, Paragraph):
            inner = _ended(_shown(block.content))
            out.append(Paragraph(inner))
        elif isinstance(block, Heading):
            out.append(Heading(block.level, _shown(block.content, line=True)))
        elif isinstance(block, Quote):
            out.append(Quote(projected(block.blocks, top=False)))
        elif isinstance(block, List):
            items = [
                Item(projected(item.blocks, top=False), item.checked and block.kind == "task") for item in block.items
            ]
            out.append(List(block.kind, items, block.start if block.kind == "ordered" else 1))
        elif isinstance(block, Table):
            if rows := _rows(block):
                out.append(Table(rows))
        else:
            out.append(block)
    kept = [block for block in out if top or not isinstance(block, Paragraph) or block.content]
    while kept and isinstance(last := kept[-1], Paragraph) and not last.content:
        kept.pop()
    return kept


def _rows(table: Table) -> list[list[Cell]]:
    headed = all(cell.header for cell in table.rows[0])
    rows = []
    for number, row in enumerate(table.rows):
        head = headed and number == 0
        cells = [Cell([Paragraph(_shown(cell.blocks[0].content, line=True))], head) for cell in row]  # type: ignore[union-attr]
        if not head or any(cell.blocks[0].content for cell in cells):  # type: ignore[union-attr]
            rows.append(cells)
    return rows


def _shown(pieces: Iterable[Inline], *, line: bool = False) -> list[Inline]:
    return joined(_each_shown(pieces, line))


def _each_shown(pieces: Iterable[Inline], line: bool) -> Iterator[Inline]:
    for piece in pieces:
        if isinstance(piece, Words) and (line or piece.marks.code):
            piece = replace(piece, text=piece.text.replace("\n", " "))
        code = isinstance(piece, Words) and piece.marks.code and not (piece.marks.link and "]:" in piece.text)
        yield replace(piece, marks=replace(piece.marks, underline=False, code=code))


def _ended(pieces: list[Inline]) -> list[Inline]:
    while pieces and isinstance(last := pieces[-1], Words):
        text = last.text if last.marks.code else last.text.rstrip("\n")
        if text:
            pieces[-1] = replace(last, text=text)
            break
        pieces.pop()
    return pieces


def without_space(tree: Iterable[Block]) -> list[Block]:
    """A tree in which white space has no marks: signs do not stand beside it."""
    out: list[Block] = []
    for block in tree:
        if isinstance(block, Paragraph | Heading):
            out.append(replace(block, content=joined(_bare(block.content))))
        elif isinstance(block, Quote):
            out.append(Quote(without_space(block.blocks)))
        elif isinstance(block, List):
            out.append(replace(block, items=[replace(item, blocks=without_space(item.blocks)) for item in block.items]))
        elif isinstance(block, Table):
            rows = [[replace(cell, blocks=without_space(cell.blocks)) for cell in row] for row in block.rows]
            out.append(Table(rows))
        else:
            out.append(block)
    return out


def _bare(pieces: Iterable[Inline]) -> Iterator[Inline]:
    for piece in pieces:
        if not isinstance(piece, Words) or piece.marks.code:
            yield piece
            continue
        for char in piece.text:
            yield Words(char, Marks(link=piece.marks.link) if char.isspace() else piece.marks)
