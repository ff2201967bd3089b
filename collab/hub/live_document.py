"""A document that somebody has open: who is in it, edits into the log and to everybody, presence."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from collab.documents.document import Document
from collab.documents.ledger import Ledger
from collab.errors import CollabError
from collab.hub.at_work import NOTHING, ROOM, Room, mark
from collab.hub.fan_out import FanOut
from collab.hub.gaps import Gaps
from collab.hub.journal import Done, Journal, nobody_waits
from collab.hub.limits import Bucket
from collab.hub.observer import Observer
from collab.hub.outage import Outage
from collab.hub.presence_feed import PresenceFeed
from collab.hub.quotas import QuotaLimits, Quotas
from collab.hub.session import Session, State
from collab.hub.shares import Pool, Share
from collab.hub.slow_lane import MANY_CHANGES, PIECE_BYTES, SlowLane
from collab.hub.stream_feed import StreamFeeds
from collab.incidents import Incident
from collab.protocol.dependencies import TakenInPart
from collab.protocol.scan import ManyChanges
from collab.stores.base import Store

#: seconds between two exact measurements of a document that may be at its size limit
MEASURE_INTERVAL = 1.0
#: edits inside surrogate pairs, each of which costs as much as loading the document
PARTINGS_PER_SECOND = 1.0
#: bytes of a session's edits that are counted in one go
COUNTED_FROM = 16 * 1024

_log = structlog.get_logger("collab.document")


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """Bounds of one document; sizes in bytes, times in seconds."""

    max_document_bytes: int = 64 * 2**20
    max_participants: int = 500
    max_unsaved_bytes: int = 8 * 2**20
    #: a reader that is behind and takes nothing for so long is cut
    stall_timeout: float = 5.0
    #: edits a second, in times of what one connection may send
    rate: float = 25.0


class LiveDocument:
    """One open document. Sessions come from any door; it does not know which.

    Edits are shown to the others at once and logged; the writer's ``done`` is called when the log
    has them.
    """

    def __init__(
        self,
        name: str,
        document: Document,
        store: Store,
        position: int,
        limits: DocumentLimits,
        on_idle: Callable[[LiveDocument], None],
        *,
        clock_lead: int = 0,
        slow_lane: SlowLane | None = None,
        outage: Outage | None = None,
        observer: Observer | None = None,
        epoch: str = "",
        quotas: Quotas | None = None,
        stored: bool = True,
        at_work: Room | None = None,
    ) -> None:
        self.name = name
        self.document = document
        self.limits = limits
        self.sessions: dict[str, Session] = {}
        self.pool = Pool("document", limits.rate, frozenset({"updates"}))
        self.journal = Journal(
            store,
            name,
            position,
            max_unsaved_bytes=limits.max_unsaved_bytes,
            on_trouble=self._tell_trouble,
            on_saved=None if observer is None else partial(observer.saved, self),
            epoch=epoch,
        )
        self._epoch = epoch
        self.quotas = quotas or Quotas(store, QuotaLimits())
        #: whether there is such a document for others, or it begins with its first edit
        self.stored = stored
        #: versions are kept one after the other
        self.version_turn = asyncio.Lock()
        #: with a shared log: up to where the document holds everything in it
        self.ledger: Ledger | None = None
        self.outage = outage or Outage()
        #: updates and bytes in the log behind the last snapshot, and what that has
        self.logged_since_snapshot = self.logged_bytes = self.snapshot_bytes = 0
        self.checkpoint_position = self.opened_position = position
        self.checkpoint_at = time.monotonic()
        self._on_idle = on_idle
        self._loop = asyncio.get_running_loop()
        self._observer = observer
        self._fan_out = FanOut(document, self._welcome_back, stall_timeout=limits.stall_timeout)
        self.people = PresenceFeed(name, self.sessions, self._fan_out.fall_behind, clock_lead=clock_lead)
        self.streams = StreamFeeds(self, store.streams, self._fan_out.fall_behind)
        self.gaps = Gaps(self.sessions, open=bool(document.known.behind))
        self._measure_after = 0.0
        self._partings = Bucket(PARTINGS_PER_SECOND, burst=10.0)
        self._reloading: asyncio.Task[None] | None = None
        self._unsaved = Incident(_log, "edits cannot be saved", "all edits are saved", level="warning")
        self._slow_lane = slow_lane or SlowLane()
        self._under_way = 0
        self.deleted = False
        self._at_work, self._mark = at_work if at_work is not None else bytearray(ROOM), mark(name)

    # -- sessions -------------------------------------------------------------------------------

    def join(self, session: Session) -> None:
        """Add a session; it gets updates and presence from now on.

        Raises:
            CollabError: ``document_full``, ``document_deleted``.
        """
        if self.deleted:
            raise CollabError("document_deleted")
        if len(self.people.presence.sessions) >= self.limits.max_participants:
            self._make_room(session)
        self.sessions[session.id] = session
        self._fan_out.enter(session)
        session.shares = (*session.shares, Share(self.pool))
        self.pool.add(1)
        session.join(self.name)
        self.people.join(session)
        if self._observer is not None:
            self._observer.joined(self, session)

    def _make_room(self, newcomer: Session) -> None:
        """In a full document whoever has most sessions gives one of them to somebody who has fewer."""
        limit = self.limits.max_participants
        people = f"{limit} people are" if limit > 1 else "1 person is"
        detail = {"limit": limit, "scope": "document"}
        owners = Counter(session.owner for session in self.sessions.values() if session.owner is not None)
        most, count = owners.most_common(1)[0] if owners else (None, 0)
        if count < 2 or count <= owners.get(newcomer.owner, 0) + 1:
            words = f"This document is full: {people} here. Try again in a minute."
            raise CollabError("document_full", words, retry_after=60, detail=detail)
        latest = next(session for session in reversed(self.sessions.values()) if session.owner == most)
        words = f"This document is full, and you have it open {count} times: this one made room for somebody else."
        latest.dismiss(CollabError("document_full", words, retry_after=60, detail=detail))

    def leave(self, session: Session) -> None:
        """Remove a session; its presence goes with it. Idempotent."""
        if self.sessions.pop(session.id, None) is None:
            return
        self._fan_out.leave(session)
        self.gaps.leave(session)
        self.streams.leave(session)
        session.move(State.CLOSED)
        self.pool.add(-1)
        self.people.leave(session)
        if self._observer is not None:
            self._observer.left(self, session)
        if not self.sessions:
            self._on_idle(self)

    def greet(self, session: Session) -> None:
        """Send a session the presence of everybody; its first news after it joined."""
        self.people.greet(session)
        self._tell_state(session)
        self.gaps.greet(session)

    def _tell_state(self, session: Session) -> None:
        if self.outage.lasts:
            session.notify(CollabError("cluster_degraded", retry_after=1))
        if self.quotas.full:
            session.notify(self.quotas.store_full())

    # -- edits ----------------------------------------------------------------------------------

    def answer_step_1(self, session: Session, state_vector: bytes) -> bytes:
        """The update that a peer with ``state_vector`` lacks.

        Raises:
            CollabError: ``invalid_payload`` for a state vector that cannot be read.
        """
        missing = self.document.diff(state_vector)
        if session.state is State.SYNCING:
            session.move(State.LIVE)
        return missing

    def apply(
        self,
        update: bytes,
        done: Done,
        *,
        session: Session | None,
        participant: str | None,
        at_once: bool = False,
        owner: Hashable | None = None,
    ) -> asyncio.Task[None] | None:
        """Apply an update, show it to everybody else, log it.

        Args:
            update: Yjs v1, from a peer that need not be honest.
            done: called once, now or later: with the position when the update is durable, or with
                ``storage_unavailable`` if it could not be saved (it is kept and tried again).
            session: where it comes from (None: not from a session).
            at_once: it was made here, of a bounded batch that nobody may see half of.
            owner: whose quota it is from, where it is not from a session; None: nobody's.

        Returns:
            None if it was applied at once. What is too much for one turn is checked, then applied in
            pieces: a task that ends when that is over, before which nothing that comes later from the
            same peer is to be applied.

        Raises:
            CollabError: ``invalid_update``, ``document_too_large``, ``storage_unavailable``; the document is
                unchanged then. ``missing_dependencies``: what can be integrated is taken, shown and logged.
        """
        if self.deleted:
            raise CollabError("document_deleted")
        if self.outage.lasts:
            self.outage.check()
        self.journal.check_room()
        quotas = self.quotas
        if (quotas.full or quotas.exhausted or not self.stored) and update[:1] != b"\0":
            quotas.check_edit(session.payer if session is not None else owner, new=not self.stored)
        if self.document.size + len(update) > self.limits.max_document_bytes and not self._fits(update):
            if len(update) > PIECE_BYTES and not at_once:
                return self._apply_slowly(update, done, session, participant, owner)
            self._check_size(update)
        incomplete: TakenInPart | None = None
        self._at_work[: len(self._mark)] = self._mark
        try:
            new = self.document.apply(update, self._may_part, None if at_once else MANY_CHANGES, in_part=True)
        except ManyChanges:
            return self._apply_slowly(update, done, session, participant, owner)
        except TakenInPart as part:
            self.gaps.lacks(session)
            if not part.taken:
                raise
            incomplete, new, done = part, True, nobody_waits
        except CollabError:
            if self.document.poisoned:
                self._begin_reload()
            raise
        finally:
            self._at_work[:2] = NOTHING
        if not new:
            self.journal.when_durable(done)
            return None
        update, plain = self.document.taken, self.document.plain
        self._fan_out.add(update, session.id if session is not None else None, plain=plain)
        if not plain:
            self.gaps.watch(self.document, None if self._under_way else session)
        self.logged_since_snapshot += 1
        self.logged_bytes += len(update)
        if session is not None:
            session.brought += len(update)
            if session.brought >= COUNTED_FROM and (payer := session.payer) is not None:
                quotas.brought(payer, session.brought)
                session.brought = 0
        elif owner is not None:
            quotas.brought(owner, len(update))
        if not self.stored:
            self.stored = True
            quotas.made(session.payer if session is not None else owner)
        self.journal.append(update, participant, done)
        if self._observer is not None:
            self._observer.changed(self, update, session, participant)
        if incomplete is not None:
            raise incomplete
        return None

    def _apply_slowly(
        self,
        update: bytes,
        done: Done,
        session: Session | None,
        participant: str | None,
        owner: Hashable | None,
    ) -> asyncio.Task[None]:
        apply = partial(self.apply, session=session, participant=participant, owner=owner)
        document = self.document
        check = document.check(self.limits.max_document_bytes)
        task = self._slow_lane.take(update, check, document.clocks, apply, done, session)
        self._under_way += 1
        task.add_done_callback(self._applied_slowly)
        return task

    def _applied_slowly(self, _task: asyncio.Task[None]) -> None:
        self._under_way -= 1
        if not self.sessions:
            self._on_idle(self)

    @property
    def settled(self) -> bool:
        """Whether every edit is applied and in the log, and every event in its stream."""
        return self.journal.clean and not self._under_way and not self.streams.under_way

    def take_logged(self, snapshot: bytes | None, updates: Sequence[bytes]) -> bool:
        """Apply what other nodes have logged, and show it to everybody here.

        Args:
            snapshot: stands for everything before ``updates``, where the log does not go back so far.

        Returns:
            False where the document is just being loaded again, and this has to come once more.
        """
        if self.document.poisoned:
            return False
        self.stored = True
        known = self.document.state_vector() if snapshot is not None else b""
        self._at_work[: len(self._mark)] = self._mark
        try:
            if snapshot is not None and self.document.apply(snapshot):
                self._fan_out.add(self.document.diff(known), None, plain=False)
            for update in updates:
                if self.document.apply(update):
                    self._fan_out.add(self.document.taken, None, plain=self.document.plain)
                    self.gaps.watch(self.document, None)
        except CollabError as error:
            # Loading it again applies what is in the log whatever it is, and shows everything to everybody.
            _log.error("an update in the log cannot be applied", document=self.name, code=error.code)
            self.load_again()
        finally:
            self._at_work[:2] = NOTHING
        self.logged_since_snapshot += len(updates)
        self.logged_bytes += sum(map(len, updates))
        return True

    def load_again(self) -> None:
        """Throw the document away, and make it of the log; edits are refused for a moment."""
        self.document.poisoned = True
        self._begin_reload()

    @property
    def behind(self) -> int:
        """How many of its sessions read too slowly."""
        return self._fan_out.behind

    @property
    def epoch(self) -> str:
        """Which life of its name this is; with a shared log ``""`` until it has an entry."""
        return self._epoch if self.ledger is None else self.ledger.log

    @property
    def log_position(self) -> int:
        """The document holds everything in the log up to and including this position."""
        return self.journal.position if self.ledger is None else self.ledger.position

    def _may_part(self) -> bool:
        return self._partings.spend(1.0) == 0.0

    def _fits(self, update: bytes) -> bool:
        """Whether the document has room for all of an update, without a look at what of it is new."""
        limit = self.limits.max_document_bytes
        more = 0 if update[:1] == b"\0" else len(update)  # without structs: a deletion, always welcome
        if self.document.size + more <= limit or not more:
            return True
        # The size is an upper estimate; measuring costs as much as encoding the document.
        now = self._loop.time()
        if now >= self._measure_after:
            self._measure_after = now + MEASURE_INTERVAL
            self.document.measure()
        return self.document.size + more <= limit

    def _check_size(self, update: bytes) -> None:
        """Raise ``document_too_large`` for an update that adds more than there is room for."""
        limit = self.limits.max_document_bytes
        if self.document.size + self.document.new_bytes(update) > limit:
            raise CollabError("document_too_large", detail={"limit": limit, "scope": "document"})

    def _begin_reload(self) -> None:
        if self._reloading is None:
            self._reloading = self._loop.create_task(self._reload())

    async def _reload(self) -> None:
        """An update that passed the scan broke the CRDT in its middle: start again from the log."""
        _log.warning("document is read again from the log", document=self.name)
        wait = 0.1
        while self.document.poisoned:
            try:
                await self.journal.quiet()
                stored = await self.journal.store.load(self.name)
                tail = [*(stored.tail if stored is not None else ()), *self.journal.unsaved]
                self.document = Document.load(stored.snapshot if stored is not None else None, tail)
                self._fan_out.document = self.document
                if self.ledger is not None:
                    # What other nodes logged meanwhile is in it, and was shown to nobody here.
                    self._fan_out.add(self.document.encode(), None, plain=False)
            except CollabError as error:
                _log.error("document cannot be read again", document=self.name, code=error.code)
                await asyncio.sleep(wait)
                wait = min(2 * wait, 5.0)
        self._reloading = None

    # -- notices --------------------------------------------------------------------------------

    def notify(self, error: CollabError, **more: Any) -> None:
        """Send a notice to every session."""
        for session in self.sessions.values():
            session.notify(error, **more)

    def _tell_trouble(self, trouble: bool) -> None:
        if trouble:
            self._unsaved.begin(document=self.name, unsaved=len(self.journal.unsaved))
            self.notify(CollabError("storage_unavailable", retry_after=1))
        else:
            self._unsaved.end(document=self.name)
            self.notify(CollabError("storage_unavailable", "Saving works again."), resolved=True)
            if not self.sessions:
                self._on_idle(self)

    def _welcome_back(self, session: Session) -> None:
        self.people.greet_again(session)
        self.streams.welcome_back(session)
        self._tell_state(session)

    # -- end ------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Send at once what waits for its turn."""
        self._fan_out.flush()
        self.people.flush()

    def close(self) -> None:
        """Stop all timers; the document is of no use afterwards.

        What refers back to it lets go of it: the collector, which would find such circles, comes seldom,
        and a document may be large.
        """
        self._fan_out.close()
        self.people.close()
        self.streams.close()
        if self._reloading is not None:
            self._reloading.cancel()
        self.journal.close()
