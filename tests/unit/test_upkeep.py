"""A log becomes a snapshot when it has grown enough, in updates or in bytes (rule D16)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from pycrdt import Doc, Text
from structlog.testing import capture_logs

from collab.errors import CollabError
from collab.hub import compaction, upkeep
from collab.hub.hub import Hub
from collab.hub.journal import nobody_waits
from collab.hub.live_document import DocumentLimits
from collab.stores.memory import MemoryStore


@pytest.fixture
async def hub(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    monkeypatch.setattr(upkeep, "TIDY_INTERVAL", 0.01)
    monkeypatch.setattr(compaction, "COMPACT_BYTES", 50_000)
    hub = Hub(MemoryStore(), DocumentLimits(), compact_every=1000)
    await hub.start()
    yield hub
    await hub.close()


async def until_stored(hub: Hub, most: int) -> None:
    async with asyncio.timeout(10):
        while (info := await hub.store.info("a")) is None or info.size > most:
            await asyncio.sleep(0.01)


async def test_a_few_large_updates_leave_no_large_log(hub: Hub) -> None:
    """80 updates left a 34-byte document with a log of 124 MiB."""
    live = await hub.live("a")
    doc: Doc[Text] = Doc()
    body = doc.get("body", type=Text)
    for _ in range(10):
        before = doc.get_state()
        body.insert(0, "x" * 20_000)
        live.apply(doc.get_update(before), nobody_waits, session=None, participant="ada")
        before = doc.get_state()
        del body[0 : len(body)]
        live.apply(doc.get_update(before), nobody_waits, session=None, participant="ada")
    await until_stored(hub, 1000)
    assert live.logged_bytes < 1000


async def test_a_large_document_is_not_written_again_for_each_small_edit(hub: Hub) -> None:
    live = await hub.live("a")
    doc: Doc[Text] = Doc()
    body = doc.get("body", type=Text)
    body.insert(0, "x" * 200_000)
    live.apply(doc.get_update(), nobody_waits, session=None, participant="ada")
    await until_stored(hub, 201_000)
    async with asyncio.timeout(10):
        while live.logged_bytes:
            await asyncio.sleep(0.01)
    before = doc.get_state()
    body.insert(0, "y" * 60_000)
    live.apply(doc.get_update(before), nobody_waits, session=None, participant="ada")
    assert not compaction.pays(live, 1000), "its log is smaller than its snapshot"


@pytest.mark.parametrize(("code", "told"), [("document_deleted", 0), ("storage_unavailable", 2)])
async def test_a_document_that_is_deleted_meanwhile_is_no_fault(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, code: str, told: int
) -> None:
    """The store knows of it before the open copy does; dozens of errors in a thousand rounds of races."""
    live = await hub.live("a")

    async def refuse(*_args: object) -> None:
        raise CollabError(code)

    monkeypatch.setattr(hub.upkeep._checkpoints, "keep", refuse)
    monkeypatch.setattr(upkeep, "compact", refuse)
    with capture_logs() as lines:
        await hub.upkeep._keep_checkpoint(live)
        await hub.upkeep.compact(live)
    assert [line["event"] for line in lines] == ["checkpoint failed", "compaction failed"][:told]
