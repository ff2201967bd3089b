"""One packet to many sessions: whoever cannot take it at once holds up nobody, and no byte is lost or misplaced."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from collab.protocol.frames import Frames
from collab.transports.engine_socket import EngineSocket, write_all
from collab.transports.heartbeat import Heartbeat

LIMIT = 65_536


class Line:
    """A session on one end of a socket pair, whatever reads it on the other."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.theirs.setblocking(False)
        self.session: EngineSocket = None  # type: ignore[assignment]
        self.transport: asyncio.Transport = None  # type: ignore[assignment]

    async def open(self) -> Line:
        loop = asyncio.get_running_loop()
        protocol = _Protocol()
        self.transport, _ = await loop.create_connection(lambda: protocol, sock=self.ours)
        server: Any = SimpleNamespace(
            heartbeat=Heartbeat(25.0, 20.0), send_buffer_bytes=LIMIT, ping_timeout=20.0, spawn=loop.create_task
        )
        self.session = EngineSocket(server, "sid", "127.0.0.1")
        request: Any = SimpleNamespace(protocol=protocol, transport=self.transport)
        websocket: Any = SimpleNamespace(say_goodbye=lambda: None)
        self.session.attach(websocket, self.transport, request)
        return self

    async def read(self, size: int) -> bytes:
        """``size`` bytes from the other end."""
        loop = asyncio.get_running_loop()
        data = b""
        async with asyncio.timeout(10):
            while len(data) < size:
                more = await loop.sock_recv(self.theirs, size - len(data))
                assert more, "the line was closed"
                data += more
        return data


class _Protocol(asyncio.Protocol):
    _paused = False

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False


@pytest.fixture
async def lines() -> AsyncIterator[list[Line]]:
    lines = [await Line().open() for _ in range(4)]
    yield lines
    for line in lines:
        line.transport.abort()
        line.theirs.close()
    await asyncio.sleep(0)


def message(letter: str, size: int) -> Frames:
    return Frames(letter * size)


async def test_everybody_gets_the_same_bytes_in_order(lines: list[Line]) -> None:
    packets = [message(letter, 50) for letter in "abc"]
    for packet in packets:
        assert write_all(packet, [line.session for line in lines]) == []
    expected = b"".join(packet.websocket for packet in packets)
    for line in lines:
        assert await line.read(len(expected)) == expected


async def test_who_does_not_read_is_named_and_holds_up_nobody(lines: list[Line]) -> None:
    packet = message("x", 30_000)
    slow = lines[1]
    sent = 0
    async with asyncio.timeout(20):
        while True:
            clogged = write_all(packet, [line.session for line in lines])
            sent += 1
            for line in lines:
                if line is not slow:
                    await line.read(len(packet.websocket))
            if clogged:
                break
    assert clogged == [1]
    assert slow.session.waiting_bytes > LIMIT
    assert await slow.read(sent * len(packet.websocket)) == sent * packet.websocket
    async with asyncio.timeout(10):
        while slow.session.waiting_bytes:
            await asyncio.sleep(0.01)
    last = message("y", 10)
    assert write_all(last, [slow.session]) == []
    assert await slow.read(len(last.websocket)) == last.websocket, "once drained, it is written to directly again"
    assert slow.session.clear_descriptor == slow.session._descriptor


async def test_what_waits_goes_before_what_comes(lines: list[Line]) -> None:
    slow = lines[0]
    packets = [message(letter, 40_000) for letter in "abcdefghij"]
    for packet in packets:
        write_all(packet, [slow.session])
    assert slow.session.clear_descriptor == -1
    last = message("z", 5)
    slow.session.write(last)
    expected = b"".join(packet.websocket for packet in [*packets, last])
    assert await slow.read(len(expected)) == expected


async def test_a_number_that_was_reused_gets_nothing(lines: list[Line]) -> None:
    gone, other = lines[0], lines[1]
    assert write_all(message("s", 1), [gone.session]) == []
    number = gone.session.clear_descriptor
    assert number == gone.ours.fileno()
    gone.transport.abort()
    assert gone.session.is_closing()
    async with asyncio.timeout(10):
        while gone.ours.fileno() != -1:
            await asyncio.sleep(0.01)
    ours, theirs = socket.socketpair()
    try:
        if ours.fileno() != number:
            os.dup2(ours.fileno(), number)
        packet = message("s", 20)
        assert write_all(packet, [gone.session, other.session]) == []
        assert await other.read(len(packet.websocket)) == packet.websocket
        theirs.setblocking(False)
        with pytest.raises(BlockingIOError):
            theirs.recv(1)
    finally:
        if ours.fileno() != number:
            os.close(number)
        ours.close()
        theirs.close()


async def test_a_peer_that_hung_up_is_passed_over(lines: list[Line]) -> None:
    lines[2].theirs.close()
    packet = message("s", 20)
    for _ in range(3):
        assert write_all(packet, [line.session for line in lines]) == []
    for line in (lines[0], lines[1], lines[3]):
        assert await line.read(3 * len(packet.websocket)) == 3 * packet.websocket


async def test_a_polling_session_takes_it_with_its_next_poll(lines: list[Line]) -> None:
    server = lines[0].session.server
    polling = EngineSocket(server, "other", "127.0.0.1")
    packet = message("s", 20)
    assert write_all(packet, [lines[0].session, polling, lines[1].session]) == []
    assert polling._take_body() == [packet]
    for line in lines[:2]:
        assert await line.read(len(packet.websocket)) == packet.websocket
    series = [message("a", 3), message("b", 3)]
    assert write_all(Frames.series(series), [polling]) == []
    assert polling._take_body() == series
