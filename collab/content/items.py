"""The items of a Yjs state: read, cut, and each in its place.

Pure: no I/O, no sessions. A Yjs v1 state goes in; what comes out are its roots, and in every shared
type its items in the order in which the CRDT keeps them, deleted ones too. pycrdt shows neither ids
nor tombstones, and cannot read all that a state may hold.

Two states are cut at the same clocks, so that what stands in both can be told by its id.

Format: yjs, ``src/utils/encoding.js``, version 1 encoding; structs: ``yjs_structs.py``; order of items:
``Item.integrate`` there (YATA).
"""

from __future__ import annotations

import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence, Set
from itertools import pairwise
from typing import Any

from collab.protocol.codec import MAX_CLOCK, DecodeError, Reader
from collab.protocol.yjs_structs import (
    ANY,
    BINARY,
    DELETED,
    DOC,
    EMBED,
    FORMAT,
    GC,
    KEY,
    KIND,
    LEFT,
    MAX_DEPTH,
    NAMED_TYPES,
    RIGHT,
    SKIP,
    STRING,
    TYPE,
    Id,
    units,
)


class Item:
    """A run of content with consecutive ids.

    ``content``: of a text a str, of plain values a list of them, else the bytes as they stand in the
    update. ``home``: the shared type that holds it; None for what is lost with a deleted one.
    ``shared``: the shared type that it is, if it is one.
    """

    __slots__ = (
        "client", "clock", "content", "deleted", "home", "key", "kind", "left", "length", "origin",
        "parent", "right", "right_origin", "shared",
    )  # fmt: skip

    def __init__(self, client: int, clock: int, kind: int, length: int, content: Any) -> None:
        self.client = client
        self.clock = clock
        self.kind = kind
        self.length = length
        self.content = content
        self.origin: Id | None = None
        self.right_origin: Id | None = None
        self.parent: str | Id | None = None
        self.key: str | None = None
        self.deleted = kind in (GC, DELETED)
        self.home: Shared | None = None
        self.left: Item | None = None
        self.right: Item | None = None
        self.shared = Shared((client, clock)) if kind == TYPE else None

    @property
    def id(self) -> Id:
        return self.client, self.clock

    @property
    def last_id(self) -> Id:
        return self.client, self.clock + self.length - 1

    @property
    def tokens(self) -> int:
        """The number of things that are compared one by one."""
        return len(self.content) if self.kind in (STRING, ANY) else 1

    def piece(self, clock: int, length: int, content: Any) -> Item:
        """A part of this item as an item of its own."""
        if clock == self.clock and length == self.length:
            return self
        piece = Item(self.client, clock, self.kind, length, content)
        piece.deleted, piece.home, piece.key = self.deleted, self.home, self.key
        piece.right_origin = self.right_origin
        if clock == self.clock:
            piece.origin, piece.parent = self.origin, self.parent
        else:
            piece.origin = (self.client, clock - 1)
        return piece


class Shared:
    """A shared type: what stands in it in a row, and the last item of every key.

    ``address`` tells where it is: a root's name, or the id of the item.
    """

    __slots__ = ("address", "keys", "start")

    def __init__(self, address: str | Id) -> None:
        self.address = address
        self.start: Item | None = None
        self.keys: dict[str, Item] = {}

    def sequence(self) -> Iterator[Item]:
        """All items in their order, deleted ones too."""
        item = self.start
        while item is not None:
            yield item
            item = item.right

    def entries(self) -> dict[str, Item]:
        """What the keys hold."""
        return {key: item for key, item in self.keys.items() if not item.deleted}


class State:
    """A Yjs v1 state: its items by client, and after :meth:`integrate` its roots by name.

    Raises:
        DecodeError, IndexError: it cannot be read.
    """

    def __init__(self, state: bytes) -> None:
        self.items: dict[int, list[Item]] = {}
        self.roots: dict[str, Shared] = {}
        self._deletions: dict[int, list[tuple[int, int]]] = {}
        self._cuts: dict[int, set[int]] = {}
        self._starts: dict[int, dict[int, Item]] = {}
        self._ends: dict[int, dict[int, Item]] = {}
        reader = Reader(state)
        for _ in range(reader.var_uint()):
            count, client, clock = reader.var_uint(), reader.var_uint(), reader.var_uint(MAX_CLOCK)
            items = self.items.setdefault(client, [])
            for _ in range(count):
                item = _read_item(reader, client, clock)
                items.append(item)
                clock += item.length
        for _ in range(reader.var_uint()):
            client = reader.var_uint()
            ranges = self._deletions.setdefault(client, [])
            for _ in range(reader.var_uint()):
                clock = reader.var_uint(MAX_CLOCK)
                ranges.append((clock, clock + reader.var_uint(MAX_CLOCK)))
            ranges.sort()
        reader.end()
        self._find_cuts()

    def clock(self, client: int) -> int:
        """The clock behind the last item of ``client``."""
        items = self.items.get(client)
        return items[-1].clock + items[-1].length if items else 0

    def _find_cuts(self) -> None:
        """Note the clocks at which something begins, or that something leans on."""
        cuts = self._cuts
        for client, items in self.items.items():
            own = cuts.setdefault(client, set())
            for item in items:
                own.add(item.clock)
                own.add(item.clock + item.length)
                if item.origin is not None:
                    cuts.setdefault(item.origin[0], set()).add(item.origin[1] + 1)
                if item.right_origin is not None:
                    cuts.setdefault(item.right_origin[0], set()).add(item.right_origin[1])
        for client, ranges in self._deletions.items():
            cuts.setdefault(client, set()).update(clock for begin_end in ranges for clock in begin_end)

    def integrate(self, other: State) -> None:
        """Cut the items where something of this state or of ``other`` begins, and put each into its place.

        Raises:
            DecodeError: items wait for each other in a circle.
        """
        for client, items in self.items.items():
            own = self._cuts[client]
            pieces = _pieces(items, sorted(own | other._cuts.get(client, set())), own)
            _mark_deleted(pieces, self._deletions.get(client, ()))
            self.items[client] = pieces
            self._starts[client] = {piece.clock: piece for piece in pieces}
            self._ends[client] = {piece.clock + piece.length: piece for piece in pieces}
        done = dict.fromkeys(self.items, 0)  # how many items of each client are in place
        clocks = {client: items[0].clock if items else 0 for client, items in self.items.items()}
        waiting: dict[int, list[tuple[int, int]]] = {}  # client -> (clock waited for, who waits)
        ready = sorted(self.items)
        while ready:
            client = ready.pop()
            items = self.items[client]
            at = done[client]
            while at < len(items):
                item = items[at]
                missing = next((need for need in _needs(item) if clocks.get(need[0], 0) <= need[1]), None)
                if missing is not None:
                    waiting.setdefault(missing[0], []).append((missing[1], client))
                    break
                self._integrate(item)
                at += 1
                clocks[client] = item.clock + item.length
            done[client] = at
            still = []
            for clock, waiter in waiting.pop(client, ()):
                if clock < clocks[client]:
                    ready.append(waiter)
                else:
                    still.append((clock, waiter))
            if still:
                waiting[client] = still
        if any(waiting.values()):
            raise DecodeError("items wait for each other")

    def _integrate(self, item: Item) -> None:
        if item.kind == GC:
            return
        left = right = None
        if item.origin is not None:
            left = self._ends[item.origin[0]].get(item.origin[1] + 1)
            item.home = left.home if left is not None else None
            item.key = left.key if left is not None else None
        if item.right_origin is not None:
            right = self._starts[item.right_origin[0]].get(item.right_origin[1])
            if right is None or right.home is None:
                item.home = None
            elif left is None:
                item.home, item.key = right.home, right.key
        if item.origin is None and item.right_origin is None:
            if isinstance(item.parent, str):
                item.home = self.roots.get(item.parent)
                if item.home is None:
                    item.home = self.roots[item.parent] = Shared(item.parent)
            elif item.parent is not None:
                above = self._starts[item.parent[0]].get(item.parent[1])
                item.home = above.shared if above is not None else None
        if item.home is not None:
            self._place(item, item.home, left, right)

    def _place(self, item: Item, home: Shared, left: Item | None, right: Item | None) -> None:
        """Item.integrate of Yjs: where an item stands among others that were put at the same place."""
        if left is not None:
            following = left.right
        else:
            following = home.start if item.key is None else _first(home.keys.get(item.key))
        if following is not right:
            other = following
            conflicting: set[Item] = set()
            before: set[Item] = set()
            while other is not None and other is not right:
                before.add(other)
                conflicting.add(other)
                if other.origin == item.origin:
                    if other.client < item.client:
                        left = other
                        conflicting.clear()
                    elif other.right_origin == item.right_origin:
                        break
                elif other.origin is not None:
                    leaned_on = self._ends[other.origin[0]].get(other.origin[1] + 1)
                    if leaned_on not in before:
                        break
                    if leaned_on not in conflicting:
                        left = other
                        conflicting.clear()
                else:
                    break
                other = other.right
            if left is not None:
                following = left.right
        item.left, item.right = left, following
        if left is not None:
            left.right = item
        elif item.key is None:
            home.start = item
        if item.right is not None:
            item.right.left = item
        elif item.key is not None:
            home.keys[item.key] = item


def _first(item: Item | None) -> Item | None:
    while item is not None and item.left is not None:
        item = item.left
    return item


def _needs(item: Item) -> Iterator[Id]:
    """What has to be in place before ``item``."""
    if item.origin is not None:
        yield item.origin
    if item.right_origin is not None:
        yield item.right_origin
    if isinstance(item.parent, tuple):
        yield item.parent


def _pieces(items: Iterable[Item], cuts: Sequence[int], own: Set[int]) -> list[Item]:
    pieces: list[Item] = []
    for item in items:
        first, last = bisect_right(cuts, item.clock), bisect_left(cuts, item.clock + item.length)
        if first == last:
            pieces.append(item)
        else:
            pieces += split(item, cuts[first:last], own)
    return pieces


def split(item: Item, cuts: Iterable[int], own: Set[int]) -> Iterator[Item]:
    """Cut ``item`` at some clocks; its pieces, in their order.

    Where a cut parts a surrogate pair, both halves become U+FFFD, as in Yjs; so if nothing in the same
    state asks for it (``own``), the cut is left out.
    """
    content = item.content
    wide = item.kind == STRING and len(content) != item.length
    if wide:
        content = content.encode("utf-16-le")
        cuts = [cut for cut in cuts if cut in own or content[2 * (cut - item.clock) + 1] & 0xFC != 0xDC]
    for begin, end in pairwise([item.clock, *cuts, item.clock + item.length]):
        start, stop = begin - item.clock, end - item.clock
        if wide:
            part = content[2 * start : 2 * stop].decode("utf-16-le", "replace")
        else:
            part = content[start:stop] if content is not None else None
        yield item.piece(begin, end - begin, part)


def _mark_deleted(pieces: Iterable[Item], ranges: Sequence[tuple[int, int]]) -> None:
    at = 0
    for piece in pieces:
        while at < len(ranges) and ranges[at][1] <= piece.clock:
            at += 1
        if at < len(ranges) and ranges[at][0] <= piece.clock:
            piece.deleted = True


# -- structs and values --------------------------------------------------------------------------------


def _read_item(reader: Reader, client: int, clock: int) -> Item:
    info = _byte(reader)
    kind = info & KIND
    if kind in (GC, SKIP):
        return Item(client, clock, GC, _length(reader), None)  # of what is missing nothing is known either
    origin = right_origin = parent = key = None
    if info & LEFT:
        origin = _read_id(reader)
    if info & RIGHT:
        right_origin = _read_id(reader)
    if not info & (LEFT | RIGHT):
        parent = reader.var_string() if reader.var_uint() == 1 else _read_id(reader)
        if info & KEY:
            key = reader.var_string()
    item = _read_content(reader, client, clock, kind)
    item.origin, item.right_origin, item.parent, item.key = origin, right_origin, parent, key
    return item


def _read_content(reader: Reader, client: int, clock: int, kind: int) -> Item:
    if kind == STRING:
        text = reader.var_string()
        return Item(client, clock, kind, units(text), text)
    if kind == DELETED:
        return Item(client, clock, kind, _length(reader), None)
    begin = reader.at
    if kind == ANY:
        values = []
        for _ in range(reader.var_uint()):
            begin = reader.at
            read_value(reader)
            values.append(reader.data[begin : reader.at])
        return Item(client, clock, kind, len(values), values)
    if kind in (BINARY, EMBED):
        reader.var_bytes()
    elif kind == FORMAT:
        reader.var_bytes()
        reader.var_bytes()
    elif kind == TYPE:
        if reader.var_uint() in NAMED_TYPES:
            reader.var_bytes()
    elif kind == DOC:
        reader.var_bytes()
        read_value(reader)
    else:
        raise DecodeError("an unknown kind of content")
    return Item(client, clock, kind, 1, reader.data[begin : reader.at])


def _byte(reader: Reader) -> int:
    byte = reader.data[reader.at]
    reader.at += 1
    return byte


def _length(reader: Reader) -> int:
    length = reader.var_uint(MAX_CLOCK)
    if not length:
        raise DecodeError("nothing has a length of 0")
    return length


def _read_id(reader: Reader) -> Id:
    return reader.var_uint(), reader.var_uint(MAX_CLOCK)


def read_value(reader: Reader, depth: int = 0) -> Any:
    """The next lib0 "any" value, in a form that is equal and hashes alike for equal values.

    One value has several encodings: numbers choose a width, and objects any order of their entries.
    """
    tag = _byte(reader)
    if tag == 119:  # text
        return reader.var_bytes()
    if tag == 125:  # an integer: a sign and six bits first
        byte = _byte(reader)
        whole, shift, sign = byte & 0x3F, 6, byte & 0x40
        while byte >= 0x80:
            byte = _byte(reader)
            whole |= (byte & 0x7F) << shift
            shift += 7
            if shift > 62:
                raise DecodeError("number too long")
        return float(-whole if sign else whole)
    if tag in (124, 123):
        form, size = (">f", 4) if tag == 124 else (">d", 8)
        number: float = struct.unpack(form, reader.take(size))[0]
        return number if number == number else (tag, "NaN")
    if tag in (120, 121, 126, 127):  # true, false, null, undefined
        return (tag,)
    if tag == 122:
        return tag, reader.take(8)
    if tag == 116:
        return tag, reader.var_bytes()
    if tag not in (117, 118) or depth > MAX_DEPTH:
        raise DecodeError("not a value")
    count = reader.var_uint()
    if tag == 117:
        return tag, tuple([read_value(reader, depth + 1) for _ in range(count)])
    return tag, frozenset({reader.var_bytes(): read_value(reader, depth + 1) for _ in range(count)}.items())
