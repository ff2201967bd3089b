"""Map entries of a Yjs update: what leans on one inherits its key, in the CRDT, whatever it says of itself."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence

from collab.protocol.codec import MAX_CLOCK
from collab.protocol.yjs_structs import Id

#: id -> the kind of a struct that holds several values (else None), how many of its clocks are new, what it leans
#: on, and the clock where it begins
Leaning = dict[Id, tuple[int | None, int, tuple[Id, ...], int]]


class Entries:
    """Which structs are map entries, those included that lean on one and do not say so.

    Args:
        keyed: (client, clock, length) of new structs that say so.
        leaning: the other new structs that lean on any.
        runs: client -> (clock, length) of new structs that hold several values, or stand for several deleted ones.
        is_known: whether the document has what stands at (client, clock).
        is_keyed: whether the struct at (client, clock) of the document is one.
    """

    __slots__ = ("_is_keyed", "_is_known", "_known", "_leaning", "_runs")

    def __init__(
        self,
        keyed: Sequence[tuple[int, int, int]],
        leaning: Leaning,
        runs: Mapping[int, list[tuple[int, int]]],
        is_known: Callable[[int, int], bool],
        is_keyed: Callable[[int, int], bool],
    ) -> None:
        self._known = {(client, clock): True for client, clock, _ in keyed}
        self._leaning, self._runs = leaning, runs
        self._is_known, self._is_keyed = is_known, is_keyed

    def hold(self, id: Id) -> bool:
        """Whether the struct at ``id`` is one. Chains may be long, so nothing here recurses."""
        known, leaning = self._known, self._leaning
        id = self._start(id)
        path = [id]
        while path:
            at = path[-1]
            leans_on = [self._start(one) for one in leaning[at][2]] if at in leaning else []
            if at not in known:
                known[at] = self._is_known(*at) and self._is_keyed(*at)
                unknown = [one for one in leans_on if one not in known]
                if unknown and not known[at]:
                    path += unknown
                    continue
            if any(known.get(one) for one in leans_on):
                known[at] = True
            path.pop()
        return known[id]

    def _start(self, id: Id) -> Id:
        """The first id of the struct that ``id`` stands in, where it is one of the new ones."""
        runs = self._runs.get(id[0], ())
        at = bisect_right(runs, (id[1], MAX_CLOCK + 1)) - 1
        if at >= 0 and id[1] < runs[at][0] + runs[at][1]:
            return id[0], runs[at][0]
        return id
