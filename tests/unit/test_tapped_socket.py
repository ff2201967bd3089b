"""The fast WebSocket, beyond what it shares with the public one: its handshake, its pieces, and what it holds on to."""

from __future__ import annotations

import asyncio
import base64
import gc
import os
import weakref
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from collab.doors.websocket.frame_socket import TURN
from collab.doors.websocket.tapped_socket import PIECE, TappedSocket
from collab.doors.websocket.writer import websocket_frame
from collab.hub.bulk import Bulk

HANDSHAKE = (
    "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    f"Sec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}\r\n\r\n"
).encode()


class Owner:
    """Notes what it takes; a message ``hold`` makes the reader wait for the gate."""

    def __init__(self) -> None:
        self.hold: Any = None
        self.gate = asyncio.Event()
        self.taken: list[Any] = []
        self.most_waiting = 0
        self.brings_documents = self.let_in = True
        self.address = "192.0.2.1"

    def take_frame(self, data: str | bytes) -> None:
        self.taken.append(data)
        if data == b"hold":
            self.hold = self.gate.wait()

    async def await_hold(self) -> None:
        hold, self.hold = self.hold, None
        await hold

    def too_large(self) -> None:
        self.taken.append("too large")

    def take_ping(self, payload: bytes) -> None:
        self.taken.append(("ping", payload))

    def take_pong(self) -> None:
        self.taken.append("pong")

    def lost(self) -> None:
        self.taken.append("lost")


class House:
    """One socket at a time; ``first`` goes out with the handshake."""

    def __init__(self) -> None:
        self.owner = Owner()
        self.first = b""
        self.socket: TappedSocket
        self.start: Callable[[TappedSocket], None] = lambda socket: socket.start()
        app = web.Application()
        app.router.add_get("/", self.handle)
        self.server = TestServer(app)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        socket = self.socket = TappedSocket(self.owner, 100_000, Bulk(1_000_000, at_once=1))
        await socket.shake_hands(request, self.first)
        self.start(socket)
        await socket.ended
        return socket

    async def open(self, behind: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Shake hands, with bytes in the same segment behind it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        writer.write(HANDSHAKE + behind)
        return reader, writer


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    await house.server.start_server()
    yield house
    await house.server.close()


def masked(payload: bytes, kind: int = 0x82) -> bytes:
    """A frame as clients send it, with a mask that changes nothing."""
    frame = websocket_frame(kind, payload)
    head = len(frame) - len(payload)
    return frame[:1] + bytes((frame[1] | 0x80,)) + frame[2:head] + bytes(4) + payload


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.002)


async def test_the_first_frame_goes_out_with_the_handshake(house: House) -> None:
    house.first = websocket_frame(0x81, b"0{}")
    reader, writer = await house.open()
    async with asyncio.timeout(20):
        got = await reader.read(65536)
    assert got.startswith(b"HTTP/1.1 101 ")
    assert got.endswith(b"\r\n\r\n" + house.first), "one write: whoever reads the one has the other"
    assert b"Sec-WebSocket-Extensions" not in got
    writer.close()
    await until(lambda: "lost" in house.owner.taken)


async def test_what_comes_with_the_handshake_waits_for_the_start(house: House) -> None:
    started = asyncio.Event()
    house.start = lambda _socket: started.set()
    _, writer = await house.open(masked(b"early") + masked(b"bird"))
    await started.wait()
    await asyncio.sleep(0.02)
    assert house.owner.taken == []
    house.socket.start()
    house.socket.start()
    await until(lambda: house.owner.taken == [b"early", b"bird"])
    await until(lambda: house.socket.backlog is None)
    writer.close()


@pytest.mark.parametrize("seed", range(4))
async def test_every_frame_arrives_once_and_in_order_however_it_is_cut(house: House, seed: int) -> None:
    wanted = [os.urandom((number * 37 * (seed + 1)) % 3000) + b"%d" % number for number in range(6 * TURN)]
    sent = b"".join(map(masked, wanted))
    assert len(sent) > 10 * PIECE
    _, writer = await house.open()
    step = (7, 1000, PIECE, len(sent))[seed]
    for at in range(0, len(sent) if step > 7 else 4000, step):
        writer.write(sent[at : at + step])
        if step <= 7:
            await writer.drain()
    if step <= 7:
        writer.write(sent[4000 + (-4000 % 7) :])
    await until(lambda: len(house.owner.taken) == len(wanted))
    assert house.owner.taken == wanted
    writer.close()


async def test_during_a_hold_frames_wait_as_bytes_and_then_come(house: House) -> None:
    _, writer = await house.open()
    small = masked(b"x")
    writer.write(masked(b"hold") + small * 30_000)
    await until(lambda: b"hold" in house.owner.taken)
    await asyncio.sleep(0.05)
    assert house.owner.taken == [b"hold"]
    assert len(house.socket.backlog or []) <= PIECE // len(small) + 1, "of parsed frames there is a piece at most"
    house.owner.gate.set()
    await until(lambda: len(house.owner.taken) == 30_001)
    assert set(house.owner.taken[1:]) == {b"x"}
    writer.close()


async def test_control_frames_between_the_parts_of_a_message_are_not_of_it(house: House) -> None:
    _, writer = await house.open()
    first = masked(b"a" * 50_000, 0x02)
    writer.write(first + masked(b"hi", 0x89))
    await until(lambda: ("ping", b"hi") in house.owner.taken)
    assert house.socket.unread == len(first)
    writer.write(masked(b"b" * 50_000, 0x80))
    await until(lambda: len(house.owner.taken) == 2)
    assert house.owner.taken[0] == ("ping", b"hi")
    assert house.owner.taken[1] == b"a" * 50_000 + b"b" * 50_000
    assert house.socket.unread == 0
    writer.close()


async def test_a_connection_that_is_gone_leaves_nothing_of_its_owner_behind(house: House) -> None:
    _, writer = await house.open(masked(b"x"))
    await until(lambda: house.owner.taken)
    socket, owner = weakref.ref(house.socket), weakref.ref(house.owner)
    writer.close()
    await until(lambda: "lost" in house.owner.taken)
    house.owner = Owner()
    del house.socket

    def gone() -> bool:
        gc.collect()
        return socket() is None and owner() is None

    await until(gone)


@pytest.mark.parametrize("data", [b"\xff\xff", masked(b"x", 0xC2), masked(b"\xff", 0x81), masked(b"", 0x83)])
async def test_bytes_that_are_no_websocket_end_it(house: House, data: bytes) -> None:
    reader, writer = await house.open()
    async with asyncio.timeout(20):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(data + masked(b"after"))
        end = await reader.read(100)
    assert end[:1] == b"\x88"
    assert int.from_bytes(end[2:4], "big") in (1002, 1007)
    assert b"after" not in house.owner.taken
    writer.close()
