"""Which changes a document holds: of each client all up to a clock, and ranges behind gaps.

Yjs counts what a client does without gaps. Yjs 14 leaves some nevertheless: who accepts the second of two suggestions
has what comes behind the first one, and not the first one. State vectors stay at the gap then.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator

from collab.protocol.codec import MAX_CLOCK

#: clocks from one to before another
Range = tuple[int, int]


class Known:
    """Clocks of clients.

    Attributes:
        clocks: client -> the clock up to which nothing of it is missing: the state vector.
        behind: client -> what is known behind its first gap: ranges in order, none touching another.
    """

    __slots__ = ("behind", "clocks")

    def __init__(self) -> None:
        self.clocks: dict[int, int] = {}
        self.behind: dict[int, list[Range]] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Known) and (self.clocks, self.behind) == (other.clocks, other.behind)

    __hash__ = None  # type: ignore[assignment]

    def copy(self) -> Known:
        """The same, as it is now."""
        other = Known()
        other.clocks = dict(self.clocks)
        other.behind = {client: list(ranges) for client, ranges in self.behind.items()}
        return other

    def holds(self, client: int, clock: int) -> bool:
        """Whether a change is known."""
        if clock < self.clocks.get(client, 0):
            return True
        ranges = self.behind.get(client)
        if ranges is None:
            return False
        at = bisect_right(ranges, (clock, MAX_CLOCK + 1)) - 1
        return at >= 0 and clock < ranges[at][1]

    def end(self, client: int) -> int:
        """The clock behind everything known of a client."""
        ranges = self.behind.get(client)
        return ranges[-1][1] if ranges else self.clocks.get(client, 0)

    def lacks(self, client: int, begin: int, end: int) -> Iterator[Range]:
        """What of a range is not known."""
        begin = max(begin, self.clocks.get(client, 0))
        ranges = self.behind.get(client, ())
        at = max(bisect_right(ranges, (begin, MAX_CLOCK + 1)) - 1, 0)
        while begin < end and at < len(ranges):
            first, last = ranges[at]
            if first >= end:
                break
            if begin < first:
                yield begin, first
            begin = max(begin, last)
            at += 1
        if begin < end:
            yield begin, end

    def gaps(self) -> Iterator[tuple[int, int, int]]:
        """What is missing in front of something known: client, and clocks from one to before another."""
        for client, ranges in self.behind.items():
            at = self.clocks.get(client, 0)
            for begin, end in ranges:
                yield client, at, begin
                at = end

    def add(self, runs: Iterable[tuple[int, int, int]]) -> None:
        """Know more: client, and clocks from one to before another."""
        for client, begin, end in runs:
            self._add(client, begin, end)

    def _add(self, client: int, begin: int, end: int) -> None:
        low = self.clocks.get(client, 0)
        ranges = self.behind.get(client)
        if begin <= low:
            if end <= low:
                return
            if ranges is not None:
                at = 0
                while at < len(ranges) and ranges[at][0] <= end:
                    end = max(end, ranges[at][1])
                    at += 1
                del ranges[:at]
                if not ranges:
                    del self.behind[client]
            self.clocks[client] = end
            return
        if ranges is None:
            ranges = self.behind[client] = []
        first = bisect_right(ranges, (begin, -1))
        if first and ranges[first - 1][1] >= begin:
            first -= 1
            begin = ranges[first][0]
        last = first
        while last < len(ranges) and ranges[last][0] <= end:
            end = max(end, ranges[last][1])
            last += 1
        ranges[first:last] = [(begin, end)]
