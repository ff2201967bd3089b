"""Map entries of a Yjs update: what leans on one inherits its key, in the CRDT, whatever it says of itself."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence

from collab.protocol.codec import MAX_CLOCK

#: client and clock
Id = tuple[int, int]
#: id -> whether the struct holds several values, how many of its clocks are new, and what it leans on
Leaning = dict[Id, tuple[bool, int, tuple[Id, ...]]]


class Entries:
    """Which structs are map entries, those included that lean on one and do not say so.

    Args:
        keyed: (client, clock, length) of new structs that say so.
        leaning: the other new structs that lean on any.
        runs: client -> (clock, length) of new structs that stand for several deleted ones.
        clocks: the state vector of the document.
        is_keyed: whether the struct at (client, clock) of the document is one.
    """

    __slots__ = ("_clocks", "_is_keyed", "_known", "_leaning", "_runs")

    def __init__(
        self,
        keyed: Sequence[tuple[int, int, int]],
        leaning: Leaning,
        runs: Mapping[int, list[tuple[int, int]]],
        clocks: Mapping[int, int],
        is_keyed: Callable[[int, int], bool],
    ) -> None:
        self._known = {(client, clock): True for client, clock, _ in keyed}
        self._leaning, self._runs, self._clocks = leaning, runs, clocks
        self._is_keyed = is_keyed

    def hold(self, id: Id) -> bool:
        """Whether the struct at ``id`` is one. Chains may be long, so nothing here recurses."""
        known, leaning = self._known, self._leaning
        id = self._start(id)
        path = [id]
        while path:
            at = path[-1]
            leans_on = [self._start(one) for one in leaning[at][2]] if at in leaning else []
            if at not in known:
                known[at] = at[1] < self._clocks.get(at[0], 0) and self._is_keyed(*at)
                unknown = [one for one in leans_on if one not in known]
                if unknown and not known[at]:
                    path += unknown
                    continue
            if any(known.get(one) for one in leans_on):
                known[at] = True
            path.pop()
        return known[id]

    def _start(self, id: Id) -> Id:
        """The first id of the struct that ``id`` stands in, where it is one of the new ones that are deleted."""
        runs = self._runs.get(id[0], ())
        at = bisect_right(runs, (id[1], MAX_CLOCK + 1)) - 1
        if at >= 0 and id[1] < runs[at][0] + runs[at][1]:
            return id[0], runs[at][0]
        return id
