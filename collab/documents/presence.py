"""Who is here: one document's sessions, the awareness client ids that they own, and what they show.

Two views of one state. Yjs clients see awareness entries (client id, clock, JSON state); clients
without Yjs see one entry per session. A client id belongs to the session that announced it first,
until that session ends; nobody else can change or remove it. The server hands out the clocks that
others see, so that an id can come back after its session was cut, although Yjs repeats old clocks.

Format of awareness entries: y-protocols/awareness, written by :mod:`collab.protocol.awareness`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

import orjson

from collab.documents.announced import Announced, PresenceChange, Present, equal, stamp
from collab.metrics import AWARENESS_DROPPED
from collab.protocol.awareness import (
    MAX_AWARENESS_CLOCK,
    AwarenessEntry,
    encode_awareness,
    encode_entry,
    join_entries,
)
from collab.protocol.user_fields import usable_fields

#: client ids that one session may announce (an editor has one; a few leave room for sub-documents)
MAX_CLIENT_IDS = 4
#: client ids of ended sessions whose last clock is remembered
MAX_TOMBSTONES = 4096
#: ... and how many of them other nodes are told
MAX_SHARED_TOMBSTONES = 256
#: no clock that others see gets beyond this, comebacks aside: they repeat what they see, and that has to be readable
MAX_SHOWN_CLOCK = MAX_AWARENESS_CLOCK - 2**20
#: 2026-01-01, in seconds since the epoch of Unix
_EPOCH = 1_767_225_600
#: by how much leads grow in a second: a server is back within one, and by then every clock may have risen
#: twice, when somebody was cut off and when everybody left; it lasts until 2034
_LEAD_PER_SECOND = 8
#: ... and by how much a clock that its owner has learned from us is ahead of what others may know
_LEARNED_LEAD = 8


def lead_at(now: float) -> int:
    """The lead for a :class:`PresenceTable` that begins at ``now`` (seconds since the epoch of Unix)."""
    return max(0, int((now - _EPOCH) * _LEAD_PER_SECOND))


class PresenceTable:
    """The presence of one document. Pure: no I/O, no clock, no tasks.

    Args:
        lead: by how much the clocks that others see are ahead of the owners' own. After a restart, or
            when all were away for so long that nobody here remembers, everybody comes back with clocks
            that the others know already, and Yjs ignores those: see :func:`lead_at`.
    """

    def __init__(self, lead: int = 0) -> None:
        self._lead = lead
        self.sessions: dict[str, Present] = {}
        self.announced: dict[int, Announced] = {}
        #: somebody is back who forgot what others show, but not their clocks: set here, cleared by the reader
        self.comeback = False
        self._tombstones: OrderedDict[int, int] = OrderedDict()
        #: client ids that a session here announced while a session elsewhere owned them
        self._wanted: dict[int, tuple[str, AwarenessEntry]] = {}
        self._changed_clients: dict[int, str] = {}
        self._joined: dict[str, None] = {}
        self._updated: dict[str, None] = {}
        self._left: dict[str, dict[str, Any]] = {}

    # -- changes --------------------------------------------------------------------------------

    def join(
        self, session: str, client_id: int, user: dict[str, Any], *, listed: bool, max_ids: int = MAX_CLIENT_IDS
    ) -> None:
        """Add a session.

        Args:
            client_id: under which the server shows its JSON presence to Yjs clients.
            user: who it is, as the server stamps it.
            listed: it shows itself at once, as clients without Yjs do.
            max_ids: how many client ids it may announce.
        """
        present = Present(session, client_id, user, max_ids)
        self.sessions[session] = present
        self._joined[session] = None
        if listed:
            self.show(session, {})

    def leave(self, session: str) -> None:
        """Remove a session and every client id that it owns. Unknown sessions are ignored."""
        present = self.sessions.get(session)
        if present is None:
            return
        if self._joined.pop(session, 0) == 0:
            self._left[session] = self._entry(present)
        self._updated.pop(session, None)
        del self.sessions[session]
        self._wanted = {client: wanted for client, wanted in self._wanted.items() if wanted[0] != session}
        for client in present.clients:
            self._remove(client, session)
        self._released(present.clients)

    def show(self, session: str, state: Any) -> None:
        """Set the JSON presence state of a session (any JSON value of an object; None hides it)."""
        present = self.sessions[session]
        present.state = state
        present.shown = True
        self._mark(session)
        client = present.client_id
        entry = self.announced.get(client)
        if state is None:
            if entry is not None:
                self._remove(client, session)
                present.clients.remove(client)
            return
        if entry is None:
            entry = self._claim(present, AwarenessEntry(client, 0, None))
        entry.clock += 1
        entry.state = orjson.dumps({**state, "user": present.user}).decode()
        self._changed_clients[client] = session

    def renew(self) -> bool:
        """Raise the clocks of JSON presence: Yjs clients forget a state that nobody repeats for 30 s.

        Returns:
            Whether there is any.
        """
        renewed = False
        for present in self.sessions.values():
            entry = self.announced.get(present.client_id) if present.shown and not present.node else None
            if entry is not None:
                entry.clock += 1
                self._changed_clients[entry.client] = present.session
                renewed = True
        return renewed

    def set_cursor(self, session: str, cursor: Any) -> None:
        """Set the key ``cursor`` of a session's JSON presence state."""
        state = self.sessions[session].state
        self.show(session, {**(state or {}), "cursor": cursor})

    def announce(self, session: str, entries: Iterable[AwarenessEntry], now: float = 0.0) -> bool:
        """Take an awareness update of a session; entries of client ids that it cannot own are skipped.

        Args:
            now: when it came, for :meth:`expire`.

        Returns:
            Whether anything changed.
        """
        present = self.sessions[session]
        changed = False
        for entry in entries:
            own = self.announced.get(entry.client)
            if own is None:
                if entry.state is None or not self._may_claim(present, entry):
                    AWARENESS_DROPPED.add("refused")
                    continue
                if entry.client in self._tombstones:
                    self._repeat_others(session)
                own = self._claim(present, entry)
            elif own.session != session:
                self._want(present, own, entry)
                AWARENESS_DROPPED.add("foreign")
                continue
            else:
                if own.lead and entry.clock >= own.clock:
                    # Another tab of its browser has told it the clock that we show, and Yjs took that over.
                    own.lead = int(entry.clock == own.clock and not equal(entry.state, own.state, present.user))
                if not own.clock + (entry.state is not None) <= entry.clock + own.lead <= MAX_SHOWN_CLOCK:
                    AWARENESS_DROPPED.add("outdated")
                    continue  # y-protocols: an equal clock is news only if it removes
            own.clock = entry.clock + own.lead
            own.heard_at = now
            changed = True
            if entry.state is None:
                self._remove(entry.client, session, own.clock)
                present.clients.remove(entry.client)
            else:
                own.state = stamp(entry.state, present.user)
                self._changed_clients[entry.client] = session
            self._mark(session)
        return changed

    def expire(self, before: float) -> float | None:
        """Show no more what its owner has not said again since ``before``; the id stays the owner's.

        Returns:
            When the oldest of what is still shown was said; None where nothing is.
        """
        oldest: float | None = None
        for entry in self.announced.values():
            owner = self.sessions[entry.session]
            if owner.node or entry.state is None or entry.client == owner.client_id:
                continue  # other nodes look after theirs, and JSON presence is repeated by us
            if entry.heard_at <= before:
                entry.state = None  # with the same clock: Yjs takes a removal for news then
                self._changed_clients[entry.client] = entry.session
                self._mark(entry.session)
            elif oldest is None or entry.heard_at < oldest:
                oldest = entry.heard_at
        return oldest

    def _repeat_others(self, session: str) -> None:
        """Somebody was cut off and is back: it forgot the others' states, but not their clocks."""
        self.comeback = True
        self.repeat(without=session)

    def repeat(self, *, without: str | None = None) -> None:
        """Show the people here anew, with clocks that are news to everybody."""
        for entry in self.announced.values():
            owner = self.sessions[entry.session]
            if entry.session != without and entry.state is not None and not owner.node:
                entry.clock += 1
                if entry.client != owner.client_id:
                    entry.lead += 1
                self._changed_clients[entry.client] = entry.session

    def _want(self, present: Present, own: Announced, entry: AwarenessEntry) -> None:
        """Somebody announces an id that a session elsewhere owns: it may have moved here from there.

        Only the first id that a session announces can be meant; what follows may be what it heard of others.
        """
        if entry.state is None or not self.sessions[own.session].node or present.clients:
            return
        wanted = [client for client, (session, _) in self._wanted.items() if session == present.session]
        if wanted in ([], [entry.client]):
            self._wanted[entry.client] = present.session, entry

    def _mark(self, session: str) -> None:
        if session not in self._joined:
            self._updated[session] = None

    def _may_claim(self, present: Present, entry: AwarenessEntry) -> bool:
        announced = [client for client in present.clients if client != present.client_id]
        if len(announced) >= present.max_ids or entry.clock + self._lead_of(present, entry) > MAX_SHOWN_CLOCK:
            return False
        # Yjs providers repeat what they heard of others. An id that was here and left can only be
        # somebody's own if that session has announced none so far.
        return not (announced and entry.client in self._tombstones)

    def _claim(self, present: Present, entry: AwarenessEntry) -> Announced:
        lead = self._lead_of(present, entry)
        self._tombstones.pop(entry.client, None)
        own = Announced(entry.client, present.session, None, entry.clock + lead, lead)
        self.announced[entry.client] = own
        present.clients.append(entry.client)
        return own

    def _lead_of(self, present: Present, entry: AwarenessEntry) -> int:
        """How far the clock of a client id has to be ahead of its owner's, so that others take it for news."""
        lead = self._lead if entry.client != present.client_id else 0
        if lead and entry.clock > lead // 2:  # no person moves so often: a clock that we, or who was before us, led
            lead = max(lead - entry.clock, _LEARNED_LEAD)
        last = self._tombstones.get(entry.client, -1)
        return lead if entry.clock + lead > last else last + 1 - entry.clock

    def _remove(self, client: int, session: str, clock: int | None = None) -> None:
        entry = self.announced.pop(client)
        last = entry.clock + 1 if clock is None else clock
        self._tombstones[client] = last
        if len(self._tombstones) > MAX_TOMBSTONES:
            self._tombstones.popitem(last=False)
        self._changed_clients[client] = session

    def _released(self, clients: Iterable[int]) -> None:
        """Give ids that nobody owns any more to those who announced them meanwhile."""
        for client in clients:
            session, entry = self._wanted.pop(client, ("", None))
            if entry is not None and session in self.sessions:
                self.announce(session, [entry])

    # -- sessions on other nodes ----------------------------------------------------------------

    def shared(self, session: str) -> dict[str, Any]:
        """What other nodes need to know of a session here, as JSON; see :meth:`adopt`."""
        present = self.sessions[session]
        announced = [self.announced[client] for client in present.clients]
        return {
            "client_id": present.client_id,
            "user": present.user,
            "shown": present.shown,
            "state": present.state,
            "clients": [[entry.client, entry.clock, entry.state] for entry in announced],
        }

    def adopt(self, node: str, session: str, shared: dict[str, Any] | None) -> None:
        """Show a session as the node that it is connected to told it (None: it left)."""
        present = self.sessions.get(session)
        if present is not None and present.node != node:
            return
        if shared is None:
            self.leave(session)
            return
        if present is None:
            present = Present(session, shared["client_id"], shared["user"], 0, node=node)
            self.sessions[session] = present
            self._joined[session] = None
        elif present.shared == shared:
            return
        present.shared, present.user = shared, shared["user"]
        present.shown, present.state = shared["shown"], shared["state"]
        self._mark(session)
        announced = {client: (clock, state) for client, clock, state in shared["clients"]}
        gone = [client for client in present.clients if client not in announced]
        for client in gone:
            present.clients.remove(client)
            self._remove(client, session)
        self._released(gone)
        for client, (clock, state) in announced.items():
            self._adopt_client(present, client, clock, state)

    def _adopt_client(self, present: Present, client: int, clock: int, state: str | None) -> None:
        entry = self.announced.get(client)
        if entry is not None and entry.session != present.session:
            owner = self.sessions[entry.session]
            if not owner.node:
                return  # it is connected here, and cannot be elsewhere
            owner.clients.remove(client)
            entry.session = present.session
            present.clients.append(client)
        if entry is None:
            clock = max(clock, self._tombstones.pop(client, -1) + 1)
            self.announced[client] = Announced(client, present.session, state, clock)
            present.clients.append(client)
        elif clock > entry.clock or state != entry.state:
            entry.clock, entry.state = max(clock, entry.clock + 1), state
        else:
            return
        self._changed_clients[client] = present.session

    def forget(self, node: str) -> bool:
        """Remove everybody of a node; returns whether there was anybody."""
        gone = [present.session for present in self.sessions.values() if present.node == node]
        for session in gone:
            self.leave(session)
        return bool(gone)

    def recently_gone(self) -> list[tuple[int, int]]:
        """The last client ids that were removed, with the clocks that others know of them."""
        return list(self._tombstones.items())[-MAX_SHARED_TOMBSTONES:]

    def remember_gone(self, gone: Iterable[tuple[int, int]]) -> None:
        """Client ids that were removed on another node."""
        for client, clock in gone:
            if client not in self.announced and clock > self._tombstones.get(client, -1):
                self._tombstones[client] = clock
                if len(self._tombstones) > MAX_TOMBSTONES:
                    self._tombstones.popitem(last=False)

    # -- views ----------------------------------------------------------------------------------

    def owner(self, client: int) -> str | None:
        """The session that owns a client id, or None."""
        entry = self.announced.get(client)
        return entry.session if entry is not None else None

    def restamped(self, session: str) -> bool:
        """Whether a client id of this session runs with a clock that its owner does not know.

        Such a session must not get its own entries back: Yjs would take them for newer ones.
        """
        present = self.sessions.get(session)
        return present is not None and any(self.announced[client].lead for client in present.clients)

    @property
    def dirty(self) -> bool:
        """Whether :meth:`take_change` has something to tell."""
        return bool(self._changed_clients or self._joined or self._updated or self._left)

    def everybody(self) -> list[dict[str, Any]]:
        """All sessions as JSON-ready entries ``{session, client_id, user, state}``."""
        return [self._entry(present) for present in self.sessions.values()]

    def awareness(self, *, without: str | None = None) -> bytes | None:
        """All announced states as one awareness update, but those of session ``without``."""
        entries = [
            AwarenessEntry(entry.client, entry.clock, entry.state)
            for entry in self.announced.values()
            if entry.session != without and entry.state is not None
        ]
        return encode_awareness(entries) if entries else None

    def take_change(self, *, want_json: bool) -> PresenceChange:
        """What changed since the last call; ``want_json`` false leaves the JSON view out."""
        sources = {*self._joined, *self._updated, *self._left, *self._changed_clients.values()}
        awareness = self._encode(self._changed_clients) if self._changed_clients else None
        presence = None
        if want_json:
            presence = {
                "joined": [self._entry(self.sessions[name]) for name in self._joined],
                "updated": [self._entry(self.sessions[name]) for name in self._updated],
                "left": list(self._left.values()),
            }
            if not any(presence.values()):
                presence = None
        self._changed_clients = {}
        self._joined, self._updated, self._left = {}, {}, {}
        sole = next(iter(sources)) if len(sources) == 1 else None
        return PresenceChange(awareness, presence, sole, frozenset(sources))

    def own_changes(self) -> dict[str, bytes | None]:
        """The pending change, as :meth:`take_change` would give it, for those who must not get their own back.

        Returns:
            Session -> the change without what is its own (None: nothing is left).
        """
        owners = [session for session in set(self._changed_clients.values()) if self.restamped(session)]
        if not owners:
            return {}
        parts = [
            (session, encode_entry(entry))
            for client, session in self._changed_clients.items()
            if (entry := self._shown(client)) is not None
        ]
        out: dict[str, bytes | None] = {}
        for owner in owners:
            others = [part for session, part in parts if session != owner]
            out[owner] = join_entries(others) if others else None
        return out

    def _encode(self, clients: Iterable[int]) -> bytes:
        return encode_awareness(entry for client in clients if (entry := self._shown(client)) is not None)

    def _shown(self, client: int) -> AwarenessEntry | None:
        entry = self.announced.get(client)
        if entry is not None:
            return AwarenessEntry(client, entry.clock, entry.state)
        if client in self._tombstones:
            return AwarenessEntry(client, self._tombstones[client], None)
        return None

    def _entry(self, present: Present) -> dict[str, Any]:
        client, state, user = present.client_id, present.state, present.user
        if not present.shown and present.clients:
            client = next((each for each in present.clients if self.announced[each].state), present.clients[0])
            text = self.announced[client].state
            state = orjson.loads(text) if text is not None else None
            named = state.get("user") if isinstance(state, dict) else None
            if "id" not in user and isinstance(named, dict):
                shown = {key: named[key] for key in ("name", "color") if isinstance(named.get(key), str)}
                user = {**user, **usable_fields(named), **shown}
        return {"session": present.session, "client_id": client, "user": user, "state": state}
