"""Whether the server is alive and ready: what stands against it is told, and asking costs the disk little."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from collab.content.workers import Workers
from collab.doors.http import health
from collab.doors.http.health import Readiness, add_routes
from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.hub.live_document import DocumentLimits
from collab.observe.concerns import Concerns
from collab.observe.gauges import Gauges
from collab.observe.headroom import Headroom
from collab.observe.memory_use import MemoryUse
from collab.observe.space import SpaceWatch
from collab.stores.base import StoreReport
from collab.stores.memory import MemoryStore


class Store(MemoryStore):
    """Counts how often it is asked; may fail, or take its time."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.error: CollabError | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def check(self, deep: bool = False) -> StoreReport:
        self.asked += 1
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return await super().check(deep)


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    hub = Hub(Store(), DocumentLimits())
    await hub.start()
    yield hub
    await hub.close()


def store_of(hub: Hub) -> Store:
    assert isinstance(hub.store, Store)
    return hub.store


async def code_of(readiness: Readiness) -> str | None:
    fault = await readiness.fault()
    return None if fault is None else fault.error.code


async def test_what_stands_against_it(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CHECK_INTERVAL", 0.0)
    readiness = Readiness(hub)
    assert await code_of(readiness) is None
    store_of(hub).error = CollabError("storage_unavailable")
    assert await code_of(readiness) == "storage_unavailable"
    asked = store_of(hub).asked
    monkeypatch.setattr(hub, "cluster", SimpleNamespace(reachable=False, trouble="", close=hub.cluster.close))
    assert await code_of(readiness) == "cluster_degraded"
    monkeypatch.setattr(hub, "draining", True)
    assert await code_of(readiness) == "draining"
    assert store_of(hub).asked == asked, "the store is not asked for nothing"


async def test_however_many_ask_the_store_is_asked_once(hub: Hub) -> None:
    readiness = Readiness(hub)
    store_of(hub).gate.clear()
    asking = [asyncio.create_task(code_of(readiness)) for _ in range(20)]
    await asyncio.sleep(0.01)
    asking[0].cancel()
    await asyncio.sleep(0)
    store_of(hub).gate.set()
    assert await asyncio.gather(*asking[1:]) == [None] * 19, "who gives up takes nothing from the others"
    assert await code_of(readiness) is None
    assert store_of(hub).asked == 1


async def test_an_answer_does_not_stand_for_ever(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CHECK_INTERVAL", 0.02)
    readiness = Readiness(hub)
    assert await code_of(readiness) is None
    store_of(hub).error = CollabError("storage_unavailable")
    async with asyncio.timeout(10):
        while await code_of(readiness) is None:
            await asyncio.sleep(0.005)
    store_of(hub).error = None
    async with asyncio.timeout(10):
        while await code_of(readiness) is not None:
            await asyncio.sleep(0.005)


def concerns_of(hub: Hub) -> Concerns:
    headroom = Headroom(hub, MemoryUse([]))
    return Concerns(hub, SpaceWatch(hub, Gauges(hub, Workers(), "none", time.monotonic), None), headroom, None)


async def test_what_machines_read(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CHECK_INTERVAL", 0.0)
    app = web.Application()
    add_routes(app, hub, concerns_of(hub))
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        async with http.get(server.make_url("/healthz")) as alive:
            body = await alive.json()
            assert (alive.status, body["status"], body["store"], body["nodes"]) == (200, "ok", "memory", 1)
            assert alive.headers["Server"] == "collab"
            assert alive.headers["X-Content-Type-Options"] == "nosniff"
            assert "default-src 'none'" in alive.headers["Content-Security-Policy"]
        async with http.get(server.make_url("/readyz")) as ready:
            assert (ready.status, await ready.json()) == (200, {"status": "ready", "reasons": []})
        store_of(hub).error = CollabError("storage_unavailable", retry_after=2.2)
        async with http.get(server.make_url("/readyz")) as not_ready:
            said = await not_ready.json()
            assert (not_ready.status, said["status"], said["code"]) == (503, "not ready", "storage_unavailable")
            assert [(each["reason"], each["code"]) for each in said["reasons"]] == [("store", "storage_unavailable")]
            assert not_ready.headers["Retry-After"] == "3"
        monkeypatch.setattr(hub.quotas, "full", True)
        async with http.get(server.make_url("/readyz")) as not_ready:
            assert [each["reason"] for each in (await not_ready.json())["reasons"]] == ["store", "store-full"]
        store_of(hub).error = None
        async with http.get(server.make_url("/readyz")) as ready:
            (reason,) = (await ready.json())["reasons"]
            assert (ready.status, reason["reason"], reason["code"]) == (200, "store-full", "store_full")
        async with http.get(server.make_url("/healthz")) as alive:
            assert alive.status == 200, "a process that cannot write is alive"
