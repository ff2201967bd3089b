"""People on other nodes: asked for again where something was lost, forgotten where nobody answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

import pytest

from collab.cluster.local import LocalCluster
from collab.hub.hub import Hub
from collab.hub.live_document import DocumentLimits
from collab.hub.neighbours import Neighbours
from collab.protocol.bells import Note
from collab.stores.memory import MemoryStore
from tests.support.peers import Peer

PERSON = {
    "client_id": 7, "user": {"name": "Ben", "color": "#000000"}, "shown": True, "state": None, "clients": [], "role": "editor",
}  # fmt: skip


class Told(LocalCluster):
    """Nobody hears what is told; it is noted."""

    reachable = True

    def __init__(self) -> None:
        self.notes: list[tuple[str, Mapping[str, Any]]] = []

    def tell(self, document: str, body: Mapping[str, Any]) -> None:
        self.notes.append((document, body))


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    hub = Hub(MemoryStore(), DocumentLimits(), cluster=Told())
    await hub.start()
    yield hub
    await hub.close()


async def open_with_neighbours(hub: Hub, name: str) -> Neighbours:
    live = await hub.live(name)
    live.people.neighbours = Neighbours(live.people, hub.cluster)
    return live.people.neighbours


async def until_nobody(hub: Hub, name: str) -> None:
    async with asyncio.timeout(5):
        while hub.documents[name].people.presence.sessions:
            await asyncio.sleep(0.005)


def people(number: int) -> Note:
    return Note("other", {"k": "people", "n": number, "whole": True, "gone": [], "people": {"ben": PERSON}})


def known_elsewhere(notes: Iterable[tuple[str, Mapping[str, Any]]]) -> set[str]:
    """The sessions here, as a node knows them that has heard all these notes."""
    known: set[str] = set()
    for _, body in notes:
        if body["k"] == "people":
            known = set() if body.get("whole") else known
            known |= {name for name, entry in body["people"].items() if entry is not None}
            known -= {name for name, entry in body["people"].items() if entry is None}
    return known


async def test_who_leaves_just_after_the_whole_was_told_is_no_ghost_elsewhere(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Joining and leaving between two tellings is no news here; it is where the whole, which came between, was heard."""
    monkeypatch.setattr("collab.hub.presence_feed.PRESENCE_INTERVAL", 60.0)  # told when this test says so
    monkeypatch.setattr("collab.hub.neighbours.WHOLE_INTERVAL", 0.0)
    neighbours = await open_with_neighbours(hub, "a")
    live, cluster = hub.documents["a"], hub.cluster
    assert isinstance(cluster, Told)
    stays, goes = Peer(json_presence=False).session, Peer(json_presence=False).session
    live.join(stays)
    live.people.flush()
    neighbours.take(people(1))
    live.join(goes)
    async with asyncio.timeout(5):
        while goes.id not in known_elsewhere(cluster.notes):
            await asyncio.sleep(0.001)
    live.leave(goes)
    live.people.flush()
    assert known_elsewhere(cluster.notes) == {stays.id}


async def test_who_does_not_answer_is_forgotten_also_after_an_outage(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collab.hub.neighbours.ANSWER_TIMEOUT", 0.05)
    neighbours = await open_with_neighbours(hub, "a")
    neighbours.take(people(1))
    assert list(hub.documents["a"].people.presence.sessions) == ["ben"]
    assert isinstance(hub.cluster, Told)
    hub.cluster.reachable = False
    neighbours.introduce()
    await asyncio.sleep(0.1)  # the roll call is over: in an outage silence says nothing
    assert list(hub.documents["a"].people.presence.sessions) == ["ben"]
    hub.cluster.reachable = True
    neighbours.introduce()
    await until_nobody(hub, "a")


async def test_who_answers_stays(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collab.hub.neighbours.ANSWER_TIMEOUT", 0.05)
    neighbours = await open_with_neighbours(hub, "a")
    neighbours.take(people(1))
    neighbours.introduce()
    neighbours.take(people(2))
    await asyncio.sleep(0.1)  # the roll call is over
    assert list(hub.documents["a"].people.presence.sessions) == ["ben"]


async def test_every_document_is_told_of_again_however_many_there_are(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collab.hub.hub.INTRODUCED_AT_ONCE", 2)
    monkeypatch.setattr("collab.hub.hub.INTRODUCTION_PAUSE", 0.01)
    names = [f"d{number}" for number in range(7)]
    for name in names:
        await open_with_neighbours(hub, name)
    cluster = hub.cluster
    assert isinstance(cluster, Told)
    hub.notes_lost()
    await asyncio.sleep(0)
    hub.notes_lost()  # and again, before the first round is over
    async with asyncio.timeout(5):
        while {document for document, _ in cluster.notes} != set(names):
            await asyncio.sleep(0.005)
    assert all(body["whole"] and body["ask"] for _, body in cluster.notes)
