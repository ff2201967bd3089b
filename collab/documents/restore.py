"""Restoring a version: the edit that makes a document's content what it was.

Pure: no I/O, no sessions. Two Yjs v1 states go in, an ordinary Yjs v1 update comes out: deletions,
and insertions under a client id of its own. Whoever has the document open receives it as any edit,
can undo it, and concurrent edits merge with it.

The states are compared as the CRDT keeps them, item by item, and not as text or JSON:

- An item has an id that it never loses. What stands in both states is left alone, what came later is
  deleted, and what was deleted since is inserted again in front of its own tombstone, where Yjs's
  undo puts it too. So what somebody offline wrote into a deleted paragraph ends up in the restored one.
- Between items that both states share, equal content is left alone as well, although its ids differ:
  the same words typed again, or a text that a script wrote anew.
- Everything comes back as it was: formatting, embeds, attributes, subdocuments, and shared types
  inside others. pycrdt can neither read nor write some of that (an XML element in a map, a text in a
  rich text, undefined), and the types of roots, which no state tells, do not matter here.

Format: yjs, ``src/utils/encoding.js`` and ``src/structs/*.js``, version 1 encoding; order of items:
``Item.integrate`` there (YATA).
"""

from __future__ import annotations

import random
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import orjson

from collab.documents.differ import Differ
from collab.documents.operations import EMPTY_UPDATE
from collab.documents.roots import MAX_NESTING
from collab.errors import CollabError
from collab.protocol.codec import MAX_CLOCK, DecodeError, Reader, write_var_bytes, write_var_uint
from collab.protocol.scan import MAX_DEPTH

#: client and clock
_Id = tuple[int, int]

# Kinds of struct content, as Yjs numbers them.
_GC, _DELETED, _BINARY, _STRING, _EMBED, _FORMAT, _TYPE, _ANY, _DOC = 0, 1, 3, 4, 5, 6, 7, 8, 9
_LEFT, _RIGHT, _KEY = 0x80, 0x40, 0x20
_XML_ELEMENT = 3

#: content that is not text is spelled with characters from here on while it is compared
_PRIVATE: Final = 0xF0000
_LAST_CHARACTER: Final = 0x10FFFF


def restore(current: bytes, wanted: bytes, *, client_id: int | None = None) -> bytes:
    """The edit that gives the document ``current`` the content of ``wanted``.

    Args:
        current: the document as it is, as one Yjs v1 update.
        wanted: the document as it shall be; most often an older state of the same one.
        client_id: under which Yjs client id the edit is written; a new one by default. Two edits that
            are made from the same state need different ones, or replicas diverge.

    Returns:
        A Yjs v1 update for ``current``; :data:`EMPTY_UPDATE` where nothing differs. The same
        arguments give the same bytes.

    Raises:
        CollabError: ``invalid_update`` for a state that cannot be read.
    """
    try:
        here, there = _State(current), _State(wanted)
        here.integrate(there)
        there.integrate(here)
    except (DecodeError, IndexError):
        raise CollabError("invalid_update", "This document is damaged.") from None
    if client_id is None:
        client_id = random.getrandbits(32)
        while client_id in here.items or client_id in there.items:
            client_id = random.getrandbits(32)
    edit = _Edit(client_id, here.clock(client_id))
    _Comparison(edit).run(here, there)
    return edit.encode()


# -- a state, read -------------------------------------------------------------------------------------


class _Item:
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
        self.origin: _Id | None = None
        self.right_origin: _Id | None = None
        self.parent: str | _Id | None = None
        self.key: str | None = None
        self.deleted = kind in (_GC, _DELETED)
        self.home: _Shared | None = None
        self.left: _Item | None = None
        self.right: _Item | None = None
        self.shared = _Shared((client, clock)) if kind == _TYPE else None

    @property
    def id(self) -> _Id:
        return self.client, self.clock

    @property
    def last_id(self) -> _Id:
        return self.client, self.clock + self.length - 1

    @property
    def tokens(self) -> int:
        """The number of things that are compared one by one."""
        return len(self.content) if self.kind in (_STRING, _ANY) else 1

    def piece(self, clock: int, length: int, content: Any) -> _Item:
        """A part of this item as an item of its own."""
        if clock == self.clock and length == self.length:
            return self
        piece = _Item(self.client, clock, self.kind, length, content)
        piece.deleted, piece.home, piece.key = self.deleted, self.home, self.key
        piece.right_origin = self.right_origin
        if clock == self.clock:
            piece.origin, piece.parent = self.origin, self.parent
        else:
            piece.origin = (self.client, clock - 1)
        return piece


class _Shared:
    """A shared type: what stands in it in a row, and the last item of every key.

    ``address`` tells where it is: a root's name, or the id of the item.
    """

    __slots__ = ("address", "keys", "start")

    def __init__(self, address: str | _Id) -> None:
        self.address = address
        self.start: _Item | None = None
        self.keys: dict[str, _Item] = {}

    def sequence(self) -> Iterator[_Item]:
        """All items in their order, deleted ones too."""
        item = self.start
        while item is not None:
            yield item
            item = item.right

    def entries(self) -> dict[str, _Item]:
        """What the keys hold."""
        return {key: item for key, item in self.keys.items() if not item.deleted}


class _State:
    """A Yjs v1 state: its items, and after :meth:`integrate` its roots."""

    def __init__(self, state: bytes) -> None:
        self.items: dict[int, list[_Item]] = {}
        self.roots: dict[str, _Shared] = {}
        self._deletions: dict[int, list[tuple[int, int]]] = {}
        self._cuts: dict[int, set[int]] = {}
        self._starts: dict[int, dict[int, _Item]] = {}
        self._ends: dict[int, dict[int, _Item]] = {}
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

    def integrate(self, other: _State) -> None:
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

    def _integrate(self, item: _Item) -> None:
        if item.kind == _GC:
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
                    item.home = self.roots[item.parent] = _Shared(item.parent)
            elif item.parent is not None:
                above = self._starts[item.parent[0]].get(item.parent[1])
                item.home = above.shared if above is not None else None
        if item.home is not None:
            self._place(item, item.home, left, right)

    def _place(self, item: _Item, home: _Shared, left: _Item | None, right: _Item | None) -> None:
        """Item.integrate of Yjs: where an item stands among others that were put at the same place."""
        if left is not None:
            following = left.right
        else:
            following = home.start if item.key is None else _first(home.keys.get(item.key))
        if following is not right:
            other = following
            conflicting: set[_Item] = set()
            before: set[_Item] = set()
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


def _first(item: _Item | None) -> _Item | None:
    while item is not None and item.left is not None:
        item = item.left
    return item


def _needs(item: _Item) -> Iterator[_Id]:
    """What has to be in place before ``item``."""
    if item.origin is not None:
        yield item.origin
    if item.right_origin is not None:
        yield item.right_origin
    if isinstance(item.parent, tuple):
        yield item.parent


def _pieces(items: Iterable[_Item], cuts: Sequence[int], own: Set[int]) -> list[_Item]:
    pieces: list[_Item] = []
    for item in items:
        first, last = bisect_right(cuts, item.clock), bisect_left(cuts, item.clock + item.length)
        if first == last:
            pieces.append(item)
        else:
            pieces += _split(item, cuts[first:last], own)
    return pieces


def _split(item: _Item, cuts: Iterable[int], own: Set[int]) -> Iterator[_Item]:
    """Cut ``item`` at some clocks.

    Where a cut parts a surrogate pair, both halves become U+FFFD, as in Yjs; so if nothing in the same
    state asks for it (``own``), the cut is left out.
    """
    content = item.content
    wide = item.kind == _STRING and len(content) != item.length
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


def _mark_deleted(pieces: Iterable[_Item], ranges: Sequence[tuple[int, int]]) -> None:
    at = 0
    for piece in pieces:
        while at < len(ranges) and ranges[at][1] <= piece.clock:
            at += 1
        if at < len(ranges) and ranges[at][0] <= piece.clock:
            piece.deleted = True


# -- structs and values --------------------------------------------------------------------------------


def _read_item(reader: Reader, client: int, clock: int) -> _Item:
    info = _byte(reader)
    kind = info & 0x1F
    if kind == _GC:
        return _Item(client, clock, kind, _length(reader), None)
    origin = right_origin = parent = key = None
    if info & _LEFT:
        origin = _read_id(reader)
    if info & _RIGHT:
        right_origin = _read_id(reader)
    if not info & (_LEFT | _RIGHT):
        parent = reader.var_string() if reader.var_uint() == 1 else _read_id(reader)
        if info & _KEY:
            key = reader.var_string()
    item = _read_content(reader, client, clock, kind)
    item.origin, item.right_origin, item.parent, item.key = origin, right_origin, parent, key
    return item


def _read_content(reader: Reader, client: int, clock: int, kind: int) -> _Item:
    if kind == _STRING:
        text = reader.var_string()
        return _Item(client, clock, kind, _units(text), text)
    if kind == _DELETED:
        return _Item(client, clock, kind, _length(reader), None)
    begin = reader.at
    if kind == _ANY:
        values = []
        for _ in range(reader.var_uint()):
            begin = reader.at
            _value(reader)
            values.append(reader.data[begin : reader.at])
        return _Item(client, clock, kind, len(values), values)
    if kind in (_BINARY, _EMBED):
        reader.var_bytes()
    elif kind == _FORMAT:
        reader.var_bytes()
        reader.var_bytes()
    elif kind == _TYPE:
        if reader.var_uint() == _XML_ELEMENT:
            reader.var_bytes()
    elif kind == _DOC:
        reader.var_bytes()
        _value(reader)
    else:
        raise DecodeError("an unknown kind of content")
    return _Item(client, clock, kind, 1, reader.data[begin : reader.at])


def _units(text: str) -> int:
    """The length of ``text`` as clocks count it."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def _byte(reader: Reader) -> int:
    byte = reader.data[reader.at]
    reader.at += 1
    return byte


def _length(reader: Reader) -> int:
    length = reader.var_uint(MAX_CLOCK)
    if not length:
        raise DecodeError("nothing has a length of 0")
    return length


def _read_id(reader: Reader) -> _Id:
    return reader.var_uint(), reader.var_uint(MAX_CLOCK)


def _value(reader: Reader, depth: int = 0) -> Any:
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
        return tag, tuple([_value(reader, depth + 1) for _ in range(count)])
    return tag, frozenset({reader.var_bytes(): _value(reader, depth + 1) for _ in range(count)}.items())


def _json(raw: bytes) -> bytes:
    """JSON with its entries in order."""
    try:
        return orjson.dumps(orjson.loads(raw), option=orjson.OPT_SORT_KEYS)
    except orjson.JSONDecodeError:
        return raw


# -- the edit ------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Place:
    """Where things are inserted, one behind the other: ``left`` moves along."""

    address: str | _Id
    left: _Id | None
    right: _Id | None
    key: str | None = None


@dataclass(slots=True)
class _Struct:
    place: _Place
    left: _Id | None
    kind: int
    content: Any

    def encode(self) -> bytes:
        place = self.place
        info = self.kind
        if place.key is not None:
            info |= _KEY
        parts = [b""]
        if self.left is not None:
            info |= _LEFT
            parts.append(_write_id(self.left))
        if place.right is not None:
            info |= _RIGHT
            parts.append(_write_id(place.right))
        if not info & (_LEFT | _RIGHT):
            if isinstance(place.address, str):
                parts.append(b"\x01" + write_var_bytes(place.address.encode()))
            else:
                parts.append(b"\x00" + _write_id(place.address))
            if place.key is not None:
                parts.append(write_var_bytes(place.key.encode()))
        if self.kind == _STRING:
            parts.append(write_var_bytes("".join(self.content).encode()))
        elif self.kind == _ANY:
            parts.append(write_var_uint(len(self.content)) + b"".join(self.content))
        else:
            parts.append(self.content)
        parts[0] = bytes((info,))
        return b"".join(parts)


def _write_id(id: _Id) -> bytes:
    return write_var_uint(id[0]) + write_var_uint(id[1])


@dataclass(slots=True)
class _Edit:
    """What is inserted and deleted under one client id."""

    client: int
    clock: int
    _structs: list[_Struct] = field(default_factory=list)
    _begin: int = field(init=False)
    _deletions: dict[int, list[tuple[int, int]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._begin = self.clock

    def insert(self, place: _Place, item: _Item) -> _Id:
        """Copy ``item``, without what is inside it, to ``place``; returns the id of the copy."""
        here = self.client, self.clock
        last = self._structs[-1] if self._structs else None
        splits = item.kind in (_STRING, _ANY)
        if splits and last is not None and last.place is place and last.kind == item.kind:
            last.content.extend(item.content)
        else:
            content = list(item.content) if splits else item.content
            self._structs.append(_Struct(place, place.left, item.kind, content))
        self.clock += item.length
        place.left = (self.client, self.clock - 1)
        return here

    def delete(self, item: _Item) -> None:
        """Delete an item of the document."""
        self._deletions.setdefault(item.client, []).append((item.clock, item.clock + item.length))

    def encode(self) -> bytes:
        """The edit as a Yjs v1 update."""
        if not self._structs and not self._deletions:
            return EMPTY_UPDATE
        parts = []
        if self._structs:
            parts.append(b"\x01" + write_var_uint(len(self._structs)) + _write_id((self.client, self._begin)))
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


# -- comparing -----------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Step:
    """One step along a sequence: an item of the document that stays, or one that is inserted."""

    item: _Item
    stays: bool


class _Comparison:
    """Finds what differs and writes it into an edit."""

    def __init__(self, edit: _Edit) -> None:
        self._edit = edit
        self._differ = Differ()
        # pairs of shared types, in the document and as wanted, that have yet to be compared
        self._due: list[tuple[_Shared, _Shared]] = []

    def run(self, here: _State, there: _State) -> None:
        """Compare all that is in two integrated states."""
        for name in sorted(here.roots.keys() | there.roots.keys()):
            self._due.append((here.roots.get(name) or _Shared(name), there.roots.get(name) or _Shared(name)))
        while self._due:
            mine, theirs = self._due.pop()
            self._compare_keys(mine, theirs)
            self._compare_sequences(mine, theirs)

    def _insert(self, place: _Place, item: _Item) -> None:
        id = self._edit.insert(place, item)
        if item.shared is not None:
            self._due.append((_Shared(id), item.shared))

    def _compare_keys(self, mine: _Shared, theirs: _Shared) -> None:
        old, new = mine.entries(), theirs.entries()
        for key in sorted(old.keys() | new.keys()):
            before, after = old.get(key), new.get(key)
            if before is not None and after is not None and _alike(before, after):
                if before.shared is not None and after.shared is not None:
                    self._due.append((before.shared, after.shared))
                continue
            if before is not None:
                self._edit.delete(before)
            if after is not None:
                if after.length > 1:  # an entry has one value, and of several the last one counts
                    end = after.clock + after.length - 1
                    *_, after = _split(after, [end], {end})
                last = mine.keys.get(key)
                left = last.last_id if last is not None else None
                self._insert(_Place(mine.address, left, None, key), after)

    def _compare_sequences(self, mine: _Shared, theirs: _Shared) -> None:
        items = list(mine.sequence())
        wanted = [item for item in theirs.sequence() if not item.deleted]
        anchors = self._anchors(items, wanted)
        steps: list[_Step] = []
        pieces: list[_Item] = []
        at = to = 0
        for anchor, wanted_anchor in [*anchors, (len(items), len(wanted))]:
            gap = items[at:anchor]
            missing = wanted[to:wanted_anchor]
            if missing and not all(item.deleted for item in gap):
                gap, found = self._match(gap, missing)
                steps += found
            else:
                steps += [_Step(item, stays=False) for item in missing]
            pieces += gap
            if anchor < len(items):
                pieces.append(items[anchor])
                steps.append(_Step(items[anchor], stays=True))
            at, to = anchor + 1, wanted_anchor + 1
        self._write(mine, pieces, steps)

    def _anchors(self, items: Sequence[_Item], wanted: Sequence[_Item]) -> list[tuple[int, int]]:
        """Items that both have, in an order that both have: their indices."""
        known = {item.id: at for at, item in enumerate(items) if not item.deleted}
        anchors: list[tuple[int, int]] = []
        last = -1
        for wanted_at, item in enumerate(wanted):
            at = known.get(item.id, -1)
            if at > last and _alike(items[at], item):
                last = at
                anchors.append((at, wanted_at))
                shared = items[at].shared
                if shared is not None and item.shared is not None:
                    self._due.append((shared, item.shared))
        return anchors

    def _match(self, gap: list[_Item], missing: list[_Item]) -> tuple[list[_Item], list[_Step]]:
        """Find equal content under different ids.

        Returns:
            ``gap``, cut where it is needed, and the steps along it.
        """
        alphabet = _Alphabet([*gap, *missing])
        old = alphabet.spell(item for item in gap if not item.deleted)
        new = alphabet.spell(missing)
        whole = (0, len(old), 0, len(new))
        hunks = [whole] if alphabet.full else self._differ.hunks(old, new)
        gap = _cut(gap, sorted({token for hunk in hunks for token in hunk[:2]}))
        missing = _cut(missing, sorted({token for hunk in hunks for token in hunk[2:]}))
        steps: list[_Step] = []
        staying = _Walk([item for item in gap if not item.deleted])
        coming = _Walk(missing)
        for start, stop, new_start, new_stop in [*hunks, (len(old), len(old), len(new), len(new))]:
            # What is between two hunks is alike, and stays.
            steps += [_Step(item, stays=True) for item in staying.until(start)]
            staying.until(stop)
            coming.until(new_start)
            steps += [_Step(item, stays=False) for item in coming.until(new_stop)]
        return gap, steps

    def _write(self, mine: _Shared, pieces: Sequence[_Item], steps: Sequence[_Step]) -> None:
        """Delete what no step keeps, and insert what is missing, in front of its tombstone if there is one."""
        staying = {step.item for step in steps if step.stays}
        spots: dict[_Item, int] = {}
        tombs: dict[_Id, int] = {}
        for at, piece in enumerate(pieces):
            if piece in staying:
                spots[piece] = at
            elif piece.deleted:
                tombs[piece.id] = at
            else:
                self._edit.delete(piece)
        if len(steps) == len(staying):
            return
        bounds = []
        bound = len(pieces)
        for step in reversed(steps):
            bound = spots.get(step.item, bound) if step.stays else bound
            bounds.append(bound)
        at = 0
        place: _Place | None = None
        for step, bound in zip(steps, reversed(bounds), strict=True):
            item = step.item
            if step.stays:
                at, place = spots[item] + 1, None
                continue
            tomb = tombs.get(item.id, -1)
            if at < tomb < bound:
                at, place = tomb, None
            if place is None:
                place = _Place(
                    mine.address,
                    pieces[at - 1].last_id if at else None,
                    pieces[at].id if at < len(pieces) else None,
                )
            self._insert(place, item)


class _Walk:
    """Goes along items by the number of their tokens."""

    def __init__(self, items: Sequence[_Item]) -> None:
        self._items = items
        self._at = 0
        self._token = 0

    def until(self, token: int) -> list[_Item]:
        """The next items, up to the one that begins at ``token``."""
        begin = self._at
        while self._at < len(self._items) and self._token < token:
            self._token += self._items[self._at].tokens
            self._at += 1
        return list(self._items[begin : self._at])


def _cut(items: Iterable[_Item], borders: Sequence[int]) -> list[_Item]:
    """Items, those that are not deleted cut where a token at one of ``borders`` (sorted) begins."""
    pieces: list[_Item] = []
    token = 0
    for item in items:
        if item.deleted:
            pieces.append(item)
            continue
        end = token + item.tokens
        inside = borders[bisect_right(borders, token) : bisect_left(borders, end)]
        clock = item.clock
        for begin, stop in pairwise([token, *inside, end]):
            part = item.content[begin - token : stop - token] if inside else item.content
            length = _units(part) if item.kind == _STRING else stop - begin
            pieces.append(item.piece(clock, length, part))
            clock += length
        token = end
    return pieces


def _alike(one: _Item, other: _Item) -> bool:
    """Whether two items hold the same, or are shared types of the same kind."""
    if one.kind != other.kind:
        return False
    return bool(one.content == other.content) or (one.kind != _TYPE and _tokens(one) == _tokens(other))


def _tokens(item: _Item) -> list[Any]:
    """What an item holds, one by one, in a form that is equal and hashes alike where it is equal."""
    if item.kind == _STRING:
        return list(item.content)
    if item.kind == _ANY:
        return [_value(Reader(value)) for value in item.content]
    reader = Reader(item.content)
    if item.kind == _EMBED:
        return [(_EMBED, _json(reader.var_bytes()))]
    if item.kind == _FORMAT:
        return [(_FORMAT, reader.var_bytes(), _json(reader.var_bytes()))]
    if item.kind == _DOC:
        # Its options change from replica to replica (`shouldLoad`); its guid tells which document it is.
        return [(_DOC, reader.var_bytes())]
    return [(item.kind, item.content)]


class _Alphabet:
    """Spells items with one character for each token, so that they can be compared as texts.

    ``full``: there were more tokens than characters, and what was spelled cannot be compared.
    """

    def __init__(self, items: Iterable[_Item]) -> None:
        texts = (item.content for item in items if item.kind == _STRING and not item.deleted)
        self._used = {char for text in texts if not text.isascii() for char in text if ord(char) >= _PRIVATE}
        self._free = _PRIVATE
        self._characters: dict[Any, str] = {}
        self.full = False

    def spell(self, items: Iterable[_Item]) -> str:
        """The tokens of items that are not deleted."""
        parts: list[str] = []
        for item in items:
            if item.kind == _STRING:
                parts.append(item.content)
            elif item.shared is not None:
                parts.append(self._character((_TYPE, _fingerprint(item))))
            else:
                parts += [self._character((item.kind, token)) for token in _tokens(item)]
        return "".join(parts)

    def _character(self, token: Any) -> str:
        character = self._characters.get(token)
        if character is None:
            while chr(self._free) in self._used and self._free < _LAST_CHARACTER:
                self._free += 1
            character = self._characters[token] = chr(self._free)
            if self._free == _LAST_CHARACTER:
                self.full = True
            else:
                self._free += 1
        return character


def _fingerprint(item: _Item, depth: int = 0) -> Any:
    """What a shared type holds; equal, and hashing alike, for types with the same content."""
    if item.shared is None or depth > MAX_NESTING:
        return object()
    sequence: list[Any] = []
    for inner in item.shared.sequence():
        if not inner.deleted:
            if inner.shared is not None:
                sequence.append(_fingerprint(inner, depth + 1))
            else:
                sequence += [(inner.kind, token) for token in _tokens(inner)]
    entries = frozenset(
        (key, _fingerprint(inner, depth + 1) if inner.shared is not None else (inner.kind, *_tokens(inner)))
        for key, inner in item.shared.entries().items()
    )
    return item.content, tuple(sequence), entries
