"""People on other nodes: asked for again where something was lost, forgotten where nobody answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from collab.cluster.local import LocalCluster
from collab.hub.hub import Hub
from collab.hub.live_document import DocumentLimits
from collab.hub.neighbours import Neighbours
from collab.protocol.bells import Note
from collab.stores.memory import MemoryStore

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
