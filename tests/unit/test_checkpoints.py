"""Automatic versions: spaced, bounded in number, and never a named one too few."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from collab.hub.checkpoints import Checkpoints
from collab.hub.hub import Hub
from collab.hub.journal import nobody_waits
from collab.hub.live_document import DocumentLimits, LiveDocument
from collab.stores.memory import MemoryStore

INTERVAL = 0.05


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    hub = Hub(MemoryStore(), DocumentLimits(), checkpoints=Checkpoints(INTERVAL, keep=2))
    await hub.start()
    yield hub
    await hub.close()


def edit(live: LiveDocument, clock: int) -> None:
    """Type one letter."""
    update = b"\x01\x01\x05" + bytes((clock,)) + b"\x04\x01\x04body\x01x\x00"
    live.apply(update, nobody_waits, session=None, participant="ada")


async def test_an_edited_document_is_due_after_a_while_and_an_idle_one_never(hub: Hub) -> None:
    live = await hub.live("a")
    await asyncio.sleep(INTERVAL)
    assert not hub.checkpoints.due(live), "nothing was edited"
    edit(live, 0)
    await live.journal.drain(1)
    assert hub.checkpoints.due(live)
    await hub.checkpoints.keep(live, hub.store)
    assert not hub.checkpoints.due(live)
    await asyncio.sleep(INTERVAL)
    assert not hub.checkpoints.due(live), "not edited since"


async def test_the_oldest_automatic_versions_go_and_named_ones_stay(hub: Hub) -> None:
    live = await hub.live("a")
    await hub.store.add_version("a", b"\0\0", 0, "named", "ada")
    for clock in range(4):
        edit(live, clock)
        await live.journal.drain(1)
        await hub.checkpoints.keep(live, hub.store)
    versions = await hub.store.versions("a")
    assert [version.name for version in versions] == [None, None, "named"]
    found = await hub.store.version("a", versions[0].id)
    assert found is not None
    assert found[1] == live.document.encode()


async def test_a_document_that_was_opened_again_remembers_its_last_checkpoint(hub: Hub) -> None:
    live = await hub.live("a")
    edit(live, 0)
    await live.journal.drain(1)
    await hub.checkpoints.keep(live, hub.store)
    del hub.documents["a"]
    again = await hub.live("a")
    assert again is not live
    await asyncio.sleep(INTERVAL)
    assert not hub.checkpoints.due(again)
    edit(again, 1)
    await again.journal.drain(1)
    assert hub.checkpoints.due(again)


async def test_whoever_only_reads_makes_no_version(hub: Hub) -> None:
    live = await hub.live("a")
    edit(live, 0)
    await live.journal.drain(1)
    del hub.documents["a"]  # put away before a version was due
    again = await hub.live("a")
    await asyncio.sleep(INTERVAL)
    assert not hub.checkpoints.due(again)
    edit(again, 1)
    await again.journal.drain(1)
    assert hub.checkpoints.due(again)
