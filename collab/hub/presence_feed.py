"""Who is in an open document, told to everybody in it: presence at display rate, and broadcasts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from collab.cluster.base import Cluster
from collab.documents.announced import PresenceChange
from collab.documents.presence import PresenceTable
from collab.hub.fan_out import Pacer
from collab.hub.neighbours import Neighbours
from collab.hub.session import Session, State
from collab.protocol.awareness import AwarenessEntry

#: seconds: cursors go out at display rate
PRESENCE_INTERVAL = 0.03
#: seconds: Yjs clients forget presence that nobody repeats for 30
RENEW_INTERVAL = 15.0
#: seconds: the same for everybody, those who come later included (y-protocols: ``outdatedTimeout``)
OUTDATED = 30.0


class PresenceFeed:
    """Tells the sessions of one document who is there and what they send each other.

    Args:
        document: its name.
        sessions: those that are in it here, kept by the document.
        clock_lead: see :class:`PresenceTable`.
        fall_behind: called with the sessions that do not keep up.

    Attributes:
        presence: who is in the document, on every node.
        neighbours: the other nodes; None: there are none.
    """

    def __init__(
        self,
        document: str,
        sessions: dict[str, Session],
        fall_behind: Callable[[Sequence[Session]], None],
        *,
        clock_lead: int = 0,
    ) -> None:
        self.document = document
        self.sessions = sessions
        self.presence = PresenceTable(clock_lead)
        self.neighbours: Neighbours | None = None
        self._fall_behind = fall_behind
        self._expiry: asyncio.TimerHandle | None = None
        self._pacer = Pacer(self._flush, min_wait=PRESENCE_INTERVAL)
        #: sessions that were told who is here since the last flush, with what they were told: session -> entry
        self._greeted: dict[str, dict[str, dict[str, Any]]] = {}

    def meet(self, cluster: Cluster) -> None:
        """Be in step with the other nodes from now on."""
        self.neighbours = Neighbours(self, cluster)
        self.neighbours.introduce()

    # -- sessions -------------------------------------------------------------------------------

    def join(self, session: Session) -> None:
        """Show a session to everybody, under a client id that nobody else has."""
        while session.client_id in self.presence.announced:
            session.client_id = (session.client_id + 1) % 2**32
        self.presence.join(
            session.id,
            session.client_id,
            session.identity.as_user(session.document),
            listed=session.json_presence,
            max_ids=session.max_client_ids,
        )
        self._pacer.request()

    def leave(self, session: Session) -> None:
        """Take a session away; the document has done so."""
        self._greeted.pop(session.id, None)
        self.presence.leave(session.id)
        if self.sessions:
            self._pacer.request()
        else:
            self._pacer.cancel()
            self._take_change(want_json=False)

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
            session.tell(session.encoder.presence({"joined": everybody, "updated": [], "left": []}))
        else:
            awareness = self.presence.awareness(without=session.id)
            if awareness is not None:
                session.tell(session.encoder.awareness(awareness))

    def greet_again(self, session: Session) -> None:
        """Tell a session that was behind who is here now."""
        self.greet(session)
        if session.json_presence and session.missed_left:
            gone = {"joined": [], "updated": [], "left": session.missed_left}
            session.tell(session.encoder.presence(gone))
        session.missed_left = []

    # -- what they show -------------------------------------------------------------------------

    def announce(self, session: Session, entries: list[AwarenessEntry]) -> None:
        """Take an awareness update; entries for client ids of others are dropped in silence."""
        loop = asyncio.get_running_loop()
        if self.presence.announce(session.id, entries, loop.time()):
            self._pacer.request()
            if self._expiry is None:
                self._expiry = loop.call_later(OUTDATED, self._expire)
        if self.presence.comeback:
            self.presence.comeback = False
            if self.neighbours is not None:
                self.neighbours.repeat()

    def _expire(self) -> None:
        """Who does not repeat what they show is gone for those who came, so it is for those who come."""
        self._expiry = None
        loop = asyncio.get_running_loop()
        oldest = self.presence.expire(loop.time() - OUTDATED)
        if oldest is not None:
            self._expiry = loop.call_at(oldest + OUTDATED, self._expire)
        if self.presence.dirty:
            self._pacer.request()

    def show(self, session: Session, state: dict[str, Any] | None) -> None:
        """Set the JSON presence state of a session."""
        self.presence.show(session.id, state)
        self._pacer.request()

    def set_cursor(self, session: Session, cursor: Any) -> None:
        """Set the cursor in a session's JSON presence state; the newest value wins."""
        self.presence.set_cursor(session.id, cursor)
        self._pacer.request()

    def renew(self) -> None:
        """Repeat the JSON presence to Yjs clients; called every ``RENEW_INTERVAL``."""
        if self.presence.renew():
            self._pacer.request()

    def repeat(self) -> None:
        """Show the people here anew: somebody on another node came back."""
        self.presence.repeat()
        self._pacer.request()

    def changed(self) -> None:
        """Something changed with people on other nodes."""
        self._pacer.request()

    # -- telling it -----------------------------------------------------------------------------

    def flush(self) -> None:
        """Send at once what waits for its turn."""
        self._pacer.flush_now()

    def close(self) -> None:
        """Tell nobody anything any more."""
        self._pacer.close()
        self._fall_behind = _nobody
        if self._expiry is not None:
            self._expiry.cancel()
        if self.neighbours is not None:
            self.neighbours.close()

    def _flush(self) -> None:
        want_json = any(session.json_presence for session in self.sessions.values())
        own_changes = self.presence.own_changes()
        change = self._take_change(want_json=want_json)
        greeted, self._greeted = self._greeted, {}
        clogged: list[Session] = []
        encoded: dict[Any, Any] = {}
        for session in self.sessions.values():
            known = greeted.get(session.id) if greeted else None
            news = change.presence if known is None else self._beyond(known, change.presence)
            if session.state is State.BEHIND:
                if news is not None:
                    session.missed_left += news["left"]
                continue
            if known is not None:
                if news is not None and session.tell(session.encoder.presence(news)):
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
            if frames is not None and session.write(frames):
                clogged.append(session)
        if clogged:
            self._fall_behind(clogged)

    def _beyond(
        self, known: dict[str, dict[str, Any]], change: dict[str, list[dict[str, Any]]] | None
    ) -> dict[str, list[dict[str, Any]]] | None:
        """What of a change is news for a session that was told in the middle of it who is here."""
        told = change or {"joined": [], "updated": [], "left": []}
        joined = [entry for entry in told["joined"] if entry["session"] not in known]
        updated = [e for e in (*told["joined"], *told["updated"]) if known.get(e["session"], e) != e]
        left = [entry for name, entry in known.items() if name not in self.presence.sessions]
        return {"joined": joined, "updated": updated, "left": left} if joined or updated or left else None

    def _take_change(self, *, want_json: bool) -> PresenceChange:
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
            if session.tell(encoded[encoder]):
                clogged.append(session)
        if clogged:
            self._fall_behind(clogged)


def _nobody(_sessions: Sequence[Session]) -> None:
    pass
