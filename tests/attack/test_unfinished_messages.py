"""Messages and bodies that stop short of their end: bounded while they are there, gone with who sent them (rule S13)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.support.api import JWT, mint
from tests.support.attack import MIB, MOST_MEMORY, MOST_WAIT, Line, Memory, bystander, frame, report
from tests.support.repository import ROOT
from tests.support.server import CollabServer, lines
from tests.wire.conftest import Connect

BINARY, TEXT = 0x82, 0x81
SOCKETIO = "/socket.io/?EIO=4&transport=websocket"
SIZE = 16 * MIB - 1
Start = Callable[..., CollabServer]


@pytest.fixture
def start(start_server: Start, tmp_path: Path) -> Start:
    """Start a server that is less patient."""
    (tmp_path / "sitecustomize.py").write_text("import collab.hub.in_flight as room\nroom.PATIENCE = 2.0\n")

    def start(*args: str, **env: str) -> CollabServer:
        return start_server(args=["--log-format", "json", *args], env={"PYTHONPATH": f"{tmp_path}:{ROOT}", **env})

    return start


async def unfinished(line: Line, size: int = SIZE) -> bool:
    """Send all of a message but its last byte."""
    return await line.send_within(message(size), 8.0)


@cache
def message(size: int) -> bytes:
    """A message of which the last byte is missing."""
    return frame(BINARY, bytes(size), length=size + 1)


@pytest.mark.parametrize("path", [SOCKETIO, "/ws/notes", "/hocuspocus"])
async def test_before_anybody_is_let_in(start: Start, path: str) -> None:
    server = start(**{f"COLLAB_{key.upper()}": value for key, value in JWT.items()})
    async with bystander(server, token=mint("*=editor")) as somebody:
        memory = Memory(server)
        attackers = [await Line(server.url).open_websocket(path) for _ in range(20)]
        await memory.beside(asyncio.gather(*(unfinished(one) for one in attackers)))
        for one in attackers:
            one.close()
    report(f"20 unfinished messages at {path.partition('?')[0]}", memory, somebody)
    assert memory.most < 16 * MIB
    assert somebody.worst < MOST_WAIT


async def test_of_people_who_are_in(start: Start) -> None:
    server = start()
    async with bystander(server) as somebody:
        memory = Memory(server)
        attackers = [await Line(server.url).open_websocket(SOCKETIO) for _ in range(20)]
        for one in attackers:
            await one.send(frame(TEXT, b"40/doc/attacked,"))
            while b'"session"' not in await one.read():
                pass
        header = frame(TEXT, b'451-/doc/attacked,["sync-update",{"_placeholder":true,"num":0}]')
        for one in attackers:
            await one.send(header)
        await memory.beside(asyncio.gather(*(unfinished(one) for one in attackers)))
        assert lines(server, "connection cut: its message does not come, and others wait", address="127.0.0.1")
        for one in attackers:
            one.close()
        assert await memory.until(lambda: memory.look() < MOST_MEMORY / 2, 30.0), "all of it is given back"
    report("20 unfinished updates", memory, somebody)
    assert memory.most < MOST_MEMORY
    assert somebody.worst < MOST_WAIT


async def test_many_small_ones(start: Start) -> None:
    server = start()
    async with bystander(server) as somebody:
        memory = Memory(server)
        attackers = [await Line(server.url).open_websocket("/hocuspocus") for _ in range(900)]
        await memory.beside(asyncio.gather(*(unfinished(one, 60_000) for one in attackers)))
        memory.look()
        for one in attackers:
            one.close()
    report("900 unfinished messages of 60 KB", memory, somebody)
    assert memory.most < MOST_MEMORY + 900 * 33 * 1024, "beside what 900 connections take"
    assert somebody.worst < MOST_WAIT


@pytest.mark.parametrize("polling", [True, False], ids=["polling", "API"])
async def test_bodies(start: Start, connect: Connect, polling: bool) -> None:
    server = start()
    async with bystander(server) as somebody:
        paths = []
        for _ in range(20):
            path = "/api/v1/documents/attacked/update"
            if polling:
                client = await connect("/doc/attacked", polling=True, server=server)
                path = f"/socket.io/?EIO=4&transport=polling&sid={client.wire.sid}"  # type: ignore[union-attr]
            paths.append(path)
        size = SIZE if polling else 4 * MIB
        nothing = bytes(size - 1)
        memory = Memory(server)

        async def send(path: str) -> Line:
            line = await Line(server.url).open()
            head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n"
            await line.send(head.encode())
            await line.send_within(nothing, 8.0)
            return line

        attackers = await memory.beside(asyncio.gather(*(send(path) for path in paths)))
        for one in attackers:
            one.close()
        assert await memory.until(lambda: memory.look() < MOST_MEMORY / 2, 30.0), "all of it is given back"
    report("20 unfinished bodies", memory, somebody)
    assert memory.most < MOST_MEMORY
    assert somebody.worst < MOST_WAIT


async def test_a_body_ends_with_its_session(start: Start, connect: Connect) -> None:
    server = start()
    client = await connect("/doc/attacked", polling=True, server=server)
    line = await Line(server.url).open()
    path = f"/socket.io/?EIO=4&transport=polling&sid={client.wire.sid}"  # type: ignore[union-attr]
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {4 * MIB}\r\n\r\n"
    await line.send(head.encode() + bytes(MIB))
    # Two at once end the session.
    other = await Line(server.url).open()
    await other.send(head.encode())
    assert await line.ended(10.0)
    line.close()
    other.close()


async def test_refusals_repeat_nothing_long(start: Start) -> None:
    server = start("--connect-timeout", "60s")
    async with bystander(server) as somebody:
        memory = Memory(server)
        attackers = [await Line(server.url).open_websocket(path) for path in [SOCKETIO, "/hocuspocus"] * 30]
        name = b"x" * 60_000
        for one, message in zip(
            attackers, [frame(TEXT, b"40/doc/" + name + b","), frame(BINARY, b"\xe0\xd4\x03" + name)] * 30, strict=True
        ):
            await one.send_within(message * 100, 5.0)
        memory.look()
        for one in attackers:
            one.close()
    report("refused names of 60 KB", memory, somebody)
    assert memory.most < 24 * MIB
    assert somebody.worst < MOST_WAIT
