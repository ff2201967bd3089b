"""A door over WebSockets that is ours from end to end: refusals before the handshake, faults, and what is given back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

from collab.auth.anonymous import AnonymousAuthenticator
from collab.config import Settings
from collab.content.workers import Workers
from collab.doors.admission import Admission
from collab.doors.connection import Attachment, Connection
from collab.doors.intake import Intake
from collab.doors.peers import Peers
from collab.doors.websocket.message_socket import MessageDoor
from collab.hub.hub import Hub
from collab.hub.limits import SharedLimits
from collab.hub.live_document import DocumentLimits
from collab.protocol.codec import DecodeError
from collab.stores.memory import MemoryStore
from collab.types import Role


class EchoDoor(MessageDoor[Connection[Attachment]]):
    """Gives everything back; ``!`` breaks the protocol, ``?`` is a fault of ours."""

    path, name = "/echo", "y-websocket"
    connection_type = Connection[Attachment]

    taken: list[bytes]

    async def begin(self, connection: Connection[Attachment], request: web.Request) -> None:
        self.taken = []
        await asyncio.sleep(float(request.query.get("wait", "0")))
        if "leave" in request.query:
            connection.wire.expel(None)

    def take(self, connection: Connection[Attachment], data: bytes) -> None:
        self.taken.append(data)
        if data == b"!":
            raise DecodeError("!")
        if data == b"?":
            raise ZeroDivisionError
        connection.wire.send(data, data)  # type: ignore[attr-defined]

    def feed(self, connection: Connection[Attachment]) -> bytes:
        return b"feed"


class House:
    def __init__(self, **settings: Any) -> None:
        self.settings = replace(Settings(), max_connections_per_ip=2, **settings)
        self.hub = Hub(MemoryStore(), DocumentLimits())
        self.shared, authenticator = SharedLimits(self.settings), AnonymousAuthenticator(Role.EDITOR)
        admission = Admission(self.hub, authenticator, self.settings, self.shared)
        intake = Intake(authenticator, Workers(), max_update_bytes=1000)
        peers = Peers((), ("https://ours",))
        self.door = EchoDoor(self.hub, admission, intake, self.settings, self.shared.bulk, peers)
        app = web.Application()
        self.door.add_routes(app)
        self.server = TestServer(app)

    async def __aenter__(self) -> House:
        await self.server.start_server()
        self.http = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.door.close()
        await self.http.close()
        await self.server.close()

    async def open(self, query: str = "", **more: Any) -> aiohttp.ClientWebSocketResponse:
        return await self.http.ws_connect(self.server.make_url("/echo" + query), **more)

    async def status(self, **headers: str) -> int:
        wanted = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", **headers}  # fmt: skip
        async with self.http.get(self.server.make_url("/echo"), headers=wanted) as response:
            return response.status

    async def empty(self) -> None:
        """Wait until nobody is there; everything has to be given back by then."""
        await until(lambda: not self.door._sockets)
        assert not self.shared.connections._counts


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with House() as house:
        yield house


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


async def received(socket: aiohttp.ClientWebSocketResponse) -> aiohttp.WSMessage:
    return await socket.receive(20)


async def test_messages_come_in_order_and_several_go_out_as_several(house: House) -> None:
    socket = await house.open()
    for number in range(300):
        await socket.send_bytes(b"%d" % number)
    for number in range(300):
        assert [(await received(socket)).data for _ in range(2)] == [b"%d" % number] * 2
    await socket.close()
    await house.empty()


@pytest.mark.parametrize(
    ("message", "code", "reason"),
    [(b"!", 1002, "invalid_payload"), ("text", 1002, "invalid_payload"), (b"?", 1011, "internal")],
)
async def test_what_cannot_be_used_ends_it_and_nothing_is_taken_behind_it(
    house: House, message: str | bytes, code: int, reason: str
) -> None:
    socket = await house.open()
    await (socket.send_str(message) if isinstance(message, str) else socket.send_bytes(message))
    await socket.send_bytes(b"after")
    end = await received(socket)
    assert (end.type, end.data, end.extra) == (WSMsgType.CLOSE, code, reason)
    await house.empty()
    assert b"after" not in house.door.taken


async def test_who_is_sent_away_before_the_start_is_gone_and_given_back(house: House) -> None:
    for _ in range(5):  # more than there is room for
        socket = await house.open("?leave=1")
        assert (await received(socket)).type is WSMsgType.CLOSE
        await house.empty()


async def test_nothing_is_read_before_the_beginning_is_over(house: House) -> None:
    socket = await house.open("?wait=0.05")
    await socket.send_bytes(b"early")
    assert house.door.taken == []
    assert (await received(socket)).data == b"early"


async def test_refusals_before_the_handshake(house: House) -> None:
    assert await house.status(Upgrade="h2c") == 426
    assert await house.status(Origin="https://theirs") == 403
    assert await house.status(Origin="https://ours") == 101
    house.hub.draining = True
    async with house.http.get(house.server.make_url("/echo")) as response:
        assert (response.status, response.headers["Retry-After"]) == (503, "1")
    await house.empty()


async def test_an_address_with_more_connections_than_are_even_refused_is_told_so(house: House) -> None:
    sockets = []

    async def come() -> None:
        for _ in range(200):
            sockets.append(await house.open())

    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await come()
    assert refused.value.status == 429
    assert refused.value.headers is not None and refused.value.headers["Retry-After"] == "10"
    assert len(sockets) > 2
    for socket in sockets:
        await socket.close()
    await house.empty()


async def test_a_drain_goes_in_waves_and_says_to_come_back(house: House) -> None:
    sockets = [await house.open() for _ in range(2)]
    draining = asyncio.create_task(house.door.drain(2, 0.1))
    ends = [await received(socket) for socket in sockets]
    assert {end.extra for end in ends} == {"draining"}
    assert not any(4400 <= end.data < 4500 for end in ends), "clients of these protocols would stay away"
    await draining
    await house.empty()


async def test_its_heart_beats_and_feeds_and_who_is_silent_is_gone() -> None:
    async with House(ping_interval=0.05, ping_timeout=0.05) as house:
        socket = await house.open(autoping=False)
        seen = {(await received(socket)).type for _ in range(2)}
        assert seen == {WSMsgType.PING, WSMsgType.BINARY}
        await house.empty()
        answering = await house.open()
        for _ in range(6):
            assert (await received(answering)).data == b"feed"
        assert len(house.door._sockets) == 1


async def test_the_end_of_the_door_ends_its_connections_and_its_work(house: House) -> None:
    socket = await house.open()
    work = house.door.spawn(asyncio.sleep(60))
    await house.door.close()
    assert work.cancelled()
    assert (await received(socket)).type is WSMsgType.CLOSE
    await house.empty()
