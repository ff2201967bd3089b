"""Finding words in all texts of a document, and the operations that put others in their place.

Pure: a document's Yjs v1 state goes in. Every text is looked into, wherever it stands: at a root, in maps and arrays,
and in the paragraphs of XML.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pycrdt

from collab.content.copies import load_copy, panics_contained
from collab.content.operations import format_pointer
from collab.errors import CollabError

#: stands for what is no character: an embed
_EMBED = "\0"
#: places that an error names
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Place:
    """Where words stand: the path of their text, and the character, of Python's, at which they begin in it."""

    path: str
    at: int
    text: str

    @property
    def index(self) -> int:
        """The same as operations count: in UTF-16 code units."""
        return _units(self.text[: self.at])


def places_of(state: bytes, words: str, path: str | None = None) -> list[Place]:
    """Where ``words`` stand, overlapping ones too.

    Args:
        path: a JSON pointer: only in the text there, or in those below.

    Raises:
        CollabError: ``invalid_update`` for a document that cannot be read.
    """
    doc, kinds = load_copy(state)
    found = []
    with panics_contained("This document cannot be read."), doc.transaction():
        for name, kind in sorted(kinds.items()):
            if name in kinds.mixed or kind == "empty":
                continue
            types = {"text": pycrdt.Text, "map": pycrdt.Map, "array": pycrdt.Array, "xml": pycrdt.XmlFragment}
            root: Any = doc.get(name, type=types[kind])
            for segments, text in _texts(root, (name,)):
                where = format_pointer(segments)
                if path and where != path and not where.startswith(path + "/"):
                    continue
                content = _characters(text)
                at = content.find(words)
                while at >= 0:
                    found.append(Place(where, at, content))
                    at = content.find(words, at + 1)
    return found


def replacement(state: bytes, old: str, new: str, path: str | None = None) -> tuple[list[dict[str, Any]], Place]:
    """The operations that put ``new`` in the place of ``old``, and that place. What both have in common stays.

    Raises:
        CollabError: ``invalid_payload`` unless ``old`` stands in one place exactly; the message helps to say which is
            meant. ``invalid_update`` for a document that cannot be read.
    """
    if not old:
        raise CollabError("invalid_payload", "What is to be replaced has no characters.")
    places = places_of(state, old, path)
    if not places:
        raise CollabError(
            "invalid_payload",
            "What is to be replaced does not stand in the document. It has to match exactly, within one paragraph.",
            detail={"matches": 0},
        )
    if len(places) > 1:
        named = ", ".join(f"{place.path} at {place.index}" for place in places[:_NAMED])
        more = "" if len(places) <= _NAMED else f" and {len(places) - _NAMED} more"
        raise CollabError(
            "invalid_payload",
            f"What is to be replaced stands in {len(places)} places ({named}{more}). Give more of what surrounds it.",
            detail={"matches": len(places)},
        )
    (place,) = places
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    gone, put = old[head : len(old) - tail], new[head : len(new) - tail]
    start = place.index + _units(old[:head])
    operations: list[dict[str, Any]] = []
    if put:  # behind what goes, so that it looks the same
        operations.append({"op": "text.insert", "path": place.path, "index": start + _units(gone), "text": put})
    if gone:
        operations.append({"op": "text.delete", "path": place.path, "index": start, "length": _units(gone)})
    return operations, place


def _texts(here: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The texts in a shared type, with their paths, in the order in which they stand."""
    due = [(here, path)]
    while due:
        value, where = due.pop()
        children: list[tuple[Any, tuple[str, ...]]] = []
        if isinstance(value, pycrdt.Text | pycrdt.XmlText):
            yield where, value
        elif isinstance(value, pycrdt.Map):
            children = [(child, (*where, key)) for key, child in value.items()]
        elif isinstance(value, pycrdt.Array):
            children = [(child, (*where, str(number))) for number, child in enumerate(value)]
        elif isinstance(value, pycrdt.XmlFragment | pycrdt.XmlElement):
            children = [(child, (*where, str(number))) for number, child in enumerate(value.children)]
        due.extend(reversed(children))


def _characters(text: Any) -> str:
    return "".join(piece if isinstance(piece, str) else _EMBED for piece, _ in text.diff())


def _common(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def _units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2
