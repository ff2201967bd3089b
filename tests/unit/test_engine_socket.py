"""One Engine.IO session: what waits between polls, what a body may hold, and how it ends, once."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.doors.connection import Connection
from collab.doors.socketio.engine import EngineServer
from collab.doors.socketio.engine_port import ProtocolError
from collab.doors.socketio.engine_socket import EngineSocket, split_body
from collab.doors.websocket.writer import Frames
from collab.protocol.packets import SEPARATOR
from tests.support.wires import budget

REQUEST: Any = SimpleNamespace(remote="192.0.2.1")
LIMIT = 1000


class Server(EngineServer):
    """Notes what it is told."""

    def __init__(self) -> None:
        super().__init__(send_buffer_bytes=LIMIT, max_http_buffer_size=10_000)
        self.told: list[tuple[str, Any]] = []
        self.on_text = lambda _socket, text: self.told.append(("text", text))
        self.on_binary = lambda _socket, data: self.told.append(("binary", data))
        self.on_close = lambda _socket, reason: self.told.append(("close", reason))
        self.on_protocol_error = lambda _socket, words: self.told.append(("fault", words))

    def socket(self) -> EngineSocket:
        socket = EngineSocket(self, "sid", "203.0.113.9")
        self.sockets["sid"] = socket
        socket.connection = Connection(socket, socket.address, budget())
        return socket


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    yield server
    for socket in list(server.sockets.values()):
        socket.end(server.reason.SERVER_DISCONNECT)


@pytest.fixture
async def socket(server: Server) -> EngineSocket:
    return server.socket()


async def polled(socket: EngineSocket) -> tuple[int, list[str]]:
    async with asyncio.timeout(20):
        answer = await socket.poll_once(REQUEST)
    return answer.status, (answer.text or "").split(SEPARATOR)


async def test_what_waits_is_taken_whole_and_in_order_and_counted(socket: EngineSocket) -> None:
    for number in range(5):
        socket.write(Frames(f"4{number}"))
    socket.write(Frames("", b"\1\2"))
    assert socket.waiting_bytes == 5 * 2 + 2
    assert await polled(socket) == (200, ["40", "41", "42", "43", "44", "b" + base64.b64encode(b"\1\2").decode()])
    assert socket.waiting_bytes == 0


async def test_a_body_has_no_more_packets_than_clients_take_and_a_pair_is_not_parted(socket: EngineSocket) -> None:
    for number in range(20):
        socket.write(Frames(f"4{number}", b"x"))
    weight, seen = socket.waiting_bytes, []
    while socket._waiting:
        _, packets = await polled(socket)
        assert len(packets) <= 16
        assert len(packets) % 2 == 0, "a header and its attachment go together"
        seen += packets[::2]
    assert seen == [f"4{number}" for number in range(20)]
    assert (weight > 0, socket.waiting_bytes) == (True, 0)


async def test_a_poll_waits_for_something_to_say(socket: EngineSocket) -> None:
    polling = asyncio.create_task(polled(socket))
    await asyncio.sleep(0)
    assert not polling.done()
    socket.write(Frames("4hello"))
    assert await polling == (200, ["4hello"])


async def test_two_polls_at_once_end_it_and_neither_hangs(socket: EngineSocket, server: Server) -> None:
    first = asyncio.create_task(polled(socket))
    await asyncio.sleep(0)
    assert (await polled(socket))[0] == 400
    assert (await first)[1] == ["1"]
    assert (socket.closed, server.told[-1][0]) == (True, "close")
    assert server.sockets == {}


async def test_an_upgrade_lets_the_poll_go_with_nothing(socket: EngineSocket) -> None:
    socket.upgrading = True
    socket.write(Frames("4later"))
    assert await polled(socket) == (200, ["6"])
    socket.upgrading = False
    assert await polled(socket) == (200, ["4later"])


async def test_who_does_not_poll_is_clogged(socket: EngineSocket) -> None:
    assert not socket.write(Frames("4" + "x" * (LIMIT - 1)))
    assert not socket.clogged
    assert socket.write(Frames("4"))
    assert socket.clogged
    await polled(socket)
    assert not socket.clogged


async def test_it_ends_once_and_what_was_said_last_can_be_fetched_once(socket: EngineSocket, server: Server) -> None:
    socket.write(Frames("4bye"))
    for _ in range(3):
        socket.end(server.reason.SERVER_DISCONNECT)
    assert [what for what, _ in server.told] == ["close"]
    assert server.sockets == {"sid": socket}
    assert await polled(socket) == (200, ["4bye", "1"])
    assert server.sockets == {}
    assert not socket.keep(Frames("4more"))
    assert socket.waiting_bytes == 0, "nothing gathers behind the end"


async def test_after_a_fault_nothing_is_kept(socket: EngineSocket, server: Server) -> None:
    socket.write(Frames("4bye"))
    socket.end(server.reason.TRANSPORT_ERROR)
    assert server.sockets == {}


async def test_the_end_lets_a_poll_that_waits_go(socket: EngineSocket, server: Server) -> None:
    polling = asyncio.create_task(polled(socket))
    await asyncio.sleep(0)
    socket.end(server.reason.SERVER_DISCONNECT)
    assert (await polling)[1] == ["1"]


@pytest.mark.parametrize(
    "packet", ["", "0", "2", "5", "6", "7", "b", "x", "4" + "x" * 5000], ids=lambda packet: packet[:3]
)
async def test_packets_out_of_place_end_it(socket: EngineSocket, server: Server, packet: str) -> None:
    with pytest.raises(ProtocolError):
        socket.take_text(packet)
    socket.take_frame(packet)
    assert socket.closed
    assert [what for what, _ in server.told] == ["fault", "close"]
    socket.take_frame("4late")
    assert ("text", "late") not in server.told


async def test_a_fault_of_ours_ends_one_session(socket: EngineSocket, server: Server) -> None:
    server.on_text = lambda _socket, _text: 1 // 0  # type: ignore[assignment,return-value]
    socket.take_frame("4x")
    assert socket.closed
    assert server.told == [("close", server.reason.TRANSPORT_ERROR)]


async def test_a_body_is_taken_packet_by_packet_until_it_breaks_off(socket: EngineSocket, server: Server) -> None:
    await socket._take_post(SEPARATOR.join(["4a", "b" + base64.b64encode(b"\0\xff").decode(), "4b"]))
    assert server.told == [("text", "a"), ("binary", b"\0\xff"), ("text", "b")]
    for body in ("", SEPARATOR, "4c" + SEPARATOR, "b!", "bAA", "b\u00e9"):
        with pytest.raises(ProtocolError):
            await socket._take_post(body)
    assert server.told[3:] == [("text", "c")], "what came before was good"
    await socket._take_post(SEPARATOR.join(["1", "4d"]))
    assert server.told[4:] == [("close", server.reason.CLIENT_DISCONNECT)], "nothing is taken behind a goodbye"


async def test_a_hold_stops_a_body_in_its_middle(socket: EngineSocket, server: Server) -> None:
    gate = asyncio.Event()

    def on_text(_socket: EngineSocket, text: str) -> None:
        server.told.append(("text", text))
        if text == "a":
            socket.hold = gate.wait()

    server.on_text = on_text
    posting = asyncio.create_task(socket._take_post(SEPARATOR.join(["4a", "4b"])))
    await asyncio.sleep(0.01)
    assert server.told == [("text", "a")]
    gate.set()
    await posting
    assert server.told == [("text", "a"), ("text", "b")]


@given(st.lists(st.text(alphabet="4ab\u00e9", max_size=5), min_size=1, max_size=30))
def test_packets_of_a_body_are_what_was_joined(packets: list[str]) -> None:
    assert list(split_body(SEPARATOR.join(packets))) == packets


async def test_the_handshake_has_whole_milliseconds(socket: EngineSocket) -> None:
    text = socket.open_packet([]).text
    assert '"pingInterval":25000' in text
    assert '"maxPayload":10000' in text
