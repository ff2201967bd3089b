"""Whether the store runs out of room, told before it hurts: on its disk, in its Redis, or of ``max-store-bytes``."""

from __future__ import annotations

import asyncio

import structlog

from collab.hub.hub import Hub
from collab.incidents import Incident
from collab.observe.gauges import SPACE_INTERVAL, Gauges
from collab.stores.base import Space

#: bytes of room below which there is little, and the part of all that the store could have; the lesser of both counts
LITTLE, PART = 2**30, 0.1

_log = structlog.get_logger("collab.observe")


class SpaceWatch:
    """Looks after it.

    Args:
        hub: whose store, and what that may hold.
        gauges: ask the store.
        little: bytes of room below which there is little; None: see :data:`LITTLE`; 0: never.
    """

    def __init__(self, hub: Hub, gauges: Gauges, little: int | None) -> None:
        self._hub = hub
        self._gauges = gauges
        self._little = little
        self._low = Incident(
            _log, "the store runs out of room", "there is room for the store again", level="warning"
        )  # fmt: skip
        self._task: asyncio.Task[None] | None = None
        #: bytes of room, as of the last look; None: nobody knows
        self.free: int | None = None

    @property
    def low(self) -> bool:
        """Whether there is little room."""
        return self._low.lasts

    def open(self) -> None:
        """Begin."""
        if self._little == 0:
            return
        self._task = asyncio.get_running_loop().create_task(self._watch())

    async def close(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(SPACE_INTERVAL)

    async def look(self) -> None:
        """See how much room there is, and say so where little begins or ends."""
        await self._gauges.refresh()
        space = self._gauges.space
        if space is None:
            return  # that the store is out of reach is told elsewhere
        self.free = self._room(space)
        if self.free is None:
            self._low.end()
            return
        little = self._little
        if little is None:
            little = int(min(LITTLE, PART * (space.taken + self.free)))
        if self.free < little:
            self._low.begin(free=self.free, taken=space.taken, little=little)
        else:
            self._low.end(free=self.free, taken=space.taken)

    def _room(self, space: Space) -> int | None:
        most = self._hub.quotas.limits.max_store_bytes
        rooms = [space.free, None if most is None else max(0, most - space.taken)]
        return min((room for room in rooms if room is not None), default=None)
