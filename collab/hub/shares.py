"""Budgets that many senders have together: the connections of a participant or an address, the people in a document.

A budget is counted in seconds of what one connection may send, and has ``factor`` of them a second. As long as it
has no more members than that, they cannot exceed it, and nothing is counted. Where it is exceeded, only those wait who
send more than their fair share of it, so that no flood of one starves another: max-min fairness, after Demers, Keshav
and Shenker, "Analysis and simulation of a fair queueing algorithm" (1989), with token buckets instead of queues.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

#: seconds of its rate that a budget has saved up at most, and that it may be in debt
BURST_SECONDS = 2.0
#: seconds of its fair share that a sender may send at once
FAIR_BURST = 1.0
#: seconds within which somebody who sent counts as a sender
WINDOW = 1.0
#: seconds for which a member that has left still counts, so that coming back resets nothing
GRACE = 10.0

Clock = Callable[[], float]


class Pool:
    """A budget of several senders.

    Args:
        scope: whose it is: ``participant``, ``address`` or ``document``.
        factor: seconds of one connection's rates that it has a second.
        kinds: which events count (None: all).

    Attributes:
        members: connections that have a share in it.
        crowded: whether there are more of them than it has room for at full speed.
    """

    __slots__ = (
        "__weakref__", "_at", "_before", "_capacity", "_epoch", "_level", "_senders", "crowded", "factor", "kinds",
        "members", "scope",
    )  # fmt: skip

    def __init__(
        self, scope: str, factor: float, kinds: frozenset[str] | None = None, now: float | None = None
    ) -> None:
        self.scope = scope
        self.factor = factor
        self.kinds = kinds
        self.members = 0
        self.crowded = False
        self._capacity = self._level = factor * BURST_SECONDS
        self._at = time.monotonic() if now is None else now
        self._epoch = 0
        self._senders = self._before = 0

    def add(self, count: int) -> None:
        """Count members who came (or, below 0, left)."""
        self.members += count
        self.crowded = self.members > self.factor

    def take(self, share: Share, work: float, now: float) -> float:
        """Take ``work`` seconds for ``share``; returns the seconds that it has to wait (most often 0)."""
        level = min(self._capacity, self._level + (now - self._at) * self.factor) - work
        self._level = max(level, -self._capacity)
        self._at = now
        epoch = int(now / WINDOW)
        if epoch != self._epoch:
            self._before = self._senders if epoch == self._epoch + 1 else 0
            self._senders = 0
            self._epoch = epoch
        if share.epoch != epoch:
            share.epoch = epoch
            self._senders += 1
        if level >= 0:
            return 0.0
        fair = self.factor / max(self._senders, self._before)
        share.paid_until = max(share.paid_until, now - FAIR_BURST) + work / fair
        return max(0.0, share.paid_until - now)


class Share:
    """One sender's part in a :class:`Pool`."""

    __slots__ = ("epoch", "paid_until", "pool")

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.epoch = -1
        self.paid_until = 0.0

    def spend(self, kind: str, work: float, now: float) -> float:
        """Account for an event of ``work`` seconds; returns the seconds to wait."""
        pool = self.pool
        if pool.kinds is not None and kind not in pool.kinds:
            return 0.0
        return pool.take(self, work, now)


class Pools:
    """The pools of all participants, or of all addresses.

    Args:
        scope, factor: see :class:`Pool`.
    """

    def __init__(self, scope: str, factor: float, clock: Clock = time.monotonic) -> None:
        self._scope = scope
        self._factor = factor
        self._clock = clock
        self._pools: dict[str, Pool] = {}
        self._left: deque[tuple[float, str, Pool]] = deque()

    def __len__(self) -> int:
        return len(self._pools)

    def join(self, key: str) -> Share:
        """A share in the pool of ``key``; to be given back by :meth:`leave`."""
        now = self._clock()
        self._forget(now)
        pool = self._pools.get(key)
        if pool is None:
            pool = self._pools[key] = Pool(self._scope, self._factor, now=now)
        pool.add(1)
        return Share(pool)

    def of(self, key: str) -> Pool:
        """The pool of ``key``, for somebody who comes once: it counts for ``GRACE`` seconds."""
        share = self.join(key)
        self.leave(key, share)
        return share.pool

    def leave(self, key: str, share: Share) -> None:
        """Give a share back. It counts for ``GRACE`` more seconds."""
        now = self._clock()
        self._left.append((now + GRACE, key, share.pool))
        self._forget(now)

    def _forget(self, now: float) -> None:
        left = self._left
        while left and left[0][0] <= now:
            _, key, pool = left.popleft()
            pool.add(-1)
            if not pool.members:
                del self._pools[key]
