"""The structure of a foreign Yjs v1 update, read before the CRDT sees it.

A hostile update can end or hang the process inside the CRDT library. This scan reads every struct
and delete range without integrating anything and refuses what no honest editor sends: counts that
the bytes cannot hold, deep nesting, obsolete content kinds, clocks out of range, references to
things that do not exist. What passes integrates completely: nothing is left pending.

Format: yjs, ``src/utils/encoding.js`` (``writeClientsStructs``, ``writeDeleteSet``) and
``src/structs/*.js``, version 1 encoding.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass

import orjson

from collab.errors import CollabError
from collab.protocol.awareness import depth_exceeds
from collab.protocol.codec import MAX_CLIENT, MAX_CLOCK, write_var_bytes
from collab.protocol.entries import Entries, Id, Leaning

#: levels of arrays and objects in one content value
MAX_DEPTH = 64

_GC, _DELETED, _JSON, _BINARY, _STRING, _EMBED, _FORMAT, _TYPE, _ANY, _DOC, _SKIP = range(11)
_LEFT, _RIGHT, _KEY = 0x80, 0x40, 0x20
_XML_ELEMENT = 3
_TYPES = frozenset({0, 1, 2, 3, 4, 6})  # 5 is the obsolete hook, 7 and above are not Yjs's


_ASTRAL = re.compile(rb"[\xf0-\xf4][\x80-\xbf]{3}")


def astral(data: bytes) -> bool:
    """Whether ``data`` may hold text beyond the Basic Multilingual Plane; False is certain."""
    return _ASTRAL.search(data) is not None


class _Fault(ValueError):
    """The update is damaged."""


class _Missing(ValueError):
    """The update builds on something unknown."""


class ManyChanges(Exception):
    """The update holds more changes than the caller wants to take at once; it may be sound."""


@dataclass(slots=True)
class Scan:
    """What an update holds.

    ``ends``: client id -> clock behind its last struct; ``structs``: their number; ``new``: some of
    them are unknown so far; ``deletes``: there is a delete set; ``entangled``: structs of one
    client lean on new structs of another, so that only integrating tells whether it can;
    ``containers``: ids (client, clock, length) of structs that may have children: shared types, and
    what is left of deleted things; ``keyed``: those of map entries; ``pairs``: ids of the second halves
    of surrogate pairs; ``parted``: those, here or in the document, between whose halves the update puts something;
    ``maps``: where "any" values with maps in them stand, from byte to byte; ``subdocuments``: how many
    of the new structs hold one; ``loose``: how many structs leave it to the CRDT to find their place, among all that
    stand to the right of what they lean on, or have the same key.
    """

    ends: dict[int, int]
    structs: int
    new: bool
    deletes: bool
    entangled: bool
    containers: list[tuple[int, int, int]]
    keyed: list[tuple[int, int, int]]
    pairs: list[tuple[int, int]]
    parted: set[tuple[int, int]]
    maps: list[tuple[int, int]]
    subdocuments: int
    loose: int


def scan(
    update: bytes,
    clocks: Mapping[int, int],
    is_container: Callable[[int, int], bool] | None = None,
    pairs: Set[tuple[int, int]] = frozenset(),
    most: int | None = None,
    is_keyed: Callable[[int, int], bool] | None = None,
    strict: bool = False,
    know_all: bool = False,
) -> Scan:
    """Read the structure of ``update``.

    Args:
        update: Yjs v1 bytes from anybody.
        clocks: the state vector of the document that it is meant for.
        is_container: whether the struct at (client, clock) of that document may have children; None
            reads a state of our own, which may hold what is refused from others.
        pairs: ids of the second halves of surrogate pairs in that document.
        most: structs that the caller takes at once, and a hundredth of the ranges of deletions.
        is_keyed: whether the struct at (client, clock) of that document is a map entry; asked of what
            others lean on.
        strict: there are map entries in the document, so that a single value may become one.
        know_all: ``keyed`` has to name all new map entries.

    Raises:
        CollabError: ``invalid_update`` where it is damaged or hostile, ``missing_dependencies``
            where it builds on something that the document lacks.
        ManyChanges: there are more than ``most`` changes; no more than these were read.
    """
    scanner = _Scanner(update, clocks, pairs, own=is_container is None, most=most, strict=strict, know_all=know_all)
    try:
        return scanner.run(is_container, is_keyed)
    except (IndexError, ValueError) as error:
        raise _refusal(error) from None


def _refusal(error: IndexError | ValueError) -> CollabError:
    if isinstance(error, _Missing):
        return CollabError("missing_dependencies", f"This edit builds on unknown changes: {error}.")
    if isinstance(error, IndexError):
        return CollabError("invalid_update", "This edit is damaged: unexpected end.")
    words = str(error) if isinstance(error, _Fault) else "text is not UTF-8"
    return CollabError("invalid_update", f"This edit is damaged: {words}.")


def part(update: bytes, clocks: Mapping[int, int], pairs: Set[tuple[int, int]]) -> bytes:
    """``update`` with both halves of some surrogate pairs replaced by U+FFFD.

    Yjs does the same when something comes between the halves (``ContentString.splice``); the CRDT
    library miscounts clocks instead.

    Args:
        update, clocks: as for :func:`scan`, which has passed it.
        pairs: ids of the second halves.
    """
    scanner = _Scanner(update, clocks)
    scanner.run(None)
    parts = []
    done = 0
    for begin, end, client, clock in scanner.texts:
        scanner.at = begin
        chars = []
        at = clock
        for char in scanner.text():
            wide = ord(char) > 0xFFFF
            chars.append("\ufffd\ufffd" if wide and (client, at + 1) in pairs else char)
            at += 1 + wide
        parts += [update[done:begin], write_var_bytes("".join(chars).encode())]
        done = end
    return b"".join([*parts, update[done:]])


def in_order(state: bytes) -> bytes:
    """A state of our own with the entries of every map value sorted; the CRDT library writes them in any order."""
    parts = []
    at = 0
    for begin, end in scan(state, {}).maps:
        values = _Scanner(state[begin:end], {})
        parts.append(state[at:begin])
        while values.at < values.size:
            parts.append(values.value_in_order())
        at = end
    return b"".join([*parts, state[at:]])


class _Scanner:
    __slots__ = (
        "at", "clocks", "containers", "data", "distant", "keyed", "know_all", "known_pairs", "leaning", "loose", "maps",
        "most", "own", "pairs", "parents", "runs", "seams", "several", "size", "strict", "subdocuments", "texts",
        "watch",
    )  # fmt: skip

    def __init__(
        self,
        data: bytes,
        clocks: Mapping[int, int],
        pairs: Set[tuple[int, int]] = frozenset(),
        *,
        own: bool = True,
        most: int | None = None,
        strict: bool = False,
        know_all: bool = False,
    ) -> None:
        self.own = own
        self.strict = strict
        self.most = most
        self.subdocuments = self.loose = 0
        self.data = data
        self.size = len(data)
        self.at = 0
        self.clocks = clocks
        # references to structs beyond `clocks` of another client: (client, clock)
        self.distant: list[tuple[int, int]] = []
        # ids that new structs name as their parents, and ids that may be one: (client, clock, length)
        self.parents: set[tuple[int, int]] = set()
        self.containers: list[tuple[int, int, int]] = []
        # map entries; of structs that do not call themselves one, whether they hold several values, how many
        # clocks are new, and what they lean on
        self.keyed: list[tuple[int, int, int]] = []
        self.leaning: Leaning = {}
        self.runs: dict[int, list[tuple[int, int]]] = {}
        self.several = False
        self.know_all = know_all
        # where text is parted by what leans on it, watched only if there are pairs at all
        self.known_pairs = pairs
        self.watch = bool(pairs) or astral(data)
        self.pairs: list[tuple[int, int]] = []
        self.seams: set[tuple[int, int]] = set()
        self.texts: list[tuple[int, int, int, int]] = []
        self.maps: list[tuple[int, int]] = []

    def run(
        self,
        is_container: Callable[[int, int], bool] | None,
        is_keyed: Callable[[int, int], bool] | None = None,
    ) -> Scan:
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
            if self.watch:
                self.seams.add((client, known))
            structs += count
            if structs > 1:
                self.strict = True
            if self.most is not None and structs > self.most:
                raise ManyChanges
            for _ in range(count):
                clock += self.struct(client, clock)
                if clock > MAX_CLOCK:
                    raise _Fault("a clock is out of range")
            ends[client] = clock
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
        if self.parents and is_container is not None:
            self.check_parents(is_container)
        if is_keyed is not None and (self.several or self.know_all) and self.leaning:
            self.check_leaning(is_keyed)
        parted = (self.seams & self.known_pairs) | self.seams.intersection(self.pairs)
        return Scan(
            ends, structs, new, deletes, entangled, self.containers, self.keyed, self.pairs, parted, self.maps,
            self.subdocuments, self.loose,
        )  # fmt: skip

    def check_parents(self, is_container: Callable[[int, int], bool]) -> None:
        """A child of something that cannot have children breaks the document for good."""
        own: set[tuple[int, int]] = set()
        for client, clock, length in self.containers:
            if length == 1:
                own.add((client, clock))
            else:
                own.update(
                    parent for parent in self.parents if parent[0] == client and 0 <= parent[1] - clock < length
                )
        for client, clock in self.parents - own:
            if clock >= self.clocks.get(client, 0) or not is_container(client, clock):
                raise _Fault("a parent cannot have children")

    def check_leaning(self, is_keyed: Callable[[int, int], bool]) -> None:
        """What leans on a map entry becomes one, of the same key, whether it says so or not."""
        entries = Entries(self.keyed, self.leaning, self.runs, self.clocks, is_keyed)
        for (client, clock), (several, length, _) in self.leaning.items():
            if entries.hold((client, clock)):
                if several:
                    raise _Fault("a map entry with several values")
                self.keyed.append((client, clock, length))

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
            length = self.length()
            self.note(self.containers, client, clock, length)
            return length
        if kind == _SKIP:
            if self.own:
                return self.length()
            raise _Missing("a gap between changes")
        left = right = None
        if info & 0xC0:
            if info & _LEFT:
                left = self.reference(client, clock)
                if self.watch:
                    self.seams.add((left[0], left[1] + 1))
            if info & _RIGHT:
                right = self.reference(client, clock)
                if self.watch:
                    self.seams.add(right)
            elif left != (client, clock - 1) and not info & _KEY:
                self.loose += 1
        else:
            if info & _KEY:
                self.loose += 1
            named = self.uint()
            if named == 1:
                self.text()
            elif named == 0:
                self.parents.add(self.reference(client, clock))
            else:
                raise _Fault("a parent is neither named nor referenced")
            if info & _KEY:
                self.text()
        if kind == _STRING:
            begin = self.at
            text = self.text()
            length = len(text)
            if length == 0:
                raise _Fault("an empty text")
            if self.watch and not text.isascii():
                length = self.find_pairs(client, clock, text, begin)
        else:
            length = self.content(kind)
            if kind in (_TYPE, _DELETED):
                self.note(self.containers, client, clock, length)
            elif kind == _DOC and clock >= self.clocks.get(client, 0):
                self.subdocuments += 1
        if length > 1 or info & _KEY or (info & 0xC0 and self.strict):
            self.note_entry(info, client, clock, length, left, right)
        return length

    def note_entry(
        self, info: int, client: int, clock: int, length: int, left: Id | None, right: Id | None
    ) -> None:
        """Note a map entry, or on what a struct leans that does not call itself one (merging loses that)."""
        known = max(0, self.clocks.get(client, 0) - clock)
        if known >= length:
            return
        deleted = info & 0x1F == _DELETED
        several = length > 1 and not deleted
        clock, length = clock + known, length - known
        if deleted and length > 1:
            self.runs.setdefault(client, []).append((clock, length))
        if info & _KEY:
            if several and not self.own:
                raise _Fault("a map entry with several values")
            self.keyed.append((client, clock, length))
            return
        # What is known of a struct is cut off; the rest leans on that.
        cut = (client, clock - 1) if known else None
        leans_on = tuple(id for id in (left, right, cut) if id is not None)
        if leans_on:
            self.several = self.several or several
            self.leaning[client, clock] = (several, length, leans_on)

    def note(self, ids: list[tuple[int, int, int]], client: int, clock: int, length: int) -> None:
        """Note a struct; what the document has already stays what it is there."""
        known = self.clocks.get(client, 0) - clock
        if known < length:
            ids.append((client, clock + max(known, 0), length - max(known, 0)))

    def find_pairs(self, client: int, clock: int, text: str, begin: int) -> int:
        """Note the surrogate pairs of a text that stands at ``begin``; returns its length in UTF-16 units."""
        self.texts.append((begin, self.at, client, clock))
        at = clock
        for char in text:
            if ord(char) > 0xFFFF:
                self.pairs.append((client, at + 1))
                at += 1
            at += 1
        return at - clock

    def reference(self, client: int, clock: int) -> tuple[int, int]:
        """Read an id; what it names exists or comes with this update."""
        to_client = self.uint()
        to_clock = self.uint()
        if to_client == client:
            if to_clock >= clock:
                raise _Missing("a change leans on a later one")
        elif to_clock >= self.clocks.get(to_client, 0):
            self.distant.append((to_client, to_clock))
        return to_client, to_clock

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
        begin = self.at
        mapped = False
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
                mapped = mapped or tag == 118
                open_counts.append(self.count(2 if tag == 118 else 1))
                keyed.append(tag == 118)
            else:
                raise _Fault("an unknown kind of value")
        if mapped:
            self.maps.append((begin, self.at))

    def value_in_order(self) -> bytes:
        """The next "any" value, the entries of its maps sorted; recursion ends at MAX_DEPTH."""
        begin = self.at
        tag = self.data[begin]
        if tag not in (117, 118):
            self.values(1)
            return self.data[begin : self.at]
        self.at += 1
        count = self.uint()
        head = self.data[begin : self.at]
        if tag == 117:
            return head + b"".join([self.value_in_order() for _ in range(count)])
        entries = []
        for _ in range(count):
            key = self.at
            self.text()
            entries.append(self.data[key : self.at] + self.value_in_order())
        return head + b"".join(sorted(entries))

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
        ranges = 0
        deletes = False
        for _ in range(sections):
            client = self.uint()
            if client in seen:
                raise _Fault("a client stands twice")
            seen.add(client)
            end = max(clocks.get(client, 0), ends.get(client, 0))
            count = self.count(2)
            ranges += count
            if self.most is not None and ranges > 100 * self.most:
                raise ManyChanges
            for _ in range(count):
                first = self.uint()
                last = first + self.length()
                if last > end:
                    raise _Missing("a deletion of something unknown")
                if self.watch:
                    self.seams.add((client, first))
                    self.seams.add((client, last))
                deletes = True
        return deletes
