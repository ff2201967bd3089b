"""Who is told what is new in an inbox, when, and what of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
import pytest

from collab.auth.base import Authenticator, ShownUser
from collab.errors import CollabError, Refused
from collab.hub import inboxes as inboxes_module
from collab.hub.hub import Hub
from collab.hub.inboxes import PAGE, Follower, Inboxes
from collab.hub.live_document import DocumentLimits
from collab.hub.session import Session
from collab.protocol.bells import Note
from collab.protocol.mentions import mail_in
from collab.protocol.stream_events import body_of
from collab.stores.inbox import InboxLog
from collab.stores.memory import MemoryStore
from collab.types import Grant, Identity, Role
from tests.support.peers import ENCODER, Peer


class Door(Authenticator):
    """Says no more than it is told to."""

    refusal: Exception | None = None

    async def authenticate(self, token: str | None, user: ShownUser | None) -> Identity:
        raise NotImplementedError

    async def renew(self, identity: Identity) -> Identity:
        if self.refusal is not None:
            raise self.refusal
        return identity


class House:
    def __init__(self) -> None:
        self.store = MemoryStore()
        self.hub = Hub(self.store, DocumentLimits())
        self.door = Door()
        self.inboxes = Inboxes(self.hub, self.door)

    async def enter(self, identity: Identity, document: str = "lobby") -> Callable[[], list[Any]]:
        """What a session of ``identity`` was told, of entries their offsets."""
        peer = Peer()
        session = Session(
            identity, Role.VIEWER, ENCODER, peer, door="test", json_presence=False, max_client_ids=1,
            request_sync=lambda _vector: None, on_dismiss=lambda _error: None,
        )  # fmt: skip
        (await self.hub.live(document)).join(session)
        return lambda: [page(orjson.loads(json)) for name, json in peer.got if name == "inbox"]

    async def say(self, text: str, document: str = "a") -> None:
        body = body_of("message", {"body": text}, {"participant": "ann", "name": "Ann", "agent": False})
        await self.store.streams.publish(document, "chat", body, mail=mail_in("chat", body))


def page(json: Any) -> tuple[list[int], int]:
    return [event["offset"] for event in json["events"]], json["unread"]


def person(name: str | None, documents: str = "*") -> Identity:
    return Identity(name, name or "Guest", "#000000", (Grant(documents, Role.VIEWER),))


@pytest.fixture
async def house(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setattr(inboxes_module, "PAUSE", 0.0)
    monkeypatch.setattr(inboxes_module, "RETRY", 0.01)
    house = House()
    house.inboxes.open()
    await house.hub.start()
    house.inboxes.meet()
    yield house
    await house.inboxes.close()
    await house.hub.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.002)


async def test_each_session_of_whom_it_concerns_has_each_entry_once(house: House) -> None:
    bob = person("bob")
    one, two = await house.enter(bob), await house.enter(bob, "other")
    narrow, ann, guest = (
        await house.enter(person("bob", "b")),
        await house.enter(person("ann")),
        await house.enter(person(None)),
    )
    for number in range(1, 31):
        await house.say("@[bob]")
        if number % 7 == 0:
            await asyncio.sleep(0.003)

    def offsets(told: Callable[[], list[Any]]) -> list[int]:
        return [offset for offsets, _ in told() for offset in offsets]

    await until(lambda: offsets(one)[-1:] == offsets(two)[-1:] == [30])
    assert offsets(one) == offsets(two) == list(range(1, 31))
    assert one()[-1][1] == two()[-1][1] == 30
    await house.say("@[bob]", "b")
    await until(lambda: narrow() != [])
    assert narrow() == [([1], 1)], "nothing that this one may not read"
    assert (ann(), guest()) == ([], [])


async def test_a_store_in_trouble_is_asked_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    told = await house.enter(person("bob"))
    read, tries = house.store.inbox.read, []

    async def fail(participant: str) -> Any:
        tries.append(participant)
        if len(tries) < 4:
            raise CollabError("storage_unavailable")
        return await read(participant)

    monkeypatch.setattr(house.store.inbox, "read", fail)
    await house.say("@[bob]")
    await until(lambda: told() == [([1], 1)])


async def test_what_bells_did_not_tell_is_looked_at(house: House) -> None:
    bob, ann = await house.enter(person("bob")), await house.enter(person("ann"))
    house.store.inbox.on_news = lambda _whose, _id: None
    await house.say("@[bob]")
    house.hub.bells_missed()
    await until(lambda: bob() == [([], 1)] and ann() == [([], 0)])


async def test_another_node_tells(house: House) -> None:
    bob = await house.enter(person("bob"))
    house.store.inbox.on_news = lambda _whose, _id: None
    await house.say("@[bob]")
    for body in ({}, {"participant": 1, "id": 1}, {"participant": "bob", "id": "1"}, {"participant": "bob", "id": 99}):
        house.inboxes.hear(Note("other", body))
    house.inboxes.hear(Note("other", {"participant": "bob", "id": 1}))
    await until(lambda: bob() == [([1], 1)])
    assert await house.inboxes.mark(person("bob"), {1}, 0) == 0
    await until(lambda: bob()[1:] == [([], 0)])


async def test_a_follower_has_everything_in_order_whatever_it_missed(house: House) -> None:
    told: list[int] = []
    ended: list[CollabError] = []
    bob = person("bob")
    for _ in range(PAGE + 20):
        await house.say("@[bob]")
    follower = Follower(bob, None, lambda entries, _unread: told.extend(each.offset for each in entries), ended.append)
    await house.inboxes.follow(follower)
    assert told == list(range(21, PAGE + 21)), "the newest"
    for number in range(40):
        await house.say("@[bob]")
        if number % 9 == 0:
            await asyncio.sleep(0.002)
    await until(lambda: len(told) == PAGE + 40)
    assert told == list(range(21, PAGE + 61))
    house.door.refusal = ConnectionError("out of reach")
    await house.say("@[bob]")
    await asyncio.sleep(0.05)
    assert (len(told), ended) == (PAGE + 40, []), "nobody is told while nobody can say who they are"
    house.door.refusal = None
    await until(lambda: len(told) == PAGE + 41)
    house.door.refusal = refusal = CollabError("unauthorized")
    assert isinstance(refusal, Refused)
    await house.say("@[bob]")
    await until(lambda: ended == [refusal])
    assert len(told) == PAGE + 41
    house.inboxes.unfollow(follower)


async def test_nobody_without_a_token_has_one(house: House) -> None:
    with pytest.raises(CollabError, match="unauthorized"):
        await house.inboxes.look(person(None))
    assert InboxLog.CHANNEL.startswith("?")
