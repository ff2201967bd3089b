"""A large Yjs update in pieces, none of which needs a later one.

A server takes updates up to a size, and refuses what builds on something that it has not seen. So the
structs go out in an order in which each finds what it refers to; long texts and lists are cut; what was
deleted comes last. Applied one after the other, the pieces do what the whole update does.

Format: yjs, ``src/utils/encoding.js``, version 1 encoding; structs: ``yjs_structs.py``.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from mmap import mmap
from typing import cast

from collab.protocol.codec import Reader, write_var_bytes, write_var_uint
from collab.protocol.known import Known
from collab.protocol.rewriting import write_id
from collab.protocol.yjs_structs import ANY, KIND, LEFT, SKIP, STRING, Id, StructReader

#: bytes that a piece may take beside the content of its structs
_HEAD = 64


def in_pieces(
    update: bytes | mmap, most: int, most_structs: int | None = None, known: Mapping[int, int] | None = None
) -> Iterator[bytes]:
    """Cut ``update`` into updates of at most ``most`` bytes.

    Args:
        update: Yjs v1; complete in itself, as a whole document is, or relative to a document. A large one
            may be a file that is mapped: little of it is in memory then at any time.
        most: bytes, at least 1024. A single value that is larger makes a larger piece.
        most_structs: structs of one piece (None: however many).
        known: a state vector; structs that somebody with it has are left out.

    Raises:
        ValueError, IndexError: ``update`` is no Yjs update.
    """
    if len(update) <= most and most_structs is None:
        yield update[:]
        return
    structs = _Structs(cast("bytes", update))  # a slice of a map is bytes, too
    yield from _Pieces(structs, most, most_structs, known).run()
    yield from _deletions(update[structs.end :], most)


def new_bytes(update: bytes, known: Known) -> int:
    """Bytes of the structs in ``update`` of which anything is new.

    Raises:
        ValueError, IndexError: ``update`` is no Yjs update.
    """
    structs = _Structs(update)
    size = 0
    for client, starts in structs.starts.items():
        first = _first_new(starts, known.clocks.get(client, 0))
        places = structs.places[client]
        size += places[-1] - places[first]
        if client in known.behind:
            for at in range(first, len(starts) - 1):
                if next(known.lacks(client, starts[at], starts[at + 1]), None) is None:
                    size -= places[at + 1] - places[at]
    return size


def _first_new(starts: array[int], clock: int) -> int:
    """The index of the first struct that ends behind ``clock``."""
    return min(max(bisect_right(starts, clock) - 1, 0), len(starts) - 1)


class _Structs(StructReader):
    """Where every struct of an update stands: two numbers for each, since there may be millions.

    ``starts``: per client the clock of each struct, and the end; ``places``: where its bytes begin.
    """

    __slots__ = ("end", "places", "starts")

    def __init__(self, update: bytes) -> None:
        super().__init__(update)
        self.starts: dict[int, array[int]] = {}
        self.places: dict[int, array[int]] = {}
        for _ in range(self.count(3)):
            count, client, clock = self.count(2), self.uint(), self.uint()
            starts, places = self.starts.setdefault(client, array("Q")), self.places.setdefault(client, array("Q"))
            for _ in range(count):
                starts.append(clock)
                places.append(self.at)
                clock += self.look()
            starts.append(clock)
            places.append(self.at)
        self.end = self.at

    def look(self, at: int | None = None) -> int:
        """Read one struct; returns its length."""
        if at is not None:
            self.at = at
        self.maps.clear()
        return self.struct()

    @property
    def references(self) -> tuple[Id, ...]:
        """What the struct that was looked at names."""
        return tuple(id for id in (self.left, self.right, self.parent) if id is not None)


class _Pieces:
    """Puts structs in order and into updates."""

    def __init__(self, structs: _Structs, most: int, most_structs: int | None, known: Mapping[int, int] | None) -> None:
        self._structs = structs
        self._most = most
        self._most_structs = most_structs or len(structs.data)
        self._next = {
            client: _first_new(starts, known.get(client, 0)) if known else 0
            for client, starts in structs.starts.items()
        }
        #: per client the first clock, structs, and the clock behind them
        self._piece: dict[int, tuple[int, list[bytes], int]] = {}
        self._size = 0
        self._count = 0

    def run(self) -> Iterator[bytes]:
        """The pieces."""
        for client, starts in self._structs.starts.items():
            yield from self._up_to(client, starts[-1])
        if self._piece:
            yield self._take()

    def _up_to(self, client: int, clock: int) -> Iterator[bytes]:
        """Put out the structs of ``client`` before ``clock``, and before each what it refers to."""
        goals = [(client, clock)]
        while goals:
            client, clock = goals[-1]
            if self._done(client) >= clock:
                goals.pop()
                continue
            index = self._next[client]
            self._structs.look(self._structs.places[client][index])
            missing = next((one for one in self._structs.references if self._lacks(*one, client)), None)
            if missing is not None:
                goals.append((missing[0], missing[1] + 1))
                continue
            self._next[client] = index + 1
            yield from self._put(client, index)

    def _done(self, client: int) -> int:
        return self._structs.starts[client][self._next[client]]

    def _lacks(self, client: int, clock: int, own: int) -> bool:
        """Whether a struct is in this update and not out yet."""
        starts = self._structs.starts.get(client)
        return client != own and starts is not None and self._done(client) <= clock < starts[-1]

    def _put(self, client: int, index: int) -> Iterator[bytes]:
        places = self._structs.places[client]
        start, end = self._structs.starts[client][index : index + 2]
        if self._structs.data[places[index]] & KIND == SKIP:
            return
        if places[index + 1] - places[index] <= self._most - _HEAD:
            cut = [(start, self._structs.data[places[index] : places[index + 1]])]
        else:
            cut = self._cut(client, start, places[index], places[index + 1])
        ends = [clock for clock, _ in cut[1:]] + [end]
        for (clock, raw), end in zip(cut, ends, strict=True):
            if self._piece and (self._size + len(raw) + _HEAD > self._most or self._count >= self._most_structs):
                yield self._take()
            if client not in self._piece:
                self._piece[client] = (clock, [], clock)
                self._size += _HEAD // 2
            first, raws, at = self._piece[client]
            if at < clock:
                raws.append(bytes((SKIP,)) + write_var_uint(clock - at))
            raws.append(raw)
            self._piece[client] = (first, raws, end)
            self._size += len(raw)
            self._count += 1

    def _take(self) -> bytes:
        piece, self._piece, self._size, self._count = self._piece, {}, 0, 0
        parts = [write_var_uint(len(piece))]
        for client, (clock, raws, _) in piece.items():
            parts += [write_var_uint(len(raws)), write_var_uint(client), write_var_uint(clock), *raws]
        return b"".join([*parts, b"\0"])

    def _cut(self, client: int, clock: int, begin: int, end: int) -> list[tuple[int, bytes]]:
        """A struct as several: each leans on the one before."""
        structs = self._structs
        info = structs.data[begin]
        kind = info & KIND
        room = self._most - 2 * _HEAD
        head = structs.data[begin : structs.content_at]
        if kind == STRING:
            contents = list(_text_runs(structs.data[structs.content_at : end], room))
        elif kind == ANY:
            contents = list(self._value_runs(room))
        else:
            return [(clock, structs.data[begin:end])]
        right = write_id(structs.right) if structs.right is not None else b""
        cut = []
        for content, length in contents:
            cut.append((clock, head + content))
            clock += length
            head = bytes((info | LEFT,)) + write_id((client, clock - 1)) + right
        return cut

    def _value_runs(self, room: int) -> Iterator[tuple[bytes, int]]:
        """The values of the struct that was looked at, in runs: their content and their number."""
        structs = self._structs
        structs.at = structs.content_at
        left = structs.uint()
        while left:
            begin = structs.at
            count = 0
            while left and (not count or structs.at - begin < room):
                before = structs.at
                structs.values(1)
                if count and structs.at - begin > room:
                    structs.at = before
                    break
                count += 1
                left -= 1
            yield write_var_uint(count) + structs.data[begin : structs.at], count


def _text_runs(content: bytes, room: int) -> Iterator[tuple[bytes, int]]:
    """A text in runs: their content and their length in UTF-16 units."""
    text = Reader(content).var_bytes()
    begin = 0
    while begin < len(text):
        end = min(begin + room, len(text))
        while end < len(text) and text[end] & 0xC0 == 0x80:
            end -= 1
        run = text[begin:end]
        yield write_var_bytes(run), len(run.decode().encode("utf-16-le")) // 2
        begin = end


def _deletions(encoded: bytes, most: int) -> Iterator[bytes]:
    """Updates that hold nothing but a delete set."""
    if encoded == b"\0":
        return
    if len(encoded) < most:
        yield b"\0" + encoded
        return
    reader = Reader(encoded)
    ranges: list[bytes] = []
    size = 0
    for _ in range(reader.var_uint()):
        client = reader.var_uint()
        for _ in range(reader.var_uint()):
            one = write_var_uint(reader.var_uint()) + write_var_uint(reader.var_uint())
            if ranges and size + len(one) + _HEAD > most:
                yield _deletion(client, ranges)
                ranges, size = [], 0
            ranges.append(one)
            size += len(one)
        if ranges:
            yield _deletion(client, ranges)
            ranges, size = [], 0
    reader.end()


def _deletion(client: int, ranges: list[bytes]) -> bytes:
    return b"\0\1" + write_var_uint(client) + write_var_uint(len(ranges)) + b"".join(ranges)
