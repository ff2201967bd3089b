"""What stands in which root of a document, read from its structure: a Yjs document does not say what its roots are.

Format: yjs, ``src/utils/encoding.js``, version 1 encoding; structs: ``yjs_structs.py``.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final, Literal

from collab.errors import CollabError
from collab.protocol.codec import MAX_CLOCK, DecodeError, Reader
from collab.protocol.yjs_structs import (
    ANY,
    ARRAY,
    BINARY,
    DELETED,
    DOC,
    EMBED,
    FORMAT,
    GC,
    JSON,
    KEY,
    KIND,
    LEFT,
    NAMED_TYPES,
    RIGHT,
    SKIP,
    STRING,
    TYPE,
    XML_ELEMENT,
    XML_FRAGMENT,
    XML_HOOK,
    XML_TYPES,
    Id,
)  # fmt: skip

#: shared types inside each other; reading deeper ones would end the process
MAX_NESTING: Final = 128

RootKind = Literal["text", "map", "array", "xml", "empty"]

# What a shared type was seen to hold.
_KEYS, _CHARS, _MARKS, _VALUES, _XML, _PLAIN = (1 << bit for bit in range(6))
_HOLDS = {
    JSON: _VALUES | _PLAIN, BINARY: _VALUES | _PLAIN, STRING: _CHARS, EMBED: _MARKS, FORMAT: _MARKS,
    TYPE: _VALUES, ANY: _VALUES | _PLAIN, DOC: _VALUES,
}  # fmt: skip


class _Node:
    """A shared type: a root, or a nested one with the type that the document gives it."""

    __slots__ = ("holds", "parent", "type")

    def __init__(self) -> None:
        self.holds = 0
        self.parent: _Node | None = None
        self.type: int | None = None


#: whose child a struct is: a type, nobody's, or the same as the first of these structs that has one
_Owner = _Node | tuple[Id, ...] | None


class StructureReader:
    """Tells from a Yjs v1 state which types it holds, without integrating anything.

    A struct names its parent only where it has no neighbour; the others are found by following their
    origins.
    """

    def __init__(self, state: bytes) -> None:
        self.reader = Reader(state)
        self.roots: dict[str, _Node] = {}
        self.nested: dict[Id, _Node] = {}
        self.sections: dict[int, tuple[list[int], list[_Owner]]] = {}
        self.unresolved: list[tuple[tuple[Id, ...], int, _Node | None]] = []
        #: there are XML hooks, which the CRDT library cannot read
        self.hooks = False
        #: names of roots in which one type has several faces, as in Yjs 14 (see ``mixed.py``)
        self.mixed: set[str] = set()

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
        self._find_mixed()
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
        kind = info & KIND
        if kind in (GC, SKIP):
            owners.append(None)
            return self.reader.var_uint(MAX_CLOCK)
        owner = self._owner(info, client, clock, owners)
        owners.append(owner)
        holds = _KEYS if info & KEY else _HOLDS.get(kind, 0)
        node = None
        if kind == TYPE:
            node = self.nested.setdefault((client, clock), _Node())
            node.type = self.reader.data[self.reader.at]
            self.hooks = self.hooks or node.type == XML_HOOK
            if holds == _VALUES and node.type in XML_TYPES:
                holds = _XML
        if isinstance(owner, tuple):
            self.unresolved.append((owner, holds, node))
        else:
            self._adopt(owner, holds, node)
        return self._content(kind)

    def _owner(self, info: int, client: int, clock: int, owners: list[_Owner]) -> _Owner:
        reader = self.reader
        if info & (LEFT | RIGHT):
            neighbours: list[Id] = []
            for bit in (LEFT, RIGHT):
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
        if info & KEY:
            reader.var_bytes()
        return owner

    def _byte(self) -> int:
        byte = self.reader.data[self.reader.at]
        self.reader.at += 1
        return byte

    def _content(self, kind: int) -> int:
        """Pass over the content of a struct; returns its length."""
        reader = self.reader
        if kind == STRING:
            text = reader.var_bytes()
            return len(text) if text.isascii() else len(text.decode("utf-8", "replace").encode("utf-16-le")) // 2
        if kind == DELETED:
            return reader.var_uint(MAX_CLOCK)
        if kind == ANY:
            count = reader.var_uint()
            self._values(count)
            return count
        if kind == JSON:
            count = reader.var_uint()
            for _ in range(count):
                reader.var_bytes()
            return count
        if kind == TYPE:
            if reader.var_uint() in NAMED_TYPES:
                reader.var_bytes()
        elif kind in (BINARY, EMBED, FORMAT, DOC):
            reader.var_bytes()
            if kind == FORMAT:
                reader.var_bytes()
            elif kind == DOC:
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

    def _resolve(self, neighbours: tuple[Id, ...]) -> _Node | None:
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

    def _find_mixed(self) -> None:
        mixed = {id(node) for node in self.roots.values() if _has_faces(node.holds)}
        for node in self.nested.values():
            # A fragment of Yjs 13 has XML in it, and nothing else.
            foreign = _CHARS | _MARKS | _PLAIN | _KEYS if node.type == XML_FRAGMENT else _CHARS | _PLAIN
            if node.type in (XML_FRAGMENT, XML_ELEMENT) and node.holds & foreign:
                above: _Node | None = node
                while above is not None and id(above) not in mixed:
                    mixed.add(id(above))
                    above = above.parent
        self.mixed = {name for name, node in self.roots.items() if id(node) in mixed}

    def _check_nested(self) -> None:
        for node in self.nested.values():
            if node.type == ARRAY and node.holds & _CHARS:
                # No editor writes this; reading an emoji in it as an item never ends.
                raise CollabError("invalid_update", "This document holds an array that cannot be read.")
            above, depth = node.parent, 1
            while above is not None:
                above, depth = above.parent, depth + 1
                if depth > MAX_NESTING:
                    raise CollabError("invalid_update", "This document is nested too deep to be read.")


def _has_faces(holds: int) -> bool:
    """Whether a root is more than one of text, list and attributes; XML that Yjs 13 wrote may have attributes."""
    words, values, keys = holds & (_CHARS | _MARKS), holds & _PLAIN, holds & _KEYS
    return bool((words and (values or keys)) or (values and keys) or (holds & _XML and (holds & _CHARS or values)))


def _root_kind(holds: int) -> RootKind:
    if holds & _XML:
        return "xml"
    if holds & (_CHARS | _MARKS):
        return "text"
    if holds & _KEYS:
        return "map"
    return "array" if holds & _VALUES else "empty"
