"""Control frames whose answers nobody reads: paid for, and answered no further than a socket holds (rule S1)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from tests.support.attack import MIB, MOST_MEMORY, MOST_WAIT, Line, Memory, bystander, frame, report
from tests.support.repository import ROOT
from tests.support.server import CollabServer, line, lines
from tests.wire.conftest import Connect

PING, PONG, TEXT, BINARY = 0x89, 0x8A, 0x81, 0x82
DOORS = ["/socket.io/?EIO=4&transport=websocket", "/ws/notes", "/hocuspocus"]
CUT = ("connection cut over its rate", "connection cut: it sends more than anybody may who was not let in")
Start = Callable[..., CollabServer]


@pytest.fixture
def start(start_server: Start, tmp_path: Path) -> Start:
    """Start a server that cuts sooner than people would like, and lets nobody's time to sign in end before."""
    (tmp_path / "sitecustomize.py").write_text("import collab.hub.limits as limits\nlimits.CUT_AFTER = 4.0\n")
    env = {"PYTHONPATH": f"{tmp_path}:{ROOT}"}

    def start(*args: str) -> CollabServer:
        return start_server(args=["--connect-timeout", "120s", "--log-format", "json", *args], env=env)

    return start


@pytest.mark.parametrize("path", DOORS)
async def test_pings_whose_pongs_are_not_read(start: Start, path: str) -> None:
    server = start()
    async with bystander(server) as somebody:
        memory = Memory(server)
        attacker = await Line(server.url).open_websocket(path)
        await memory.beside(attacker.send_within(frame(PING, b"x") * (40 * MIB // 7), 5.0))
        assert await attacker.ended(60.0), "whoever takes none of its answers is cut"
        memory.look()
        attacker.close()
    report(f"pings at {path.partition('?')[0]}", memory, somebody)
    assert memory.most < MOST_MEMORY
    assert somebody.worst < MOST_WAIT


async def test_a_hundred_of_them(start: Start) -> None:
    server = start()
    flood = frame(PING, b"") * (MIB // 6)
    async with bystander(server) as somebody:
        memory = Memory(server)
        attackers = [await Line(server.url).open_websocket(DOORS[1]) for _ in range(100)]
        await memory.beside(asyncio.gather(*(one.send_within(flood, 5.0) for one in attackers)))
        for one in attackers:
            one.close()
    report("pings of a hundred", memory, somebody)
    assert memory.most < MOST_MEMORY
    assert somebody.worst < MOST_WAIT


@pytest.mark.parametrize(
    "message",
    [frame(PONG, b""), frame(TEXT, b"3"), frame(PING, b"")],
    ids=["pongs", "Engine.IO pongs", "pings that are read"],
)
async def test_a_flood_of_what_says_nothing_is_cut(start: Start, message: bytes) -> None:
    server = start()
    attacker = await Line(server.url).open_websocket(DOORS[0])

    async def read() -> None:
        while await attacker.read():
            pass

    reading = asyncio.create_task(read())
    sending = asyncio.create_task(attacker.send_within(message * 200_000, 60.0))
    # Whichever is seen first: too many of them, or too much in one read of somebody who was not let in.
    async with asyncio.timeout(60):
        while not (found := [each for event in CUT for each in lines(server, event)]):
            await asyncio.sleep(0.05)
    assert [each["address"] for each in found] == ["127.0.0.1"]
    await reading
    await sending
    attacker.close()


async def test_who_answers_heartbeats_and_reads_nothing_is_cut(
    start: Start, connect: Connect, http: aiohttp.ClientSession
) -> None:
    """What waits for it is less than makes a reader slow, so nobody but the heartbeat can tell."""
    server = start("--ping-interval", "1s", "--ping-timeout", "60s", "--send-buffer-bytes", "64MiB")
    writer = await connect("/doc/large", server=server)
    insert = {"op": "text.insert", "path": "/body", "index": 0, "text": "x" * 3_900_000}
    for _ in range(3):
        assert (await writer.call("operations", {"operations": [insert]}, timeout=30))["ok"]
    attacker = await Line(server.url).open_websocket(DOORS[0])
    await attacker.send(frame(TEXT, b"40/doc/large,"))
    step_1 = b'451-/doc/large,0["sync-step-1",{"_placeholder":true,"num":0}]'
    await attacker.send(frame(TEXT, step_1) + frame(BINARY, b"\0"))

    async def beat() -> None:
        while await attacker.send_within(frame(TEXT, b"3"), 10.0):
            await asyncio.sleep(0.3)

    beating = asyncio.create_task(beat())
    told = await line(server, "connection cut: it does not read", within=30.0)
    assert told["address"] == "127.0.0.1" and told["waiting"] > 0
    attacker.close()
    await beating
