"""Whose turn it is at the worker processes: one job at a time for each owner, and first for whoever has had least.

Fair queueing by cost, as processor sharing approximates it: an owner who asks for much waits for itself, not others
for it. What somebody has had is forgotten by half every ``HALF_LIFE`` seconds. A job that has begun is not broken off,
so the last free slot is kept for those who ask for little: else two who ask for much would have both, and everybody
would wait for one of them to end.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from collab.errors import CollabError

#: seconds after which half of what somebody has had is forgotten
HALF_LIFE = 10.0
#: jobs of one owner that may wait: more would only grow old
MAX_WAITING = 32
#: owners that are remembered before those who had hardly anything are forgotten
MAX_REMEMBERED = 1000
#: seconds of work that are hardly anything
NOTHING = 0.05
#: seconds of work lately, from which on somebody leaves the last free slot to others
COSTLY = 1.0
#: seconds that the next try of somebody with so many should wait
RETRY_AFTER = 5.0


@dataclass(slots=True)
class _Owner:
    """``had``: seconds of work, as of ``at``."""

    had: float = 0.0
    at: float = 0.0
    busy: bool = False
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)


class Turns:
    """Gives out turns.

    Args:
        slots: jobs that may run at the same time.
    """

    def __init__(self, slots: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._free = slots
        self._kept = 1 if slots > 1 else 0
        self._clock = clock
        self._owners: dict[Hashable, _Owner] = {}

    @asynccontextmanager
    async def turn(self, owner: Hashable) -> AsyncIterator[None]:
        """Wait for a turn, and have it.

        Raises:
            CollabError: ``rate_limited``: too many jobs of this owner wait already.
        """
        one = self._owners.get(owner)
        if one is None:
            one = self._owners[owner] = _Owner(at=self._clock())
        if len(one.waiting) >= MAX_WAITING:
            raise CollabError(
                "rate_limited",
                "Too many of your requests wait for their turn already.",
                retry_after=RETRY_AFTER,
                detail={"limit": MAX_WAITING, "scope": "participant", "of": "jobs"},
            )
        await self._wait(one)
        began = self._clock()
        try:
            yield
        finally:
            one.busy = False
            self._free += 1
            one.had = self._now_had(one) + self._clock() - began
            one.at = self._clock()
            self._next()
            self._forget()

    async def _wait(self, one: _Owner) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        one.waiting.append(future)
        self._next()
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():  # it was given a turn that it cannot use
                one.busy = False
                self._free += 1
                self._next()
            else:
                one.waiting.remove(future)
            raise

    def _next(self) -> None:
        """Give free slots to those who have had least."""
        while self._free:
            ready = [one for one in self._owners.values() if one.waiting and not one.busy]
            if self._free == self._kept:  # some other slot is taken, and its end looks again
                ready = [one for one in ready if self._now_had(one) < COSTLY]
            if not ready:
                return
            one = min(ready, key=self._now_had)
            one.busy = True
            self._free -= 1
            one.waiting.popleft().set_result(None)

    def _now_had(self, one: _Owner) -> float:
        return float(one.had * 0.5 ** ((self._clock() - one.at) / HALF_LIFE))

    def _forget(self) -> None:
        """Keep nobody of whom there is hardly anything to remember."""
        if len(self._owners) > MAX_REMEMBERED:
            self._owners = {
                key: one for key, one in self._owners.items() if one.busy or one.waiting or self._now_had(one) > NOTHING
            }
