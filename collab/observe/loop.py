"""How late the event loop is: everything that people wait for waits for it."""

from __future__ import annotations

import asyncio
import time

import structlog

from collab.metrics import LOOP_LAG, LOOP_STALLS

#: seconds between two looks
INTERVAL = 0.25
#: seconds: who types sees a stall of that length
STALL = 0.5

_log = structlog.get_logger("collab.loop")


class LoopLag:
    """Measures it, from :meth:`start` to :meth:`stop`."""

    def __init__(self) -> None:
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        #: the longest of the last seconds, for whoever looks
        self.latest = 0.0

    def start(self) -> None:
        """Look again and again."""
        loop = asyncio.get_running_loop()
        self._due = time.monotonic() + INTERVAL
        self._timer = loop.call_later(INTERVAL, self._look)

    def stop(self) -> None:
        """Look no more. Idempotent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        late = max(0.0, time.monotonic() - self._due)
        LOOP_LAG.observe(late)
        self.latest = max(late, 0.8 * self.latest)
        if late >= STALL:
            LOOP_STALLS.add()
            _log.warning("loop stalled", seconds=round(late, 3))
        self.start()
