"""What stands in which root of a document, read from its structure: a Yjs document does not say what its roots are.

Format: yjs, ``src/utils/encoding.js`` and ``src/structs/*.js``, version 1 encoding.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final, Literal

from collab.errors import CollabError
from collab.protocol.codec import MAX_CLOCK, DecodeError, Reader

#: shared types inside each other; reading deeper ones would end the process
MAX_NESTING: Final = 128

RootKind = Literal["text", "map", "array", "xml", "empty"]

# What a shared type was seen to hold.
_KEYS, _CHARS, _MARKS, _VALUES, _XML = (1 << bit for bit in range(5))
# Kinds of struct content, as Yjs numbers them, and of shared types.
_GC, _DELETED, _JSON, _BINARY, _STRING, _EMBED, _FORMAT, _TYPE, _ANY, _DOC, _SKIP = range(11)
_HOLDS = {
    _JSON: _VALUES, _BINARY: _VALUES, _STRING: _CHARS, _EMBED: _MARKS, _FORMAT: _MARKS,
    _TYPE: _VALUES, _ANY: _VALUES, _DOC: _VALUES,
}  # fmt: skip
_ARRAY, _XML_ELEMENT = 0, 3
_XML_TYPES = frozenset({_XML_ELEMENT, 4, 6})


class _Node:
    """A shared type: a root, or a nested one with the type that the document gives it."""

    __slots__ = ("holds", "parent", "type")

    def __init__(self) -> None:
        self.holds = 0
        self.parent: _Node | None = None
        self.type: int | None = None


_Id = tuple[int, int]  # client and clock
#: whose child a struct is: a type, nobody's, or the same as the first of these structs that has one
_Owner = _Node | tuple[_Id, ...] | None


class StructureReader:
    """Tells from a Yjs v1 state which types it holds, without integrating anything.

    A struct names its parent only where it has no neighbour; the others are found by following their
    origins.
    """

    def __init__(self, state: bytes) -> None:
        self.reader = Reader(state)
        self.roots: dict[str, _Node] = {}
        self.nested: dict[_Id, _Node] = {}
        self.sections: dict[int, tuple[list[int], list[_Owner]]] = {}
        self.unresolved: list[tuple[tuple[_Id, ...], int, _Node | None]] = []

    def kinds(self) -> dict[str, RootKind]:
        """The kind of every root.

        Raises:
            CollabError: ``invalid_update`` for a state that cannot be read safely.
        """
        try:
            self._read()
        except (DecodeError, IndexError):
            raise CollabError("invalid_update", "This document is damaged.") from None
        for neighbours, holds, node in self.unresolved:
            self._adopt(self._resolve(neighbours), holds, node)
        self._check_nested()
        return {name: _root_kind(node.holds) for name, node in self.roots.items()}

    def _read(self) -> None:
        reader = self.reader
        for _ in range(reader.var_uint()):
            count, client, clock = reader.var_uint(), reader.var_uint(), reader.var_uint(MAX_CLOCK)
            starts, owners = self.sections.setdefault(client, ([], []))
            for _ in range(count):
                length = self._struct(client, clock, owners)
                starts.append(clock)
                clock += length

    def _struct(self, client: int, clock: int, owners: list[_Owner]) -> int:
        """Read one struct; returns its length."""
        info = self._byte()
        kind = info & 0x1F
        if kind in (_GC, _SKIP):
            owners.append(None)
            return self.reader.var_uint(MAX_CLOCK)
        owner = self._owner(info, client, clock, owners)
        owners.append(owner)
        holds = _KEYS if info & 0x20 else _HOLDS.get(kind, 0)
        node = None
        if kind == _TYPE:
            node = self.nested.setdefault((client, clock), _Node())
            node.type = self.reader.data[self.reader.at]
            if holds == _VALUES and node.type in _XML_TYPES:
                holds = _XML
        if isinstance(owner, tuple):
            self.unresolved.append((owner, holds, node))
        else:
            self._adopt(owner, holds, node)
        return self._content(kind)

    def _owner(self, info: int, client: int, clock: int, owners: list[_Owner]) -> _Owner:
        reader = self.reader
        if info & 0xC0:
            neighbours: list[_Id] = []
            for bit in (0x80, 0x40):
                if info & bit:
                    neighbours.append((reader.var_uint(), reader.var_uint()))
            if neighbours[0] == (client, clock - 1) and owners and owners[-1] is not None:
                return owners[-1]
            return tuple(neighbours)
        owner: _Node
        if reader.var_uint() == 1:
            owner = self.roots.setdefault(reader.var_string(), _Node())
        else:
            owner = self.nested.setdefault((reader.var_uint(), reader.var_uint()), _Node())
        if info & 0x20:
            reader.var_bytes()
        return owner

    def _byte(self) -> int:
        byte = self.reader.data[self.reader.at]
        self.reader.at += 1
        return byte

    def _content(self, kind: int) -> int:
        """Pass over the content of a struct; returns its length."""
        reader = self.reader
        if kind == _STRING:
            text = reader.var_bytes()
            return len(text) if text.isascii() else len(text.decode("utf-8", "replace").encode("utf-16-le")) // 2
        if kind == _DELETED:
            return reader.var_uint(MAX_CLOCK)
        if kind == _ANY:
            count = reader.var_uint()
            self._values(count)
            return count
        if kind == _JSON:
            count = reader.var_uint()
            for _ in range(count):
                reader.var_bytes()
            return count
        if kind == _TYPE:
            if reader.var_uint() == _XML_ELEMENT:
                reader.var_bytes()
        elif kind in (_BINARY, _EMBED, _FORMAT, _DOC):
            reader.var_bytes()
            if kind == _FORMAT:
                reader.var_bytes()
            elif kind == _DOC:
                self._values(1)
        else:
            raise DecodeError("an unknown kind of content")
        return 1

    def _values(self, count: int) -> None:
        """Pass over ``count`` lib0 "any" values, without recursion."""
        reader = self.reader
        levels = [(count, False)]  # values still due, and whether each has a key
        while levels:
            due, keyed = levels.pop()
            if not due:
                continue
            levels.append((due - 1, keyed))
            if keyed:
                reader.var_bytes()
            tag = self._byte()
            if tag in (116, 119):  # bytes, text
                reader.var_bytes()
            elif tag == 125:  # an integer, which ends where the top bit is not set
                while self._byte() >= 0x80:
                    pass
            elif tag in (122, 123, 124):  # numbers of 8, 8 and 4 bytes
                reader.take(4 if tag == 124 else 8)
            elif tag in (117, 118):  # an array, an object
                levels.append((reader.var_uint(), tag == 118))
            elif tag not in (120, 121, 126, 127):
                raise DecodeError("an unknown kind of value")

    def _adopt(self, owner: _Node | None, holds: int, node: _Node | None) -> None:
        if owner is not None:
            owner.holds |= holds
        if node is not None:
            node.parent = owner

    def _resolve(self, neighbours: tuple[_Id, ...]) -> _Node | None:
        """The type that structs between these neighbours are in."""
        due = list(reversed(neighbours))
        visited: list[tuple[list[_Owner], int]] = []
        found: _Node | None = None
        while due and found is None:
            client, clock = due.pop()
            starts, owners = self.sections.get(client, ([], []))
            at = bisect_right(starts, clock) - 1
            owner = owners[at] if at >= 0 else None
            if isinstance(owner, _Node):
                found = owner
            elif owner is not None:
                owners[at] = None  # where hostile origins go in a circle, nobody is the parent
                visited.append((owners, at))
                due.extend(reversed(owner))
        for owners, at in visited:
            owners[at] = found
        return found

    def _check_nested(self) -> None:
        for node in self.nested.values():
            if node.type == _ARRAY and node.holds & _CHARS:
                # No editor writes this; reading an emoji in it as an item never ends.
                raise CollabError("invalid_update", "This document holds an array that cannot be read.")
            above, depth = node.parent, 1
            while above is not None:
                above, depth = above.parent, depth + 1
                if depth > MAX_NESTING:
                    raise CollabError("invalid_update", "This document is nested too deep to be read.")


def _root_kind(holds: int) -> RootKind:
    if holds & _XML:
        return "xml"
    if holds & (_CHARS | _MARKS):
        return "text"
    if holds & _KEYS:
        return "map"
    return "array" if holds & _VALUES else "empty"
