"""Documents and versions that somebody asks for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from pycrdt import Doc, Text

from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.hub.journal import nobody_waits
from collab.hub.live_document import DocumentLimits
from collab.hub.quotas import QuotaLimits
from collab.stores.memory import MemoryStore


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    hub = Hub(MemoryStore(), DocumentLimits(), quotas=QuotaLimits(max_documents=2, max_versions=3))
    await hub.start()
    yield hub
    await hub.close()


def words(text: str) -> bytes:
    doc: Doc[Text] = Doc()
    doc.get("body", type=Text).insert(0, text)
    return doc.get_update()


async def test_what_exists_is_not_made_and_costs_nothing(hub: Hub) -> None:
    assert await hub.keeping.create("a")
    assert await hub.keeping.create("b")
    assert not await hub.keeping.create("a")
    with pytest.raises(CollabError, match="store_full"):
        await hub.keeping.create("c")


async def test_who_has_a_name_open_that_is_made_may_edit_it(hub: Hub) -> None:
    live = await hub.live("a")
    await hub.keeping.create("a")
    await hub.keeping.create("b")
    live.apply(words("x"), nobody_waits, session=None, participant="ada")
    other = await hub.live("c")
    with pytest.raises(CollabError, match="store_full"):
        other.apply(words("x"), nobody_waits, session=None, participant="ada")
    other.apply(b"\0\0", nobody_waits, session=None, participant="ada")


async def test_several_at_once_do_not_find_the_same_room(hub: Hub) -> None:
    live = await hub.live("a")
    live.apply(words("x"), nobody_waits, session=None, participant="ada")
    results = await asyncio.gather(
        *(hub.keeping.version(live, f"{number}", "ada") for number in range(6)), return_exceptions=True
    )
    assert [isinstance(result, CollabError) for result in results] == [False] * 3 + [True] * 3
    assert len(await hub.store.versions("a")) == 3
