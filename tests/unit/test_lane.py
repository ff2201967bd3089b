"""One packet to many sessions: whoever cannot take it at once holds up nobody, and no byte is lost or misplaced."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from collab.doors.socketio.engine_socket import EngineSocket
from collab.doors.websocket.heartbeat import Heartbeat
from collab.doors.websocket.writer import Frames, SocketLane

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
        protocol = _Protocol(self)
        self.transport, _ = await loop.create_connection(lambda: protocol, sock=self.ours)
        server: Any = SimpleNamespace(
            heartbeat=Heartbeat(25.0, 20.0), send_buffer_bytes=LIMIT, ping_timeout=20.0, spawn=loop.create_task
        )
        self.session = EngineSocket(server, "sid", "127.0.0.1")
        websocket: Any = SimpleNamespace(say_goodbye=lambda: None, owns_descriptor=True)
        self.session.attach(websocket, self.transport)
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
    """As aiohttp's, which tells before the descriptor is closed."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def connection_lost(self, _error: Exception | None) -> None:
        self._line.session.lost()


@pytest.fixture
async def lines() -> AsyncIterator[list[Line]]:
    lines = [await Line().open() for _ in range(4)]
    yield lines
    for line in lines:
        line.transport.abort()
        line.theirs.close()
    await asyncio.sleep(0)


class Members:
    """Sessions in a lane, one for each socket; called 0, 1, 2 ..."""

    def __init__(self, *sockets: EngineSocket) -> None:
        self.lane = SocketLane()
        for number, pipe in enumerate(sockets):
            session: Any = SimpleNamespace(id=str(number), pipe=pipe, write=pipe.write)
            self.lane.enter(session)

    def send(self, packet: Frames, *without: int) -> list[int]:
        """Who is clogged now."""
        return sorted(int(session.id) for session in self.lane.send(packet, {str(number) for number in without}))


def everybody(lines: list[Line]) -> Members:
    return Members(*(line.session for line in lines))


def message(letter: str, size: int) -> Frames:
    return Frames(letter * size)


async def test_everybody_gets_the_same_bytes_in_order(lines: list[Line]) -> None:
    members = everybody(lines)
    packets = [message(letter, 50) for letter in "abc"]
    for packet in packets:
        assert members.send(packet) == []
    expected = b"".join(packet.websocket for packet in packets)
    for line in lines:
        assert await line.read(len(expected)) == expected


async def test_who_does_not_read_is_named_and_holds_up_nobody(lines: list[Line]) -> None:
    members = everybody(lines)
    packet = message("x", 30_000)
    slow = lines[1]
    sent = 0
    async with asyncio.timeout(20):
        while True:
            clogged = members.send(packet)
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
    assert members.send(last, 0, 2, 3) == []
    assert await slow.read(len(last.websocket)) == last.websocket, "once drained, it is written to directly again"
    assert slow.session.clear_descriptor == slow.session._descriptor


async def test_who_takes_nothing_of_what_waits_is_known(lines: list[Line]) -> None:
    session = lines[0].session
    assert not session.takes_nothing() and not session.takes_nothing(), "nothing waits"
    session.write(Frames("", b"x" * 8_000_000))
    assert not session.takes_nothing(), "it may just have had no time"
    session.write(Frames("", b"x" * 1000))
    assert session.takes_nothing(), "more was added, and nothing taken"
    await lines[0].read(1_000_000)
    await asyncio.sleep(0.05)
    assert not session.takes_nothing(), "it reads, if slowly"
    assert session.takes_nothing()


async def test_what_waits_goes_before_what_comes(lines: list[Line]) -> None:
    slow = lines[0]
    packets = [message(letter, 40_000) for letter in "abcdefghij"]
    members = Members(slow.session)
    for packet in packets:
        members.send(packet)
    assert slow.session.clear_descriptor == -1
    last = message("z", 5)
    slow.session.write(last)
    expected = b"".join(packet.websocket for packet in [*packets, last])
    assert await slow.read(len(expected)) == expected


async def test_a_number_that_was_reused_gets_nothing(lines: list[Line]) -> None:
    gone, other = lines[0], lines[1]
    members = Members(gone.session, other.session)
    assert members.send(message("s", 1), 1) == []
    number = gone.session.clear_descriptor
    assert number == gone.ours.fileno()
    gone.transport.abort()
    async with asyncio.timeout(10):
        while gone.ours.fileno() != -1:
            await asyncio.sleep(0.01)
    ours, theirs = socket.socketpair()
    try:
        if ours.fileno() != number:
            os.dup2(ours.fileno(), number)
        packet = message("s", 20)
        assert members.send(packet) == []
        gone.session.write(packet)
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
    members = everybody(lines)
    lines[2].theirs.close()
    packet = message("s", 20)
    for _ in range(3):
        assert members.send(packet) == []
    for line in (lines[0], lines[1], lines[3]):
        assert await line.read(3 * len(packet.websocket)) == 3 * packet.websocket


async def test_a_polling_session_takes_it_with_its_next_poll(lines: list[Line]) -> None:
    server = lines[0].session.server
    polling = EngineSocket(server, "other", "127.0.0.1")
    packet = message("s", 20)
    members = Members(lines[0].session, polling, lines[1].session)
    assert members.send(packet) == []
    assert polling._take_body() == [packet]
    for line in lines[:2]:
        assert await line.read(len(packet.websocket)) == packet.websocket
    series = [message("a", 3), message("b", 3)]
    assert members.send(Frames.series(series), 0, 2) == []
    assert polling._take_body() == series


async def test_nobody_gets_what_is_their_own_or_what_came_after_they_left(lines: list[Line]) -> None:
    members = everybody(lines)
    members.send(message("a", 1))  # the numbers of all are known from here
    members.send(message("b", 1), 0, 2)
    left: Any = members.lane.sessions["3"]
    members.lane.leave(left)
    members.send(message("c", 1))
    members.lane.enter(left)
    members.send(message("d", 1))
    for line, letters in zip(lines, ("acd", "abcd", "acd", "abd"), strict=True):
        expected = b"".join(message(letter, 1).websocket for letter in letters)
        assert await line.read(len(expected)) == expected


async def test_after_a_goodbye_nothing_is_written(lines: list[Line]) -> None:
    members = everybody(lines)
    members.send(message("a", 1))
    lines[1].session.lost()
    members.send(message("b", 1))
    lines[1].session.write(message("c", 1))
    assert await lines[1].read(3) == message("a", 1).websocket
    with pytest.raises(BlockingIOError):
        lines[1].theirs.recv(1)
