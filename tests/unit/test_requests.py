"""The header ``Expect``: what is expected is written before the response, and anything else is refused in our words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from collab.doors.requests import meet_expectation


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    async def handler(request: web.Request) -> web.Response:
        body = await request.read()
        if body == b"fail!":
            raise ZeroDivisionError
        return web.Response(text=f"{len(body)} bytes")

    app = web.Application()
    app.router.add_route("POST", "/", handler, expect_handler=meet_expectation)
    server = TestServer(app)
    await server.start_server()
    yield server
    await server.close()


async def answers(server: TestServer, version: str, expect: str | None, body: bytes = b"hello") -> str:
    """What comes back for a request whose body goes out at once."""
    reader, writer = await asyncio.open_connection(server.host, server.port)
    head = f"POST / HTTP/{version}\r\nHost: x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
    if expect is not None:
        head += f"Expect: {expect}\r\n"
    writer.write(head.encode("latin-1") + b"\r\n" + body)
    async with asyncio.timeout(10):
        data = await reader.read()
    writer.close()
    return data.decode("latin-1")


@pytest.mark.parametrize("expect", ["100-continue", "100-Continue"])
async def test_whoever_waits_for_leave_gets_it_and_then_the_answer(server: TestServer, expect: str) -> None:
    first, _, rest = (await answers(server, "1.1", expect)).partition("\r\n\r\n")
    assert first == "HTTP/1.1 100 Continue"
    assert rest.startswith("HTTP/1.1 200 OK")
    assert rest.endswith("5 bytes")


async def test_a_handler_that_fails_then_is_answered_too(server: TestServer) -> None:
    """What was written before is no response that an error would come too late for."""
    assert "HTTP/1.1 500 " in await answers(server, "1.1", "100-continue", b"fail!")


@pytest.mark.parametrize("expect", ["200-ok", "100-continue, x", "\x80\xff"])
async def test_other_expectations_are_refused_and_not_repeated(server: TestServer, expect: str) -> None:
    answer = await answers(server, "1.1", expect)
    assert answer.startswith("HTTP/1.1 417 ")
    assert expect not in answer.replace("Only 100-continue can be expected.", "")


async def test_before_http_1_1_nobody_can_expect_anything(server: TestServer) -> None:
    answer = await answers(server, "1.0", "100-continue")
    assert answer.startswith("HTTP/1.0 200 OK")
    assert "100 Continue" not in answer
