"""How much one address may ask of the HTTP API: first it is kept waiting, then it is told."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from collab.errors import CollabError
from collab.hub.limits import Bucket

#: seconds that an address over its rate is kept waiting; beyond, it is told
PATIENCE = 5.0
#: addresses whose rates are remembered
MAX_ADDRESSES = 10_000


class Rate:
    """What one address may send."""

    __slots__ = ("_bytes", "_requests")

    def __init__(self, requests: float, size: float) -> None:
        self._requests = Bucket(requests)
        self._bytes = Bucket(size)

    async def wait(self) -> None:
        """Count a request, and wait while the address is over its rate; raises ``rate_limited`` far over it."""
        debt = max(self._requests.spend(0), self._bytes.spend(0))
        if debt > PATIENCE:
            raise CollabError("rate_limited", retry_after=round(debt - PATIENCE, 1) or 0.1)
        debt = max(debt, self._requests.spend(1))
        if debt > 0:
            await asyncio.sleep(debt)

    def spend_bytes(self, count: int) -> None:
        """Count what was read; the next request waits for it."""
        self._bytes.spend(count)


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
