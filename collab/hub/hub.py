"""The hub: opens each document once, puts idle ones away, drains at the end."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import structlog

from collab.cluster.base import Cluster
from collab.cluster.local import LocalCluster
from collab.documents.document import Document
from collab.documents.presence import lead_at
from collab.errors import CollabError
from collab.hub.checkpoints import Checkpoints
from collab.hub.compaction import COMPACT_ON_UNLOAD, compact
from collab.hub.follower import Follower
from collab.hub.live_document import RENEW_INTERVAL, DocumentLimits, LiveDocument
from collab.hub.neighbours import Neighbours
from collab.hub.outage import Outage
from collab.hub.session import Session
from collab.hub.slow_lane import SlowLane
from collab.stores.base import SharedStore, Store
from collab.types import check_document_name

#: seconds between two looks at open documents, and at how many at a time: with more open documents
#: each has its turn less often, so that looking costs no more than that
TIDY_INTERVAL = 0.5
TIDIED_AT_ONCE = 100
#: seconds between two looks at where logs end, and of how many at a time, likewise
PROBE_INTERVAL = 1.0
PROBED_AT_ONCE = 2000
#: seconds for which an answer waits until every node has told who is there
MEET_TIMEOUT = 1.0
#: documents whose people are told anew at a time, and seconds until the next ones: notes may not pile up
INTRODUCED_AT_ONCE = 500
INTRODUCTION_PAUSE = 0.05
#: seconds for which one node takes on work that the others then leave alone
LEASE = 30.0

_log = structlog.get_logger("collab.hub")


class Hub:
    """All documents that this process has open.

    Args:
        store: where documents live; opened and closed by the hub.
        limits: bounds of each document.
        idle_timeout: seconds that a document without sessions stays in memory.
        compact_every: logged updates after which a document in use is compacted.
        checkpoints: when automatic versions are kept; None: never.
        cluster: the other nodes; opened and closed by the hub. None: there are none.
        cluster_grace: seconds for which edits are taken while the cluster is out of reach.
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
        cluster: Cluster | None = None,
        cluster_grace: float = 60.0,
    ) -> None:
        self.store = store
        self.cluster = cluster or LocalCluster()
        self.outage = Outage(cluster_grace)
        self.limits = limits
        self.idle_timeout = idle_timeout
        self.compact_every = compact_every
        self.checkpoints = checkpoints or Checkpoints(interval=0.0, keep=0)
        self.documents: dict[str, LiveDocument] = {}
        self.draining = False
        self._slow_lane = SlowLane()
        self._starting: asyncio.Future[None] | None = None
        self._followers: dict[str, Follower] = {}
        self._digesting = asyncio.Semaphore()
        self._opening: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._compacting: set[str] = set()
        self._introducing: asyncio.Task[None] | None = None
        self._chores: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Open the store, join the cluster, and begin to look after documents; once, however many ask."""
        if self._starting is None:
            self._starting = asyncio.ensure_future(self._start())
        await asyncio.shield(self._starting)

    async def _start(self) -> None:
        await self.store.open()
        await self.cluster.open(self)
        loop = asyncio.get_running_loop()
        self._chores = [loop.create_task(self._tidy()), loop.create_task(self._renew_presence())]
        if isinstance(self.store, SharedStore):
            self._chores.append(loop.create_task(self._probe(self.store)))

    # -- documents ------------------------------------------------------------------------------

    async def live(self, name: str) -> LiveDocument:
        """The open document ``name``; opens it, once however many ask, if it is not open.

        The caller joins it before its next ``await``, or it may be put away.

        Raises:
            CollabError: ``invalid_document``, ``draining``, ``storage_unavailable``, ``cluster_degraded``.
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
        follower = None
        if isinstance(self.store, SharedStore):
            if self.outage.lasts:
                raise CollabError("cluster_degraded", retry_after=1)
            follower = Follower(name, self.store, self.cluster, self._deleted_elsewhere, self._digesting)
            # First listen, then load: what is appended in between is in either.
            await self.cluster.join(name, follower)
        try:
            await self._load(name, follower)
        except BaseException:
            if follower is not None:
                follower.stop()
            raise

    async def _load(self, name: str, follower: Follower | None) -> None:
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
            clock_lead=lead_at(time.time()), slow_lane=self._slow_lane, outage=self.outage,
        )  # fmt: skip
        live.logged_since_snapshot = logged
        await self.checkpoints.recall(live, self.store)
        self.documents[name] = live
        if follower is not None:
            self._followers[name] = follower
            follower.start(live, stored)
            live.neighbours = Neighbours(live, self.cluster)
            live.neighbours.introduce()
        self._idle(live)

    async def join(self, name: str, session: Session) -> LiveDocument:
        """Open ``name`` and add ``session`` to it; raises as :meth:`live` and ``document_full``."""
        live = await self.live(name)
        live.join(session)
        return live

    async def delete(self, name: str) -> bool:
        """Delete a document for good and dismiss everybody who has it open; False if unknown.

        Raises:
            CollabError: ``storage_unavailable``, ``cluster_degraded``.
        """
        if self.outage.lasts:
            raise CollabError("cluster_degraded", retry_after=1)
        opening = self._opening.get(name)
        if opening is not None:
            await asyncio.wait([opening])
        live = self._dismiss(name)
        if live is not None:
            await live.journal.drain(5.0)
            self._let_go(live)
        return await self.store.delete(name) or live is not None

    def _dismiss(self, name: str) -> LiveDocument | None:
        """Take a deleted document out of the open ones, and send everybody in it away."""
        live = self.documents.pop(name, None)
        if live is not None:
            live.deleted = True
            gone = CollabError("document_deleted")
            for session in list(live.sessions.values()):
                session.dismiss(gone)
        return live

    def _deleted_elsewhere(self, name: str) -> None:
        live = self._dismiss(name)
        if live is not None:
            self._let_go(live)

    def _let_go(self, live: LiveDocument) -> None:
        if live.neighbours is not None:
            live.neighbours.close()
        live.close()
        follower = self._followers.pop(live.name, None)
        if follower is not None:
            follower.stop()

    # -- the cluster ----------------------------------------------------------------------------

    def cluster_changed(self, reachable: bool) -> None:
        """See :class:`collab.cluster.base.Watcher`."""
        if reachable:
            self.outage.end()
        else:
            self.outage.begin()
        for live in list(self.documents.values()):
            if reachable:
                self._spawn(self._reconcile(live))
            else:
                live.notify(CollabError("cluster_degraded", retry_after=1))

    async def _reconcile(self, live: LiveDocument) -> None:
        """Once a document is in line with the others again, say so."""
        follower = self._followers.get(live.name)
        if follower is None:
            return
        follower.catch_up()
        while not (follower.in_line and live.journal.clean):
            await asyncio.sleep(0.05)
            if self.outage.lasts or live.deleted:
                return
        follower.compare()
        live.notify(CollabError("cluster_degraded", "The server is in touch with its neighbours again."), resolved=True)

    def bells_missed(self) -> None:
        """See :class:`collab.cluster.base.Watcher`."""
        for follower in self._followers.values():
            follower.catch_up()
            follower.compare()
        self.notes_lost()

    def notes_lost(self) -> None:
        """See :class:`collab.cluster.base.Watcher`."""
        if self._introducing is not None:
            self._introducing.cancel()
        self._introducing = self._spawn(self._introduce())

    async def _introduce(self) -> None:
        for number, live in enumerate(list(self.documents.values()), 1):
            if live.neighbours is not None and self.documents.get(live.name) is live:
                live.neighbours.introduce()
            if number % INTRODUCED_AT_ONCE == 0:
                await asyncio.sleep(INTRODUCTION_PAUSE)

    def node_left(self, node: str) -> None:
        """See :class:`collab.cluster.base.Watcher`."""
        for live in self.documents.values():
            if live.neighbours is not None:
                live.neighbours.node_left(node)

    def node_returned(self, node: str) -> None:
        """See :class:`collab.cluster.base.Watcher`."""
        for live in self.documents.values():
            if live.neighbours is not None:
                live.neighbours.ask()

    async def people(self, names: Sequence[str]) -> list[int]:
        """How many people are in each of the documents ``names``, on every node."""
        elsewhere = await self.cluster.people(names)
        counts = []
        for name, others in zip(names, elsewhere, strict=True):
            live = self.documents.get(name)
            counts.append(len(live.presence.sessions) if live is not None else others)
        return counts

    async def gathering(self, name: str) -> LiveDocument | None:
        """The document ``name`` with everybody in it, on every node; None if no node has it open."""
        live = self.documents.get(name)
        if live is None and await self.cluster.listeners(name) > 0:
            live = await self.live(name)
        if live is not None and live.neighbours is not None:
            await live.neighbours.meet(MEET_TIMEOUT)
        return live

    async def _probe(self, store: SharedStore) -> None:
        """Compare with where the logs end: a bell may be lost without a trace."""
        turns: deque[Follower] = deque()
        while True:
            await asyncio.sleep(PROBE_INTERVAL)
            self.cluster.count({live.name: len(live.sessions) for live in self.documents.values() if live.sessions})
            if not self.cluster.reachable:
                continue
            if not turns:
                turns.extend(self._followers.values())
            some = [turns.popleft() for _ in range(min(PROBED_AT_ONCE, len(turns)))]
            marks = [follower.ledger.mark for follower in some]
            try:
                found = await store.probe([follower.name for follower in some]) if some else []
            except CollabError:
                continue
            for follower, end, mark in zip(some, found, marks, strict=True):
                follower.check(end, mark)

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
        if self.outage.lasts:
            return False  # it could not be opened again
        return not live.sessions and live.settled and self.documents.get(live.name) is live

    async def _put_away(self, live: LiveDocument) -> None:
        if self.checkpoints.due(live):
            await self._keep_checkpoint(live)
        if live.logged_since_snapshot >= COMPACT_ON_UNLOAD:
            await self._compact(live)
        if self._is_idle(live):
            del self.documents[live.name]
            self._let_go(live)

    async def _renew_presence(self) -> None:
        while True:
            await asyncio.sleep(RENEW_INTERVAL)
            self._renew_all()

    def _renew_all(self) -> None:
        # A function of its own: a loop that sleeps would keep its last document in memory.
        for live in list(self.documents.values()):
            live.renew_presence()

    async def _tidy(self) -> None:
        turns: deque[str] = deque()  # names: a loop that sleeps would keep its documents in memory
        while True:
            await asyncio.sleep(TIDY_INTERVAL)
            if not turns:
                turns.extend(self.documents)
            for _ in range(min(TIDIED_AT_ONCE, len(turns))):
                await self._tidy_one(turns.popleft())

    async def _tidy_one(self, name: str) -> None:
        live = self.documents.get(name)
        if live is None:
            return
        live.document.forget_encoded()
        if live.logged_since_snapshot >= self.compact_every:
            await self._compact(live)
        if self.checkpoints.due(live):
            await self._keep_checkpoint(live)

    async def _keep_checkpoint(self, live: LiveDocument) -> None:
        if self.outage.lasts:
            return
        try:
            if isinstance(self.store, SharedStore):
                if await self._leave_to_others(live, "checkpoint"):
                    return
                await self.checkpoints.recall(live, self.store)  # another node may have kept one
                if not self.checkpoints.due(live):
                    return
            await self.checkpoints.keep(live, self.store)
        except CollabError as error:
            _log.error("checkpoint failed", document=live.name, code=error.code)

    async def _compact(self, live: LiveDocument) -> None:
        if live.name in self._compacting or live.deleted or self.outage.lasts:
            return
        self._compacting.add(live.name)
        try:
            if not await self._leave_to_others(live, "compaction"):
                await compact(live, self.store)
        except CollabError as error:
            _log.error("compaction failed", document=live.name, code=error.code, reason=error.message)
        finally:
            self._compacting.discard(live.name)

    async def _leave_to_others(self, live: LiveDocument, work: str) -> bool:
        """Whether another node does this already; otherwise it is ours for a while."""
        return isinstance(self.store, SharedStore) and not await self.store.lease(live.name, work, LEASE)

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
        for live in list(self.documents.values()):
            self._let_go(live)
        self.documents.clear()
        await self.cluster.close()
        await self.store.close()

    def _spawn(self, coroutine: Any) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
