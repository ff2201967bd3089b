"""The structure of a foreign Yjs v1 update, read before the CRDT sees it.

A hostile update can end or hang the process inside the CRDT library. This scan reads every struct
and delete range without integrating anything and refuses what no honest editor sends: counts that
the bytes cannot hold, deep nesting, clocks out of range, references to things that do not exist. It
also tells what has to be written otherwise for the CRDT library (``mending.py``, ``disguise.py``).
What passes integrates completely: nothing is left pending.

Format: yjs, ``src/utils/encoding.js`` (``writeClientsStructs``, ``writeDeleteSet``); structs: ``yjs_structs.py``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Set

import orjson

from collab.errors import CollabError
from collab.protocol.awareness import depth_exceeds
from collab.protocol.codec import MAX_CLIENT, MAX_CLOCK
from collab.protocol.disguise import MARK
from collab.protocol.entries import Entries, Leaning
from collab.protocol.findings import Scan
from collab.protocol.mending import read_odd_json
from collab.protocol.yjs_structs import (
    ANY,
    DELETED,
    DOC,
    GC,
    JSON,
    KEY,
    KIND,
    MAX_DEPTH,
    SKIP,
    TYPE,
    XML_HOOK,
    Fault,
    Id,
    StructReader,
)

_ASTRAL = re.compile(rb"[\xf0-\xf4][\x80-\xbf]{3}")


def astral(data: bytes) -> bool:
    """Whether ``data`` may hold text beyond the Basic Multilingual Plane; False is certain."""
    return _ASTRAL.search(data) is not None


class _Missing(ValueError):
    """The update builds on something unknown."""


class ManyChanges(Exception):
    """The update holds more changes than the caller wants to take at once; it may be sound."""


def scan(
    update: bytes,
    clocks: Mapping[int, int],
    is_container: Callable[[int, int], bool] | None = None,
    pairs: Set[tuple[int, int]] = frozenset(),
    most: int | None = None,
    is_keyed: Callable[[int, int], bool] | None = None,
    strict: bool = False,
    know_all: bool = False,
    settled: bool = False,
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
        settled: :func:`collab.protocol.dependencies.what_integrates` has looked at it: there may be gaps, and what it
            names is there. (There may be gaps in a state of our own, too.)

    Raises:
        CollabError: ``invalid_update`` where it is damaged or hostile, ``missing_dependencies``
            where it builds on something that the document lacks.
        ManyChanges: there are more than ``most`` changes; no more than these were read.
    """
    kind = _SettledScanner if settled else _Scanner
    scanner = kind(update, clocks, pairs, own=is_container is None, most=most, strict=strict, know_all=know_all)
    try:
        return scanner.run(is_container, is_keyed)
    except (IndexError, ValueError) as error:
        raise _refusal(error) from None


def _refusal(error: IndexError | ValueError) -> CollabError:
    if isinstance(error, _Missing):
        return CollabError("missing_dependencies", f"This edit builds on unknown changes: {error}.")
    if isinstance(error, IndexError):
        return CollabError("invalid_update", "This edit is damaged: unexpected end.")
    words = str(error) if isinstance(error, Fault) else "text is not UTF-8"
    return CollabError("invalid_update", f"This edit is damaged: {words}.")


class _Scanner(StructReader):
    __slots__ = (
        "client", "clock", "clocks", "containers", "distant", "foreign", "keyed", "know_all", "known_pairs", "leaning",
        "loose", "many", "most", "objects", "obsolete", "own", "pairs", "parents", "runs", "seams", "several",
        "several_lean", "strict", "subdocuments", "watch",
    )  # fmt: skip

    settled = False

    def __init__(
        self,
        data: bytes,
        clocks: Mapping[int, int],
        pairs: Set[Id] = frozenset(),
        *,
        own: bool = True,
        most: int | None = None,
        strict: bool = False,
        know_all: bool = False,
    ) -> None:
        super().__init__(data)
        self.own = own
        self.strict = strict
        self.most = most
        self.subdocuments = self.loose = 0
        self.obsolete = self.foreign = False
        self.clocks = clocks
        #: of the struct that is being read
        self.client = self.clock = 0
        # references to structs beyond `clocks` of another client
        self.distant: list[Id] = []
        # ids that new structs name as their parents, and ids that may be one: (client, clock, length)
        self.parents: set[Id] = set()
        self.containers: list[tuple[int, int, int]] = []
        # map entries; of structs that do not call themselves one, whether they hold several values, how many
        # clocks are new, what they lean on, and where they begin
        self.keyed: list[tuple[int, int, int]] = []
        self.leaning: Leaning = {}
        self.many: dict[int, list[tuple[int, int]]] = {}
        #: what stands in it, if there may be gaps
        self.runs: list[tuple[int, int, int]] = []
        self.several: dict[Id, int] = {}
        self.several_lean = False
        self.know_all = know_all
        # where text is parted by what leans on it, watched only if there are pairs at all
        self.known_pairs = pairs
        self.watch = bool(pairs) or astral(data)
        self.pairs: list[Id] = []
        self.objects: list[tuple[int, int]] = []
        self.seams: set[Id] = set()

    def run(
        self,
        is_container: Callable[[int, int], bool] | None,
        is_keyed: Callable[[int, int], bool] | None = None,
    ) -> Scan:
        clocks = self.clocks
        gaps = self.own or self.settled
        ends: dict[int, int] = {}
        structs = 0
        new = False
        sections = self.count(3)
        for _ in range(sections):
            count = self.count(2)
            client = self.client = self.uint()
            clock = self.uint()
            if client > MAX_CLIENT or clock > MAX_CLOCK:
                raise Fault("a number is out of range")
            if client in ends:
                raise Fault("a client stands twice")
            known = clocks.get(client, 0)
            if clock > known and not gaps:
                raise _Missing("a gap before the first change")
            if self.watch:
                self.seams.add((client, max(known, clock)))
            structs += count
            if structs > 1:
                self.strict = True
            if self.most is not None and structs > self.most:
                raise ManyChanges
            begin = clock
            for _ in range(count):
                self.clock = clock
                length = self.checked_struct(client, clock)
                if gaps and self.info & KIND == SKIP:
                    self.note_run(client, begin, clock)
                    begin = clock + length
                clock += length
                if clock > MAX_CLOCK:
                    raise Fault("a clock is out of range")
            if gaps:
                self.note_run(client, begin, clock)
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
            raise Fault("trailing bytes")
        if self.parents and is_container is not None:
            self.check_parents(is_container)
        if is_keyed is not None and (self.several_lean or self.know_all) and self.leaning:
            self.check_leaning(is_keyed)
        parted = (self.seams & self.known_pairs) | self.seams.intersection(self.pairs)
        return Scan(
            ends, structs, new, deletes, entangled, self.containers, self.keyed, self.pairs, parted, self.maps,
            self.objects, self.subdocuments, self.loose, self.several, self.obsolete, self.foreign or self.odd,
            self.runs,
        )  # fmt: skip

    def check_parents(self, is_container: Callable[[int, int], bool]) -> None:
        """A child of something that cannot have children breaks the document for good."""
        own: set[Id] = set()
        for client, clock, length in self.containers:
            if length == 1:
                own.add((client, clock))
            else:
                own.update(parent for parent in self.parents if parent[0] == client and 0 <= parent[1] - clock < length)
        for client, clock in self.parents - own:
            if not (self.is_known(client, clock) and is_container(client, clock)):
                raise Fault("a parent cannot have children")

    def is_known(self, client: int, clock: int) -> bool:
        """Whether the document has what stands at an id that is not in the update."""
        return clock < self.clocks.get(client, 0)

    def check_leaning(self, is_keyed: Callable[[int, int], bool]) -> None:
        """What leans on a map entry becomes one, of the same key, whether it says so or not."""
        entries = Entries(self.keyed, self.leaning, self.many, self.is_known, is_keyed)
        for (client, clock), (kind, length, _, begin) in self.leaning.items():
            if entries.hold((client, clock)):
                if kind is not None:
                    self.note_several(kind, client, begin, clock)
                self.keyed.append((client, clock, length))

    # -- structs --------------------------------------------------------------------------------

    def checked_struct(self, client: int, clock: int) -> int:
        """Read one struct at ``clock``; returns its length."""
        length = self.struct()
        info = self.info
        kind = info & KIND
        if kind == GC:
            self.note(self.containers, client, clock, length)
            return length
        if kind == SKIP:
            if not (self.own or self.settled):
                raise _Missing("a gap between changes")
            return length
        left, right = self.left, self.right
        if info & 0xC0:
            if left is not None:
                self.refer(left, client, clock)
                if self.watch:
                    self.seams.add((left[0], left[1] + 1))
            if right is not None:
                self.refer(right, client, clock)
                if self.watch:
                    self.seams.add(right)
            elif left != (client, clock - 1) and not info & KEY:
                self.loose += 1
        else:
            if info & KEY:
                self.loose += 1
            if self.parent is not None:
                self.refer(self.parent, client, clock)
                self.parents.add(self.parent)
        if kind == TYPE or kind == DELETED:
            self.note(self.containers, client, clock, length)
        elif kind == DOC:
            self.foreign = True
            if clock >= self.clocks.get(client, 0):
                self.subdocuments += 1
        elif kind == JSON:
            self.obsolete = True
        if length > 1 or info & KEY or (info & 0xC0 and self.strict):
            self.note_entry(info, client, clock, length, left, right)
        return length

    def note_entry(self, info: int, client: int, clock: int, length: int, left: Id | None, right: Id | None) -> None:
        """Note a map entry, or on what a struct leans that does not call itself one (merging loses that)."""
        known = max(0, self.clocks.get(client, 0) - clock)
        if known >= length:
            return
        kind = info & KIND
        several = kind if length > 1 and kind != DELETED else None
        begin, clock, length = clock, clock + known, length - known
        if length > 1 and kind in (DELETED, ANY, JSON):
            self.many.setdefault(client, []).append((clock, length))
        if info & KEY:
            if several is not None:
                self.note_several(kind, client, begin, clock)
            self.keyed.append((client, clock, length))
            return
        # What is known of a struct is cut off; the rest leans on that.
        cut = (client, clock - 1) if known else None
        leans_on = tuple(id for id in (left, right, cut) if id is not None)
        if leans_on:
            self.several_lean = self.several_lean or several is not None
            self.leaning[client, clock] = (several, length, leans_on, begin)

    def note_several(self, kind: int, client: int, begin: int, clock: int) -> None:
        """Note the values of one key that stand in one struct, as Yjs writes what was set and set again."""
        if kind in (ANY, JSON):
            self.several[client, begin] = clock - begin + 1
        elif not self.own:
            raise Fault("a text under a key")

    def note_run(self, client: int, begin: int, end: int) -> None:
        """Note what stands between two gaps."""
        if begin < end:
            self.runs.append((client, begin, end))
            if self.watch and begin > self.clocks.get(client, 0):
                self.seams.add((client, begin))

    def note(self, ids: list[tuple[int, int, int]], client: int, clock: int, length: int) -> None:
        """Note a struct; what the document has already stays what it is there."""
        known = self.clocks.get(client, 0) - clock
        if known < length:
            ids.append((client, clock + max(known, 0), length - max(known, 0)))

    def string(self) -> int:
        """Read a text, and note the surrogate pairs in it."""
        text = self.text()
        if not text:
            raise Fault("an empty text")
        if text.isascii() or not self.watch:
            return len(text)
        client, clock = self.client, self.clock
        at = clock
        for char in text:
            if ord(char) > 0xFFFF:
                self.pairs.append((client, at + 1))
                at += 1
            at += 1
        return at - clock

    def refer(self, to: Id, client: int, clock: int) -> None:
        """What a struct names exists or comes with this update."""
        if to[0] == client:
            if to[1] >= clock:
                raise _Missing("a change leans on a later one")
        elif to[1] >= self.clocks.get(to[0], 0):
            self.distant.append(to)

    def binary(self) -> None:
        """Read a binary value; it may not look like something in disguise."""
        if self.chunk().startswith(MARK) and not self.own:
            raise Fault("a binary value is none")

    def name(self, type: int) -> None:
        """Read the name of an XML element or hook; likewise."""
        if type == XML_HOOK:
            self.foreign = True
        name = self.chunk()
        if name.startswith(MARK) and not self.own:
            raise Fault("a name is none")
        name.decode("utf-8")

    def json(self, *, may_be_undefined: bool = False) -> None:
        """Read a value that is JSON, also with half surrogate pairs, which JavaScript writes."""
        begin = self.at
        text = self.text()
        if may_be_undefined and text == "undefined":
            return
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            value = read_odd_json(text)
            self.obsolete = True
        if isinstance(value, dict | list):
            self.objects.append((begin, self.at))
            if depth_exceeds(value, MAX_DEPTH):
                raise Fault("a value is nested too deep")

    # -- deletions ------------------------------------------------------------------------------

    def delete_set(self, ends: dict[int, int]) -> bool:
        """Read the delete set; returns whether it deletes anything."""
        sections = self.count(2)
        clocks = self.clocks
        seen: set[int] = set()
        ranges = 0
        deletes = False
        for _ in range(sections):
            client = self.uint()
            if client in seen:
                raise Fault("a client stands twice")
            seen.add(client)
            end = max(clocks.get(client, 0), ends.get(client, 0))
            count = self.count(2)
            ranges += count
            if self.most is not None and ranges > 100 * self.most:
                raise ManyChanges
            for _ in range(count):
                first = self.uint()
                last = first + self.length()
                if last > end and not self.settled:
                    raise _Missing("a deletion of something unknown")
                if self.watch:
                    self.seams.add((client, first))
                    self.seams.add((client, last))
                deletes = True
        return deletes


class _SettledScanner(_Scanner):
    """Reads what :func:`collab.protocol.dependencies.what_integrates` has made of an update."""

    __slots__ = ()

    settled = True

    def refer(self, to: Id, client: int, clock: int) -> None:
        """What a struct names is there."""

    def is_known(self, client: int, clock: int) -> bool:
        """What is not in the update is in the document, perhaps behind a gap."""
        return True
