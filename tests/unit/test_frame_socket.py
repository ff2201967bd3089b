"""A WebSocket whose messages go to a function, the fast one and the public one: order, pauses, turns, goodbyes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer

from collab.doors.websocket.frame_socket import MAX_UNKNOWN, TURN, FrameSocket
from collab.doors.websocket.tapped_socket import PIECE, TappedSocket
from collab.hub import bulk
from collab.hub.bulk import Bulk

MAX_MESSAGE, MAX_DOCUMENT = 100_000, 2_000_000
Open = Callable[..., Awaitable[aiohttp.ClientWebSocketResponse]]


class Owner:
    """Notes what arrives; ``pauses``: message -> what to wait for behind it."""

    def __init__(self) -> None:
        self.hold: Awaitable[Any] | None = None
        self.taken: list[str | bytes] = []
        self.told_lost = self.told_too_large = False
        self.brings_documents = False
        self.let_in = True
        self.address = "192.0.2.1"
        self.pauses: dict[str | bytes, Callable[[], Awaitable[Any]]] = {}
        self.socket: FrameSocket = None  # type: ignore[assignment]
        self.begin: Callable[[FrameSocket], object] = lambda socket: socket.start()
        self.bulk: Bulk = None  # type: ignore[assignment]

    def take_frame(self, data: str | bytes) -> None:
        self.taken.append(data)
        if data in self.pauses:
            self.hold = self.pauses[data]()

    def too_large(self) -> None:
        self.told_too_large = True

    def take_ping(self, payload: bytes) -> None:
        self.taken.append(b"ping " + payload)

    def take_pong(self) -> None:
        self.taken.append("pong")

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
def refused(owner: Owner) -> None:
    """The peer is told to go at once; nothing is ever started."""
    owner.begin = lambda socket: socket.say_goodbye(4401)


@pytest.fixture
def kept_waiting(owner: Owner) -> None:
    """Nothing is started yet."""
    owner.begin = lambda socket: None


@pytest.fixture(params=[TappedSocket, FrameSocket])
def socket_type(request: pytest.FixtureRequest) -> type[FrameSocket]:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
async def client(owner: Owner, socket_type: type[FrameSocket]) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    room = Bulk(MAX_DOCUMENT, at_once=1)

    async def handle(request: web.Request) -> web.StreamResponse:
        owner.socket = socket_type(owner, MAX_MESSAGE, room)
        owner.bulk = room
        await owner.socket.shake_hands(request)
        owner.begin(owner.socket)
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


@pytest.mark.slow
async def test_nothing_is_handed_over_during_a_pause(owner: Owner, client: aiohttp.ClientWebSocketResponse) -> None:
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


@pytest.mark.slow
async def test_a_pause_that_fails_ends_the_connection(owner: Owner, client: aiohttp.ClientWebSocketResponse) -> None:
    async def fail() -> None:
        raise RuntimeError("broken")

    owner.pauses["stop"] = fail
    await client.send_str("stop")
    message = await client.receive(10)
    assert (message.type, message.data) == (WSMsgType.CLOSE, 1011)


async def test_control_frames_are_their_owner_s(owner: Owner, client: aiohttp.ClientWebSocketResponse) -> None:
    await client.ping(b"hello")
    await client.pong()
    await until(lambda: len(owner.taken) == 2)
    assert owner.taken == [b"ping hello", "pong"]


@pytest.mark.slow
async def test_small_frames_wait_unparsed(owner: Owner, client: aiohttp.ClientWebSocketResponse) -> None:
    gate = asyncio.Event()
    owner.pauses["stop"] = gate.wait
    frames = masked(0x81, b"stop") + masked(0x89, b"") * 30_000
    assert client._conn is not None and client._conn.transport is not None
    client._conn.transport.write(frames)
    await until(lambda: owner.taken == ["stop"])
    await asyncio.sleep(0.05)
    socket = owner.socket
    if isinstance(socket, TappedSocket):
        assert len(socket.backlog or ()) <= PIECE // 6
    gate.set()
    await until(lambda: len(owner.taken) == 30_001)


def masked(opcode: int, payload: bytes) -> bytes:
    """A small frame of a client, masked with zeros."""
    return bytes((opcode, 0x80 | len(payload))) + bytes(4) + payload


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
    monkeypatch.setattr("collab.doors.websocket.frame_socket.CLOSE_TIMEOUT", 0.1)
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
    await until(lambda: owner.socket.ended.done() and owner.told_lost)
    owner.socket.say_goodbye()


@pytest.fixture
def patient_goodbyes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collab.doors.websocket.frame_socket.CLOSE_TIMEOUT", 60.0)


@pytest.mark.usefixtures("patient_goodbyes", "refused")
async def test_who_is_refused_before_the_start_is_gone_at_once(
    owner: Owner, client: aiohttp.ClientWebSocketResponse
) -> None:
    client._autoclose = False  # as the `ws` of Node.js, which leaves closing the connection to the server
    await client.send_str("early")
    assert (await client.receive(10)).data == 4401
    await client._writer.close(4401)
    await until(owner.socket.ended.done)
    assert owner.taken == []


@pytest.mark.usefixtures("kept_waiting")
async def test_nothing_is_read_ahead_before_the_start(owner: Owner, client: aiohttp.ClientWebSocketResponse) -> None:
    """What somebody sends while the door still asks who they are waits in the network, not in our memory."""
    large = "x" * (MAX_MESSAGE - 1)
    sending = asyncio.gather(*(client.send_str(large) for _ in range(400)))
    await until(lambda: owner.socket is not None and not owner.socket._req.transport.is_reading())
    assert not sending.done(), "40 MB fit into no socket's buffer"
    assert owner.taken == []
    owner.socket.start()
    await sending
    await until(lambda: len(owner.taken) == 400)


# -- whole documents --------------------------------------------------------------------------------------

#: the plain one hears of a message when all of it is there
tapped = pytest.mark.parametrize("socket_type", [TappedSocket])


@pytest.mark.parametrize("size", [MAX_UNKNOWN + 1, MAX_MESSAGE])
async def test_who_was_not_let_in_sends_little_at_a_time(
    owner: Owner, client: aiohttp.ClientWebSocketResponse, size: int
) -> None:
    owner.let_in = False
    await client.send_bytes(b"x" * MAX_UNKNOWN)
    await until(lambda: owner.taken)
    await client.send_bytes(b"x" * size)
    message = await client.receive(10)
    assert (message.type, message.data) == (WSMsgType.CLOSE, 1009)
    assert owner.told_too_large and len(owner.taken) == 1


@tapped
async def test_a_message_waits_where_too_much_comes_in(
    owner: Owner, client: aiohttp.ClientWebSocketResponse, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.send_str("here")
    await until(lambda: owner.taken)
    in_flight = owner.bulk.in_flight
    monkeypatch.setattr(in_flight, "_most", 50_000)
    other = in_flight.load("192.0.2.2", lambda: None)
    other.grow(40_000)
    other.complete()
    await client.send_bytes(b"x" * (MAX_MESSAGE - 100))
    await asyncio.sleep(0.1)
    assert len(owner.taken) == 1
    other.release()
    await until(lambda: len(owner.taken) == 2)
    assert in_flight.size == 0


@tapped
async def test_what_came_of_a_message_is_dropped_with_its_session(
    owner: Owner, client: aiohttp.ClientWebSocketResponse
) -> None:
    await client.send_str("here")
    await until(lambda: owner.taken)
    assert client._conn is not None and client._conn.transport is not None
    client._conn.transport.write(bytes((0x82, 0xFF)) + MAX_MESSAGE.to_bytes(8, "big") + bytes(MAX_MESSAGE))
    await until(lambda: owner.bulk.in_flight.size > 50_000)
    owner.socket.say_goodbye(4401)
    assert owner.bulk.in_flight.size == 0
    assert owner.socket._parser is None  # type: ignore[attr-defined]


async def test_who_is_no_editor_sends_no_more_than_an_edit(
    owner: Owner, client: aiohttp.ClientWebSocketResponse
) -> None:
    await client.send_bytes(b"x" * (MAX_MESSAGE * 9))
    message = await client.receive(10)
    assert (message.type, message.data) == (WSMsgType.CLOSE, 1009)
    assert owner.told_too_large and owner.taken == []


async def test_a_whole_document_comes_in_and_gives_its_turn_back(
    owner: Owner, client: aiohttp.ClientWebSocketResponse
) -> None:
    owner.brings_documents = True
    for _ in range(3):
        await client.send_bytes(b"x" * MAX_DOCUMENT)
        await client.send_str("after")
    await until(lambda: len(owner.taken) == 6)
    assert [len(each) for each in owner.taken] == [MAX_DOCUMENT, 5] * 3
    turn = owner.bulk.turn(lambda: None)
    assert turn.granted


async def test_more_than_any_document_may_have_ends_it_in_words(
    owner: Owner, client: aiohttp.ClientWebSocketResponse
) -> None:
    owner.brings_documents = True
    await client.send_bytes(b"x" * (MAX_DOCUMENT + 2000))
    message = await client.receive(10)
    assert (message.type, message.data) == (WSMsgType.CLOSE, 1009)
    assert owner.told_too_large


@tapped
async def test_a_large_message_waits_for_the_one_before(owner: Owner, client: aiohttp.ClientWebSocketResponse) -> None:
    owner.brings_documents = True
    await client.send_str("here")
    await until(lambda: owner.taken)
    other = owner.bulk.turn(lambda: None)
    sending = asyncio.create_task(client.send_bytes(b"x" * MAX_DOCUMENT))
    await asyncio.sleep(0.1)
    assert len(owner.taken) == 1
    other.complete()
    other.release()
    await until(lambda: len(owner.taken) == 2)
    await sending


@tapped
@pytest.mark.slow
async def test_who_sends_nothing_makes_room_for_who_waits(
    owner: Owner, client: aiohttp.ClientWebSocketResponse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "PATIENCE", 0.2)
    owner.brings_documents = True
    await client.send_str("here")
    await until(lambda: owner.taken)
    cut: list[bool] = []
    owner.bulk.turn(lambda: cut.append(True))
    await client.send_bytes(b"x" * MAX_DOCUMENT)
    await until(lambda: len(owner.taken) == 2)
    assert cut == [True]
