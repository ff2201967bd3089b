"""Engine.IO from the client's side, against servers that the test writes: every way to end is a Disconnected."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from collab.client.engineio import Transport, TransportName, open_transport
from collab.client.unreachable import Disconnected
from collab.protocol.packets import SEPARATOR

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def opening(**more: Any) -> str:
    fields = {"sid": "s", "upgrades": [], "pingInterval": 25000, "pingTimeout": 20000, "maxPayload": 1000} | more
    return "0" + str(fields).replace("'", '"')


class Service:
    """A server at ``/engine``; ``script`` is what it does, by transport."""

    def __init__(self) -> None:
        self.posts: list[str] = []
        self.heard: list[Any] = []
        self.script: dict[str, Handler] = {}
        self.server: TestServer
        self.http: aiohttp.ClientSession

    async def handle(self, request: web.Request) -> web.StreamResponse:
        assert request.query["EIO"] == "4"
        handler = self.script.get(request.query["transport"])
        return await handler(request) if handler is not None else web.Response(status=404)

    def by_websocket(self, *frames: Any, silent: bool = False) -> None:
        """Send these frames, then note what comes."""

        async def handler(request: web.Request) -> web.StreamResponse:
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            for frame in frames:
                await (socket.send_bytes(frame) if isinstance(frame, bytes) else socket.send_str(frame))
            if not silent:
                await asyncio.sleep(0)
            async for message in socket:
                self.heard.append(message.data)
            return socket

        self.script["websocket"] = handler

    def by_polling(self, *bodies: str, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """Answer polls with these bodies, one after the other, and then with nothing."""
        left = list(bodies)

        async def handler(request: web.Request) -> web.StreamResponse:
            if request.method == "POST":
                self.posts.append(await request.text())
                return web.Response(text="ok", status=status if len(bodies) > 1 else 200)
            if not left:
                await asyncio.sleep(30)
            return web.Response(text=left.pop(0), status=status, headers=headers)

        self.script["polling"] = handler

    async def open(self, *names: TransportName, timeout: float = 5.0) -> Transport:
        return await open_transport(self.http, URL(str(self.server.make_url("/engine"))), names, timeout=timeout)


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    service = Service()
    app = web.Application()
    app.router.add_route("*", "/engine", service.handle)
    service.server = TestServer(app)
    await service.server.start_server()
    async with aiohttp.ClientSession() as http:
        service.http = http
        yield service
    await service.server.close()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


async def test_messages_come_and_go_by_websocket(service: Service) -> None:
    service.by_websocket(opening(), "4one", b"two", "6", "2", "4three")
    transport = await service.open("websocket")
    assert [await transport.receive() for _ in range(3)] == ["one", b"two", "three"]
    transport.send("text", b"bytes")
    await until(lambda: len(service.heard) == 3)
    assert service.heard == ["3", "4text", b"bytes"], "a ping was answered"
    await transport.close()
    transport.send("too late")
    await transport.close()
    assert len(service.heard) == 3


async def test_messages_come_and_go_by_polling(service: Service) -> None:
    service.by_polling(opening() + SEPARATOR + "4zero", "4one" + SEPARATOR + "bdHdv" + SEPARATOR + "2", "4three")
    transport = await service.open("polling")
    assert [await transport.receive() for _ in range(4)] == ["zero", "one", b"two", "three"]
    transport.send("text", b"bytes")
    await until(lambda: "4text" + SEPARATOR + "bYnl0ZXM=" in SEPARATOR.join(service.posts))
    assert service.posts[0].startswith("3")
    await transport.close()
    assert service.posts[-1].endswith("1"), "it says that it goes"


async def test_no_request_is_larger_than_the_server_takes(service: Service) -> None:
    service.by_polling(opening(maxPayload=100))
    transport = await service.open("polling")
    transport.send(*["x" * 30] * 10)
    await until(lambda: SEPARATOR.join(service.posts).count("4" + "x" * 30) == 10)
    assert max(map(len, service.posts)) <= 100
    transport.send("y" * 500)
    await until(lambda: service.posts[-1] == "4" + "y" * 500)
    await transport.close()


@pytest.mark.parametrize("name", ["websocket", "polling"])
async def test_a_server_that_closes_or_falls_silent_has_ended_the_connection(service: Service, name: Any) -> None:
    service.by_websocket(opening(), "1")
    service.by_polling(opening(), "1")
    transport = await service.open(name)
    with pytest.raises(Disconnected, match="the server closed the connection"):
        await transport.receive()
    await transport.close()
    service.by_websocket(opening(pingInterval=50, pingTimeout=50))
    service.by_polling(opening(pingInterval=50, pingTimeout=50))
    transport = await service.open(name)
    async with asyncio.timeout(10):
        with pytest.raises(Disconnected):
            await transport.receive()
    await transport.close()


async def test_a_request_that_was_not_taken_ends_the_connection(service: Service) -> None:
    """The poll, which waits for news, hears of it."""
    service.by_polling(opening())
    transport = await service.open("polling")
    receiving = asyncio.create_task(transport.receive())

    async def refuse(request: web.Request) -> web.StreamResponse:
        return web.Response(status=400)

    await asyncio.sleep(0.02)
    service.script["polling"] = refuse
    transport.send("x")
    async with asyncio.timeout(10):
        with pytest.raises(Disconnected, match="did not take what was sent"):
            await receiving
    await transport.close()


@pytest.mark.parametrize("first", ["0{}", "0nonsense", "4hello", "", "0[]", '0{"pingInterval":"x","pingTimeout":1}'])
@pytest.mark.parametrize("name", ["websocket", "polling"])
async def test_what_opens_otherwise_is_no_server_of_ours(service: Service, name: Any, first: str) -> None:
    service.by_websocket(first)
    service.by_polling(first)
    with pytest.raises(Disconnected, match=r"this is not a Socket\.IO server"):
        await service.open(name)


async def test_the_next_transport_is_tried_where_one_does_not_work(service: Service) -> None:
    service.by_polling(opening())
    transport = await service.open("websocket", "polling")
    assert transport.name == "polling"
    await transport.close()


async def test_why_none_works_is_said_of_each(service: Service) -> None:
    service.by_polling("", status=503, headers={"Retry-After": "7"})
    with pytest.raises(Disconnected) as failed:
        await service.open("websocket", "polling")
    assert "websocket: the server answered 404" in str(failed.value)
    assert "polling: the server answered 503" in str(failed.value)
    assert failed.value.retry_after == 7.0
    service.script.clear()
    with pytest.raises(Disconnected) as failed:
        await service.open("polling")
    assert (str(failed.value), failed.value.retry_after) == ("the server answered 404", None)


@pytest.mark.slow
async def test_a_server_that_does_not_answer_is_given_up(service: Service) -> None:
    async def hang(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        raise AssertionError

    service.script["polling"] = service.script["websocket"] = hang
    with pytest.raises(Disconnected, match=r"^no answer within 0\.1 s$"):
        await service.open("websocket", "polling", timeout=0.1)
