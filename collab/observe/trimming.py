"""Memory that is free inside the process is given back to the system once people have left.

The C library keeps what was freed, in case it is wanted again: a server that everybody has left would look as large
as at its busiest hour. And it keeps a heap for nearly each thread, of which the busiest hour leaves holes in all.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
from collections.abc import Callable

#: seconds between two looks: a crowd that is gone before one is not seen
INTERVAL = 1.0
#: of the most that there was, so much may be left for it to be worth the while
_SHARE = 0.5
#: fewer than this are not worth it
_LEAST = 20
#: heaps of glibc: one for the event loop, one for the threads that wait for disks; by itself it makes 8 a core
HEAPS = 2
#: of <malloc.h>
_M_ARENA_MAX = -8


class Trimming:
    """Looks after it.

    Args:
        busy: how much there is: documents in memory and people in them.
        trim: gives back what is free; runs in a thread. None: nothing can be given back.
    """

    def __init__(self, busy: Callable[[], int], trim: Callable[[], None] | None) -> None:
        self._busy = busy
        self._trim = trim
        self._most = 0
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin; does nothing where the C library has no such call."""
        if self._trim is not None:
            self._task = asyncio.get_running_loop().create_task(self._look(self._trim))

    async def close(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _look(self, trim: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(INTERVAL)
            if self.due():
                await asyncio.to_thread(trim)

    def due(self) -> bool:
        """Whether most of what was there is gone; said once."""
        now = self._busy()
        self._most = max(self._most, now)
        if self._most < _LEAST or now > _SHARE * self._most:
            return False
        self._most = now
        return True


def malloc_trim() -> Callable[[], None] | None:
    """glibc's; None with another C library."""
    call = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if call is None:
        return None
    return lambda: call(0)


def share_heaps() -> bool:
    """Have all threads that are still to come share ``HEAPS`` heaps; for a process that is ours alone.

    Returns:
        False where the environment says how many, and with another C library than glibc.
    """
    if "MALLOC_ARENA_MAX" in os.environ or "glibc.malloc.arena_max" in os.environ.get("GLIBC_TUNABLES", ""):
        return False
    call = getattr(ctypes.CDLL(None), "mallopt", None)
    return call is not None and bool(call(_M_ARENA_MAX, HEAPS))
