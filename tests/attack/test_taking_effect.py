"""The right of entry is asked when something takes effect, not only when it was begun (rule S8)."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest

from collab.content.workers import Workers
from collab.protocol.codec import write_var_bytes
from collab.types import Role
from tests.support.api import JWT, ApiServer, mint, where
from tests.support.heavy_updates import values_of
from tests.support.wire import Client, WebSocketWire
from tests.wire.conftest import Serve


async def test_a_body_that_drips_past_the_end_of_its_token_changes_nothing(serve: Serve) -> None:
    api = await serve(JWT)
    api = api.as_(mint("notes=editor", ttl=1.0))
    body = json.dumps({"operations": [{"op": "text.insert", "path": "/body", "index": 0, "text": "late"}]}).encode()

    async def drip() -> AsyncIterator[bytes]:
        yield body[:10]
        while time.time() < ends:
            await asyncio.sleep(0.05)
        yield body[10:]

    ends = time.time() + 1.1
    answer = await api("PATCH", where("notes") + "/content", data=drip(), headers={"Content-Type": "application/json"})
    assert (answer.status, answer.code) == (401, "token_expired")
    assert (await api.as_(mint("notes=viewer"))("GET", where("notes") + "/content")).status == 404


class Gate(Workers):
    """Workers whose answers wait until the gate opens."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.opens = asyncio.Event(), asyncio.Event()

    async def run(self, function: Callable[..., Any], *args: Any, timeout: float = 5.0) -> Any:
        result = await super().run(function, *args, timeout=timeout)
        self.reached.set()
        await self.opens.wait()
        return result


@pytest.fixture
async def gate() -> Gate:
    return Gate()


async def test_operations_in_a_worker_do_not_count_after_a_kick(
    serve: Serve, http: aiohttp.ClientSession, gate: Gate
) -> None:
    api = await serve(reader=gate)
    server: ApiServer = api.server
    client = Client(WebSocketWire(server.url, http), "/doc/notes")
    await client.connect()
    session = (await client.event("session"))["session"]
    insert = {"op": "text.insert", "path": "/body", "index": 0, "text": "late"}
    await client.emit("operations", {"operations": [insert]})
    await gate.reached.wait()
    assert (await api("DELETE", f"{where('notes')}/participants/{session}")).status == 204
    gate.opens.set()
    live = server.hub.documents["notes"]
    async with asyncio.timeout(10):
        while server.app["socketio"]._intake._tasks:
            await asyncio.sleep(0.01)
    assert not live.document.clocks
    await client.close()


@pytest.mark.parametrize("weaker", ["kick", "role"])
async def test_no_piece_of_a_long_edit_is_applied_after_it(
    serve: Serve, http: aiohttp.ClientSession, weaker: str
) -> None:
    api = await serve()
    server: ApiServer = api.server
    client = Client(WebSocketWire(server.url, http), "/doc/notes")
    await client.connect()
    session = (await client.event("session"))["session"]
    live = server.hub.documents["notes"]
    await client.emit("sync-update", values_of(60_000, 4, write_var_bytes(b"a")))
    async with asyncio.timeout(30):
        while not live.document.clocks:  # the first pieces
            await asyncio.sleep(0.005)
    if weaker == "kick":
        assert (await api("DELETE", f"{where('notes')}/participants/{session}")).status == 204
    else:
        live.sessions[session].role = Role.VIEWER
    applied = dict(live.document.clocks)
    async with asyncio.timeout(30):
        while live._under_way:
            await asyncio.sleep(0.005)
    assert live.document.clocks == applied
    assert applied[5] < 60_000
    if weaker == "role":
        assert (await client.event("notice"))["code"] == "read_only"
    await client.close()


async def test_who_only_went_away_had_the_right_to_a_long_edit(serve: Serve, http: aiohttp.ClientSession) -> None:
    api = await serve()
    server: ApiServer = api.server
    client = Client(WebSocketWire(server.url, http), "/doc/notes")
    await client.connect()
    live = server.hub.documents["notes"]
    await client.emit("sync-update", values_of(6_000, 4, write_var_bytes(b"a")))
    async with asyncio.timeout(30):
        while not live.document.clocks:
            await asyncio.sleep(0.005)
        await client.close()
        while live._under_way:
            await asyncio.sleep(0.005)
    assert live.document.clocks[5] == 6_000
