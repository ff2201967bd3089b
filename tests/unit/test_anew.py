"""Where the store had to begin with another file, open documents and their logs get what only the other has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pycrdt import Doc, Text

from collab.documents.document import Document
from collab.errors import CollabError
from collab.hub import anew as anew_module
from collab.hub.anew import Anew
from collab.hub.hub import Hub
from collab.hub.journal import nobody_waits
from collab.hub.live_document import DocumentLimits, LiveDocument
from collab.stores.base import StoredDocument
from collab.stores.memory import MemoryStore
from tests.support.peers import Peer


class Store(MemoryStore):
    """May be told to fail, and to be another medium."""

    def __init__(self) -> None:
        super().__init__()
        self.failures = 0
        self.loads = 0

    async def load(self, document: str) -> StoredDocument | None:
        self.loads += 1
        if self.failures:
            self.failures -= 1
            raise CollabError("storage_unavailable")
        return await super().load(document)

    def become(self, other: MemoryStore) -> None:
        self._documents = other._documents
        self.on_replaced()


class House:
    def __init__(self) -> None:
        self.store = Store()
        self.hub = Hub(self.store, DocumentLimits())
        self.anew = Anew(self.store, self.hub.documents)
        self.doc: Doc[Any] = Doc(client_id=1)

    async def opened(self, words: str) -> LiveDocument:
        live = await self.hub.live("notes")
        text = self.doc.get("body", type=Text)
        text += words
        live.apply(self.doc.get_update(), nobody_waits, session=None, participant=None)
        await live.journal.quiet()
        return live

    async def settled(self) -> None:
        async with asyncio.timeout(10):
            while self.anew.concerns("notes"):
                await asyncio.sleep(0.002)
        live = self.hub.documents.get("notes")
        if live is not None:
            await live.journal.quiet()

    async def stored(self) -> str:
        """What the store has, as others would load it."""
        found = await self.store.load("notes")
        return "" if found is None else text_of(Document.load(found.snapshot, found.tail))


def text_of(document: Document) -> str:
    doc: Doc[Any] = Doc()
    doc.apply_update(document.encode())
    return str(doc.get("body", type=Text))


@pytest.fixture
async def house(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setattr(anew_module, "_RETRY", 0.01)
    house = House()
    await house.hub.start()
    yield house
    house.anew.close()
    await house.hub.close()


async def test_an_empty_medium_gets_all_of_it(house: House) -> None:
    live = await house.opened("hello")
    before = live.logged_since_snapshot
    house.store.become(MemoryStore())
    assert house.anew.concerns("notes"), "nothing may be compacted now"
    assert not house.anew.concerns("other")
    await house.settled()
    assert await house.stored() == "hello"
    assert live.logged_since_snapshot > before


async def test_an_older_copy_gets_what_it_lacks_and_nothing_twice(house: House) -> None:
    await house.opened("hello")
    older = MemoryStore()
    await older.append("notes", house.doc.get_update())
    live = await house.opened(" world")
    house.store.become(older)
    await house.settled()
    assert await house.stored() == "hello world"
    found = await older.load("notes")
    assert found is not None
    assert len(found.tail) == 2
    house.store.become(older)
    await house.settled()
    found = await older.load("notes")
    assert found is not None
    assert len(found.tail) == 2, "what is there already is not written again"
    assert text_of(live.document) == "hello world"


async def test_what_only_the_other_medium_has_is_taken(house: House) -> None:
    live = await house.opened("hello")
    newer = MemoryStore()
    other: Doc[Any] = Doc(client_id=2)
    other.apply_update(house.doc.get_update())
    theirs = other.get("body", type=Text)
    theirs += " there"
    await newer.append("notes", other.get_update())
    house.store.become(newer)
    await house.settled()
    assert text_of(live.document) == await house.stored() == "hello there"


async def test_a_deletion_that_the_other_lacks_is_written_too(house: House) -> None:
    """State vectors do not show it."""
    live = await house.opened("hello")
    older = MemoryStore()
    await older.append("notes", house.doc.get_update())
    before = house.doc.get_state()
    del house.doc.get("body", type=Text)[0:1]
    live.apply(house.doc.get_update(before), nobody_waits, session=None, participant=None)
    await live.journal.quiet()
    house.store.become(older)
    await house.settled()
    assert await house.stored() == "ello"


async def test_a_store_that_fails_is_asked_again(house: House) -> None:
    await house.opened("hello")
    house.store.failures = 3
    house.store.become(MemoryStore())
    await house.settled()
    assert house.store.failures == 0
    assert await house.stored() == "hello"


async def test_a_document_that_was_deleted_does_not_come_back(house: House) -> None:
    live = await house.opened("hello")
    house.store.failures = 10**9
    house.store.become(MemoryStore())
    async with asyncio.timeout(10):
        while house.store.loads < 3:
            await asyncio.sleep(0.002)
    live.deleted = True
    await house.settled()
    house.store.failures = 0
    assert await house.store.load("notes") is None


async def test_streams_go_on_behind_what_another_medium_has(house: House) -> None:
    live = await house.opened("hello")
    peer = Peer()
    live.join(peer.session)
    for number in range(3):
        await live.streams.publish("chat", b'{"n":%d}' % number)
    await live.streams.subscribe(peer.session, "chat", 0)
    house.store.become(MemoryStore())
    await house.settled()
    async with asyncio.timeout(10):
        while live.streams._feeds["chat"].last != 0:
            await asyncio.sleep(0.001)
    assert (await live.streams.publish("chat", b'{"n":3}')).offset == 1
    await asyncio.sleep(0)
    assert [content for kind, content in peer.got if kind == "stream"][-1].startswith(b'{"stream":"chat","offset":1,')
