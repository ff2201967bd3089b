"""Pings for all connections of a process: a few bursts per interval instead of a timer each."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

#: bursts per interval; a connection is pinged in one of them
BEATS = 25
#: bursts over which newcomers of one moment are spread
_SPREAD = 5
#: bursts by which a first ping is early: who never answers is gone within one interval and one timeout
_EARLY = 3


class Beating(Protocol):
    """A connection; ``heard_at`` is set to :attr:`Heartbeat.beat` when its answer arrives."""

    heard_at: int
    ping_slot: int

    def ping(self) -> None:
        """Send a ping."""

    def fell_silent(self) -> bool:
        """No answer came in time. False: the answer may stand behind what was not read yet, look again."""


class Heartbeat:
    """Pings every connection once per ``interval`` and misses those that do not answer in ``timeout``.

    Args:
        interval, timeout: seconds. Both are kept to within a 25th of ``interval``; a first ping is earlier.

    Attributes:
        beat: number of the burst that is the latest.
    """

    def __init__(self, interval: float, timeout: float) -> None:
        self._pause = interval / BEATS
        self._timeout = timeout
        self._slots: list[dict[Beating, None]] = [{} for _ in range(BEATS)]
        self._count = 0
        self._asked: deque[tuple[float, int, list[Beating]]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self.beat = 0

    def add(self, connection: Beating) -> None:
        """Ping ``connection`` from now on; for the first time after a little less than one interval."""
        self._count += 1
        connection.ping_slot = (self.beat - _EARLY - self._count % _SPREAD) % BEATS
        self._slots[connection.ping_slot][connection] = None
        if self._timer is None:
            self._beat_later(asyncio.get_running_loop())

    def remove(self, connection: Beating) -> None:
        """Forget ``connection``. Idempotent."""
        self._slots[connection.ping_slot].pop(connection, None)

    def _beat_later(self, loop: asyncio.AbstractEventLoop) -> None:
        # From when the last one was due, not from when it came: else each would add what the loop was late.
        now = loop.time()
        self._due = max(self._due, now - self._pause) + self._pause
        self._timer = loop.call_at(self._due, self._beat)

    def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        self.beat += 1
        slot = self._slots[self.beat % BEATS]
        if slot:
            asked = list(slot)
            for connection in asked:
                connection.ping()
            self._asked.append((now + self._timeout, self.beat, asked))
        while self._asked and self._asked[0][0] <= now:
            _, beat, asked = self._asked.popleft()
            self._miss(beat, asked, now)
        if self._asked or any(self._slots):
            self._beat_later(loop)
        else:
            self._timer = None

    def _miss(self, beat: int, asked: list[Beating], now: float) -> None:
        waiting = [
            connection
            for connection in asked
            if connection.heard_at < beat
            and connection in self._slots[connection.ping_slot]
            and not connection.fell_silent()
        ]
        if waiting:
            self._asked.append((now + self._timeout, beat, waiting))
