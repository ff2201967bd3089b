"""When each keystroke left, and when it arrived at whom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

#: keystrokes that arrive together are sampled at so many points for their latency
_SAMPLES = 8

#: time of arrival, author's client id, first clock, clock behind the last
Arrival = tuple[float, int, int, int]


@dataclass(frozen=True, slots=True)
class Latency:
    """Latency in milliseconds; of nothing: all zero."""

    p50: float
    p99: float
    worst: float


class Ledger:
    """What was sent and what arrived; one per server and workload.

    Attributes:
        sent: author's client id -> time at which each clock was sent.
        arrivals: every first arrival of something at somebody.
        messages: what servers sent to carry all that; one of them may hold several edits.
        acks: when an edit was called saved, and the seconds since it was sent.
    """

    def __init__(self) -> None:
        self.sent: dict[int, list[float]] = {}
        self.arrivals: list[Arrival] = []
        self.messages = 0
        self.acks: list[tuple[float, float]] = []

    def acts(self) -> int:
        """Keystrokes (or cursor moves) sent so far."""
        return sum(map(len, self.sent.values()))

    def delivered(self, since: int, until: int) -> int:
        """Keystrokes (or cursor moves) in ``arrivals[since:until]``."""
        return sum(end - start for _, _, start, end in self.arrivals[since:until])

    def latency(self, since: int, until: int) -> Latency:
        """Latency of ``arrivals[since:until]``, each keystroke at each receiver counting once."""
        weighted: list[tuple[float, float]] = []
        sent = self.sent
        for at, client, start, end in self.arrivals[since:until]:
            times = sent[client]
            count = end - start
            if count <= _SAMPLES:
                for clock in range(start, end):
                    weighted.append((at - times[clock], 1.0))
            else:
                weight = count / _SAMPLES
                for sample in range(_SAMPLES):
                    weighted.append((at - times[start + int(sample * weight)], weight))
        return weighted_latency(weighted)


def weighted_latency(weighted: Iterable[tuple[float, float]]) -> Latency:
    """Latency out of pairs of seconds and how often they count."""
    ordered = sorted(weighted)
    if not ordered:
        return Latency(0.0, 0.0, 0.0)
    total = sum(weight for _, weight in ordered)
    marks = []
    passed, index = 0.0, 0
    for share in (0.5, 0.99):
        while index < len(ordered) - 1 and passed + ordered[index][1] < share * total:
            passed += ordered[index][1]
            index += 1
        marks.append(ordered[index][0])
    return Latency(1000 * marks[0], 1000 * marks[1], 1000 * ordered[-1][0])


def latency_of(seconds: Sequence[float]) -> Latency:
    """Latency out of plain measurements."""
    return weighted_latency((value, 1.0) for value in seconds)
