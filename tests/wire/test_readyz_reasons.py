"""A server that has little room left says so before anything fails: ``/readyz``, ``/admin``, the log."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import aiohttp

from tests.support.server import CollabServer, line


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
