"""What a session does beside listening."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from contextlib import suppress

from collab.client.unreachable import Disconnected

_log = logging.getLogger("collab.client")


class Errands:
    """Tasks that belong to a session; one that fails is logged, and ends nothing else.

    Args:
        document: the session's, for the log.
    """

    def __init__(self, document: str) -> None:
        self._document = document
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self, errand: Awaitable[None]) -> None:
        """Begin it; that its connection ends is no failure."""

        async def run() -> None:
            with suppress(Disconnected):
                await errand

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def cancel(self) -> None:
        """End all of them."""
        for task in self._tasks:
            task.cancel()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("a task of %r failed", self._document, exc_info=task.exception())
