"""Words with marks as a nest of opened and closed ones, which is what Markdown and HTML need.

Marks of a document may overlap; those of a nest may not. Each mark is opened once and stays open as long as it can.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Literal

from collab.content.formats.tree import PLAIN, Inline, Marks

#: outermost first
ORDER: Final = ("link", "bold", "italic", "strike", "underline", "code")

Step = tuple[Literal["open", "close"], str, str | None] | tuple[Literal["piece"], Inline, None]


def nested(content: Iterable[Inline], order: tuple[str, ...] = ORDER) -> Iterator[Step]:
    """What to write in order: ``("open" | "close", mark, link)``, or ``("piece", words or picture, None)``."""
    opened: list[tuple[str, str | bool]] = []
    for piece in content:
        yield from _turn(opened, _wanted(piece.marks, order))
        yield ("piece", piece, None)
    yield from _turn(opened, [])


def _wanted(marks: Marks, order: tuple[str, ...]) -> list[tuple[str, str | bool]]:
    if marks is PLAIN:
        return []
    return [(name, value) for name in order if (value := getattr(marks, name))]


def _turn(opened: list[tuple[str, str | bool]], wanted: list[tuple[str, str | bool]]) -> Iterator[Step]:
    keep = 0
    while keep < len(opened) and keep < len(wanted) and opened[keep] == wanted[keep]:
        keep += 1
    while len(opened) > keep:
        name, value = opened.pop()
        yield ("close", name, value if isinstance(value, str) else None)
    for name, value in wanted[keep:]:
        yield ("open", name, value if isinstance(value, str) else None)
        opened.append((name, value))
