"""``collab serve --processes``: one address, many nodes; people poll and write through it while nodes fall and are restarted."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from tests.support.editor import Editor
from tests.support.redis_server import RedisServer
from tests.support.server import CollabServer
from tests.support.wire import Client, PollingWire
from tests.support.writers import Writers

PEOPLE = 8
PATIENCE = 60.0


Start = Callable[..., Awaitable[CollabServer]]


@pytest.fixture
async def start(redis_server: RedisServer) -> AsyncIterator[Start]:
    """``await start(2, COLLAB_X="y")``: a server of so many processes, with variables; it ends with the test."""
    servers: list[CollabServer] = []

    async def started(count: int, **env: str) -> CollabServer:
        url = redis_server.url
        servers.append(CollabServer(url, args=["--redis", url, "--processes", str(count)], env=env))
        return await asyncio.to_thread(servers[-1].start, PATIENCE)  # three interpreters start

    yield started
    for server in servers:
        await asyncio.to_thread(server.kill)


def children_of(server: CollabServer) -> set[int]:
    """The nodes below the process that has the address."""
    return set(map(int, Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()))


async def restarted(server: CollabServer, words: str, times: int = 1) -> None:
    """Wait until the log says so."""
    async with asyncio.timeout(PATIENCE):
        while server.stderr().count(words) < times:
            await asyncio.sleep(0.05)


async def live(crowd: Writers) -> None:
    """Wait until everybody is in."""
    async with asyncio.timeout(PATIENCE):
        while any(writer.session.status.value != "live" for writer in crowd.writers):
            await asyncio.sleep(0.02)


async def test_one_address_for_many_processes(start: Start, http: aiohttp.ClientSession) -> None:
    server = await start(2, COLLAB_NODE_NAME="web")
    assert server.start_line.endswith(" nodes=2")
    before = children_of(server)
    assert len(before) == 2
    async with Writers(server.url, "shared", PEOPLE, seed=7) as crowd:
        assert set(Counter(writer.node for writer in crowd.writers)) == {"web-1", "web-2"}, "they are dealt in turns"
        crowd.write(2.0)
        await asyncio.sleep(0.5)

        os.kill(min(before), signal.SIGKILL)
        await restarted(server, "a process ended, and is started again")
        await live(crowd)
        await asyncio.sleep(0.5)

        os.kill(server.pid, signal.SIGHUP)
        await restarted(server, "all processes were restarted")
        assert not before & children_of(server)
        await live(crowd)

        await crowd.rest()
        text = await crowd.agree()
        lost = crowd.missing(crowd.words, text)
        assert not lost, f"lost of {len(crowd.words)}: {lost[:5]}"
        await crowd.see_everybody(PATIENCE)
        for number in (1, 2):
            async with http.get(f"{server.url}/metrics", params={"process": str(number)}) as answer:
                assert answer.status == 200
    assert "Traceback" not in server.stderr()
    assert await asyncio.to_thread(server.stop) == 0


async def test_without_the_process_above_nodes_end(start: Start) -> None:
    server = await start(1)
    (child,) = children_of(server)
    os.kill(server.pid, signal.SIGKILL)
    async with asyncio.timeout(PATIENCE):
        while Path(f"/proc/{child}/cmdline").exists() and Path(f"/proc/{child}/cmdline").read_bytes():
            await asyncio.sleep(0.05)


async def test_every_request_of_a_session_reaches_its_process(start: Start) -> None:
    """A poll, a POST and the upgrade, each on a connection of its own, which is dealt to whichever process."""
    server = await start(2)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as http:
        wires = [PollingWire(server.url, http) for _ in range(4)]
        editors = [Editor(Client(wire, "/doc/polled")) for wire in wires]
        for editor in editors:
            await editor.client.connect()
            await editor.sync()
        assert len({wire.sid.rpartition(".")[2] for wire in wires}) == 2
        large = "x" * 300_000
        assert (await editors[0].type(large))["durable"]
        for editor in editors[1:]:
            await editor.wait_for(large, PATIENCE)
        for editor in editors[1:]:
            assert (await editor.type("."))["durable"]
        for wire in wires:
            query = {**wire.query, "transport": "websocket"}
            async with http.ws_connect(f"{server.url}/socket.io/", params=query) as socket:
                await socket.send_str("2probe")
                assert await socket.receive_str(timeout=PATIENCE) == "3probe"
        for node in ("web-9", f"port{server.port}-9"):
            query = {"EIO": "4", "transport": "polling", "sid": f"gone.{node}"}
            async with http.get(f"{server.url}/socket.io/", params=query) as answer:
                assert (answer.status, (await answer.json())["code"]) == (400, 1)
