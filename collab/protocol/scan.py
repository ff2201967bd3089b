"""The structure of a foreign Yjs v1 update, read before the CRDT sees it.

A hostile update can end or hang the process inside the CRDT library. This scan reads every struct
and delete range without integrating anything and refuses what no honest editor sends: counts that
the bytes cannot hold, deep nesting, obsolete content kinds, clocks out of range, references to
things that do not exist. What passes integrates completely: nothing is left pending.

Format: yjs, ``src/utils/encoding.js`` (``writeClientsStructs``, ``writeDeleteSet``) and
``src/structs/*.js``, version 1 encoding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from collab.errors import CollabError
from collab.protocol.awareness import depth_exceeds
from collab.protocol.codec import MAX_CLIENT, MAX_CLOCK

#: levels of arrays and objects in one content value
MAX_DEPTH = 64

_GC, _DELETED, _JSON, _BINARY, _STRING, _EMBED, _FORMAT, _TYPE, _ANY, _DOC, _SKIP = range(11)
_LEFT, _RIGHT, _KEY = 0x80, 0x40, 0x20
_XML_ELEMENT = 3
_TYPES = frozenset({0, 1, 2, 3, 4, 6})  # 5 is the obsolete hook, 7 and above are not Yjs's


class _Fault(ValueError):
    """The update is damaged."""


class _Missing(ValueError):
    """The update builds on something unknown."""


@dataclass(slots=True)
class Scan:
    """What an update holds.

    ``ends``: client id -> clock behind its last struct; ``structs``: their number; ``new``: some of
    them are unknown so far; ``deletes``: there is a delete set; ``entangled``: structs of one
    client lean on new structs of another, so that only integrating tells whether it can.
    """

    ends: dict[int, int]
    structs: int
    new: bool
    deletes: bool
    entangled: bool


def scan(update: bytes, clocks: Mapping[int, int]) -> Scan:
    """Read the structure of ``update``.

    Args:
        update: Yjs v1 bytes from anybody.
        clocks: the state vector of the document that it is meant for.

    Raises:
        CollabError: ``invalid_update`` where it is damaged or hostile, ``missing_dependencies``
            where it builds on something that the document lacks.
    """
    try:
        return _Scanner(update, clocks).run()
    except _Missing as error:
        raise CollabError("missing_dependencies", f"This edit builds on unknown changes: {error}.") from None
    except IndexError:
        raise CollabError("invalid_update", "This edit is damaged: unexpected end.") from None
    except ValueError as error:
        words = str(error) if isinstance(error, _Fault) else "text is not UTF-8"
        raise CollabError("invalid_update", f"This edit is damaged: {words}.") from None


class _Scanner:
    __slots__ = ("at", "clocks", "data", "distant", "size")

    def __init__(self, data: bytes, clocks: Mapping[int, int]) -> None:
        self.data = data
        self.size = len(data)
        self.at = 0
        self.clocks = clocks
        # references to structs beyond `clocks` of another client: (client, clock)
        self.distant: list[tuple[int, int]] = []

    def run(self) -> Scan:
        clocks = self.clocks
        ends: dict[int, int] = {}
        structs = 0
        new = False
        sections = self.count(3)
        for _ in range(sections):
            count = self.count(2)
            client = self.uint()
            clock = self.uint()
            if client > MAX_CLIENT or clock > MAX_CLOCK:
                raise _Fault("a number is out of range")
            if client in ends:
                raise _Fault("a client stands twice")
            known = clocks.get(client, 0)
            if clock > known:
                raise _Missing("a gap before the first change")
            for _ in range(count):
                clock += self.struct(client, clock)
                if clock > MAX_CLOCK:
                    raise _Fault("a clock is out of range")
            ends[client] = clock
            structs += count
            if clock > known:
                new = True
        entangled = False
        for client, clock in self.distant:
            if clock >= ends.get(client, 0):
                raise _Missing("an origin or a parent is unknown")
            entangled = True
        deletes = self.delete_set(ends)
        if self.at != self.size:
            raise _Fault("trailing bytes")
        return Scan(ends, structs, new, deletes, entangled)

    # -- numbers and text -----------------------------------------------------------------------

    def uint(self) -> int:
        data, at = self.data, self.at
        byte = data[at]
        at += 1
        if byte < 0x80:
            self.at = at
            return byte
        value = byte & 0x7F
        shift = 7
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                self.at = at
                return value
            shift += 7
            if shift > 49:
                raise _Fault("a number is too long")

    def count(self, bytes_each: int) -> int:
        """A number of things of which each takes at least ``bytes_each``."""
        value = self.uint()
        if value * bytes_each > self.size - self.at:
            raise _Fault("a count is larger than the update")
        return value

    def chunk(self) -> bytes:
        count = self.uint()
        end = self.at + count
        if end > self.size:
            raise _Fault("unexpected end")
        chunk = self.data[self.at : end]
        self.at = end
        return chunk

    def text(self) -> str:
        return self.chunk().decode("utf-8")

    # -- structs --------------------------------------------------------------------------------

    def struct(self, client: int, clock: int) -> int:
        """Read one struct at ``clock``; returns its length."""
        info = self.data[self.at]
        self.at += 1
        kind = info & 0x1F
        if kind == _GC:
            return self.length()
        if kind == _SKIP:
            raise _Missing("a gap between changes")
        if info & 0xC0:
            if info & _LEFT:
                self.reference(client, clock)
            if info & _RIGHT:
                self.reference(client, clock)
        else:
            named = self.uint()
            if named == 1:
                self.text()
            elif named == 0:
                self.reference(client, clock)
            else:
                raise _Fault("a parent is neither named nor referenced")
            if info & _KEY:
                self.text()
        if kind == _STRING:
            text = self.text()
            length = len(text) if text.isascii() else len(text.encode("utf-16-le")) >> 1
            if length == 0:
                raise _Fault("an empty text")
            return length
        return self.content(kind)

    def reference(self, client: int, clock: int) -> None:
        """Read an id; what it names exists or comes with this update."""
        to_client = self.uint()
        to_clock = self.uint()
        if to_client == client:
            if to_clock >= clock:
                raise _Missing("a change leans on a later one")
        elif to_clock >= self.clocks.get(to_client, 0):
            self.distant.append((to_client, to_clock))

    def length(self) -> int:
        length = self.uint()
        if not 0 < length <= MAX_CLOCK:
            raise _Fault("a length is out of range")
        return length

    def content(self, kind: int) -> int:
        if kind == _DELETED:
            return self.length()
        if kind == _ANY:
            count = self.count(1)
            if count == 0:
                raise _Fault("an empty list of values")
            self.values(count)
            return count
        if kind == _FORMAT:
            self.text()
            self.json()
        elif kind == _EMBED:
            self.json()
        elif kind == _BINARY:
            self.chunk()
        elif kind == _TYPE:
            reference = self.uint()
            if reference not in _TYPES:
                raise _Fault("an unknown type")
            if reference == _XML_ELEMENT:
                self.text()
        elif kind == _DOC:
            self.text()
            self.values(1)
        else:
            raise _Fault("an unknown kind of content")
        return 1

    def json(self) -> None:
        text = self.text()
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise _Fault("a value is not JSON") from None
        if depth_exceeds(value, MAX_DEPTH):
            raise _Fault("a value is nested too deep")

    def values(self, count: int) -> None:
        """Read ``count`` lib0 "any" values, without recursion."""
        data = self.data
        open_counts = [count]  # values still due at each level
        keyed = [False]
        while open_counts:
            if open_counts[-1] == 0:
                open_counts.pop()
                keyed.pop()
                continue
            open_counts[-1] -= 1
            if keyed[-1]:
                self.text()
            tag = data[self.at]
            self.at += 1
            if tag in (127, 126, 121, 120):  # undefined, null, false, true
                continue
            if tag == 119:
                self.text()
            elif tag == 125:
                self.signed()
            elif tag == 124:
                self.skip(4)
            elif tag in (123, 122):
                self.skip(8)
            elif tag == 116:
                self.chunk()
            elif tag in (118, 117):
                if len(open_counts) > MAX_DEPTH:
                    raise _Fault("a value is nested too deep")
                open_counts.append(self.count(2 if tag == 118 else 1))
                keyed.append(tag == 118)
            else:
                raise _Fault("an unknown kind of value")

    def signed(self) -> None:
        data, at = self.data, self.at
        for width in range(9):
            if data[at + width] < 0x80:
                self.at = at + width + 1
                return
        raise _Fault("a number is too long")

    def skip(self, count: int) -> None:
        self.at += count
        if self.at > self.size:
            raise _Fault("unexpected end")

    # -- deletions ------------------------------------------------------------------------------

    def delete_set(self, ends: dict[int, int]) -> bool:
        sections = self.count(2)
        clocks = self.clocks
        seen: set[int] = set()
        deletes = False
        for _ in range(sections):
            client = self.uint()
            if client in seen:
                raise _Fault("a client stands twice")
            seen.add(client)
            end = max(clocks.get(client, 0), ends.get(client, 0))
            for _ in range(self.count(2)):
                clock = self.uint()
                if clock + self.length() > end:
                    raise _Missing("a deletion of something unknown")
                deletes = True
        return deletes
