"""Letting people in: what is counted, what is given back, and what the peer hears, however it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from collab.auth.base import Authenticator, ShownUser
from collab.config import Settings
from collab.doors.admission import Admission, Knock
from collab.doors.connection import Attachment, Connection
from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.hub.limits import SharedLimits
from collab.hub.live_document import DocumentLimits
from collab.stores.memory import MemoryStore
from collab.types import Grant, Identity, Role
from tests.support.peers import Peer
from tests.support.wires import NotingWire

FAR = "203.0.113.9"


class Tokens(Authenticator):
    """A token is the name of whoever brings it, who may read what begins with it; some break down, or take long."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()

    async def authenticate(self, token: str | None, user: ShownUser | None) -> Identity:
        await self.gate.wait()
        if token == "broken":
            raise ZeroDivisionError
        if token == "expired":
            raise CollabError("token_expired")
        grants = () if token is None else (Grant(f"{token}*", Role.VIEWER),)
        return Identity(token, token or "nobody", "#000000", grants=grants)


class House:
    """An admission, and what it told."""

    def __init__(self, **settings: Any) -> None:
        self.settings = replace(
            Settings(), **{"max_connections_per_ip": 3, "max_documents_per_connection": 2} | settings
        )
        self.hub = Hub(MemoryStore(), DocumentLimits(max_participants=2))
        self.shared = SharedLimits(self.settings)
        self.tokens = Tokens()
        self.admission = Admission(self.hub, self.tokens, self.settings, self.shared)
        self.refusals: list[str] = []

    def connect(self, address: str = FAR) -> Connection[Attachment]:
        return self.admission.connect(NotingWire(), address, Connection, "test")

    async def enter(
        self,
        connection: Connection[Attachment],
        document: str,
        token: str | None = "ann",
        fault: CollabError | None = None,
    ) -> Attachment | None:
        def make(identity: Identity, role: Role) -> Attachment:
            attachment = Attachment(connection, document)
            attachment.session = Peer().session
            attachment.session.assume(identity, role)
            return attachment

        knock = Knock(document, "test", token, fault=fault)
        return await self.admission.enter(
            connection, document, knock, make, lambda error: self.refusals.append(error.code)
        )


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    await house.hub.start()
    yield house
    await house.hub.close()


async def test_one_too_many_connects_to_hear_why_not_and_gives_nothing_back_that_it_has_not(house: House) -> None:
    connections = [house.connect() for _ in range(4)]
    assert [each.refused is not None for each in connections] == [False, False, False, True]
    assert await house.enter(connections[3], "ann/a") is None
    assert house.refusals == ["too_many_connections"]
    house.admission.disconnect(connections[3])
    assert house.connect().refused is not None, "the others are still there"
    house.admission.disconnect(connections[0])
    assert house.connect().refused is None
    assert house.connect("198.51.100.1").refused is None, "each address has its own"


async def test_a_knock_is_refused_once_not_even_a_refusal_is_heard(house: House) -> None:
    def come() -> None:
        for _ in range(1000):
            house.admission.knock(FAR)
            house.connect()

    with pytest.raises(CollabError) as refused:
        come()
    assert refused.value.code == "too_many_connections"
    house.admission.knock("198.51.100.1")


async def test_a_way_in_and_out(house: House) -> None:
    connection = house.connect()
    attachment = await house.enter(connection, "ann/a")
    assert attachment is not None and attachment.attached
    live = house.hub.documents["ann/a"]
    assert (list(live.sessions), connection.attachments) == ([attachment.session.id], {"ann/a": attachment})
    assert (connection.entering, connection.participant, house.refusals) == (set(), "ann", [])
    assert attachment.session.owner == "ann"
    assert len(attachment.session.shares) == 3, "of the address, the participant, and the document"
    assert house.admission.detach(attachment)
    assert not house.admission.detach(attachment), "once"
    assert (live.sessions, connection.attachments) == ({}, {})


async def test_an_address_of_this_machine_is_everybodys(house: House) -> None:
    connection = house.connect("127.0.0.1")
    attachment = await house.enter(connection, "ann/a")
    assert attachment is not None
    assert (connection.shares, len(attachment.session.shares)) == ((), 2)


@pytest.mark.parametrize(
    ("document", "token", "code"),
    [
        ("a,b", "ann", "invalid_document"), ("ann/a", None, "unauthorized"), ("ben/a", "ann", "forbidden"),
        ("ann/a", "expired", "token_expired"), ("ann/a", "broken", "internal"),
    ],
)  # fmt: skip
async def test_who_is_refused_hears_the_code_and_leaves_nothing_behind(
    house: House, document: str, token: str | None, code: str
) -> None:
    connection = house.connect()
    assert await house.enter(connection, document, token) is None
    assert house.refusals == [code]
    assert (connection.entering, connection.attachments, house.hub.documents) == (set(), {}, {})
    assert connection.deadline is not None, "it does not live on"


async def test_what_was_wrong_with_the_knock_is_said_after_what_is_wrong_with_the_name(house: House) -> None:
    fault = CollabError("invalid_payload")
    connection = house.connect()
    await house.enter(connection, "a,b", fault=fault)
    await house.enter(connection, "ann/a", fault=fault)
    assert house.refusals == ["invalid_document", "invalid_payload"]


async def test_those_on_their_way_in_count(house: House) -> None:
    house.tokens.gate.clear()
    connection = house.connect()
    entering = [asyncio.create_task(house.enter(connection, f"ann/{name}")) for name in "abc"]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert house.refusals == ["too_many_documents"]
    house.tokens.gate.set()
    assert [each is not None for each in await asyncio.gather(*entering)] == [True, True, False]
    assert await house.enter(connection, "ann/d") is None
    house.admission.detach(connection.attachments["ann/a"])
    assert await house.enter(connection, "ann/d") is not None


async def test_a_full_document_refuses_and_takes_no_share(house: House) -> None:
    for _ in range(2):
        assert await house.enter(house.connect(), "ann/a") is not None
    connection = house.connect()
    assert await house.enter(connection, "ann/a") is None
    assert house.refusals == ["document_full"]
    assert connection.attachments == {}


async def test_who_is_gone_meanwhile_is_told_nothing_and_is_nowhere(house: House) -> None:
    house.tokens.gate.clear()
    connection = house.connect()
    entering = asyncio.create_task(house.enter(connection, "ann/a"))
    await asyncio.sleep(0)
    connection.wire.closed = True  # type: ignore[misc]
    house.admission.disconnect(connection)
    house.tokens.gate.set()
    assert await entering is None
    assert (house.refusals, connection.attachments, connection.deadline) == ([], {}, None)
    assert not any(live.sessions for live in house.hub.documents.values())


async def test_a_connection_without_a_session_ends_and_one_with_a_session_does_not() -> None:
    house = House(connect_timeout=0.03)
    await house.hub.start()
    idle, busy = house.connect(), house.connect()
    attachment = await house.enter(busy, "ann/a")
    assert attachment is not None
    async with asyncio.timeout(20):
        while not idle.wire.expelled:  # type: ignore[attr-defined]
            await asyncio.sleep(0.005)
    assert idle.wire.expelled == [None]  # type: ignore[attr-defined]
    assert busy.wire.expelled == []  # type: ignore[attr-defined]
    house.admission.detach(attachment)
    async with asyncio.timeout(20):
        while not busy.wire.expelled:  # type: ignore[attr-defined]
            await asyncio.sleep(0.005)
    await house.hub.close()


async def test_the_end_of_a_connection_is_that_of_its_sessions(house: House) -> None:
    connection = house.connect()
    for name in ("ann/a", "ann/b"):
        await house.enter(connection, name)
    connection.wire.closed = True  # type: ignore[misc]
    house.admission.disconnect(connection)
    assert connection.attachments == {}
    assert connection.deadline is None
    assert not any(live.sessions for live in house.hub.documents.values())
