"""Near the bound idle documents leave, the longest unused first; at it new ones are refused, and told so once."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable

import pytest
from structlog.testing import capture_logs

from collab import metrics
from collab.content.workers import Workers
from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.hub.live_document import DocumentLimits
from collab.observe import headroom
from collab.observe.gauges import Gauges
from collab.observe.headroom import FULL, NEAR, ROOM_AGAIN, Headroom, largest
from collab.observe.memory_use import MemoryBound, MemoryUse
from collab.stores.memory import MemoryStore
from tests.support.peers import Peer

#: of a bound of so many bytes
LIMIT = 1000


@pytest.fixture
async def hub(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    monkeypatch.setattr(headroom, "INTERVAL", 0.005)
    monkeypatch.setattr(headroom, "_FRESH", 0.0)
    hub = Hub(MemoryStore(), DocumentLimits())
    await hub.start()
    yield hub
    await hub.close()


def looking(hub: Hub, used: Callable[[], float], trim: Callable[[], None] | None = None) -> Headroom:
    return Headroom(hub, MemoryUse([MemoryBound(LIMIT, lambda: int(used()), "a test")]), trim)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


async def test_idle_documents_leave_the_longest_unused_first_and_those_in_use_stay(hub: Hub) -> None:
    for name in "abcdef":
        await hub.live(name)
    people = {name: Peer() for name in "ac"}
    for name, peer in people.items():
        hub.documents[name].join(peer.session)
    hub.documents["c"].leave(people["c"].session)  # c was used last
    trimmed: list[int] = []
    watch = looking(
        hub,
        lambda: LIMIT * (NEAR if len(hub.documents) > 3 else NEAR - 0.01),
        lambda: trimmed.append(len(hub.documents)),
    )
    watch.open()
    await until(lambda: len(hub.documents) == 3)
    await until(lambda: len(trimmed) >= 3)
    await watch.close()
    assert set(hub.documents) == {"a", "f", "c"}, "somebody is in a, and b, d, e were unused for longer than f and c"
    assert not watch.short
    assert set(hub.idle) <= set(hub.documents), "nothing is kept of what has left"


async def test_new_documents_are_refused_open_ones_are_not_and_the_log_says_both_once(hub: Hub) -> None:
    used = float(LIMIT * NEAR)
    with capture_logs() as log:
        watch = looking(hub, lambda: used)
        watch.open()
        ann = Peer()
        (await hub.live("open")).join(ann.session)
        used = LIMIT * FULL
        for _ in range(3):
            with pytest.raises(CollabError) as refused:
                await hub.live("new")
        error = refused.value.as_dict()
        assert (error["code"], error["retryable"], error["retry_after"]) == ("too_many_documents", True, 5.0)
        assert (error["limit"], error["scope"]) == (LIMIT, "server")
        assert await hub.live("open") is hub.documents["open"]
        used = LIMIT * (ROOM_AGAIN + 0.01)
        with pytest.raises(CollabError):
            await hub.live("new")  # it would begin again at once
        used = LIMIT * (ROOM_AGAIN - 0.01)
        await hub.live("new")
        await watch.close()
    told = [line for line in log if "memory" in line["event"]]
    assert [(line["event"], line["log_level"]) for line in told] == [
        ("memory is short: new documents are refused", "error"),
        ("there is memory for new documents again", "info"),
    ]
    assert (told[0]["used"], told[0]["limit"], told[0]["bound"]) == (920, LIMIT, "a test")
    assert (told[0]["documents"], told[0]["idle"]) == (1, 0)
    assert told[0]["largest"][0].startswith("open (")


async def test_metrics_say_what_counts_and_nan_without_a_bound(hub: Hub) -> None:
    watch = looking(hub, lambda: 500)
    watch.open()
    await watch.close()
    for of, expected in ((watch, (500.0, 1000.0)), (Headroom(hub, MemoryUse([])), (math.nan, math.nan))):
        found = Gauges(hub, Workers(), "none", time.monotonic, headroom=of).look()
        values = [found[gauge.name][()] for gauge in (metrics.MEMORY_USED, metrics.MEMORY_LIMIT)]
        assert values == pytest.approx(expected, nan_ok=True)


async def test_where_nothing_is_open_one_is_opened_all_the_same(hub: Hub) -> None:
    watch = looking(hub, lambda: LIMIT)
    watch.open()
    await hub.live("first")
    with pytest.raises(CollabError):
        await hub.live("second")
    await watch.close()


async def test_without_a_bound_nothing_is_looked_at(hub: Hub) -> None:
    watch = Headroom(hub, MemoryUse([]))
    watch.open()
    assert hub.check_memory() is None  # type: ignore[func-returns-value]
    assert watch._task is None
    await watch.close()


async def test_the_largest_are_named(hub: Hub) -> None:
    for name, size in (("small", 10), ("large", 1000), ("middle", 100)):
        (await hub.live(name)).document.size = size
    assert largest(hub, 2) == [
        {"name": "large", "size": 1000, "sessions": 0},
        {"name": "middle", "size": 100, "sessions": 0},
    ]
