"""What Yjs writes is kept by every store: over restarts, compaction and the log (D1, S4)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from collab.content.reading import read
from collab.hub.compaction import compact
from collab.hub.hub import Hub
from collab.hub.journal import nobody_waits
from collab.hub.live_document import DocumentLimits
from collab.stores.base import Store
from tests.contract.test_store import make, redis_cluster, redis_url  # noqa: F401
from tests.support.honest_updates import HonestCase, as_yjs_shows, honest_cases

Opening = Callable[[], "Opened"]


class Opened:
    """A hub on a store, as after a start of the server."""

    def __init__(self, store: Store) -> None:
        self.hub = Hub(store, DocumentLimits())

    async def __aenter__(self) -> Hub:
        await self.hub.start()
        return self.hub

    async def __aexit__(self, *_: object) -> None:
        assert await self.hub.drain(5.0)
        await self.hub.close()


@pytest.fixture
def opened(make: Callable[[], Store]) -> Opening:  # noqa: F811
    return lambda: Opened(make())


def name_of(case: HonestCase) -> str:
    """A document's name for it."""
    return case.name.replace(",", "")


async def check(hub: Hub, case: HonestCase, clocks: dict[int, int]) -> None:
    """A document reads as Yjs reads it."""
    live = await hub.live(name_of(case))
    content = read(live.document.encode())
    assert {root: as_yjs_shows(content[root]) for root in case.content} == case.content
    assert live.document.clocks == clocks


async def test_what_was_sent_is_there_after_restarts_and_a_compaction(opened: Opening) -> None:
    clocks = {}
    async with opened() as hub:
        for case in honest_cases():
            live = await hub.live(name_of(case))
            for update in case.updates:
                live.apply(update, nobody_waits, session=None, participant=None)
            clocks[name_of(case)] = dict(live.document.clocks)
            await check(hub, case, clocks[name_of(case)])
    async with opened() as hub:
        for case in honest_cases():
            await check(hub, case, clocks[name_of(case)])
            await compact(await hub.live(name_of(case)), hub.store)
            stored = await hub.store.load(name_of(case))
            assert stored is not None and stored.snapshot is not None and not stored.tail
    async with opened() as hub:
        for case in honest_cases():
            await check(hub, case, clocks[name_of(case)])


@pytest.mark.parametrize("where", ["log", "snapshot"])
async def test_what_is_in_the_log_as_it_came_is_read(opened: Opening, where: str) -> None:
    """An older server, or another program, may have written it."""
    async with opened() as hub:
        for case in honest_cases():
            for update in case.updates:
                position = await hub.store.append(name_of(case), update)
            if where == "snapshot" and len(case.updates) == 1:
                await hub.store.compact(name_of(case), case.updates[0], position)
    async with opened() as hub:
        for case in honest_cases():
            live = await hub.live(name_of(case))
            await check(hub, case, dict(live.document.clocks))
            await compact(live, hub.store)
