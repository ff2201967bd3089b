"""A server waits for its Redis, and says so."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from structlog.testing import capture_logs

from collab import waiting
from collab.config import Settings, load_settings
from collab.waiting import wait_for_redis
from tests.support.ports import free_port
from tests.support.redis_server import RedisServer, needs_redis


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:
    monkeypatch.setattr(waiting, "INTERVAL", 0.05)
    server = RedisServer(tmp_path, appendonly=False)
    yield server
    server.kill()


def settings(**keywords: object) -> Settings:
    return load_settings({"port": free_port(), **keywords}, {})


async def test_who_has_none_waits_for_nothing() -> None:
    assert await wait_for_redis(settings(store="memory://"), asyncio.Event())


@needs_redis
@pytest.mark.parametrize("key", ["store", "redis"])
async def test_it_waits_and_answers_until_redis_is_there(server: RedisServer, key: str) -> None:
    ours = settings(**{key: server.url})
    url = f"http://127.0.0.1:{ours.port}"
    with capture_logs() as log:
        task = asyncio.create_task(wait_for_redis(ours, asyncio.Event()))
        async with aiohttp.ClientSession() as http, asyncio.timeout(20):
            while True:
                try:
                    async with http.get(f"{url}/readyz") as response:
                        assert (response.status, response.headers["Retry-After"]) == (503, "1")
                        assert (await response.json())["code"] == "storage_unavailable"
                    break
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.02)
            async with http.get(f"{url}/healthz") as response:
                assert response.status == 200
            async with http.post(f"{url}/socket.io/?EIO=4&transport=polling") as response:
                assert response.status == 503
            assert not task.done()
            await asyncio.to_thread(server.start)
            assert await task
    assert [line["event"] for line in log] == ["waiting for Redis", "Redis answers"]
    assert log[0]["url"] == server.url and "Error 111" in log[0]["reason"]


async def test_a_signal_ends_it(server: RedisServer) -> None:
    stop = asyncio.Event()
    task = asyncio.create_task(wait_for_redis(settings(redis=server.url), stop))
    await asyncio.sleep(0)
    stop.set()
    assert not await asyncio.wait_for(task, 20)


@needs_redis
async def test_what_does_not_pass_is_left_to_the_start(server: RedisServer) -> None:
    server.start()
    wrong = server.url.replace("redis://", "redis://nobody:wrong@")
    assert await wait_for_redis(settings(redis=wrong), asyncio.Event())
