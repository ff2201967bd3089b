"""Sets of ids of structs."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence

from collab.protocol.codec import MAX_CLOCK


class Ids:
    """A set of ids of structs: (client, clock)."""

    __slots__ = ("_ids", "_ranges")

    def __init__(self) -> None:
        self._ids: set[tuple[int, int]] = set()
        self._ranges: dict[int, list[tuple[int, int]]] = {}

    def add(self, runs: Sequence[tuple[int, int, int]]) -> None:
        """Add runs of ids: (client, clock, length)."""
        for client, clock, length in runs:
            if length == 1:
                self._ids.add((client, clock))
            else:
                insort(self._ranges.setdefault(client, []), (clock, clock + length))

    def hold(self, client: int, clock: int) -> bool:
        """Whether an id is in the set."""
        if (client, clock) in self._ids:
            return True
        ranges = self._ranges.get(client, ())
        at = bisect_right(ranges, (clock, MAX_CLOCK + 1)) - 1
        return at >= 0 and ranges[at][0] <= clock < ranges[at][1]
