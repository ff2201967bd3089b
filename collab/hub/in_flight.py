"""Messages that are coming in: how much of them lies in memory, of one address and in all.

A message counts from a few kilobytes on, as far as it has come. Where there is too much, only the oldest message goes
on; all others are read on when something has been dealt with. So what is bounded is bounded, and nobody waits for
ever: whoever sends next to nothing while others wait is cut.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

#: bytes of a message that do not count
COUNTED_FROM = 16 * 1024
#: bytes that may be on their way in, of one address and in all; the oldest message may exceed both
MOST_EACH, MOST = 8 * 2**20, 24 * 2**20
#: a message is given up if others wait and fewer than PACE bytes of it came in PATIENCE seconds
PACE, PATIENCE = 64 * 1024, 10.0


class Load:
    """One message that is coming in.

    Args:
        address: where it comes from.
        cut: ends the connection of its sender.
    """

    __slots__ = ("_in_flight", "_lately", "_wake", "address", "cut", "heard_at", "over", "size")

    def __init__(self, in_flight: InFlight, address: str, cut: Callable[[], None]) -> None:
        self._in_flight = in_flight
        self.address = address
        self.cut = cut
        self.size = 0
        self.over = False
        self._lately = 0
        self._wake: asyncio.Future[None] | None = None
        #: when it last got on; infinity while its sender is not to blame for what takes long
        self.heard_at = asyncio.get_running_loop().time()

    def grow(self, count: int) -> Awaitable[None] | None:
        """``count`` more bytes have come; returns what is to be awaited before more is read, or None."""
        self._lately += count
        if self._lately >= PACE:
            self._lately = 0
            self.heard_at = asyncio.get_running_loop().time()
        self._in_flight.add(self, count)
        return None if self._in_flight.may_grow(self) else self._wait()

    async def _wait(self) -> None:
        before, self.heard_at = self.heard_at, float("inf")
        while not self._in_flight.may_grow(self):
            self._wake = asyncio.get_running_loop().create_future()
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE / 4):
                    await self._wake
            self._in_flight.cut_idle()
        self.heard_at = max(asyncio.get_running_loop().time(), before if before != float("inf") else 0.0)

    def wake(self) -> None:
        """Something has changed."""
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def complete(self) -> None:
        """All of it has come, or waits for something else: its sender is not to blame for what takes long."""
        self.heard_at = float("inf")

    def release(self) -> None:
        """It has been dealt with, or will not come. Idempotent."""
        self._in_flight.remove(self)


class InFlight:
    """What comes in, of all connections of a process.

    Args:
        most_each, most: see :data:`MOST`.
    """

    def __init__(self, most_each: int = MOST_EACH, most: int = MOST) -> None:
        self._most_each, self._most = most_each, most
        # Oldest first.
        self._loads: dict[Load, None] = {}
        self._of: dict[str, dict[Load, None]] = {}
        self._sizes: Counter[str] = Counter()
        self.size = 0

    def load(self, address: str, cut: Callable[[], None]) -> Load:
        """A message that may become large enough to count; to be released in the end."""
        return Load(self, address, cut)

    def add(self, load: Load, count: int) -> None:
        """See :meth:`Load.grow`."""
        if load.over:
            return
        load.size += count
        self._loads[load] = None
        self._of.setdefault(load.address, {})[load] = None
        self.size += count
        self._sizes[load.address] += count

    def may_grow(self, load: Load) -> bool:
        """Whether more of it may be read."""
        if load.over:
            return True  # given up: whoever reads it will notice
        if self.size > self._most and load is not next(iter(self._loads)):
            return False
        return self._sizes[load.address] <= self._most_each or load is next(iter(self._of[load.address]))

    def remove(self, load: Load) -> None:
        """See :meth:`Load.release`."""
        if load.over:
            return
        load.over = True
        load.cut = _nobody  # it leads to the request, which leads here: a circle
        if not load.size:
            return
        del self._loads[load]
        there = self._of[load.address]
        del there[load]
        self.size -= load.size
        self._sizes[load.address] -= load.size
        if not there:
            del self._of[load.address], self._sizes[load.address]
        load.wake()
        for other in self._loads:
            other.wake()

    def cut_idle(self) -> None:
        """Cut whoever sends next to nothing; called by those who wait."""
        late = asyncio.get_running_loop().time() - PATIENCE
        for load in [each for each in self._loads if each.heard_at < late]:
            load.cut()
            self.remove(load)


def _nobody() -> None:
    """Ends no connection."""
