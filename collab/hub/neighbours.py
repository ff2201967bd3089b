"""The people of one document who are on other nodes, and what ours let theirs know.

Every node tells what changed with its own people, numbered; whoever opens the document, misses a number or
was cut off asks, and gets the whole. Notes may be lost, so nothing here is kept for ever: a node that does
not answer, or whose lease has ended, takes its people with it.

Notes: ``{"k": "people", "n", "people": {session: entry or null}, "whole"?, "ask"?, "gone"?}``, ``{"k": "ask"}``,
``{"k": "repeat"}``, ``{"k": "bye"}``, ``{"k": "broadcast", "event", "data", "from"}``, ``{"k": "dismiss", "session"}``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Protocol

from collab.cluster.base import Cluster
from collab.documents.presence import PresenceTable
from collab.errors import CollabError
from collab.hub.session import Session
from collab.protocol.bells import Note

#: seconds that a node has for its answer, after which it does not have the document open any more
ANSWER_TIMEOUT = 3.0
#: seconds between two tellings of the whole, however many ask
WHOLE_INTERVAL = 0.1


class People(Protocol):
    """Who is in a document, as far as its neighbours have to know; :class:`collab.hub.presence_feed.PresenceFeed`."""

    document: str
    presence: PresenceTable
    sessions: dict[str, Session]

    def repeat(self) -> None:
        """Show the people here anew."""

    def changed(self) -> None:
        """Something changed with people on other nodes."""

    def pass_on(self, event: str, data: Any, sender: str) -> None:
        """Send a broadcast to the sessions here."""


class Neighbours:
    """One document's side of it.

    Args:
        people: who is in the document; kept up to date.
        cluster: how notes travel.
    """

    def __init__(self, people: People, cluster: Cluster) -> None:
        self._people = people
        self._cluster = cluster
        self._number = 0
        #: node -> number of the last note about its people
        self._heard: dict[str, int] = {}
        #: who was in the whole, until the next change is told
        self._ahead: set[str] = set()
        self._met = asyncio.Event()
        self._whole: asyncio.TimerHandle | None = None
        self._roll_call: asyncio.TimerHandle | None = None

    # -- what we tell ---------------------------------------------------------------------------

    def introduce(self) -> None:
        """Tell the others who is here, and ask them for the same; those that do not answer are gone."""
        people = self._people.presence.sessions.values()
        silent = self._heard.keys() | {present.node for present in people if present.node}
        self._heard.clear()
        self._tell_whole(ask=True)
        if silent:
            if self._roll_call is not None:
                self._roll_call.cancel()
            loop = asyncio.get_running_loop()
            self._roll_call = loop.call_later(ANSWER_TIMEOUT, self._forget_silent, silent)

    def _forget_silent(self, nodes: set[str]) -> None:
        if not self._cluster.reachable:
            return  # they could not answer; this is done again afterwards
        for node in nodes - set(self._heard):
            self.node_left(node)

    def tell(self, sessions: Iterable[str]) -> None:
        """Something changed with ``sessions``, some of which may be gone, or not ours.

        Whoever joined and left since the last time is not among them: nobody here knew. The others do,
        if they were told the whole between the two.
        """
        ahead, self._ahead = self._ahead, set()
        if not self._heard:
            return
        people: dict[str, dict[str, Any] | None] = dict.fromkeys(ahead - self._people.presence.sessions.keys())
        for name in sessions:
            present = self._people.presence.sessions.get(name)
            if present is None:
                people[name] = None
            elif not present.node:
                people[name] = self._entry(name)
        if people:
            self._number += 1
            self._send({"k": "people", "n": self._number, "people": people})

    def _tell_whole(self, *, ask: bool = False) -> None:
        if self._whole is not None:
            self._whole.cancel()
            self._whole = None
        self._number += 1
        presence = self._people.presence
        people = {name: self._entry(name) for name, present in presence.sessions.items() if not present.node}
        note = {"k": "people", "n": self._number, "whole": True, "gone": presence.recently_gone(), "people": people}
        self._ahead = set(people)
        self._send({**note, "ask": True} if ask else note)

    def _entry(self, name: str) -> dict[str, Any]:
        session = self._people.sessions.get(name)
        return {**self._people.presence.shared(name), "role": session.role.word if session is not None else ""}

    def ask(self) -> None:
        """Ask everybody for the whole."""
        self._send({"k": "ask"})

    def repeat(self) -> None:
        """Somebody came back who ignores what it knows already: the others show their people anew."""
        if self._heard:
            self._send({"k": "repeat"})

    def broadcast(self, event: str, data: Any, sender: str) -> None:
        """An event for everybody on the other nodes."""
        if self._heard:
            self._send({"k": "broadcast", "event": event, "data": data, "from": sender})

    def dismiss(self, session: str) -> None:
        """Have a session on another node sent away."""
        self._send({"k": "dismiss", "session": session})

    def close(self) -> None:
        """The document is put away here."""
        for handle in (self._whole, self._roll_call):
            if handle is not None:
                handle.cancel()
        if self._heard:
            self._send({"k": "bye"})

    def _send(self, body: dict[str, Any]) -> None:
        self._cluster.tell(self._people.document, body)

    async def meet(self, timeout: float) -> None:
        """Wait until every node that has the document open has told who is there."""
        if not self._cluster.reachable:
            return
        expected = await self._cluster.listeners(self._people.document) - 1
        try:
            async with asyncio.timeout(timeout):
                while len(self._heard) < expected:
                    self._met.clear()
                    await self._met.wait()
        except TimeoutError:
            return

    # -- what they tell -------------------------------------------------------------------------

    def take(self, note: Note) -> None:
        """Take a note; our own come back as well."""
        if note.node == self._cluster.node:
            return
        body = note.body
        kind = body["k"]
        if kind == "people":
            self._take_people(note.node, body)
        elif kind == "ask":
            self._soon_whole()
        elif kind == "repeat":
            self._people.repeat()
        elif kind == "bye":
            self.node_left(note.node)
        elif kind == "broadcast":
            self._people.pass_on(body["event"], body["data"], body["from"])
        elif kind == "dismiss":
            session = self._people.sessions.get(body["session"])
            if session is not None:
                session.dismiss(CollabError("forbidden", "You were disconnected."))

    def _take_people(self, node: str, body: dict[str, Any]) -> None:
        number, people, presence = body["n"], body["people"], self._people.presence
        if body.get("whole"):
            presence.remember_gone(body["gone"])
            there = [name for name, present in presence.sessions.items() if present.node == node]
            people = {name: None for name in there if name not in people} | people
        elif number != self._heard.get(node, -1) + 1:
            self.ask()
        new = node not in self._heard
        self._heard[node] = number
        if new:
            self._met.set()
            self._soon_whole()  # what changed here since we told it last was told to nobody
        for name, entry in people.items():
            presence.adopt(node, name, entry)
        if presence.dirty:
            self._people.changed()
        if body.get("ask"):
            self._soon_whole()

    def _soon_whole(self) -> None:
        if self._whole is None:
            self._whole = asyncio.get_running_loop().call_later(WHOLE_INTERVAL, self._tell_whole)

    def node_left(self, node: str) -> None:
        """A node is gone, or has put the document away."""
        self._heard.pop(node, None)
        if self._people.presence.forget(node):
            self._people.changed()
