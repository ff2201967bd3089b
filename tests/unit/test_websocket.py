"""A WebSocket without a coroutine per frame: order, pauses, turns, goodbyes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

from collab.transports.websocket import TURN, FrameSocket

MAX_MESSAGE = 100_000
Open = Callable[..., Awaitable[aiohttp.ClientWebSocketResponse]]


class Owner:
    """Notes what arrives; ``pauses``: message -> what to wait for behind it."""

    def __init__(self) -> None:
        self.hold: Awaitable[Any] | None = None
        self.taken: list[str | bytes] = []
        self.told_lost = False
        self.pauses: dict[str | bytes, Callable[[], Awaitable[Any]]] = {}
        self.socket: FrameSocket = None  # type: ignore[assignment]

    def take_frame(self, data: str | bytes) -> None:
        self.taken.append(data)
        if data in self.pauses:
            self.hold = self.pauses[data]()

    def lost(self) -> None:
        self.told_lost = True

    async def await_hold(self) -> None:
        while self.hold is not None:
            hold, self.hold = self.hold, None
            await hold


@pytest.fixture
def owner() -> Owner:
    return Owner()


@pytest.fixture
async def client(owner: Owner) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async def handle(request: web.Request) -> web.StreamResponse:
        owner.socket = FrameSocket(owner, MAX_MESSAGE)
        await owner.socket.shake_hands(request)
        owner.socket.start()
        await owner.socket.ended
        return owner.socket

    app = web.Application()
    app.router.add_get("/", handle)
    server = TestServer(app)
    await server.start_server()
    async with aiohttp.ClientSession() as http:
        websocket = await http.ws_connect(server.make_url("/"), autoping=False, max_msg_size=0)
        yield websocket
        await websocket.close()
    await server.close()


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


async def test_messages_arrive_in_order_whatever_their_kind(
    owner: Owner, client: aiohttp.ClientWebSocketResponse
) -> None:
    sent: list[str | bytes] = []
    for number in range(10 * TURN):
        message = f"text {number}" if number % 3 else b"bytes %d" % number
        sent.append(message)
        await (client.send_str(message) if isinstance(message, str) else client.send_bytes(message))
    await until(lambda: len(owner.taken) == len(sent))
    assert owner.taken == sent


async def test_nothing_is_handed_over_during_a_pause(
    owner: Owner, client: aiohttp.ClientWebSocketResponse
) -> None:
    gate = asyncio.Event()
    owner.pauses["stop"] = gate.wait
    for word in ("a", "stop", "b", "c"):
        await client.send_str(word)
    await until(lambda: "stop" in owner.taken)
    large = "x" * (MAX_MESSAGE - 100)
    rest = asyncio.gather(*(client.send_str(large) for _ in range(200)))
    await asyncio.sleep(0.1)
    assert owner.taken == ["a", "stop"]
    assert not rest.done(), "the socket is not read meanwhile"
    gate.set()
    await until(lambda: len(owner.taken) == 204)
    assert owner.taken[:4] == ["a", "stop", "b", "c"]
    await rest


async def test_pauses_one_behind_the_other(owner: Owner, client: aiohttp.ClientWebSocketResponse) -> None:
    for number in range(20):
        owner.pauses[str(number)] = lambda: asyncio.sleep(0.001)
    for number in range(40):
        await client.send_str(str(number))
    await until(lambda: len(owner.taken) == 40)
    assert owner.taken == [str(number) for number in range(40)]


async def test_a_pause_that_fails_ends_the_connection(
    owner: Owner, client: aiohttp.ClientWebSocketResponse
) -> None:
    async def fail() -> None:
        raise RuntimeError("broken")

    owner.pauses["stop"] = fail
    await client.send_str("stop")
    message = await client.receive(10)
    assert (message.type, message.data) == (WSMsgType.CLOSE, 1011)


async def test_a_ping_is_answered(owner: Owner, client: aiohttp.ClientWebSocketResponse) -> None:
    await client.ping(b"hello")
    message = await client.receive(10)
    assert (message.type, bytes(message.data)) == (WSMsgType.PONG, b"hello")


@pytest.mark.parametrize(("code", "answer"), [(1000, 1000), (4321, 4321)])
async def test_a_goodbye_is_answered_and_ends_it(
    owner: Owner, client: aiohttp.ClientWebSocketResponse, code: int, answer: int
) -> None:
    await client.close(code=code)
    assert client.close_code == answer
    await until(owner.socket.ended.done)


async def test_our_goodbye_ends_it_once_answered_and_nothing_is_taken_behind_it(
    owner: Owner, client: aiohttp.ClientWebSocketResponse
) -> None:
    await client.send_str("before")
    await until(lambda: owner.taken)
    owner.socket.say_goodbye()
    assert owner.told_lost, "nothing follows a goodbye"
    await client.send_str("behind")
    assert (await client.receive(10)).type is WSMsgType.CLOSE
    await until(owner.socket.ended.done)
    assert owner.taken == ["before"]


async def test_a_peer_that_does_not_answer_our_goodbye_is_cut(
    owner: Owner, client: aiohttp.ClientWebSocketResponse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collab.transports.websocket.CLOSE_TIMEOUT", 0.1)
    owner.socket.say_goodbye()
    await until(owner.socket.ended.done)


@pytest.mark.parametrize(("send", "code"), [
    (lambda client: client.send_str("x" * (MAX_MESSAGE + 1)), 1009),
    (lambda client: client._writer.send_frame(b"\xff", WSMsgType.TEXT), 1007),
    (lambda client: client._writer.send_frame(b"x", 0x0B), 1002),
])  # fmt: skip
async def test_what_is_no_message_ends_it_with_the_code(
    owner: Owner, client: aiohttp.ClientWebSocketResponse, send: Callable[[Any], Awaitable[None]], code: int
) -> None:
    await send(client)
    message = await client.receive(10)
    assert (message.type, message.data) == (WSMsgType.CLOSE, code)
    assert owner.taken == []


async def test_a_lost_connection_ends_it(owner: Owner, client: aiohttp.ClientWebSocketResponse) -> None:
    await until(lambda: owner.socket is not None)
    connection = client._conn
    assert connection is not None and connection.transport is not None
    connection.transport.abort()
    await until(owner.socket.ended.done)
    assert owner.told_lost
    owner.socket.say_goodbye()
