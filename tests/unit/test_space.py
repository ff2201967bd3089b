"""Little room for the store is told when it begins and when it ends, of a disk, of a Redis, and of a quota."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from collab.content.workers import Workers
from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.hub.live_document import DocumentLimits
from collab.hub.quotas import QuotaLimits
from collab.observe import gauges
from collab.observe.gauges import Gauges
from collab.observe.space import SpaceWatch
from collab.stores.base import Space
from collab.stores.memory import MemoryStore

GIB = 2**30


class Store(MemoryStore):
    room: Space | None = Space(0, None)

    async def space(self) -> Space:
        if self.room is None:
            raise CollabError("storage_unavailable")
        return self.room


@pytest.fixture
async def hub(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    monkeypatch.setattr(gauges, "SPACE_INTERVAL", 0.0)
    hub = Hub(Store(), DocumentLimits())
    await hub.start()
    yield hub
    await hub.close()


def watch(hub: Hub, little: int | None = None) -> SpaceWatch:
    return SpaceWatch(hub, Gauges(hub, Workers(), "none", time.monotonic), little)


@pytest.mark.parametrize(
    ("taken", "free", "little", "most", "low"),
    [
        (50 * GIB, 2 * GIB, None, None, False), (50 * GIB, GIB - 1, None, None, True),
        (GIB, GIB // 2, None, None, False), (GIB, GIB // 10, None, None, True),
        (50 * GIB, 2 * GIB, 3 * GIB, None, True), (50 * GIB, None, None, None, False),
        (95, None, None, 100, True), (80, None, None, 100, False), (120, None, None, 100, True),
    ],
)  # fmt: skip
async def test_what_little_is(
    hub: Hub, taken: int, free: int | None, little: int | None, most: int | None, low: bool
) -> None:
    hub.quotas.limits = QuotaLimits(max_store_bytes=most)
    assert isinstance(hub.store, Store)
    hub.store.room = Space(taken, free)
    space = watch(hub, little)
    await space.look()
    assert space.low is low


async def test_it_is_told_once_and_a_store_that_does_not_answer_changes_nothing(hub: Hub) -> None:
    assert isinstance(hub.store, Store)
    space = watch(hub, 10)
    with capture_logs() as log:
        for room in (Space(5, 100), Space(5, 9), Space(5, 3), None, Space(5, 8), Space(5, 10), Space(5, 100)):
            hub.store.room = room
            await space.look()
    assert [(line["event"], line["free"]) for line in log] == [
        ("the store runs out of room", 9),
        ("there is room for the store again", 10),
    ]
    assert (log[0]["taken"], log[0]["little"], log[0]["log_level"]) == (5, 10, "warning")


async def test_with_0_nobody_looks(hub: Hub) -> None:
    space = watch(hub, 0)
    space.open()
    assert space._task is None
    await space.close()
