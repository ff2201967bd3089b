"""Memory has a bound: documents that nobody is in leave when it is near, the longest unused first, and new ones wait.

What the kernel would do at the bound ends everybody's sessions. Documents that somebody is in are never put away; what
they and their people grow by is not bounded here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from heapq import nlargest
from typing import Any

import structlog

from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.hub.live_document import LiveDocument
from collab.incidents import Incident
from collab.observe.memory_use import MemoryUse

#: seconds between two looks
INTERVAL = 0.5
#: seconds for which what a look found stands, when documents are opened one after another
_FRESH = 0.02
#: parts of the bound from which idle documents leave, new ones are refused, and are taken again
NEAR, FULL, ROOM_AGAIN = 0.85, 0.92, 0.88
#: seconds after which whoever was refused may ask again
RETRY = 5.0
#: idle documents that leave between two looks, at most: a quarter of all, and no more than this
_AT_ONCE = 200
#: documents that are named
LARGEST = 10

_log = structlog.get_logger("collab.memory")


class Headroom:
    """Looks after it; the hub asks :meth:`check` before it opens a document.

    Args:
        hub: whose documents leave.
        use: how much there is, and may be.
        trim: gives memory that is free back to the system; runs in a thread.
    """

    def __init__(self, hub: Hub, use: MemoryUse, trim: Callable[[], None] | None = None) -> None:
        self._hub = hub
        self._use = use
        self._trim = trim
        self._looked_at = float("-inf")
        self._share = 0.0
        self._put_away = 0
        self._task: asyncio.Task[None] | None = None
        self._full = Incident(
            _log, "memory is short: new documents are refused", "there is memory for new documents again"
        )
        #: bytes that count, and that may be; None: there is no bound
        self.used: int | None = None
        self.limit: int | None = None

    @property
    def short(self) -> bool:
        """Whether new documents are refused."""
        return self._full.lasts

    def open(self) -> None:
        """Begin; does nothing where there is no bound."""
        self.look()
        if self.limit is not None:
            self._hub.check_memory = self.check
            self._task = asyncio.get_running_loop().create_task(self._watch())

    async def close(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def check(self) -> None:
        """Raise ``too_many_documents``, retryable, where there is no memory for one more."""
        if time.monotonic() - self._looked_at > _FRESH:
            self.look()
        if self.short and self._hub.documents:  # with none open, refusing would free nothing
            words = "The server has no memory left for another document just now. Try again in a moment."
            detail = {"limit": self.limit, "scope": "server", "of": "bytes of memory"}
            raise CollabError("too_many_documents", words, retry_after=RETRY, detail=detail, retryable=True)

    def look(self) -> None:
        """See how much there is, and say so where that begins or ends to be too much."""
        self._looked_at = time.monotonic()
        found = self._use.tightest()
        if found is None:
            return
        bound, self.used = found
        self.limit = bound.limit
        self._share = self.used / bound.limit
        if self._share >= FULL and not self.short:
            documents = self._hub.documents
            self._full.begin(
                used=self.used, limit=bound.limit, bound=bound.of, documents=len(documents), idle=len(self._idle()),
                largest=[f"{row['name']} ({row['size']})" for row in largest(self._hub, 3)],
            )  # fmt: skip
        elif self._share < ROOM_AGAIN and self.short:
            self._full.end(used=self.used, limit=bound.limit, put_away=self._put_away)
            self._put_away = 0

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL)
            self.look()
            if self._share >= NEAR:
                await self._make_room()

    async def _make_room(self) -> None:
        idle = self._idle()
        for name in idle[: max(1, min(len(idle) // 4, _AT_ONCE))]:
            await self._let_go(name)
        if self._trim is not None:
            await asyncio.to_thread(self._trim)

    async def _let_go(self, name: str) -> None:
        # A function of its own: a loop would keep its last document in memory.
        live = self._hub.documents.get(name)
        if live is not None and not live.sessions:
            await self._hub.put_away(live)
            self._put_away += name not in self._hub.documents

    def _idle(self) -> list[str]:
        """Documents that can leave, the longest unused first."""
        documents = self._hub.documents
        if self._hub.outage.lasts:
            return []  # they could not be opened again
        return [name for name in self._hub.idle if _may_leave(documents.get(name))]


def _may_leave(live: LiveDocument | None) -> bool:
    return live is not None and not live.sessions and live.settled


def largest(hub: Hub, count: int = LARGEST) -> list[dict[str, Any]]:
    """The largest documents in memory, with their encoded size in bytes and how many people are in them."""
    rows = ((live.document.size, name, len(live.sessions)) for name, live in hub.documents.items())
    return [{"name": name, "size": size, "sessions": sessions} for size, name, sessions in nlargest(count, rows)]
