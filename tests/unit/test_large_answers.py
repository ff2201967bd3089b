"""Large answers go out in pieces: who does not read costs little, and has few of them under way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, make_mocked_request

from collab.doors.http import large_answers
from collab.doors.http.answers import Call
from collab.doors.http.large_answers import AT_ONCE, SMALL, LargeAnswers
from collab.doors.http.rates import Rate
from collab.errors import CollabError
from collab.types import Identity, Role

LARGE = bytes(range(256)) * (4 * SMALL // 256) + b"end"
HUGE = b"x" * 20_000_000  # more than the buffers of any socket


class Service:
    """Serves bodies by name, and notes what became of the answers."""

    def __init__(self) -> None:
        self.answers = LargeAnswers()
        self.failures: list[BaseException] = []
        self.under_way = 0

    async def handler(self, request: web.Request) -> web.StreamResponse:
        body = {"small": b"x" * SMALL, "large": LARGE, "huge": HUGE}[request.match_info["body"]]
        who = request.query.get("who", "ann")
        call = Call(request, Identity(who, who, "#000000"), Role.VIEWER, "d", {}, None, Rate(1.0, 1.0), "127.0.0.1")
        self.under_way += 1
        try:
            return await self.answers.send(call, body, {"X-A": "b"}, "text/plain", request.query.get("charset"))
        except CollabError as error:
            return web.Response(status=429, text=f"{error.code} {error.retry_after}")
        except ConnectionResetError as error:
            self.failures.append(error)
            raise
        finally:
            self.under_way -= 1


@pytest.fixture
async def service() -> AsyncIterator[tuple[Service, TestServer]]:
    service = Service()
    app = web.Application()
    app.router.add_get("/{body}", service.handler)
    server = TestServer(app)
    await server.start_server()
    yield service, server
    await server.close()


@pytest.mark.parametrize(("name", "body"), [("small", b"x" * SMALL), ("large", LARGE)])
@pytest.mark.parametrize("charset", [None, "utf-8"])
async def test_every_byte_arrives_with_its_headers(
    service: tuple[Service, TestServer], name: str, body: bytes, charset: str | None
) -> None:
    async with aiohttp.ClientSession() as http:
        query = {} if charset is None else {"charset": charset}
        async with http.get(service[1].make_url(f"/{name}"), params=query) as response:
            assert await response.read() == body
            assert response.headers["Content-Length"] == str(len(body))
            assert (response.content_type, response.charset, response.headers["X-A"]) == ("text/plain", charset, "b")
        async with http.head(service[1].make_url(f"/{name}")) as response:
            assert response.headers["Content-Length"] == str(len(body))


async def opened(server: TestServer, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A request whose answer nobody reads yet."""
    reader, writer = await asyncio.open_connection(server.host, server.port, limit=2**14)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return reader, writer


async def until(condition: Any) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


async def test_one_caller_has_few_of_them_under_way_and_others_theirs(service: tuple[Service, TestServer]) -> None:
    serving, server = service
    pairs = [await opened(server, "/huge") for _ in range(AT_ONCE)]
    await until(lambda: serving.under_way == AT_ONCE)
    async with aiohttp.ClientSession() as http:
        async with http.get(server.make_url("/huge")) as refused:
            assert (refused.status, await refused.text()) == (429, f"rate_limited {large_answers.PATIENCE}")
        async with http.get(server.make_url("/small")) as small:
            assert small.status == 200, "small ones are not counted"
        async with http.get(server.make_url("/large"), params={"who": "bob"}) as another:
            assert await another.read() == LARGE
        for _, writer in pairs:
            writer.close()
        await until(lambda: serving.under_way == 0)
        async with http.get(server.make_url("/large")) as again:
            assert await again.read() == LARGE
    assert not serving.answers._under_way, "nobody is remembered"


@pytest.mark.slow
async def test_who_does_not_read_is_cut(service: tuple[Service, TestServer], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_answers, "PATIENCE", 0.2)
    serving, server = service
    reader, writer = await opened(server, "/huge")
    await until(lambda: serving.failures)
    assert str(serving.failures[0]) == "the answer is not read"
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await reader.readexactly(len(HUGE))
    writer.close()


async def test_somebody_behind_the_same_address_is_another_caller() -> None:
    anonymous = Identity(None, "Bob", "#000000")
    call = Call(make_mocked_request("GET", "/"), anonymous, Role.VIEWER, "d", {}, None, Rate(1.0, 1.0), "127.0.0.1")
    answers = LargeAnswers()
    for each in range(AT_ONCE):
        answers._under_way[call.owner] = each + 1
    with pytest.raises(CollabError, match="rate_limited"):
        await answers.send(call, LARGE, {}, "text/plain")
    other = replace(call)
    with answers._counted(other.owner):
        assert answers._under_way[other.owner] == 1
