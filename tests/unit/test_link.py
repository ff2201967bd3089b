"""Messages and descriptors between two processes of one server."""

from __future__ import annotations

import asyncio
import os
import socket

from collab.doors.link import COUNT, DEALT, FOR, Link


class End:
    """An end of a link, and what it was told."""

    def __init__(self, end: socket.socket) -> None:
        self.messages: list[tuple[bytes, int, bytes]] = []
        self.connections: list[int] = []
        self.over = asyncio.Event()
        self.link = Link(end, self._take, self.over.set)

    def _take(self, kind: bytes, number: int, data: bytes, connection: int | None) -> None:
        self.messages.append((kind, number, data))
        if connection is not None:
            self.connections.append(connection)

    async def has(self, count: int) -> None:
        async with asyncio.timeout(30):
            while len(self.messages) < count:
                await asyncio.sleep(0.01)


async def test_messages_and_descriptors_arrive_in_order() -> None:
    one, other = map(End, socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET))
    large = os.urandom(1_000_000)
    sent: list[tuple[bytes, int, bytes]] = [(COUNT, 7, b"")]
    one.link.send(COUNT, 7)
    pipes = []
    for number in range(300):  # more than the system keeps on the way
        reading, writing = os.pipe()
        pipes.append(reading)
        data = large if number == 100 else b"GET / HTTP/1.1\r\n"
        one.link.send(FOR, number, data, writing)
        sent.append((FOR, number, data))
    await other.has(301)
    assert other.messages == sent
    for number, (reading, writing) in enumerate(zip(pipes, other.connections, strict=True)):
        os.write(writing, b"%d" % number)
        os.close(writing)
        assert os.read(reading, 100) == b"%d" % number
        assert os.read(reading, 100) == b"", "the sender has none of them any more"
        os.close(reading)
    one.link.close()
    await asyncio.wait_for(other.over.wait(), 30)


async def test_what_cannot_be_sent_is_closed() -> None:
    one, other = map(End, socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET))
    other.link.close()
    await asyncio.wait_for(one.over.wait(), 30)
    reading, writing = os.pipe()
    one.link.send(DEALT, 0, b"", writing)
    assert os.read(reading, 100) == b""
    os.close(reading)
    one.link.close()
