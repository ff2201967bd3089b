"""The hub: opens each document once, puts idle ones away, drains at the end."""

# Longer than 450 lines: one table of documents, and whoever opens, ends and looks after them has to hold it.

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
from collab.hub.anew import Anew
from collab.hub.at_work import NOTHING, ROOM, NoQuarantine, Quarantine, Room
from collab.hub.at_work import mark as mark_of
from collab.hub.checkpoints import Checkpoints
from collab.hub.follower import Follower
from collab.hub.keeping import Keeping
from collab.hub.live_document import DocumentLimits, LiveDocument
from collab.hub.lives import Lives
from collab.hub.observer import Observer
from collab.hub.outage import Outage
from collab.hub.presence_feed import RENEW_INTERVAL
from collab.hub.quotas import QuotaLimits, Quotas
from collab.hub.session import Session
from collab.hub.slow_lane import SlowLane
from collab.hub.upkeep import Upkeep
from collab.metrics import LOADED
from collab.stores.base import DeletedDocument, SharedStore, Store, fresh_epoch
from collab.types import check_document_name

#: why a document is not opened that has ended the process too often
QUARANTINED = "This document is in quarantine: it has ended the server more than once. An administrator can release it."
#: seconds between two looks at where logs end
PROBE_INTERVAL = 1.0
#: logs that are asked for in one look: one pipeline of Redis
PROBED_AT_ONCE = 2000
#: seconds that an answer waits until every node has told who is there
MEET_TIMEOUT = 1.0
#: documents whose people are told anew in one go: notes may not pile up
INTRODUCED_AT_ONCE = 500
#: seconds until the next ones
INTRODUCTION_PAUSE = 0.05

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
        observer: who wants to hear of what happens; None: nobody.
        trash_keep: seconds for which a deleted document can be brought back; 0: not at all.
        quotas: bounds of what is kept; None: those by default.
    """

    #: opens a document for a program of this process: :meth:`InProcessDoor.open`, which the composition puts here
    open: Callable[..., Any]
    #: called where bells of the cluster may have been missed: :class:`Inboxes` puts its own here
    on_bells_missed: Callable[[], None] = staticmethod(lambda: None)
    #: what documents are opened as, and what follows their logs: tracing has its own
    document_type: type[LiveDocument] = LiveDocument
    follower_type: type[Follower] = Follower

    def __init__(
        self,
        store: Store,
        limits: DocumentLimits,
        *,
        idle_timeout: float = 20.0,
        compact_every: int = 5000,
        checkpoints: Checkpoints | None = None,
        cluster: Cluster | None = None,
        cluster_grace: float = 60.0,
        observer: Observer | None = None,
        trash_keep: float = 0.0,
        quotas: QuotaLimits | None = None,
    ) -> None:
        self.store = store
        self.cluster = cluster or LocalCluster()
        self.outage = Outage(cluster_grace)
        self.limits = limits
        self.observer = observer
        self.idle_timeout = idle_timeout
        self.checkpoints = checkpoints or Checkpoints(interval=0.0, keep=0)
        self.documents: dict[str, LiveDocument] = {}
        self.draining = False
        self.at_work: Room = bytearray(ROOM)
        #: documents that are not opened
        self.quarantine: Quarantine = NoQuarantine()
        #: raises where there is no memory for one more document
        self.check_memory: Callable[[], None] = lambda: None
        #: documents that nobody was in when they were looked at last, the longest unused first, and when each leaves
        self.idle: dict[str, asyncio.TimerHandle] = {}
        self._slow_lane = SlowLane()
        self._starting: asyncio.Future[None] | None = None
        self._followers: dict[str, Follower] = {}
        self._digesting = asyncio.Semaphore()
        self._opening: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._anew = Anew(store, self.documents)
        self.upkeep = Upkeep(store, self.documents, self.checkpoints, compact_every, self.outage, self._anew.concerns)
        self.quotas = Quotas(store, quotas or QuotaLimits())
        self.keeping = Keeping(store, self.documents, self.quotas, self.checkpoints)
        self._lives = Lives(store, self.documents, self._opening, self._end, trash_keep)
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
        chores = (
            self.upkeep.tidy(), self._renew_presence(), self._lives.sweep(), self.quotas.watch(self.keeping.tell_full),
        )  # fmt: skip
        self._chores = [loop.create_task(chore) for chore in chores]
        if isinstance(self.store, SharedStore):
            self._chores.append(loop.create_task(self._probe(self.store)))

    # -- documents ------------------------------------------------------------------------------

    async def live(self, name: str) -> LiveDocument:
        """The open document ``name``; opens it, once however many ask, if it is not open.

        The caller joins it before its next ``await``, or it may be put away.

        Raises:
            CollabError: ``invalid_document``, ``draining``, ``storage_unavailable``, ``cluster_degraded``,
                ``too_many_documents`` where memory is short.
        """
        check_document_name(name)
        while True:
            if self.draining:
                raise CollabError("draining", retry_after=1)
            live = self.documents.get(name)
            if live is not None:
                return live
            if name in self.quarantine:
                raise CollabError("storage_unavailable", QUARANTINED, retry_after=60)
            closed = self._lives.closed(name)
            if closed is not None:
                await asyncio.shield(closed)
                continue
            opening = self._opening.get(name)
            if opening is None:
                self.check_memory()
                opening = self._opening[name] = self._spawn(self._open(name))
                opening.add_done_callback(lambda _task: self._opening.pop(name, None))
            await asyncio.shield(opening)

    async def _open(self, name: str) -> None:
        follower = None
        if isinstance(self.store, SharedStore):
            if self.outage.lasts:
                raise CollabError("cluster_degraded", retry_after=1)
            follower = self.follower_type(name, self.store, self.cluster, self._end, self._digesting)
            # First listen, then load: what is appended in between is in either.
            await self.cluster.join(name, follower)
        try:
            await self._load(name, follower)
        except BaseException:
            if follower is not None:
                follower.stop()
            raise

    async def _load(self, name: str, follower: Follower | None) -> None:
        began = time.perf_counter()
        stored = await self.store.load(name)
        if stored is None:
            document, position, logged, epoch = Document(), 0, 0, fresh_epoch()
        else:
            marked = mark_of(name)
            self.at_work[: len(marked)] = marked
            try:
                document = Document.load(stored.snapshot, stored.tail)
            finally:
                self.at_work[:2] = NOTHING
            position, logged, epoch = stored.position, len(stored.tail), stored.epoch
            for words in stored.damage:
                _log.error("document is damaged", document=name, damage=words)
        live = self.document_type(
            name, document, self.store, position, self.limits, self._idle,
            clock_lead=lead_at(time.time()), slow_lane=self._slow_lane, outage=self.outage, observer=self.observer,
            epoch=epoch, quotas=self.quotas, stored=stored is not None, at_work=self.at_work,
        )  # fmt: skip
        live.logged_since_snapshot = logged
        if stored is not None:
            live.logged_bytes, live.snapshot_bytes = sum(map(len, stored.tail)), len(stored.snapshot or b"")
        await self.checkpoints.recall(live, self.store)
        self.documents[name] = live
        if follower is not None:
            self._followers[name] = follower
            follower.start(live, stored)
            live.people.meet(self.cluster)
        LOADED.observe(took := time.perf_counter() - began)
        if self.observer is not None:
            self.observer.opened(live, took)
        self._idle(live)

    async def join(self, name: str, session: Session) -> LiveDocument:
        """Open ``name`` and add ``session`` to it; raises as :meth:`live` and ``document_full``."""
        live = await self.live(name)
        live.join(session)
        return live

    async def delete(self, name: str, *, forever: bool = False) -> bool:
        """Delete a document and dismiss everybody who has it open; False if unknown.

        Args:
            forever: nothing stays, neither of it nor of what the trash has under this name.

        Raises:
            CollabError: ``storage_unavailable``, ``cluster_degraded``.
        """
        if self.outage.lasts:
            raise CollabError("cluster_degraded", retry_after=1)
        deleted = await self._lives.delete(name, forever=forever)
        if deleted:
            self.quotas.gone()
        return deleted

    async def undelete(self, name: str) -> bool:
        """Bring a document back from the trash; False if it is not there, or has been for too long.

        Raises:
            CollabError: ``document_exists``, ``storage_unavailable``, ``cluster_degraded``.
        """
        if self.outage.lasts:
            raise CollabError("cluster_degraded", retry_after=1)
        back = await self._lives.undelete(name)
        if back:
            self.quotas.made(None)
        return back

    async def trash(self, prefix: str = "", limit: int = 100, after: str | None = None) -> list[DeletedDocument]:
        """What can be brought back, by name."""
        return await self._lives.trash(prefix, limit, after)

    @property
    def trash_keep(self) -> float:
        """Seconds for which a deleted document can be brought back."""
        return self._lives.keep

    def _end(self, name: str) -> None:
        """Take a deleted document out of the open ones, and send everybody in it away."""
        live = self.documents.pop(name, None)
        if live is not None:
            live.deleted = live.journal.ended = True
            gone = CollabError("document_deleted")
            for session in list(live.sessions.values()):
                session.dismiss(gone)
            self._let_go(live)

    def _let_go(self, live: LiveDocument) -> None:
        self._not_idle(live.name)
        live.close()
        follower = self._followers.pop(live.name, None)
        if follower is not None:
            follower.stop()
        if self.observer is not None:
            self.observer.closed(live)

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
        for live in self.documents.values():
            live.streams.catch_up()
        self.on_bells_missed()
        self.notes_lost()

    def notes_lost(self) -> None:
        """See :class:`collab.cluster.base.Watcher`."""
        if self._introducing is not None:
            self._introducing.cancel()
        self._introducing = self._spawn(self._introduce())

    async def _introduce(self) -> None:
        for number, live in enumerate(list(self.documents.values()), 1):
            if live.people.neighbours is not None and self.documents.get(live.name) is live:
                live.people.neighbours.introduce()
            if number % INTRODUCED_AT_ONCE == 0:
                await asyncio.sleep(INTRODUCTION_PAUSE)

    def node_left(self, node: str) -> None:
        """See :class:`collab.cluster.base.Watcher`."""
        for live in self.documents.values():
            if live.people.neighbours is not None:
                live.people.neighbours.node_left(node)

    def node_returned(self, node: str) -> None:
        """See :class:`collab.cluster.base.Watcher`."""
        for live in self.documents.values():
            if live.people.neighbours is not None:
                live.people.neighbours.ask()

    async def people(self, names: Sequence[str]) -> list[int]:
        """How many people are in each of the documents ``names``, on every node."""
        elsewhere = await self.cluster.people(names)
        counts = []
        for name, others in zip(names, elsewhere, strict=True):
            live = self.documents.get(name)
            counts.append(len(live.people.presence.sessions) if live is not None else others)
        return counts

    async def gathering(self, name: str) -> LiveDocument | None:
        """The document ``name`` with everybody in it, on every node; None if no node has it open."""
        live = self.documents.get(name)
        if live is None and await self.cluster.listeners(name) > 0:
            live = await self.live(name)
        if live is not None and live.people.neighbours is not None:
            await live.people.neighbours.meet(MEET_TIMEOUT)
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
        self._not_idle(live.name)
        loop = asyncio.get_running_loop()
        self.idle[live.name] = loop.call_later(self.idle_timeout, self._put_away_if_idle, live)

    def _not_idle(self, name: str) -> None:
        timer = self.idle.pop(name, None)
        if timer is not None:
            timer.cancel()  # or it would keep the document in memory

    def _put_away_if_idle(self, live: LiveDocument) -> None:
        if self.draining or self.documents.get(live.name) is not live:
            return
        if self._is_idle(live):
            self._spawn(self.put_away(live))
        elif not live.sessions:
            self._idle(live)  # something is on its way to the disk

    def _is_idle(self, live: LiveDocument) -> bool:
        if self.outage.lasts:
            return False  # it could not be opened again
        return not live.sessions and live.settled and self.documents.get(live.name) is live

    async def put_away(self, live: LiveDocument) -> None:
        """Let a document go that nobody is in; nothing happens where somebody came meanwhile."""
        await self.upkeep.before_the_end(live)
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
            live.people.renew()

    # -- end ------------------------------------------------------------------------------------

    def announce_drain(self, timeout: float) -> None:
        """Tell every session that the server is about to move: to other nodes at once, to ourselves in a second."""
        for live in self.documents.values():
            live.notify(CollabError("draining", retry_after=int(self.cluster.nodes == 1)), timeout=timeout)

    async def drain(self, timeout: float) -> bool:
        """Refuse newcomers, send what waits, save; False where ``timeout`` seconds were not enough for that."""
        self.draining = True
        documents = list(self.documents.values())
        for live in documents:
            live.flush()
        saved = await asyncio.gather(*(live.journal.drain(timeout) for live in documents))
        return all(saved)

    async def close(self) -> None:
        """Let go of everything; call :meth:`drain` first to lose nothing."""
        self.draining = True
        self._anew.close()
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
