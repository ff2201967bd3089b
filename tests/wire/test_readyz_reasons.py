"""A server that has little room left says so before anything fails: ``/readyz``, ``/admin``, the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import aiohttp

from tests.support.redis_server import RedisServer, needs_redis
from tests.support.server import CollabServer, line, lines


async def test_little_room_is_told_and_the_server_serves(
    start_server: Callable[..., CollabServer], tmp_path: Path
) -> None:
    flags = ["--low-space", "100000000GiB", "--log-format", "json"]
    server = start_server(f"sqlite:///{tmp_path}/store.db", args=flags)
    told = await line(server, "the store runs out of room", within=30)
    assert told["level"] == "warning"
    assert 0 < told["free"] < told["little"]
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{server.url}/readyz") as response:
            said = await response.json()
            assert (response.status, said["status"]) == (200, "ready")
        assert [(each["reason"], each["code"]) for each in said["reasons"]] == [("space", "store_full")]
        async with http.get(f"{server.url}/admin/now") as response:
            assert (await response.json())["concerns"] == [said["reasons"][0]["message"]]
        async with http.put(f"{server.url}/api/v1/documents/notes") as response:
            assert response.status == 201


@needs_redis
async def test_a_redis_that_is_full_is_said_to_be(start_server: Callable[..., CollabServer], tmp_path: Path) -> None:
    """And not to be out of reach, nor its nodes out of touch."""
    redis = RedisServer(tmp_path).start()
    try:
        server = start_server(redis.url, args=["--low-space", "0", "--log-format", "json"])
        async with aiohttp.ClientSession() as http:
            with redis.client() as client:
                client.config_set("maxmemory", "1")
            async with http.put(f"{server.url}/api/v1/documents/notes") as response:
                assert (response.status, (await response.json())["code"]) == (507, "store_full")
            await asyncio.sleep(3.0)  # longer than a heartbeat may be late
            async with http.get(f"{server.url}/readyz") as response:
                said = await response.json()
            assert (response.status, [each["reason"] for each in said["reasons"]]) == (503, ["store"])
            assert said["code"] == "store_full"
            assert said["message"].startswith("Redis is full: command not allowed when used memory > 'maxmemory'")
            with redis.client() as client:
                client.config_set("maxmemory", "0")
            async with asyncio.timeout(30):
                while (await http.get(f"{server.url}/readyz")).status != 200:
                    await asyncio.sleep(0.1)
            async with http.put(f"{server.url}/api/v1/documents/notes") as response:
                assert response.status == 201
        assert not lines(server, "the cluster is out of reach")
    finally:
        redis.kill()
