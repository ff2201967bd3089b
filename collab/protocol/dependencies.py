"""What of an update can be integrated into a document, and what it needs that the document lacks.

A gap in what a client did is no reason to leave out what comes behind it (Yjs 14 leaves gaps, see ``known.py``): only
what leans on something unknown has to wait.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from collab.errors import BadInput, CollabError
from collab.protocol.codec import EMPTY_UPDATE, MAX_CLOCK, write_var_uint
from collab.protocol.cutting import cut_out
from collab.protocol.known import Known
from collab.protocol.rewriting import write_id
from collab.protocol.scan import ManyChanges
from collab.protocol.yjs_structs import KIND, SKIP, Fault, Id, StructReader

#: missing ranges that an error names
MOST_NAMED = 100

#: ranges behind gaps in one document; what would make more of them waits until gaps are filled
MAX_RANGES = 20_000

#: clock, length, the bytes in the update from one to another, and the ids that it names
_Struct = tuple[int, int, int, int, tuple[Id, ...]]


class TakenInPart(BadInput):
    """``missing_dependencies``: something that the update needs is unknown.

    Args:
        missing: of which client, the clocks from one to before another.
        taken: what is taken of the update nevertheless, as an update; empty bytes: nothing that is new.
    """

    def __new__(cls, *_args: Any) -> TakenInPart:
        return Exception.__new__(cls)

    def __init__(self, missing: Mapping[int, tuple[int, int]], taken: bytes) -> None:
        named = [{"client": client, "from": begin, "to": end} for client, (begin, end) in sorted(missing.items())]
        detail: dict[str, Any] = {"missing": named[:MOST_NAMED], "taken": bool(taken)}
        if len(named) > MOST_NAMED:
            detail["missing_more"] = len(named) - MOST_NAMED
        super().__init__("missing_dependencies", detail=detail)
        self.taken = taken


def what_integrates(update: bytes, known: Known, most: int | None = None) -> tuple[bytes, dict[int, tuple[int, int]]]:
    """The part of ``update`` that is new and builds on nothing unknown, and what the rest needs.

    Args:
        update: Yjs v1 bytes from anybody.
        known: what the document that it is meant for holds.
        most: structs that the caller takes at once.

    Returns:
        An update, whose structs name nothing but what is known or stands in it, and for clients that something is
        missing of, the clocks from one to before another.

    Raises:
        CollabError: ``invalid_update`` where it cannot be read.
        ManyChanges: there are more than ``most`` structs.
    """
    try:
        return _Sorted(update, known, most).result()
    except (IndexError, ValueError):
        raise CollabError("invalid_update") from None


class _Sorted:
    """The structs of an update, and which of them can be integrated.

    Those of one client are taken in the order of their clocks, as Yjs does it.
    """

    def __init__(self, update: bytes, known: Known, most: int | None) -> None:
        self._reader = StructReader(update)
        self._known = known
        self._most = most
        self._room = MAX_RANGES - sum(map(len, known.behind.values()))
        #: those of which anything is new
        self._structs: dict[int, list[_Struct]] = {}
        self._taken: dict[int, int] = {}
        self._left: list[tuple[int, _Struct]] = []
        self._missing: dict[int, int] = {}
        self._read()
        self._take()
        if any(self._taken[client] < len(structs) for client, structs in self._structs.items()):
            self._leave_out_the_hopeless()
            self._take()

    def result(self) -> tuple[bytes, dict[int, tuple[int, int]]]:
        """See :func:`what_integrates`."""
        for client, structs in self._structs.items():
            self._left += [(client, struct) for struct in structs[self._taken[client] :]]
        sections, after = [], self._known.copy()
        for client, runs in self._runs():
            sections.append(_section(client, runs))
            after.add([(client, clock, clock + length) for clock, length, _ in runs])
        brought = dict(_by_client(self._left))
        for _, struct in self._left:
            for to_client, to_clock in struct[4]:
                if not after.holds(to_client, to_clock) and not _brings(brought, to_client, to_clock):
                    self._need(to_client, to_clock + 1)
        if not self._missing:  # they wait for each other, or there are too many gaps
            for client, struct in self._left:
                self._need(client, struct[0] + struct[1])
        deletions = self._deletions(after, brought)
        taken = b"".join([write_var_uint(len(sections)), *sections, deletions])
        missing = {client: (after.clocks.get(client, 0), to) for client, to in self._missing.items()}
        return (EMPTY_UPDATE if taken == b"\0\0" else taken), missing

    def _read(self) -> None:
        reader, known = self._reader, self._known
        seen: set[int] = set()
        total = 0
        for _ in range(reader.count(3)):
            count, client, clock = reader.count(2), reader.uint(), reader.uint()
            if client in seen:
                raise Fault("a client stands twice")
            seen.add(client)
            total += count
            if self._most is not None and total > self._most:
                raise ManyChanges
            structs = []
            for _ in range(count):
                begin = reader.at
                length = reader.struct()
                if clock + length > MAX_CLOCK:
                    raise Fault("a clock is out of range")
                if reader.info & KIND != SKIP and next(known.lacks(client, clock, clock + length), None) is not None:
                    names = tuple(id for id in (reader.left, reader.right, reader.parent) if id is not None)
                    structs.append((clock, length, begin, reader.at, names))
                clock += length
            self._structs[client] = structs

    def _take(self) -> None:
        """Go along each client's structs as far as nothing that they name is missing."""
        waiting: dict[int, list[tuple[int, int]]] = {}  # client -> (clock waited for, who waits)
        self._taken = dict.fromkeys(self._structs, 0)
        room = self._room
        ready = list(self._structs)
        while ready:
            client = ready.pop()
            structs, at = self._structs[client], self._taken[client]
            end = self._end(client, at)
            while at < len(structs):
                clock, length, _, _, names = structs[at]
                lacking = next((id for id in names if not self._there(id, client, clock, at)), None)
                if lacking is not None:
                    if lacking[0] != client and lacking[1] >= self._end(lacking[0], self._taken.get(lacking[0], 0)):
                        waiting.setdefault(lacking[0], []).append((lacking[1], client))
                    break
                if clock > end:
                    room -= 1
                    if room < 0:
                        break
                end = max(end, clock + length)
                at += 1
            self._taken[client] = at
            waiters = waiting.pop(client, [])
            ready += [waiter for clock, waiter in waiters if clock < end]
            still = [(clock, waiter) for clock, waiter in waiters if clock >= end]
            if still:
                waiting[client] = still

    def _end(self, client: int, at: int) -> int:
        """The clock behind what is known of a client and the first ``at`` of its structs in the update."""
        known = self._known.clocks.get(client, 0)
        if not at:
            return known
        clock, length, *_ = self._structs[client][at - 1]
        return max(known, clock + length)

    def _there(self, id: Id, own: int, own_clock: int, at: int) -> bool:
        """Whether ``id`` is known or taken, for a struct of client ``own`` of whose structs ``at`` were taken."""
        client, clock = id
        if client == own and clock >= own_clock:
            return False
        if self._known.holds(client, clock):
            return True
        structs = self._structs.get(client)
        if structs is None:
            return False
        index = _index(structs, clock)
        return index is not None and index < (at if client == own else self._taken[client])

    def _leave_out_the_hopeless(self) -> None:
        """Put aside what leans, if by others, on something that is missing, so that nothing else waits behind it."""
        leaning: dict[Id, list[tuple[int, _Struct]]] = {}
        hopeless: list[tuple[int, _Struct]] = []
        for client, structs in self._structs.items():
            for struct in structs:
                for to_client, to_clock in struct[4]:
                    its_later = to_client == client and to_clock >= struct[0]
                    if self._known.holds(to_client, to_clock) and not its_later:
                        continue
                    others = self._structs.get(to_client, [])
                    index = _index(others, to_clock)
                    if index is None or its_later:
                        hopeless.append((client, struct))
                    else:
                        leaning.setdefault((to_client, others[index][0]), []).append((client, struct))
        out: set[Id] = set()
        while hopeless:
            client, struct = hopeless.pop()
            id = client, struct[0]
            if id not in out:
                out.add(id)
                self._left.append((client, struct))
                hopeless += leaning.pop(id, [])
        for client, structs in self._structs.items():
            self._structs[client] = [struct for struct in structs if (client, struct[0]) not in out]

    def _need(self, client: int, end: int) -> None:
        self._missing[client] = max(end, self._missing.get(client, 0))

    def _runs(self) -> Iterator[tuple[int, list[tuple[int, int, bytes]]]]:
        """Of each client what is taken, as structs: clock, length, and bytes."""
        data, known = self._reader.data, self._known
        for client, structs in self._structs.items():
            runs: list[tuple[int, int, bytes]] = []
            for clock, length, begin, end, _ in structs[: self._taken[client]]:
                for first, last in known.lacks(client, clock, clock + length):
                    if last == clock + length and first in (clock, known.clocks.get(client, 0)):
                        runs.append((clock, length, data[begin:end]))  # the CRDT library cuts what begins too early
                    else:
                        runs.append((first, last - first, cut_out(data[begin:end], (client, clock), first, last)))
            if runs:
                yield client, runs

    def _deletions(self, after: Known, brought: Mapping[int, Sequence[_Struct]]) -> bytes:
        """The delete set, without what is unknown."""
        reader = self._reader
        sections = []
        for _ in range(reader.count(2)):
            client = reader.uint()
            ranges = []
            for _ in range(reader.count(2)):
                first = reader.uint()
                last = first + reader.length()
                if last > MAX_CLOCK:
                    raise Fault("a clock is out of range")
                for begin, end in _without(first, last, after.lacks(client, first, last)):
                    ranges.append(write_var_uint(begin) + write_var_uint(end - begin))
                for _, end in after.lacks(client, first, last):
                    if not _brings(brought, client, end - 1):
                        self._need(client, end)
            if ranges:
                sections.append(write_var_uint(client) + write_var_uint(len(ranges)) + b"".join(ranges))
        if reader.at != reader.size:
            raise Fault("trailing bytes")
        return write_var_uint(len(sections)) + b"".join(sections)


def _index(structs: Sequence[_Struct], clock: int) -> int | None:
    """Which of a client's structs stands at a clock."""
    at = bisect_right(structs, clock, key=lambda struct: struct[0]) - 1
    return at if at >= 0 and clock < structs[at][0] + structs[at][1] else None


def _brings(brought: Mapping[int, Sequence[_Struct]], client: int, clock: int) -> bool:
    """Whether the update itself has what stands at this id, although it cannot be integrated."""
    return _index(brought.get(client, ()), clock) is not None


def _by_client(left: Iterable[tuple[int, _Struct]]) -> Iterator[tuple[int, list[_Struct]]]:
    structs: dict[int, list[_Struct]] = {}
    for client, struct in left:
        structs.setdefault(client, []).append(struct)
    for client, some in structs.items():
        yield client, sorted(some)


def _without(first: int, last: int, holes: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """A range without the holes in it."""
    for begin, end in holes:
        if first < begin:
            yield first, begin
        first = end
    if first < last:
        yield first, last


def _section(client: int, runs: Sequence[tuple[int, int, bytes]]) -> bytes:
    """What an update holds of one client; what lies between its structs is skipped."""
    parts, at = [], runs[0][0]
    for clock, length, raw in runs:
        if clock > at:
            parts.append(bytes((SKIP,)) + write_var_uint(clock - at))
        parts.append(raw)
        at = clock + length
    return write_var_uint(len(parts)) + write_id((client, runs[0][0])) + b"".join(parts)
