"""How a server ends: which signals it heeds, and how fast it lets people go."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest

from tests.support.server import CollabServer, line
from tests.support.wire import Client, WebSocketWire

pytestmark = pytest.mark.slow
Start = Callable[..., CollabServer]
#: of more people the server would make a second wave, if it had neighbours
PEOPLE = 45


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        yield session


async def ended(server: CollabServer, within: float = 30.0) -> int:
    assert server.process is not None
    return await asyncio.to_thread(server.process.wait, within)


async def test_a_server_alone_lets_everybody_go_as_soon_as_its_work_is_saved(
    start_server: Start, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    server = start_server(f"sqlite:///{tmp_path}/store.db")
    clients = [Client(WebSocketWire(server.url, http), "/doc/plan") for _ in range(PEOPLE)]
    for client in clients:
        await client.connect()
    os.kill(server.pid, signal.SIGTERM)
    assert await ended(server) == 0
    begun, done = await line(server, "draining"), await line(server, "drained")
    assert begun["people"] == PEOPLE
    assert done["seconds"] < 0.9, "there is nobody who could take them meanwhile"
    for client in clients:
        await client.close()
