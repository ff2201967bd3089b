"""When to flush: at once after quiet, later in proportion to what the last flush cost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

#: a flush waits this many times the cost of the one before it ...
COST_FACTOR = 10.0
#: ... but at most this many seconds
MAX_WAIT = 0.05


class Pacer:
    """Calls ``flush`` soon after :meth:`request`, never more often than its cost allows.

    The first request after quiet is served in the same turn of the loop, so that edits which
    arrived together leave together. After a flush that cost ``c`` seconds the next one waits
    ``min(10 c, 50 ms)``, and at least ``min_wait``. A document so never takes more than about a
    tenth of the core for its own fan-out.

    Args:
        flush: does the work; its cost is the time that it takes, system calls included (the clock of
            the wall: asking for CPU time is a system call of its own, and a slow one).
        min_wait: seconds between two flushes at least; ``flush`` may set it for what comes next.
    """

    __slots__ = ("_flush", "_handle", "_loop", "_not_before", "min_wait")

    def __init__(self, flush: Callable[[], None], *, min_wait: float = 0.0) -> None:
        self._flush = flush
        self.min_wait = min_wait
        self._loop = asyncio.get_running_loop()
        self._not_before = 0.0
        self._handle: asyncio.Handle | None = None

    def request(self) -> None:
        """Ask for a flush; asking twice before it ran is asking once."""
        if self._handle is not None:
            return
        wait = self._not_before - self._loop.time()
        if wait <= 0:
            self._handle = self._loop.call_soon(self._run)
        else:
            self._handle = self._loop.call_later(wait, self._run)

    def flush_now(self) -> None:
        """Run what was requested, without waiting."""
        if self._handle is not None:
            self._handle.cancel()
            self._run()

    def cancel(self) -> None:
        """Forget a request that has not run yet."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def close(self) -> None:
        """Flush nothing any more, and let go of whose work it was."""
        self.cancel()
        self._flush = _nothing

    def _run(self) -> None:
        self._handle = None
        began = time.perf_counter()
        self._flush()
        cost = time.perf_counter() - began
        self._not_before = self._loop.time() + max(self.min_wait, min(COST_FACTOR * cost, MAX_WAIT))


def _nothing() -> None:
    pass
