"""A server waits for its Redis, and says so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import aiohttp
import pytest
import redis
from structlog.testing import capture_logs

from collab import waiting
from collab.config import Settings, load_settings
from collab.errors import CollabError
from collab.waiting import begin_on_redis
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


async def begin() -> str:
    return "begun"


async def test_who_has_none_waits_for_nothing() -> None:
    assert await begin_on_redis(settings(store="memory://"), asyncio.Event(), begin) == "begun"


@needs_redis
@pytest.mark.parametrize("key", ["store", "redis"])
async def test_it_waits_and_answers_until_redis_is_there(server: RedisServer, key: str) -> None:
    ours = settings(**{key: server.url})
    url = f"http://127.0.0.1:{ours.port}"
    with capture_logs() as log:
        task = asyncio.create_task(begin_on_redis(ours, asyncio.Event(), begin))
        async with aiohttp.ClientSession() as http, asyncio.timeout(20):
            while True:
                try:
                    async with http.get(f"{url}/readyz") as response:
                        assert (response.status, response.headers["Retry-After"]) == (503, "1")
                        said = await response.json()
                        assert said["code"] == "storage_unavailable"
                        assert said["message"].startswith("The server waits for its Redis: Error 111 connecting to ")
                    break
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.02)
            async with http.get(f"{url}/healthz") as response:
                assert response.status == 200
            async with http.post(f"{url}/socket.io/?EIO=4&transport=polling") as response:
                assert response.status == 503
            assert not task.done()
            await asyncio.to_thread(server.start)
            assert await task == "begun"
    assert [line["event"] for line in log] == ["waiting for Redis", "Redis answers"]
    assert log[0]["url"] == server.url and "Error 111" in log[0]["reason"]


async def test_a_signal_ends_it(server: RedisServer) -> None:
    stop = asyncio.Event()
    task = asyncio.create_task(begin_on_redis(settings(redis=server.url), stop, begin))
    await asyncio.sleep(0)
    stop.set()
    async with asyncio.timeout(20):
        assert await task is None


@needs_redis
async def test_what_does_not_pass_is_left_to_the_start(server: RedisServer) -> None:
    server.start()
    wrong = server.url.replace("redis://", "redis://nobody:wrong@")
    assert await begin_on_redis(settings(redis=wrong), asyncio.Event(), begin) == "begun"


def failing(*causes: Exception) -> Callable[[], Awaitable[str]]:
    """A start that fails for each of ``causes`` before it succeeds."""
    left = list(causes)

    async def begin() -> str:
        if not left:
            return "begun"
        raise CollabError("storage_unavailable", f"attempt {len(causes) - len(left)}") from left.pop(0)

    return begin


@needs_redis
async def test_a_start_during_which_redis_goes_is_made_again(server: RedisServer) -> None:
    server.start()
    begin = failing(redis.ConnectionError("gone"), redis.exceptions.ClusterDownError("down"), TimeoutError())
    with capture_logs() as log:
        assert await begin_on_redis(settings(redis=server.url), asyncio.Event(), begin) == "begun"
    assert [(line["event"], line.get("reason")) for line in log] == [
        ("waiting for Redis", "attempt 0"),
        ("Redis answers", None),
    ]


@needs_redis
@pytest.mark.parametrize("cause", [redis.AuthenticationError("no"), redis.exceptions.NoPermissionError("no")])
async def test_a_start_that_fails_for_good_is_not(server: RedisServer, cause: Exception) -> None:
    server.start()
    begin = failing(redis.ConnectionError("gone"), cause, redis.ConnectionError("gone"))
    with pytest.raises(CollabError, match="attempt 1"):
        await begin_on_redis(settings(redis=server.url), asyncio.Event(), begin)
