"""The hub: opens each document once, puts idle ones away, drains at the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import structlog

from collab.documents.document import Document
from collab.errors import CollabError
from collab.hub.checkpoints import Checkpoints
from collab.hub.compaction import COMPACT_ON_UNLOAD, compact
from collab.hub.live_document import RENEW_INTERVAL, DocumentLimits, LiveDocument
from collab.hub.session import Session
from collab.hub.slow_lane import SlowLane
from collab.stores.base import Store
from collab.types import check_document_name

#: seconds between two looks at every open document
TIDY_INTERVAL = 0.5
#: documents opened so soon after a start may be those that people had open before it
COMEBACK_SECONDS = 120.0
#: 2026-01-01, in seconds since the epoch of Unix
CLOCK_EPOCH = 1_767_225_600

_log = structlog.get_logger("collab.hub")


class Hub:
    """All documents that this process has open.

    Args:
        store: where documents live; opened and closed by the hub.
        limits: bounds of each document.
        idle_timeout: seconds that a document without sessions stays in memory.
        compact_every: logged updates after which a document in use is compacted.
        checkpoints: when automatic versions are kept; None: never.
    """

    #: opens a document for a program of this process: :meth:`InProcessDoor.open`, which the composition puts here
    open: Callable[..., Any]

    def __init__(
        self,
        store: Store,
        limits: DocumentLimits,
        *,
        idle_timeout: float = 30.0,
        compact_every: int = 5000,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        self.store = store
        self.limits = limits
        self.idle_timeout = idle_timeout
        self.compact_every = compact_every
        self.checkpoints = checkpoints or Checkpoints(interval=0.0, keep=0)
        self.documents: dict[str, LiveDocument] = {}
        self.draining = False
        self._slow_lane = SlowLane()
        self._started_at = 0.0
        self._starting: asyncio.Future[None] | None = None
        self._opening: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._compacting: set[str] = set()
        self._chores: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Open the store and begin to look after documents; once, however many ask."""
        if self._starting is None:
            self._starting = asyncio.ensure_future(self._start())
        await asyncio.shield(self._starting)

    async def _start(self) -> None:
        await self.store.open()
        loop = asyncio.get_running_loop()
        self._started_at = loop.time()
        self._chores = [loop.create_task(self._tidy()), loop.create_task(self._renew_presence())]

    # -- documents ------------------------------------------------------------------------------

    async def live(self, name: str) -> LiveDocument:
        """The open document ``name``; opens it, once however many ask, if it is not open.

        The caller joins it before its next ``await``, or it may be put away.

        Raises:
            CollabError: ``invalid_document``, ``draining``, ``storage_unavailable``.
        """
        check_document_name(name)
        while True:
            if self.draining:
                raise CollabError("draining", retry_after=1)
            live = self.documents.get(name)
            if live is not None:
                return live
            opening = self._opening.get(name)
            if opening is None:
                opening = self._opening[name] = self._spawn(self._open(name))
                opening.add_done_callback(lambda _task: self._opening.pop(name, None))
            await asyncio.shield(opening)

    async def _open(self, name: str) -> None:
        stored = await self.store.load(name)
        if stored is None:
            document, position, logged = Document(), 0, 0
        else:
            document = Document.load(stored.snapshot, stored.tail)
            position, logged = stored.position, len(stored.tail)
            for words in stored.damage:
                _log.error("document is damaged", document=name, damage=words)
        live = LiveDocument(
            name, document, self.store, position, self.limits, self._idle,
            clock_lead=self._clock_lead(), slow_lane=self._slow_lane,
        )  # fmt: skip
        live.logged_since_snapshot = logged
        await self.checkpoints.recall(live, self.store)
        self.documents[name] = live
        self._idle(live)

    def _clock_lead(self) -> int:
        """People who come back after a restart need newer clocks than they had; seconds only grow."""
        if asyncio.get_running_loop().time() - self._started_at > COMEBACK_SECONDS:
            return 0
        return max(0, int(time.time()) - CLOCK_EPOCH)

    async def join(self, name: str, session: Session) -> LiveDocument:
        """Open ``name`` and add ``session`` to it; raises as :meth:`live` and ``document_full``."""
        live = await self.live(name)
        live.join(session)
        return live

    async def delete(self, name: str) -> bool:
        """Delete a document for good and dismiss everybody who has it open; False if unknown."""
        opening = self._opening.get(name)
        if opening is not None:
            await asyncio.wait([opening])
        live = self.documents.pop(name, None)
        if live is not None:
            live.deleted = True
            gone = CollabError("document_deleted")
            for session in list(live.sessions.values()):
                session.on_dismiss(gone)
            await live.journal.drain(5.0)
            live.close()
        return await self.store.delete(name) or live is not None

    # -- putting away ---------------------------------------------------------------------------

    def _idle(self, live: LiveDocument) -> None:
        asyncio.get_running_loop().call_later(self.idle_timeout, self._put_away_if_idle, live)

    def _put_away_if_idle(self, live: LiveDocument) -> None:
        if self.draining or self.documents.get(live.name) is not live:
            return
        if self._is_idle(live):
            self._spawn(self._put_away(live))
        elif not live.sessions:
            self._idle(live)  # something is on its way to the disk

    def _is_idle(self, live: LiveDocument) -> bool:
        return (
            not live.sessions and live.settled and self.documents.get(live.name) is live
        )

    async def _put_away(self, live: LiveDocument) -> None:
        if self.checkpoints.due(live):
            await self._keep_checkpoint(live)
        if live.logged_since_snapshot >= COMPACT_ON_UNLOAD:
            await self._compact(live)
        if self._is_idle(live):
            del self.documents[live.name]
            live.close()

    async def _renew_presence(self) -> None:
        while True:
            await asyncio.sleep(RENEW_INTERVAL)
            for live in list(self.documents.values()):
                live.renew_presence()

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(TIDY_INTERVAL)
            for live in list(self.documents.values()):
                live.document.forget_encoded()
                if live.logged_since_snapshot >= self.compact_every:
                    await self._compact(live)
                if self.checkpoints.due(live):
                    await self._keep_checkpoint(live)

    async def _keep_checkpoint(self, live: LiveDocument) -> None:
        try:
            await self.checkpoints.keep(live, self.store)
        except CollabError as error:
            _log.error("checkpoint failed", document=live.name, code=error.code)

    async def _compact(self, live: LiveDocument) -> None:
        if live.name in self._compacting or live.deleted:
            return
        self._compacting.add(live.name)
        try:
            await compact(live, self.store)
        except CollabError as error:
            _log.error("compaction failed", document=live.name, code=error.code, reason=error.message)
        finally:
            self._compacting.discard(live.name)

    # -- end ------------------------------------------------------------------------------------

    async def drain(self, timeout: float) -> bool:
        """Refuse newcomers, send what waits, and wait until everything is saved.

        Returns:
            False where something could not be saved within ``timeout`` seconds.
        """
        self.draining = True
        documents = list(self.documents.values())
        for live in documents:
            live.flush()
        saved = await asyncio.gather(*(live.journal.drain(timeout) for live in documents))
        return all(saved)

    async def close(self) -> None:
        """Let go of everything; call :meth:`drain` first to lose nothing."""
        self.draining = True
        await self._slow_lane.close()
        for chore in self._chores:
            chore.cancel()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for live in self.documents.values():
            live.close()
        self.documents.clear()
        await self.store.close()

    def _spawn(self, coroutine: Any) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
