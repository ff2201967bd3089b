"""A large Yjs update in pieces, none of which needs a later one.

A server takes updates up to a size, and refuses what builds on something that it has not seen. So the
structs go out in an order in which each finds what it refers to; long texts and lists are cut; what was
deleted comes last. Applied one after the other, the pieces do what the whole update does.

Format: yjs, ``src/utils/encoding.js`` and ``src/structs/*.js``, version 1 encoding.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from mmap import mmap
from typing import cast

from collab.protocol.codec import Reader, write_var_bytes, write_var_uint
from collab.protocol.scan import _ANY, _LEFT, _RIGHT, _STRING, _Scanner

#: bytes that a piece may take beside the content of its structs
_HEAD = 64


def in_pieces(update: bytes | mmap, most: int, most_structs: int | None = None) -> Iterator[bytes]:
    """Cut ``update`` into updates of at most ``most`` bytes.

    Args:
        update: Yjs v1; complete in itself, as a whole document is, or relative to a document. A large one
            may be a file that is mapped: little of it is in memory then at any time.
        most: bytes, at least 1024. A single value that is larger makes a larger piece.
        most_structs: structs of one piece (None: however many).

    Raises:
        ValueError, IndexError: ``update`` is no Yjs update.
    """
    if len(update) <= most and most_structs is None:
        yield update[:]
        return
    structs = _Structs(cast("bytes", update))  # a slice of a map is bytes, too
    yield from _Pieces(structs, most, most_structs).run()
    yield from _deletions(update[structs.end :], most)


class _Structs(_Scanner):
    """Where every struct of an update stands: two numbers for each, since there may be millions.

    ``starts``: per client the clock of each struct, and the end; ``places``: where its bytes begin.
    After :meth:`look`: ``references``, ``text_at`` and ``content_at`` of the struct that was looked at.
    """

    __slots__ = ("content_at", "end", "places", "references", "starts", "text_at")

    def __init__(self, update: bytes) -> None:
        super().__init__(update, {})
        self.text_at = self.content_at = 0
        self.references: list[tuple[int, int]] = []
        self.starts: dict[int, array[int]] = {}
        self.places: dict[int, array[int]] = {}
        for _ in range(self.count(3)):
            count, client, clock = self.count(2), self.uint(), self.uint()
            starts, places = self.starts.setdefault(client, array("Q")), self.places.setdefault(client, array("Q"))
            for _ in range(count):
                starts.append(clock)
                places.append(self.at)
                clock += self.look(client, clock)
            starts.append(clock)
            places.append(self.at)
        self.end = self.at

    def look(self, client: int, clock: int, at: int | None = None) -> int:
        """Read one struct; returns its length."""
        if at is not None:
            self.at = at
        for noted in (
            self.containers, self.distant, self.keyed, self.leaning, self.maps, self.pairs, self.references, self.runs,
            self.texts,
        ):  # fmt: skip
            noted.clear()
        self.parents.clear()
        self.seams.clear()
        return self.struct(client, clock)

    def text(self) -> str:
        self.text_at = self.at
        return super().text()

    def content(self, kind: int) -> int:
        self.content_at = self.at
        return super().content(kind)

    def reference(self, client: int, clock: int) -> tuple[int, int]:
        found = super().reference(client, clock)
        self.references.append(found)
        return found


class _Pieces:
    """Puts structs in order and into updates."""

    def __init__(self, structs: _Structs, most: int, most_structs: int | None = None) -> None:
        self._structs = structs
        self._most = most
        self._most_structs = most_structs or len(structs.data)
        self._next = dict.fromkeys(structs.starts, 0)
        self._piece: dict[int, tuple[int, list[bytes]]] = {}
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
            start = self._structs.starts[client][index]
            self._structs.look(client, start, self._structs.places[client][index])
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
        start = self._structs.starts[client][index]
        if places[index + 1] - places[index] <= self._most - _HEAD:
            cut = [(start, self._structs.data[places[index] : places[index + 1]])]
        else:
            cut = self._cut(client, start, places[index], places[index + 1])
        for clock, raw in cut:
            if self._piece and (self._size + len(raw) + _HEAD > self._most or self._count >= self._most_structs):
                yield self._take()
            if client not in self._piece:
                self._piece[client] = (clock, [])
                self._size += _HEAD // 2
            self._piece[client][1].append(raw)
            self._size += len(raw)
            self._count += 1

    def _take(self) -> bytes:
        piece, self._piece, self._size, self._count = self._piece, {}, 0, 0
        parts = [write_var_uint(len(piece))]
        for client, (clock, raws) in piece.items():
            parts += [write_var_uint(len(raws)), write_var_uint(client), write_var_uint(clock), *raws]
        return b"".join([*parts, b"\0"])

    def _cut(self, client: int, clock: int, begin: int, end: int) -> list[tuple[int, bytes]]:
        """A struct as several: each leans on the one before."""
        structs = self._structs
        info = structs.data[begin]
        kind = info & 0x1F
        room = self._most - 2 * _HEAD
        if kind == _STRING:
            head = structs.data[begin : structs.text_at]
            contents = list(_text_runs(structs.data[structs.text_at : end], room))
        elif kind == _ANY:
            head = structs.data[begin : structs.content_at]
            contents = list(self._value_runs(room))
        else:
            return [(clock, structs.data[begin:end])]
        right = _id(structs.references[1 if info & _LEFT else 0]) if info & _RIGHT else b""
        cut = []
        for content, length in contents:
            cut.append((clock, head + content))
            clock += length
            head = bytes((info | _LEFT,)) + _id((client, clock - 1)) + right
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


def _id(id: tuple[int, int]) -> bytes:
    return write_var_uint(id[0]) + write_var_uint(id[1])


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
