"""How much one address may ask of the HTTP API: first it is kept waiting, then it is told."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from weakref import WeakKeyDictionary

from collab.errors import CollabError
from collab.hub.limits import Bucket
from collab.hub.shares import Pool, Share

#: seconds that an address over its rate is kept waiting; beyond, it is told
PATIENCE = 5.0
#: addresses whose rates are remembered
MAX_ADDRESSES = 10_000


class Rate:
    """What one address may send, and its shares in what participants and documents may."""

    __slots__ = ("_bytes", "_bytes_rate", "_rate", "_requests", "_shares")

    def __init__(self, requests: float, size: float) -> None:
        self._rate, self._bytes_rate = requests, size
        self._requests = Bucket(requests)
        self._bytes = Bucket(size)
        self._shares: WeakKeyDictionary[Pool, Share] = WeakKeyDictionary()

    async def wait(self) -> None:
        """Count a request, and wait while the address is over its rate; raises ``rate_limited`` far over it."""
        requests, size = self._requests.spend(0), self._bytes.spend(0)
        if requests > PATIENCE or size > PATIENCE:
            limit, of = (self._rate, "requests") if requests > size else (self._bytes_rate, "bytes")
            raise _too_fast(max(requests, size), limit, of, "address")
        debt = max(requests, size, self._requests.spend(1))
        if debt > 0:
            await asyncio.sleep(debt)

    async def share(self, pool: Pool, size: int = 0) -> None:
        """The same for what is shared with others: a request, and an edit of ``size`` bytes, of one pool."""
        share = self._shares.get(pool)
        if share is None:
            share = self._shares[pool] = Share(pool)
        wait = pool.take(share, max(1 / self._rate, size / self._bytes_rate), time.monotonic())
        if wait > PATIENCE:
            raise _too_fast(wait, pool.factor * self._rate, "requests", pool.scope)
        if wait > 0:
            await asyncio.sleep(wait)

    def spend_bytes(self, count: int) -> None:
        """Count what was read; the next request waits for it."""
        self._bytes.spend(count)


def _too_fast(debt: float, limit: float, of: str, scope: str) -> CollabError:
    return CollabError(
        "rate_limited",
        f"You are sending faster than allowed: {limit:g} {of} a second of one {scope}.",
        retry_after=round(debt - PATIENCE, 1) or 0.1,
        detail={"limit": limit, "scope": scope, "of": of},
    )


class Rates:
    """The rates of the addresses that were here last."""

    def __init__(self, requests: float, size: float) -> None:
        self._requests = requests
        self._size = size
        self._rates: OrderedDict[str, Rate] = OrderedDict()

    def of(self, address: str) -> Rate:
        """The rate of an address."""
        rate = self._rates.get(address)
        if rate is None:
            rate = self._rates[address] = Rate(self._requests, self._size)
            if len(self._rates) > MAX_ADDRESSES:
                self._rates.popitem(last=False)
        else:
            self._rates.move_to_end(address)
        return rate
