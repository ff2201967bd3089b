"""What gauges say is what there is."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator

import pytest
from pycrdt import Doc, Text

from collab import metrics
from collab.content.workers import Workers
from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.hub.journal import nobody_waits
from collab.hub.live_document import DocumentLimits
from collab.observe.gauges import Gauges
from collab.stores.base import Space
from collab.stores.memory import MemoryStore
from tests.support.peers import Peer


class HeldStore(MemoryStore):
    """Answers an append when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[asyncio.Future[int]] = []
        self.broken = False

    def append(
        self, document: str, update: bytes, participant: str | None = None, epoch: str = ""
    ) -> asyncio.Future[int]:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.held.append(future)
        return future

    async def space(self) -> Space:
        if self.broken:
            raise CollabError("storage_unavailable")
        return Space(7, 9)


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    hub = Hub(HeldStore(), DocumentLimits())
    await hub.start()
    yield hub
    await hub.close()


def value(gauges: Gauges, gauge: metrics.Gauge) -> float:
    return gauges.look()[gauge.name][()]


async def test_sessions_documents_and_what_is_not_saved(hub: Hub) -> None:
    gauges = Gauges(hub, Workers(), "none", time.monotonic)
    live = await hub.live("notes")
    peer = Peer()
    live.join(peer.session)
    live.answer_step_1(peer.session, b"\0")
    doc: Doc = Doc()
    doc["body"] = Text("hello")
    update = doc.get_update()
    live.apply(update, nobody_waits, session=peer.session, participant="ann")
    assert gauges.look()[metrics.SESSIONS.name] == {("test", "websocket", "live"): 1}
    assert value(gauges, metrics.DOCUMENTS) == 1
    assert value(gauges, metrics.ACKS_WAITING) == 1
    assert value(gauges, metrics.UNSAVED_BYTES) == len(update)
    before = value(gauges, metrics.UNSAVED_OLDEST)
    await asyncio.sleep(0.02)
    assert value(gauges, metrics.UNSAVED_OLDEST) >= before + 0.015
    store = hub.store
    assert isinstance(store, HeldStore)
    store.held[0].set_result(1)
    await live.journal.drain(5)
    assert [value(gauges, gauge) for gauge in (metrics.ACKS_WAITING, metrics.UNSAVED_BYTES, metrics.UNSAVED_OLDEST)] == [
        0, 0, 0,
    ]  # fmt: skip


@pytest.mark.slow
async def test_the_age_is_that_of_the_oldest_edit_and_not_of_the_last_quiet(hub: Hub) -> None:
    gauges = Gauges(hub, Workers(), "none", time.monotonic)
    live, store = await hub.live("notes"), hub.store
    assert isinstance(store, HeldStore)
    for count in range(10):
        live.journal.append(b"u", None, nobody_waits)
        await asyncio.sleep(0.02)
        if count:
            store.held[count - 1].set_result(count)
            await asyncio.sleep(0)
    assert 0.02 <= value(gauges, metrics.UNSAVED_OLDEST) < 0.15  # there was never a moment without one
    store.held[-1].set_result(10)
    await live.journal.drain(5)


async def test_the_room_of_the_store_is_asked_for_and_unknown_where_that_fails(hub: Hub) -> None:
    now = 0.0
    gauges = Gauges(hub, Workers(), "none", lambda: now)
    assert math.isnan(value(gauges, metrics.STORE_BYTES))
    await gauges.refresh()
    assert (value(gauges, metrics.STORE_BYTES), value(gauges, metrics.STORE_FREE_BYTES)) == (7, 9)
    assert isinstance(hub.store, HeldStore)
    hub.store.broken, now = True, 60.0
    await gauges.refresh()
    assert gauges.space is None
    assert math.isnan(value(gauges, metrics.STORE_FREE_BYTES))
