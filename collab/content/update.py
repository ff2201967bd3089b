"""An update in the making: what is inserted and deleted under one client id.

Pure: no I/O. Items that are copied to a place, and items that are deleted, go in; one Yjs v1 update
comes out.

Format: yjs, ``src/utils/encoding.js``, version 1 encoding; structs: ``yjs_structs.py``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from collab.content.items import Item
from collab.protocol.codec import EMPTY_UPDATE, write_var_bytes, write_var_uint
from collab.protocol.rewriting import write_id
from collab.protocol.yjs_structs import ANY, KEY, LEFT, RIGHT, STRING, Id


@dataclass(slots=True)
class Place:
    """Where things are inserted, one behind the other: ``left`` moves along."""

    address: str | Id
    left: Id | None
    right: Id | None
    key: str | None = None


@dataclass(slots=True)
class _Struct:
    place: Place
    left: Id | None
    kind: int
    content: Any

    def encode(self) -> bytes:
        place = self.place
        info = self.kind
        if place.key is not None:
            info |= KEY
        parts = [b""]
        if self.left is not None:
            info |= LEFT
            parts.append(write_id(self.left))
        if place.right is not None:
            info |= RIGHT
            parts.append(write_id(place.right))
        if not info & (LEFT | RIGHT):
            if isinstance(place.address, str):
                parts.append(b"\x01" + write_var_bytes(place.address.encode()))
            else:
                parts.append(b"\x00" + write_id(place.address))
            if place.key is not None:
                parts.append(write_var_bytes(place.key.encode()))
        if self.kind == STRING:
            parts.append(write_var_bytes("".join(self.content).encode()))
        elif self.kind == ANY:
            parts.append(write_var_uint(len(self.content)) + b"".join(self.content))
        else:
            parts.append(self.content)
        parts[0] = bytes((info,))
        return b"".join(parts)


@dataclass(slots=True)
class Edit:
    """What is inserted and deleted under one client id.

    ``client``: this id. ``clock``: that of the next item to be inserted.
    """

    client: int
    clock: int
    _structs: list[_Struct] = field(default_factory=list)
    _begin: int = field(init=False)
    _deletions: dict[int, list[tuple[int, int]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._begin = self.clock

    def insert(self, place: Place, item: Item) -> Id:
        """Copy ``item``, without what is inside it, to ``place``; returns the id of the copy."""
        here = self.client, self.clock
        last = self._structs[-1] if self._structs else None
        splits = item.kind in (STRING, ANY)
        if splits and last is not None and last.place is place and last.kind == item.kind:
            last.content.extend(item.content)
        else:
            content = list(item.content) if splits else item.content
            self._structs.append(_Struct(place, place.left, item.kind, content))
        self.clock += item.length
        place.left = (self.client, self.clock - 1)
        return here

    def delete(self, item: Item) -> None:
        """Delete an item of the document."""
        self._deletions.setdefault(item.client, []).append((item.clock, item.clock + item.length))

    def encode(self) -> bytes:
        """The edit as a Yjs v1 update."""
        if not self._structs and not self._deletions:
            return EMPTY_UPDATE
        parts = []
        if self._structs:
            parts.append(b"\x01" + write_var_uint(len(self._structs)) + write_id((self.client, self._begin)))
            parts += [made.encode() for made in self._structs]
        else:
            parts.append(b"\x00")
        parts.append(write_var_uint(len(self._deletions)))
        for client, ranges in sorted(self._deletions.items(), reverse=True):
            joined = _joined(ranges)
            parts.append(write_var_uint(client) + write_var_uint(len(joined)))
            parts += [write_var_uint(begin) + write_var_uint(end - begin) for begin, end in joined]
        return b"".join(parts)


def _joined(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for begin, end in sorted(ranges):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined
