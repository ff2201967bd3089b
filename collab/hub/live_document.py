"""A document that somebody has open: who is in it, edits into the log and to everybody, presence."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from collab.documents.document import Document
from collab.documents.ledger import Ledger
from collab.documents.presence import Presence, PresenceChange
from collab.errors import CollabError
from collab.hub.fan_out import FanOut
from collab.hub.journal import Done, Journal
from collab.hub.limits import Bucket
from collab.hub.neighbours import Neighbours
from collab.hub.outage import Outage
from collab.hub.pacer import Pacer
from collab.hub.session import Session, State
from collab.hub.shares import Pool, Share
from collab.hub.slow_lane import MANY_CHANGES, SlowLane
from collab.protocol.awareness import AwarenessEntry
from collab.protocol.scan import ManyChanges
from collab.stores.base import Store

#: cursors go out at display rate
PRESENCE_INTERVAL = 0.03
#: Yjs clients forget presence that nobody repeats for 30 seconds
RENEW_INTERVAL = 15.0
#: seconds between two exact measurements of a document that may be at its size limit
MEASURE_INTERVAL = 1.0
#: edits inside surrogate pairs, each of which costs as much as loading the document
PARTINGS_PER_SECOND = 1.0

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
    ) -> None:
        self.name = name
        self.document = document
        self.presence = Presence(clock_lead)
        self.limits = limits
        self.sessions: dict[str, Session] = {}
        self.pool = Pool("document", limits.rate, frozenset({"updates"}))
        self.journal = Journal(
            store,
            name,
            position,
            max_unsaved_bytes=limits.max_unsaved_bytes,
            on_trouble=self._tell_trouble,
        )
        #: with a shared log: up to where the document holds everything in it
        self.ledger: Ledger | None = None
        self.neighbours: Neighbours | None = None
        self.outage = outage or Outage()
        self.logged_since_snapshot = 0
        self.checkpoint_position = position
        self.checkpoint_at = time.monotonic()
        self._on_idle = on_idle
        self._loop = asyncio.get_running_loop()
        self._fan_out = FanOut(document, self._welcome_back, stall_timeout=limits.stall_timeout)
        self._presence = Pacer(self._flush_presence, min_wait=PRESENCE_INTERVAL)
        #: sessions that were told who is here since the last flush, with what they were told: session -> entry
        self._greeted: dict[str, dict[str, dict[str, Any]]] = {}
        self._measure_after = 0.0
        self._partings = Bucket(PARTINGS_PER_SECOND, burst=10.0)
        self._reloading: asyncio.Task[None] | None = None
        self._slow_lane = slow_lane or SlowLane()
        self._under_way = 0
        self.deleted = False

    # -- sessions -------------------------------------------------------------------------------

    def join(self, session: Session) -> None:
        """Add a session; it gets updates and presence from now on.

        Raises:
            CollabError: ``document_full``, ``document_deleted``.
        """
        if self.deleted:
            raise CollabError("document_deleted")
        if len(self.presence.sessions) >= self.limits.max_participants:
            limit = self.limits.max_participants
            people = f"{limit} people are" if limit > 1 else "1 person is"
            raise CollabError(
                "document_full",
                f"This document is full: {people} here. Try again in a minute.",
                retry_after=60,
                detail={"limit": limit, "scope": "document"},
            )
        while session.client_id in self.presence.announced:
            session.client_id = (session.client_id + 1) % 2**32
        self.sessions[session.id] = session
        self._fan_out.enter(session)
        session.shares = (*session.shares, Share(self.pool))
        self.pool.add(1)
        session.join(self.name)
        self.presence.join(
            session.id,
            session.client_id,
            session.identity.as_user(),
            listed=session.json_presence,
            max_ids=session.max_client_ids,
        )
        self._presence.request()

    def leave(self, session: Session) -> None:
        """Remove a session; its presence goes with it. Idempotent."""
        if self.sessions.pop(session.id, None) is None:
            return
        self._fan_out.leave(session)
        self._greeted.pop(session.id, None)
        session.move(State.CLOSED)
        self.pool.add(-1)
        self.presence.leave(session.id)
        if self.sessions:
            self._presence.request()
        else:
            self._presence.cancel()
            self._take_presence(want_json=False)
            self._on_idle(self)

    def role_of(self, name: str) -> str | None:
        """The word for the role of a session, here or on another node; None where it is gone."""
        session, present = self.sessions.get(name), self.presence.sessions.get(name)
        if session is not None:
            return session.role.word
        return str(present.shared["role"]) if present is not None and present.shared is not None else None

    def greet(self, session: Session) -> None:
        """Send a session the presence of everybody; its first news after it joined."""
        if session.json_presence:
            everybody = self.presence.everybody()
            if self.presence.dirty:
                self._greeted[session.id] = {entry["session"]: entry for entry in everybody}
            session.write(session.encoder.presence({"joined": everybody, "updated": [], "left": []}))
        else:
            awareness = self.presence.awareness(without=session.id)
            if awareness is not None:
                session.write(session.encoder.awareness(awareness))
        if self.outage.lasts:
            session.notify(CollabError("cluster_degraded", retry_after=1))

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
        self, update: bytes, done: Done, *, session: Session | None, participant: str | None, at_once: bool = False
    ) -> asyncio.Task[None] | None:
        """Apply an update, show it to everybody else, log it.

        Args:
            update: Yjs v1, from a peer that need not be honest.
            done: called once, now or later: with the position when the update is durable, or with
                ``storage_unavailable`` if it could not be saved (it is kept and tried again).
            session: where it comes from (None: not from a session).
            at_once: it was made here, of a bounded batch that nobody may see half of.

        Returns:
            None where it is applied. What is too much for one turn is applied by and by, and checked
            first: a task that ends when that is over, before which nothing that comes later from the
            same peer is to be applied.

        Raises:
            CollabError: ``invalid_update``, ``missing_dependencies``, ``document_too_large``,
                ``storage_unavailable``; the document is unchanged then.
        """
        if self.deleted:
            raise CollabError("document_deleted")
        self.outage.check()
        self.journal.check_room()
        self._check_size(update)
        try:
            new = self.document.apply(update, self._may_part, None if at_once else MANY_CHANGES)
        except ManyChanges:
            return self._apply_slowly(update, done, session, participant)
        except CollabError:
            if self.document.poisoned:
                self._begin_reload()
            raise
        if not new:
            self.journal.when_durable(done)
            return None
        self._fan_out.add(update, session.id if session is not None else None, plain=self.document.plain)
        self.logged_since_snapshot += 1
        self.journal.append(update, participant, done)
        return None

    def _apply_slowly(
        self, update: bytes, done: Done, session: Session | None, participant: str | None
    ) -> asyncio.Task[None]:
        apply = partial(self.apply, session=session, participant=participant)
        task = self._slow_lane.take(update, self.document.check(), apply, done)
        self._under_way += 1
        task.add_done_callback(self._applied_slowly)
        return task

    def _applied_slowly(self, _task: asyncio.Task[None]) -> None:
        self._under_way -= 1
        if not self.sessions:
            self._on_idle(self)

    @property
    def settled(self) -> bool:
        """Whether every edit is applied and in the log."""
        return self.journal.clean and not self._under_way

    def take_logged(self, snapshot: bytes | None, updates: Sequence[bytes]) -> bool:
        """Apply what other nodes have logged, and show it to everybody here.

        Args:
            snapshot: stands for everything before ``updates``, where the log does not go back so far.

        Returns:
            False where the document is just being loaded again, and this has to come once more.
        """
        if self.document.poisoned:
            return False
        known = self.document.state_vector() if snapshot is not None else b""
        try:
            if snapshot is not None and self.document.apply(snapshot):
                self._fan_out.add(self.document.diff(known), None, plain=False)
            for update in updates:
                if self.document.apply(update):
                    self._fan_out.add(update, None, plain=self.document.plain)
        except CollabError as error:
            # Loading it again applies what is in the log whatever it is, and shows everything to everybody.
            _log.error("an update in the log cannot be applied", document=self.name, code=error.code)
            self.load_again()
        self.logged_since_snapshot += len(updates)
        return True

    def load_again(self) -> None:
        """Throw the document away, and make it of the log; edits are refused for a moment."""
        self.document.poisoned = True
        self._begin_reload()

    @property
    def log_position(self) -> int:
        """The document holds everything in the log up to and including this position."""
        return self.journal.position if self.ledger is None else self.ledger.position

    def _may_part(self) -> bool:
        return self._partings.spend(1.0) == 0.0

    def _check_size(self, update: bytes) -> None:
        limit = self.limits.max_document_bytes
        more = 0 if update[:1] == b"\0" else len(update)  # without structs: a deletion, always welcome
        if self.document.size + more <= limit or not more:
            return
        # The size is an upper estimate; measuring costs as much as encoding the document.
        now = self._loop.time()
        if now >= self._measure_after:
            self._measure_after = now + MEASURE_INTERVAL
            self.document.measure()
        if self.document.size + more > limit:
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

    # -- presence -------------------------------------------------------------------------------

    def announce(self, session: Session, entries: list[AwarenessEntry]) -> None:
        """Take an awareness update; entries for client ids of others are dropped in silence."""
        if self.presence.announce(session.id, entries):
            self._presence.request()
        if self.presence.comeback:
            self.presence.comeback = False
            if self.neighbours is not None:
                self.neighbours.repeat()

    def repeat_presence(self) -> None:
        """Show the people here anew: somebody on another node came back."""
        self.presence.repeat()
        self._presence.request()

    def presence_changed(self) -> None:
        """Something changed with people on other nodes."""
        self._presence.request()

    def show(self, session: Session, state: dict[str, Any] | None) -> None:
        """Set the JSON presence state of a session."""
        self.presence.show(session.id, state)
        self._presence.request()

    def set_cursor(self, session: Session, cursor: Any) -> None:
        """Set the cursor in a session's JSON presence state; the newest value wins."""
        self.presence.set_cursor(session.id, cursor)
        self._presence.request()

    def renew_presence(self) -> None:
        """Repeat the JSON presence to Yjs clients; called every ``RENEW_INTERVAL``."""
        if self.presence.renew():
            self._presence.request()

    def _flush_presence(self) -> None:
        sessions = self.sessions.values()
        want_json = any(session.json_presence for session in sessions)
        own_changes = self.presence.own_changes()
        change = self._take_presence(want_json=want_json)
        greeted, self._greeted = self._greeted, {}
        clogged: list[Session] = []
        encoded: dict[Any, Any] = {}
        for session in sessions:
            known = greeted.get(session.id) if greeted else None
            news = change.presence if known is None else self._beyond(known, change.presence)
            if session.state is State.BEHIND:
                if news is not None:
                    session.missed_left += news["left"]
                continue
            if known is not None:
                if news is not None and session.write(session.encoder.presence(news)):
                    clogged.append(session)
                continue
            if session.id == change.sole:
                continue
            encoder = session.encoder
            if session.json_presence:
                if change.presence is None:
                    continue
                frames = encoded.get((encoder, True))
                if frames is None:
                    frames = encoded[encoder, True] = encoder.presence(change.presence)
            elif session.id in own_changes:
                awareness = own_changes[session.id]
                if awareness is None:
                    continue
                frames = encoder.awareness(awareness)
            else:
                if change.awareness is None:
                    continue
                frames = encoded.get(encoder)
                if frames is None:
                    frames = encoded[encoder] = encoder.awareness(change.awareness)
            if session.write(frames):
                clogged.append(session)
        if clogged:
            self._fan_out.fall_behind(clogged)

    def _beyond(
        self, known: dict[str, dict[str, Any]], change: dict[str, list[dict[str, Any]]] | None
    ) -> dict[str, list[dict[str, Any]]] | None:
        """What of a change is news for a session that was told in the middle of it who is here."""
        told = change or {"joined": [], "updated": [], "left": []}
        joined = [entry for entry in told["joined"] if entry["session"] not in known]
        updated = [e for e in (*told["joined"], *told["updated"]) if known.get(e["session"], e) != e]
        left = [entry for name, entry in known.items() if name not in self.presence.sessions]
        return {"joined": joined, "updated": updated, "left": left} if joined or updated or left else None

    def _take_presence(self, *, want_json: bool) -> PresenceChange:
        change = self.presence.take_change(want_json=want_json)
        if self.neighbours is not None:
            self.neighbours.tell(change.sessions)
        return change

    def broadcast(self, sender: Session, event: str, data: Any) -> None:
        """Send an event to the other sessions, wherever they are; kept nowhere, skipped for those that are behind."""
        self.pass_on(event, data, sender.id)
        if self.neighbours is not None:
            self.neighbours.broadcast(event, data, sender.id)

    def pass_on(self, event: str, data: Any, sender: str) -> None:
        """Send a broadcast to the sessions here."""
        encoded: dict[Any, Any] = {}
        clogged: list[Session] = []
        for session in self.sessions.values():
            if session.id == sender or session.state is State.BEHIND:
                continue
            encoder = session.encoder
            if encoder not in encoded:
                encoded[encoder] = encoder.broadcast(event, data, sender)
            if session.write(encoded[encoder]):
                clogged.append(session)
        if clogged:
            self._fan_out.fall_behind(clogged)

    def notify(self, error: CollabError, **more: Any) -> None:
        """Send a notice to every session."""
        for session in self.sessions.values():
            session.notify(error, **more)

    def _tell_trouble(self, trouble: bool) -> None:
        if trouble:
            self.notify(CollabError("storage_unavailable", retry_after=1))
        else:
            self.notify(CollabError("storage_unavailable", "Saving works again."), resolved=True)
            if not self.sessions:
                self._on_idle(self)

    def _welcome_back(self, session: Session) -> None:
        """Tell a session that was behind who is here now."""
        self.greet(session)
        if session.json_presence and session.missed_left:
            gone = {"joined": [], "updated": [], "left": session.missed_left}
            session.write(session.encoder.presence(gone))
        session.missed_left = []

    # -- end ------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Send at once what waits for its turn."""
        self._fan_out.flush()
        self._presence.flush_now()

    def close(self) -> None:
        """Stop all timers; the document is of no use afterwards.

        What refers back to it lets go of it: the collector, which would find such circles, comes seldom,
        and a document may be large.
        """
        self._fan_out.close()
        self._presence.close()
        if self._reloading is not None:
            self._reloading.cancel()
        self.journal.close()
