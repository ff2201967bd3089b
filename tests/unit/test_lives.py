"""While a life of a name ends or begins again nobody opens it, and what fails has not happened."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from pycrdt import Doc, Text

from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.hub.journal import nobody_waits
from collab.hub.live_document import DocumentLimits, LiveDocument
from collab.stores.memory import MemoryStore


class SlowStore(MemoryStore):
    """Deletes when it is told to, or fails."""

    def __init__(self) -> None:
        super().__init__()
        self.may_delete = asyncio.Event()
        self.fails = False

    async def delete(self, document: str, *, keep: bool = False, epoch: str = "") -> bool:
        await self.may_delete.wait()
        if self.fails:
            raise CollabError("storage_unavailable")
        return await super().delete(document, keep=keep, epoch=epoch)


@pytest.fixture
async def store() -> SlowStore:
    return SlowStore()


@pytest.fixture
async def hub(store: SlowStore) -> AsyncIterator[Hub]:
    hub = Hub(store, DocumentLimits(), trash_keep=60.0)
    await hub.start()
    yield hub
    await hub.close()


def write(live: LiveDocument, text: str) -> None:
    doc: Doc[Text] = Doc()
    doc.get("body", type=Text).insert(0, text)
    live.apply(doc.get_update(), nobody_waits, session=None, participant="ada")


def read(live: LiveDocument) -> str:
    doc: Doc[Text] = Doc()
    doc.apply_update(live.document.encode())
    return str(doc.get("body", type=Text))


async def test_nobody_opens_a_name_whose_life_is_ending(hub: Hub, store: SlowStore) -> None:
    await store.append("a", b"\0\0")
    deleting = asyncio.create_task(hub.delete("a"))
    await asyncio.sleep(0)
    opening = asyncio.create_task(hub.live("a"))
    await asyncio.sleep(0.01)
    assert not opening.done()
    store.may_delete.set()
    assert await deleting
    live = await opening
    assert (live.journal.position, live.deleted) == (0, False), "what was there is not in it"


async def test_people_stay_where_deleting_fails(hub: Hub, store: SlowStore) -> None:
    live = await hub.live("a")
    write(live, "dear")
    store.fails = True
    store.may_delete.set()
    with pytest.raises(CollabError, match="storage_unavailable"):
        await hub.delete("a")
    assert (hub.documents["a"], live.deleted) == (live, False)
    write(live, "friends")
    assert await live.journal.drain(1.0)


async def test_an_edit_behind_the_deletion_is_refused_not_lost_silently(hub: Hub, store: SlowStore) -> None:
    live = await hub.live("a")
    write(live, "dear")
    store.may_delete.set()
    assert await hub.delete("a")
    with pytest.raises(CollabError, match="document_deleted"):
        write(live, "late")
    await live.journal.drain(1.0)
    told: list[int | CollabError] = []
    live.journal.when_durable(told.append)
    assert [result.code for result in told if isinstance(result, CollabError)] == ["document_deleted"]


async def test_who_has_an_empty_document_open_sees_what_comes_back(hub: Hub, store: SlowStore) -> None:
    store.may_delete.set()
    write(await hub.live("a"), "dear")
    await hub.delete("a")
    live = await hub.live("a")
    assert read(live) == ""
    assert await hub.undelete("a")
    assert (hub.documents["a"], read(live)) == (live, "dear")
    write(live, "friends")
    assert await live.journal.drain(1.0)
    assert await hub.delete("a")
    assert await hub.undelete("a")
    assert read(await hub.live("a")) in ("dearfriends", "friendsdear")


async def test_who_has_begun_anew_is_not_written_over(hub: Hub, store: SlowStore) -> None:
    store.may_delete.set()
    write(await hub.live("a"), "dear")
    await hub.delete("a")
    write(await hub.live("a"), "another")
    with pytest.raises(CollabError, match="document_exists"):
        await hub.undelete("a")
    write(await hub.live("b"), "text")
    assert not await hub.undelete("b")


async def test_two_who_delete_the_same(hub: Hub, store: SlowStore) -> None:
    store.may_delete.set()
    write(await hub.live("a"), "dear")
    assert sorted(await asyncio.gather(hub.delete("a"), hub.delete("a"))) == [False, True]
