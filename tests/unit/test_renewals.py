"""Who somebody is may change while they are here: their sessions follow, and nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from collab.auth.base import Authenticator, ShownUser
from collab.errors import CollabError
from collab.hub import renewals as renewals_module
from collab.hub.hub import Hub
from collab.hub.live_document import DocumentLimits
from collab.hub.renewals import Renewals
from collab.hub.session import Session
from collab.stores.memory import MemoryStore
from collab.types import Grant, Identity, Role
from tests.support.peers import ENCODER, Peer


class Table(Authenticator):
    """Knows people by their ids: who they are now, or with which error they are sent away."""

    def __init__(self) -> None:
        self.people: dict[str | None, Identity | Exception] = {}
        self.asked: list[str | None] = []

    async def authenticate(self, token: str | None, user: ShownUser | None) -> Identity:
        raise NotImplementedError

    async def renew(self, identity: Identity) -> Identity:
        self.asked.append(identity.id)
        await asyncio.sleep(0)
        found = self.people[identity.id]
        if isinstance(found, Exception):
            raise found
        return found


class House:
    """A hub with people in it, and renewals that listen."""

    def __init__(self) -> None:
        self.hub = Hub(MemoryStore(), DocumentLimits())
        self.table = Table()
        self.renewals = Renewals(self.hub, self.table)
        self.dismissed: list[tuple[str | None, str, str]] = []

    async def enter(self, identity: Identity, document: str) -> Session:
        live = await self.hub.live(document)
        session = Session(
            identity, Role.EDITOR, ENCODER, Peer(), door="test", json_presence=False, max_client_ids=1,
            request_sync=lambda _vector: None,
            on_dismiss=lambda error: self.dismissed.append((identity.id, document, error.code)),
        )  # fmt: skip
        live.join(session)
        self.table.people.setdefault(identity.id, identity)
        return session

    async def settled(self, asked: int) -> None:
        """Once so many were asked about, and what follows was done."""
        async with asyncio.timeout(10):
            while len(self.table.asked) < asked:
                await asyncio.sleep(0.002)
        for _ in range(5):
            await asyncio.sleep(0)


def person(name: str, role: Role = Role.EDITOR, documents: str = "*") -> Identity:
    return Identity(name, name, "#000000", (Grant(documents, role),))


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    await house.hub.start()
    house.renewals.open()
    yield house
    await house.renewals.close()
    await house.hub.close()


async def test_only_those_who_are_named_are_looked_at_each_once(house: House) -> None:
    ann = person("ann")
    one, other = await house.enter(ann, "a"), await house.enter(ann, "b")
    bob = await house.enter(person("bob"), "a")
    house.table.people["ann"] = person("ann", Role.VIEWER)
    house.table.changed("ann")
    await house.settled(1)
    assert house.table.asked == ["ann"], "one look for both of her sessions"
    assert (one.role, other.role, bob.role) == (Role.VIEWER, Role.VIEWER, Role.EDITOR)
    assert house.dismissed == []
    house.table.changed()
    await house.settled(3)
    assert sorted(house.table.asked[1:], key=str) == ["ann", "bob"], "nobody named is everybody"


@pytest.mark.parametrize(
    ("now", "codes"),
    [
        (CollabError("unauthorized"), {"a": "unauthorized", "team/b": "unauthorized"}),
        (CollabError("token_expired"), {"a": "token_expired", "team/b": "token_expired"}),
        (person("eve"), {"a": "unauthorized", "team/b": "unauthorized"}),
        (replace(person("ann"), expires_at=1.0), {"a": "token_expired", "team/b": "token_expired"}),
        (person("ann", documents="team/*"), {"a": "forbidden"}),
        (person("ann"), {}),
    ],
    ids=["sent away", "expired", "somebody else", "expired by its own words", "not on all of them", "as before"],
)  # fmt: skip
async def test_who_may_not_be_there_any_more_is_sent_away(house: House, now: Any, codes: dict[str, str]) -> None:
    ann = person("ann")
    for document in ("a", "team/b"):
        await house.enter(ann, document)
    house.table.people["ann"] = now
    house.table.changed("ann")
    await house.settled(1)
    assert {document: code for _, document, code in house.dismissed} == codes


@pytest.mark.parametrize("trouble", [ConnectionError("secret words"), TimeoutError(), CollabError("internal")])
async def test_nobody_is_sent_away_because_something_else_is_in_trouble(
    house: House, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    """It is tried again until it is known."""
    monkeypatch.setattr(renewals_module, "RETRY_AFTER", 0.01)
    session = await house.enter(person("ann"), "a")
    house.table.people["ann"] = trouble
    house.table.changed("ann")
    await house.settled(3)
    assert house.dismissed == []
    house.table.people["ann"] = person("ann", Role.VIEWER)
    await house.settled(len(house.table.asked) + 1)
    assert session.role is Role.VIEWER


async def test_one_that_hangs_is_given_up_and_holds_up_nobody(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewals_module, "TIMEOUT", 0.05)
    monkeypatch.setattr(renewals_module, "RETRY_AFTER", 60)
    await house.enter(person("slow"), "a")
    ann = await house.enter(person("ann"), "a")
    renew = house.table.renew

    async def hang(identity: Identity) -> Identity:
        if identity.id == "slow":
            await asyncio.sleep(60)
        return await renew(identity)

    monkeypatch.setattr(house.table, "renew", hang)
    house.table.people["ann"] = person("ann", Role.ADMIN)
    house.table.changed()
    await house.settled(1)
    assert ann.role is Role.ADMIN
    house.table.people["ann"] = person("ann", Role.VIEWER)
    house.table.changed("ann")
    await house.settled(2)
    assert ann.role is Role.VIEWER


async def test_who_came_with_a_newer_token_meanwhile_is_left_alone(house: House) -> None:
    ann = person("ann", Role.VIEWER)
    session = await house.enter(ann, "a")
    house.table.people["ann"] = CollabError("unauthorized")
    house.table.changed("ann")
    async with asyncio.timeout(10):
        while not house.table.asked:
            await asyncio.sleep(0)
    session.assume(person("ann", Role.ADMIN), Role.ADMIN)
    await house.settled(1)
    assert house.dismissed == []


async def test_it_hears_from_any_thread_and_stops_hearing(house: House) -> None:
    await house.enter(person("ann"), "a")
    await asyncio.to_thread(house.table.changed, "ann")
    await house.settled(1)
    await house.renewals.close()
    assert house.table.changed.__func__ is Authenticator.changed  # type: ignore[attr-defined]
    house.table.changed("ann")
    await asyncio.sleep(0.01)
    assert len(house.table.asked) == 1
    await house.renewals.close()
