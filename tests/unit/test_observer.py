"""Whoever wants to hear of what happens hears all of it, in order, and nobody pays for it if there is none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pycrdt import Doc, Text

from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.hub.journal import nobody_waits
from collab.hub.live_document import DocumentLimits, LiveDocument
from collab.hub.observer import Observer
from collab.hub.outlets import Lane
from collab.hub.session import Session
from collab.stores.memory import MemoryStore
from collab.types import Identity, Role


class Notes(Observer):
    """Writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []

    def opened(self, live: LiveDocument, seconds: float) -> None:
        assert seconds >= 0
        self.heard.append(("opened", live.name))

    def closed(self, live: LiveDocument) -> None:
        self.heard.append(("closed", live.name, live.deleted))

    def joined(self, live: LiveDocument, session: Session) -> None:
        assert session.id in live.sessions
        self.heard.append(("joined", session.door))

    def left(self, live: LiveDocument, session: Session) -> None:
        assert session.id not in live.sessions
        self.heard.append(("left", session.door, session.dismissed))

    def changed(self, live: LiveDocument, update: bytes, session: Session | None, participant: str | None) -> None:
        self.heard.append(("changed", update, session and session.door, participant))

    def saved(self, live: LiveDocument, position: int) -> None:
        self.heard.append(("saved", position))


class Silent:
    """An encoder and a pipe in one: nothing is ever written."""

    clogged = False
    waiting_bytes = 0
    name = door = "nowhere"

    def __getattr__(self, _name: str) -> Any:
        return lambda *_: None

    def updates(self, _updates: Any) -> list[Any]:
        return []

    def write(self, _frames: Any) -> bool:
        return False

    def lane(self) -> Lane:
        return Lane()


def session_of(name: str) -> Session:
    silent: Any = Silent()
    return Session(
        Identity(name, name, "#000000"),
        Role.EDITOR,
        silent,
        silent,
        door="test",
        json_presence=False,
        max_client_ids=1,
        request_sync=lambda _vector: None,
        on_dismiss=lambda _error: None,
    )


def typed(text: str) -> bytes:
    doc: Doc[Any] = Doc()
    doc["body"] = Text(text)
    return doc.get_update()


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    hub = Hub(MemoryStore(), DocumentLimits(), idle_timeout=0.01, observer=Notes())
    await hub.start()
    yield hub
    await hub.close()


async def until(notes: Notes, what: str) -> None:
    async with asyncio.timeout(10):
        while what not in [kind for kind, *_ in notes.heard]:
            await asyncio.sleep(0.005)


def heard_by(hub: Hub) -> Notes:
    assert isinstance(hub.observer, Notes)
    return hub.observer


async def test_the_life_of_a_document_is_heard_in_order(hub: Hub) -> None:
    notes = heard_by(hub)
    live = await hub.live("notes")
    ann = session_of("ann")
    live.join(ann)
    update = typed("hello")
    live.apply(update, nobody_waits, session=ann, participant="ann")
    await until(notes, "saved")
    live.apply(update, nobody_waits, session=ann, participant="ann")  # it changes nothing
    live.leave(ann)
    live.leave(ann)
    await until(notes, "closed")
    assert notes.heard == [
        ("opened", "notes"),
        ("joined", "test"),
        ("changed", update, "test", "ann"),
        ("saved", 1),
        ("left", "test", None),
        ("closed", "notes", False),
    ]


async def test_who_is_sent_away_leaves_with_the_reason_and_a_deleted_document_closes_as_such(hub: Hub) -> None:
    notes = heard_by(hub)
    live = await hub.live("notes")
    ann = session_of("ann")
    ann._on_dismiss = lambda _error: live.leave(ann)
    live.join(ann)
    await hub.delete("notes")
    assert notes.heard[-2:] == [("left", "test", "document_deleted"), ("closed", "notes", True)]


async def test_a_refused_edit_changes_nothing_and_is_not_heard_as_a_change(hub: Hub) -> None:
    live = await hub.live("notes")
    with pytest.raises(CollabError):
        live.apply(b"\x01\x01\xff", nobody_waits, session=None, participant=None)
    assert [kind for kind, *_ in heard_by(hub).heard] == ["opened"]


async def test_without_an_observer_everything_goes_on() -> None:
    hub = Hub(MemoryStore(), DocumentLimits())
    await hub.start()
    live = await hub.live("notes")
    ann = session_of("ann")
    live.join(ann)
    saved: list[object] = []
    live.apply(typed("hello"), saved.append, session=ann, participant="ann")
    await live.journal.drain(5)
    live.leave(ann)
    await hub.close()
    assert saved == [1]
