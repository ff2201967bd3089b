"""How much one peer may send: token buckets, counted faults, connections per address."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from collab.errors import CollabError
from collab.hub.bulk import Bulk
from collab.hub.shares import Pools, Share
from collab.types import is_loopback

#: seconds of its rate that a bucket holds
BURST_SECONDS = 2.0
#: requests (step 1, authenticate, content) a second; they cost more than they weigh
RATE_REQUESTS = 20.0
#: seconds over the rate without a pause, after which the sender is told
TELL_AFTER = 3.0
#: seconds over the rate without a pause, after which it is cut
CUT_AFTER = 30.0
#: seconds within the rate that count as a pause
PAUSE = 0.5
#: faults that a connection may have open: an honest client makes a few, and a broken one goes on
MAX_STRIKES = 100.0
#: faults that are forgiven per second
FORGIVENESS = 1.0

#: connections of an address beyond those that are let in: at least, and as a part of them
SPARE, SPARE_PART = 16, 10
#: seconds in which an address may open as many connections as it may have at a time, but always 100
KNOCK_SECONDS, LEAST_KNOCKS = 10.0, 100
#: addresses of which it is remembered how often they came
MAX_ADDRESSES = 10_000

#: codes that say something about us or about the moment, not about the peer
_NO_FAULT = frozenset(
    {
        "storage_unavailable", "cluster_degraded", "draining", "internal", "missing_dependencies",
        "lagging", "document_too_large", "store_full",
    }
)  # fmt: skip

Clock = Callable[[], float]


class Bucket:
    """A token bucket that may go into debt; debt is time that the sender has to wait.

    Args:
        rate: tokens a second.
        burst: seconds of the rate that a quiet sender has saved up at most.
    """

    __slots__ = ("_at", "_capacity", "_clock", "_level", "_rate")

    def __init__(self, rate: float, burst: float = BURST_SECONDS, clock: Clock = time.monotonic) -> None:
        self._rate = rate
        self._capacity = rate * burst
        self._level = self._capacity
        self._clock = clock
        self._at = clock()

    @property
    def capacity(self) -> float:
        """What a quiet sender has saved up."""
        return self._capacity

    @property
    def debt(self) -> float:
        """Seconds, counted from the last :meth:`spend`, until the bucket is out of debt."""
        return -self._level / self._rate if self._level < 0 else 0.0

    def spend(self, amount: float, now: float | None = None) -> float:
        """Take ``amount`` tokens; returns the seconds until the bucket is out of debt (0: it is)."""
        if now is None:
            now = self._clock()
        level = self._level + (now - self._at) * self._rate
        if level > self._capacity:  # what `min` would say, in a third of the time
            level = self._capacity
        level -= amount
        self._level = level
        self._at = now
        return -level / self._rate if level < 0 else 0.0


class Budget:
    """What one connection may send: updates, bytes, presence, requests.

    Nothing is dropped: :meth:`spend` says for how long to stop reading. A sender that fills that
    pause again and again is told after ``TELL_AFTER`` seconds, and cut after ``CUT_AFTER``; at once if its requests
    alone would take longer than that.
    """

    __slots__ = (
        "_awareness", "_awareness_rate", "_bytes", "_bytes_rate", "_clock", "_over", "_over_since", "_over_until",
        "_requests", "_told_at", "_updates", "_updates_rate",
    )  # fmt: skip

    def __init__(
        self,
        *,
        updates_per_second: float,
        bytes_per_second: float,
        awareness_per_second: float,
        clock: Clock = time.monotonic,
    ) -> None:
        self._clock = clock
        self._updates = Bucket(updates_per_second, clock=clock)
        self._bytes = Bucket(bytes_per_second, clock=clock)
        self._awareness = Bucket(awareness_per_second, clock=clock)
        self._requests = Bucket(RATE_REQUESTS, clock=clock)
        self._updates_rate, self._bytes_rate = updates_per_second, bytes_per_second
        self._awareness_rate = awareness_per_second
        self._over_since = self._told_at = 0.0
        self._over_until = -PAUSE - 1.0
        self._over = ("", 0.0, "")

    def spend(self, kind: str, size: int, shares: Sequence[Share] = ()) -> float:
        """Account for one event; returns the seconds for which to stop reading (most often 0).

        Args:
            kind: ``updates``, ``awareness`` or ``requests``.
            size: bytes of the event.
            shares: of budgets that the connection has together with others.
        """
        now = self._clock()
        if kind == "updates":
            bucket = self._updates
        elif kind == "awareness":
            bucket = self._awareness
        else:
            bucket = self._requests
        wait = bucket.spend(1.0, now)
        if size and (longer := self._bytes.spend(size, now)) > wait:
            wait = longer
        for share in shares:
            if share.pool.crowded and (longer := share.spend(kind, self._work(kind, size), now)) > wait:
                wait = longer
                self._over = (share.pool.scope, share.pool.factor * self._updates_rate, "updates")
        if wait and size <= self._bytes.capacity:
            # What is larger is a document that somebody brings along: it is waited for, and is no flood.
            self._note(kind, wait, now)
        return wait

    def _work(self, kind: str, size: int) -> float:
        """An event in seconds of what one connection may send."""
        return max(1.0 / (RATE_REQUESTS if kind == "requests" else self._updates_rate), size / self._bytes_rate)

    def _note(self, kind: str, wait: float, now: float) -> None:
        rates = {"updates": self._updates_rate, "awareness": self._awareness_rate}
        if self._bytes.debt >= wait:
            self._over = ("connection", self._bytes_rate, "bytes")
        elif wait in (self._updates.debt, self._awareness.debt, self._requests.debt):
            self._over = ("connection", rates.get(kind, RATE_REQUESTS), kind)
        if now - self._over_until > PAUSE:
            self._over_since = self._told_at = now
        self._over_until = now + wait

    @property
    def over(self) -> tuple[str, str]:
        """The limit that was exceeded last: its scope, and of what it is."""
        scope, _, what = self._over
        return scope, what

    def error(self, retry_after: float) -> CollabError:
        """``rate_limited``, which names the limit that was exceeded last."""
        scope, limit, what = self._over
        return CollabError(
            "rate_limited",
            f"You are sending faster than allowed: {limit:g} {what} a second of one {scope}.",
            retry_after=round(retry_after, 2),
            detail={"limit": limit, "scope": scope, "of": what},
        )

    def _over_for(self) -> float:
        """Seconds for which the sender has been over a rate, without a pause worth the name."""
        now = self._clock()
        if now - self._over_until > PAUSE:
            return 0.0
        return min(now, self._over_until) - self._over_since

    def must_tell(self) -> bool:
        """Whether it is time to tell the sender ``rate_limited`` (again)."""
        now = self._clock()
        if not self._over_for() or now - self._told_at < TELL_AFTER:
            return False
        self._told_at = now
        return True

    def must_cut(self) -> bool:
        """Whether the sender was over its rate for too long, or asks for so much at once that it would be."""
        return self._over_for() > CUT_AFTER or self._requests.debt > CUT_AFTER


class Strikes:
    """Counts faults of one connection, and forgives some every second."""

    __slots__ = ("_at", "_clock", "_level")

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._at = clock()
        self._level = 0.0

    def add(self, code: str) -> bool:
        """Count a fault by its code; True once the connection is to be cut."""
        if code in _NO_FAULT:
            return False
        now = self._clock()
        self._level = max(0.0, self._level - (now - self._at) * FORGIVENESS) + 1.0
        self._at = now
        return self._level > MAX_STRIKES


def spare(limit: int) -> int:
    """Connections that an address may have beyond ``limit``: a refusal needs somebody to hear it."""
    return max(SPARE, limit // SPARE_PART)


class ConnectionCounter:
    """Connections per address.

    Args:
        limit: of one address.
    """

    def __init__(self, limit: int, clock: Clock = time.monotonic) -> None:
        self._limit = limit
        self._knock_rate = max(limit, LEAST_KNOCKS) / KNOCK_SECONDS
        self._clock = clock
        self._counts: Counter[str] = Counter()
        self._turned_away: Counter[str] = Counter()
        self._knocks: OrderedDict[str, Bucket] = OrderedDict()

    def knock(self, address: str) -> None:
        """Somebody wants to connect; raises ``too_many_connections`` where not even a refusal would be heard, or where
        the address comes too often."""
        if self._counts[address] + self._turned_away[address] >= self._limit + spare(self._limit):
            raise self._too_many()
        if is_loopback(address):
            return  # behind a proxy that nobody told us of, this machine's address is everybody's
        bucket = self._knocks.get(address)
        if bucket is None:
            bucket = self._knocks[address] = Bucket(self._knock_rate, KNOCK_SECONDS, self._clock)
            if len(self._knocks) > MAX_ADDRESSES:
                self._knocks.popitem(last=False)
        else:
            self._knocks.move_to_end(address)
        if bucket.spend(0) or bucket.spend(1):
            raise self._too_many()

    def acquire(self, address: str) -> None:
        """Count one more; raises ``too_many_connections`` where there are ``limit`` already.

        Whoever is refused so is counted, too; see :meth:`release`.
        """
        if self._counts[address] >= self._limit:
            self._turned_away[address] += 1
            raise self._too_many()
        self._counts[address] += 1

    def release(self, address: str, *, refused: bool = False) -> None:
        """Count one less; ``refused``: one that :meth:`acquire` has refused."""
        counts = self._turned_away if refused else self._counts
        if counts[address] > 1:
            counts[address] -= 1
        else:
            del counts[address]

    def _too_many(self) -> CollabError:
        return CollabError("too_many_connections", retry_after=10, detail={"limit": self._limit, "scope": "address"})


class SharedLimits:
    """What all doors of a process count together.

    Args:
        settings: an object with the limits of ``collab.config.Settings``.

    Attributes:
        connections: open connections and streams per address.
        participants, addresses: budgets of all connections of one.
        bulk: who may send a whole document just now.
    """

    def __init__(self, settings: Any) -> None:
        self.connections = ConnectionCounter(settings.max_connections_per_ip)
        self.participants = Pools("participant", settings.rate_participant)
        self.addresses = Pools("address", settings.rate_address)
        self.bulk = Bulk(settings.max_document_bytes)
