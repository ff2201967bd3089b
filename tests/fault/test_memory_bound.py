"""A server with little memory lets idle documents go, refuses new ones in time, says so, and recovers."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.editor import Editor
from tests.support.server import CollabServer, line, lines
from tests.support.wire import Client, WebSocketWire

MIB = 2**20
#: of text in one document
SIZE = MIB

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc tells how much there is")


async def metric(server: CollabServer, http: aiohttp.ClientSession, name: str) -> float:
    async with http.get(f"{server.url}/metrics") as response:
        text = await response.text()
    return float(next(row.split()[1] for row in text.splitlines() if row.startswith(f"collab_{name} ")))


@pytest.mark.timeout(400)
async def test_idle_documents_leave_and_new_ones_are_refused_before_the_bound(
    start_server: Callable[..., CollabServer], tmp_path: Path
) -> None:
    probe = start_server(f"sqlite:///{tmp_path}/probe.db")
    bound = int(probe.memory() * 1.1) + 30 * MIB
    probe.stop()
    options = ["--max-memory", str(bound), "--idle-timeout", "1h", "--rate-bytes", "1GiB", "--log-format", "json"]
    server = start_server(f"sqlite:///{tmp_path}/store.db", args=options)
    people: list[Client] = []
    most = 0
    async with aiohttp.ClientSession() as http:

        async def enter(name: str) -> tuple[Client, Any]:
            client = Client(WebSocketWire(server.url, http), f"/doc/{name}")
            return client, await client.connect()

        async def write(name: str) -> dict[str, Any] | None:
            """Make a document and stay in it; the refusal, if there is one."""
            client, answer = await enter(name)
            if answer.type != 0:
                await client.close()
                refusal: dict[str, Any] = answer.data["data"]
                return refusal
            people.append(client)
            editor = Editor(client)
            await editor.sync()
            assert (await editor.type("x" * SIZE))["ok"]
            return None

        # Nobody stays: far more is written than there is room for, and nobody is refused for long.
        for number in range(20):
            while (refused := await write(f"left-{number}")) is not None:
                assert refused["code"] == "too_many_documents"
                await asyncio.sleep(0.1)
            await people.pop().close()
            most = max(most, server.memory())
        loaded = await metric(server, http, "documents_loaded")
        assert loaded < 20, "those that nobody was in have left"
        # Everybody stays: then somebody is refused, and whoever is in a document goes on.
        refused = None
        async with asyncio.timeout(150):
            while refused is None or await metric(server, http, "documents_loaded") > len(people):
                refused = await write(f"held-{len(people)}")
                most = max(most, server.memory())
                await asyncio.sleep(0 if refused is None else 0.1)
        assert people
        assert (refused["code"], refused["retryable"], refused["limit"]) == ("too_many_documents", True, bound)
        assert most < bound + 10 * MIB, "an edit that is being taken needs more than it leaves"
        short = await line(server, "memory is short: new documents are refused")
        assert (short["limit"], short["bound"], short["level"]) == (bound, "max-memory", "error")
        assert short["largest"]
        async with http.get(f"{server.url}/api/v1/documents/other/content") as response:
            assert response.status in (404, 429)
        editor = Editor(people[0])
        await editor.sync()
        assert (await editor.type("goes on"))["durable"]
        assert await metric(server, http, "memory_limit_bytes") == bound
        assert await metric(server, http, "memory_used_bytes") > bound / 2
        assert await metric(server, http, 'connections_refused_total{code="too_many_documents"}') >= 1
        for client in people:
            await client.close()
        ended = len(lines(server, "there is memory for new documents again"))
        people.clear()
        async with asyncio.timeout(120):
            while await write("after") is not None:
                await asyncio.sleep(0.2)
        assert len(lines(server, "there is memory for new documents again")) >= max(1, ended)
        await people[0].close()
    print(f"bound {bound / MIB:.0f} MiB, at most {most / MIB:.0f} MiB, {len(lines(server, short['event']))} lines")
