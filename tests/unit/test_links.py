"""The way to a document over the network: which addresses lead to a server, and what becomes of one that does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from collab.client.links import NetworkDialer
from collab.client.unreachable import Disconnected
from collab.errors import CollabError


@pytest.mark.parametrize(
    ("url", "path", "endpoint"),
    [
        ("http://host:81", "/socket.io/", "http://host:81/socket.io/"),
        ("https://host/", "socket.io", "https://host/socket.io/"),
        ("ws://host/below/", "/socket.io", "http://host/below/socket.io/"),
        ("wss://host/below", "/a/b/", "https://host/below/a/b/"),
        ("http://[::1]:81/?x=1#y", "/socket.io/", "http://[::1]:81/socket.io/"),
    ],
)
async def test_the_endpoint_of_a_server(url: str, path: str, endpoint: str) -> None:
    assert str(NetworkDialer(url, path=path).endpoint) == endpoint


async def test_its_place_is_told_without_what_is_secret() -> None:
    assert NetworkDialer("https://ann:secret@host:444/x").place == "https://host:444"


@pytest.mark.parametrize("url", ["host:81", "ftp://host", "", "/notes", "http://", "file:///etc"])
def test_what_is_no_address_of_a_server(url: str) -> None:
    with pytest.raises(ValueError, match="not the URL of a server"):
        NetworkDialer(url)


@pytest.mark.parametrize("transports", [[], ["pigeons"], ["websocket", "pigeons"]])
def test_transports_that_nobody_knows(transports: Any) -> None:
    with pytest.raises(ValueError, match="transports are some of websocket, polling"):
        NetworkDialer("http://host", transports=transports)


OPEN = '0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":100000}'


class Service:
    """An Engine.IO server by WebSocket that answers CONNECT as the test says."""

    def __init__(self) -> None:
        self.answer: str | None = '40/doc/notes,{"sid":"n"}'
        self.heard: list[str] = []
        self.ended = asyncio.Event()

    async def handler(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(OPEN)
        async for message in socket:
            self.heard.append(message.data)
            if message.data.startswith("40") and self.answer is not None:
                await socket.send_str(self.answer)
        self.ended.set()
        return socket


@pytest.fixture
async def service() -> AsyncIterator[tuple[Service, TestServer]]:
    service = Service()
    app = web.Application()
    app.router.add_get("/socket.io/", service.handler)
    server = TestServer(app)
    await server.start_server()
    yield service, server
    await server.close()


def dialer(server: TestServer, **more: Any) -> NetworkDialer:
    return NetworkDialer(str(server.make_url("/")), transports=["websocket"], **more)


async def test_a_link_joins_the_namespace_of_its_document(service: tuple[Service, TestServer]) -> None:
    serving, server = service
    link = await dialer(server).dial("notes", {"token": "t"})
    assert link.kind == "websocket"
    assert serving.heard == ['40/doc/notes,{"token":"t"}']
    await link.close()
    async with asyncio.timeout(5):
        await serving.ended.wait()
    assert serving.heard[-1] == "41/doc/notes,"


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ('44/doc/notes,{"message":"no","data":{"code":"forbidden","message":"You may not."}}', CollabError, "You may not"),
        ("6", Disconnected, "no answer within 0.2 s"),
        ("2", Disconnected, "no answer within 0.2 s"),
        ('42/doc/notes,["x"]', Disconnected, "does not speak Socket.IO 5"),
        (None, Disconnected, "no answer within 0.2 s"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("own", [True, False], ids=["its own HTTP client", "a given one"])
@pytest.mark.slow
async def test_a_connection_that_is_not_admitted_is_ended(
    service: tuple[Service, TestServer], answer: str | None, error: type[Exception], words: str, own: bool
) -> None:
    """And so is its HTTP client, if nobody else has it: an open one would be told by the tests."""
    serving, server = service
    serving.answer = answer
    async with aiohttp.ClientSession() as http:
        with pytest.raises(error, match=words):
            await dialer(server, timeout=0.2, **({} if own else {"http": http})).dial("notes", {})
        async with asyncio.timeout(5):
            await serving.ended.wait()
        assert not http.closed


async def test_where_there_is_no_server(service: tuple[Service, TestServer]) -> None:
    _, server = service
    address = str(server.make_url("/"))
    await server.close()
    with pytest.raises(Disconnected, match="refused"):
        await NetworkDialer(address).dial("notes", {})
