"""A watched connection of aiohttp: what it says of itself, with real sockets."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import pytest
import structlog.testing
from aiohttp import web

from collab.doors.gate import Gate
from collab.doors.peers import Peers
from collab.doors.served import MAX_HEAD, ServedRequests

ASK = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


class House:
    """A server behind a gate; ``visitor`` is the last one that came."""

    def __init__(self) -> None:
        self.opens = asyncio.Event()
        self.opens.set()
        self.port = 0
        self.gate: Gate
        self.latest: weakref.ref[ServedRequests]

    @property
    def visitor(self) -> ServedRequests:
        (there,) = self.gate._watched.values()
        return cast("ServedRequests", list(there)[-1])

    async def answer(self, request: web.Request) -> web.Response:
        await request.read()
        await self.opens.wait()
        return web.Response(text="here")

    async def come(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        before = self.gate._count
        streams = await asyncio.open_connection("127.0.0.1", self.port)
        async with asyncio.timeout(10):
            while self.gate._count == before:
                await asyncio.sleep(0.01)
        self.latest = weakref.ref(self.visitor)
        return streams


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    app = web.Application()
    app.router.add_route("*", "/", house.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    assert runner.server is not None
    settings = SimpleNamespace(
        head_timeout=10.0, keepalive_timeout=75.0, max_connections=None, max_connections_per_ip=9
    )
    house.gate = Gate(runner.server, 1000, settings, Peers((), ()))
    server = await asyncio.get_running_loop().create_server(house.gate, "127.0.0.1", 0)
    house.port = server.sockets[0].getsockname()[1]
    yield house
    server.close()
    await runner.cleanup()


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def test_silent_busy_idle(house: House) -> None:
    reader, writer = await house.come()
    visitor = house.visitor
    assert visitor.silent
    house.opens.clear()
    writer.write(ASK)
    await until(lambda: not visitor.silent)
    await until(lambda: not visitor.idle)
    visitor.look(time.monotonic() + 1e6)
    assert not writer.is_closing(), "who is served has all the time of the world"
    house.opens.set()
    await reader.readuntil(b"here")
    await until(lambda: visitor.idle)
    now = time.monotonic()
    visitor.look(now)
    visitor.look(now + 74)
    assert visitor.transport is not None
    visitor.look(now + 76)
    assert await reader.read() == b""
    await until(lambda: not house.gate._count)
    writer.close()


async def test_who_never_asks_has_the_time_of_a_head(house: House) -> None:
    reader, writer = await house.come()
    visitor, now = house.visitor, time.monotonic()
    writer.write(ASK[:10])
    await until(lambda: visitor._head_bytes)
    visitor.look(now + 9)
    assert visitor.transport is not None
    visitor.look(now + 11)
    assert await reader.read() == b""
    writer.close()


async def test_a_body_is_no_head(house: House) -> None:
    reader, writer = await house.come()
    size = 4 * MAX_HEAD
    writer.write(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % size)
    await writer.drain()
    await asyncio.sleep(0.05)
    writer.write(bytes(size))
    assert await reader.readuntil(b"here")
    writer.write(ASK)
    assert await reader.readuntil(b"here")
    writer.close()


@pytest.mark.parametrize("before", [b"", ASK], ids=["the first", "a later one"])
@pytest.mark.parametrize("piece", [1000, 10 * MAX_HEAD], ids=["by and by", "at once"])
async def test_a_head_that_is_too_long(house: House, before: bytes, piece: int) -> None:
    reader, writer = await house.come()
    writer.write(before)
    if before:
        await reader.readuntil(b"here")
    head = ASK[:-2] + b"".join(b"X-%d: %b\r\n" % (n, b"x" * 5000) for n in range(MAX_HEAD // 5000 + 1)) + b"\r\n"
    for at in range(0, len(head), piece):
        writer.write(head[at : at + piece])
        await asyncio.sleep(0)
    try:
        assert (await reader.read()).startswith(b"HTTP/1.1 431 ")
    except ConnectionError:
        assert piece == 1000, "what it still had to say may be faster than our answer"
    assert not house.gate._count
    writer.close()


async def test_a_head_that_is_not(house: House) -> None:
    reader, writer = await house.come()
    head = ASK[:-2] + b"".join(b"X-%d: %b\r\n" % (n, b"x" * 5000) for n in range(MAX_HEAD // 5000 - 1)) + b"\r\n"
    for _ in range(3):
        writer.write(head)
        assert await reader.readuntil(b"here")
    writer.close()


@pytest.mark.parametrize("head", [b"no request at all\r\n\r\n", ASK[:-2] + b"Bad Header\0: a\r\n\r\n"])
async def test_an_answer_to_what_is_no_request_names_no_version(house: House, head: bytes) -> None:
    reader, writer = await house.come()
    writer.write(head)
    answer = await reader.read()
    assert answer.startswith(b"HTTP/1.0 400 ")
    assert b"\r\nServer: collab\r\n" in answer
    writer.close()


async def test_a_handler_that_raises_is_in_the_log(house: House) -> None:
    house.opens = cast("Any", SimpleNamespace(wait=lambda: 1 / 0))
    reader, writer = await house.come()
    with structlog.testing.capture_logs() as lines:
        writer.write(ASK)
        answer = await reader.readuntil(b"trouble")
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"ZeroDivision" not in answer
    (line,) = lines
    assert (line["event"], line["log_level"], line["method"]) == ("request failed", "error", "GET")
    assert isinstance(line["exc_info"], ZeroDivisionError)
    assert line["address"] == "127.0.0.1"
    writer.close()


async def test_who_goes_in_the_middle_of_a_body_is_no_failure(house: House) -> None:
    """Anybody can do that, as often as they like: a traceback each would be a weapon."""
    _, writer = await house.come()
    with structlog.testing.capture_logs() as lines:
        writer.write(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhere")
        await until(lambda: not house.visitor.idle)
        handler = house.visitor._task_handler
        assert handler is not None
        writer.transport.abort()
        await asyncio.wait([handler], timeout=10)
    assert handler.done() and lines == []


async def is_no_request(house: House) -> None:
    reader, writer = await house.come()
    writer.write(b"GET /" + b"x" * 9000)
    assert (await reader.read()).startswith(b"HTTP/1.0 400 ")
    writer.close()


async def goes_on_with_no_request(house: House) -> None:
    reader, writer = await house.come()
    for _ in range(2):  # the second is never looked at
        house.visitor.data_received(b"GET /" + b"x" * 9000)
    assert (await reader.read()).startswith(b"HTTP/1.0 400 ")
    writer.close()


async def becomes_a_websocket(house: House) -> None:
    _, writer = await house.come()
    parser = SimpleNamespace(feed_data=lambda _data: (False, b""), feed_eof=lambda: None, of=house.visitor)
    house.visitor.set_parser(cast("Any", parser), data_received_cb=partial(getattr, parser, "of"))
    writer.transport.abort()


@pytest.mark.parametrize("visit", [is_no_request, goes_on_with_no_request, becomes_a_websocket])
async def test_what_is_over_does_not_wait_for_the_collector(
    house: House, visit: Callable[[House], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is logged is kept by the test runner, and what it leads to.
    monkeypatch.setattr(logging.getLogger("aiohttp.server"), "disabled", True)
    gc.disable()
    try:
        await visit(house)
        await until(lambda: house.latest() is None)
    finally:
        gc.enable()
