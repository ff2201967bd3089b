"""The Engine.IO endpoint: which request is what, what is refused how, and that a session is indexed as long as it lives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from collab.doors.connection import Connection
from collab.doors.socketio.engine import EngineServer
from collab.doors.socketio.engine_socket import EngineSocket
from collab.doors.websocket.writer import Frames
from collab.errors import CollabError
from tests.support.wires import budget


class House:
    """A server that gives text back."""

    http: aiohttp.ClientSession

    def __init__(self) -> None:
        self.fault: CollabError | None = None
        self.closed: list[str] = []
        self.engine = EngineServer(
            origin_fault=lambda request: "not ours" if request.headers.get("Origin") == "https://theirs" else None,
            admit=lambda _address: self.fault, node_name="n1", client_address=lambda _request: "203.0.113.9",
        )  # fmt: skip
        self.engine.on_open = self.opened
        self.engine.on_text = self.heard
        self.engine.on_close = lambda _socket, reason: self.closed.append(reason)
        app = web.Application()
        app.router.add_route("*", "/engine.io/", self.engine.handle_request)
        self.server = TestServer(app)

    def heard(self, socket: EngineSocket, text: str) -> None:
        socket.write(Frames("4" + text))

    def opened(self, socket: EngineSocket) -> None:
        socket.connection = Connection(socket, socket.address, budget())

    async def ask(self, query: str, method: str = "GET", **more: Any) -> tuple[int, str, Any]:
        url = str(self.server.make_url("/engine.io/")) + query
        async with self.http.request(method, url, **more) as response:
            return response.status, await response.text(), response.headers

    async def open(self) -> str:
        status, text, _ = await self.ask("?EIO=4&transport=polling")
        assert status == 200
        return str(orjson.loads(text[1:])["sid"])


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    await house.server.start_server()
    house.http = aiohttp.ClientSession()
    yield house
    await house.engine.shutdown()
    await house.http.close()
    await house.server.close()


@pytest.mark.parametrize(
    ("query", "method", "status", "code"),
    [
        ("", "GET", 400, 0), ("?EIO=4", "GET", 400, 0), ("?EIO=4&transport=pigeon", "GET", 400, 0), ("?transport=polling", "GET", 400, 5),
        ("?EIO=3&transport=polling", "GET", 400, 5), ("?EIO=4&transport=polling", "POST", 400, 2), ("?EIO=4&transport=websocket", "GET", 400, 3),
        ("?EIO=4&transport=polling&j=0", "GET", 400, 3), ("?EIO=4&transport=polling&sid=x", "GET", 400, 1), ("?EIO=4&transport=polling&sid=x", "POST", 400, 1),
        ("?EIO=4&transport=polling&sid=", "GET", 400, 1),
    ],
)  # fmt: skip
async def test_refusals_have_the_codes_of_the_protocol(
    house: House, query: str, method: str, status: int, code: int
) -> None:
    answer = await house.ask(query, method)
    assert (answer[0], orjson.loads(answer[1])["code"]) == (status, code)
    assert answer[2]["Cache-Control"] == "no-store"
    assert house.engine.sockets == {}


async def test_a_session_by_polling(house: House) -> None:
    sid = await house.open()
    assert sid.endswith(".n1"), "a balancer reads from it which node has the session"
    query = f"?EIO=4&transport=polling&sid={sid}"
    assert (await house.ask(query, "POST", data="4hello"))[:2] == (200, "ok")
    assert (await house.ask(query))[:2] == (200, "4hello")
    assert (await house.ask(query, "PUT"))[0] == 405
    assert (await house.ask(query, "POST", data="1"))[0] == 200
    assert (await house.ask(query, "POST", data="4late"))[0] == 400
    assert house.closed == [house.engine.reason.CLIENT_DISCONNECT]
    assert house.engine.sockets == {}


async def test_a_session_that_we_ended_is_polled_once_more_and_takes_nothing(house: House) -> None:
    sid = await house.open()
    query = f"?EIO=4&transport=polling&sid={sid}"
    house.engine.sockets[sid].end(house.engine.reason.SERVER_DISCONNECT)
    status, text, _ = await house.ask(query, "POST", data="4late")
    assert (status, orjson.loads(text)["code"]) == (400, 1)
    assert (await house.ask(query))[:2] == (200, "1")
    assert (await house.ask(query))[0] == 400


@pytest.mark.parametrize("data", [b"", b"\xff", b"9", b"b!"])
async def test_a_body_that_makes_no_sense_ends_its_session_only(house: House, data: bytes) -> None:
    sid, other = await house.open(), await house.open()
    assert (await house.ask(f"?EIO=4&transport=polling&sid={sid}", "POST", data=data))[0] == 400
    assert list(house.engine.sockets) == [other]


async def test_a_session_by_websocket_is_gone_with_it(house: House) -> None:
    url = house.server.make_url("/engine.io/?EIO=4&transport=websocket")
    async with house.http.ws_connect(url) as socket:
        sid = orjson.loads((await socket.receive(20)).data[1:])["sid"]
        await socket.send_str("4hello")
        assert (await socket.receive(20)).data == "4hello"
        assert (await house.ask(f"?EIO=4&transport=polling&sid={sid}"))[0] == 400, "it is on a WebSocket"
    async with asyncio.timeout(20):
        while house.engine.sockets:
            await asyncio.sleep(0.005)
    assert len(house.closed) == 1


async def test_who_is_not_admitted_is_told_when_to_come_back(house: House) -> None:
    house.fault = CollabError("draining", retry_after=0.2)
    status, text, headers = await house.ask("?EIO=4&transport=polling")
    assert (status, headers["Retry-After"]) == (503, "1")
    assert orjson.loads(text)["message"] == "Try again later"
    assert house.engine.sockets == {}


async def test_origins(house: House) -> None:
    status, text, headers = await house.ask("?EIO=4&transport=polling", headers={"Origin": "https://theirs"})
    assert (status, orjson.loads(text)["code"], "Access-Control-Allow-Origin" in headers) == (403, 4, False)
    ours = {"Origin": "https://ours", "Access-Control-Request-Headers": "x-token"}
    status, _, headers = await house.ask("", "OPTIONS", headers=ours)
    assert (status, headers["Access-Control-Allow-Origin"], headers["Access-Control-Allow-Headers"]) == (
        204,
        "https://ours",
        "x-token",
    )
    assert headers["Vary"] == "Origin"
    _, _, headers = await house.ask("?EIO=4&transport=polling")
    assert "Access-Control-Allow-Origin" not in headers


async def test_the_end_of_the_server_ends_every_session(house: House) -> None:
    sids = [await house.open() for _ in range(3)]
    work = house.engine.spawn(asyncio.sleep(0.01))
    await house.engine.shutdown()
    assert len(house.closed) == 3
    assert work.done()
    assert len(set(sids)) == 3
