"""A door by the page "How to add a door": what every door owes holds there without a line in it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any
from unittest import mock

import aiohttp
import pytest
from aiohttp import web

from collab import app as composition
from collab.doors.ywebsocket import YWebSocketDoor
from tests.support.api import JWT, Api, mint, where
from tests.support.line_door import LineDoor
from tests.wire.conftest import Serve


class Person:
    """A client of the new door."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse) -> None:
        self.websocket = websocket

    async def say(self, line: str) -> None:
        await self.websocket.send_bytes(line.encode())

    async def hears(self, *words: str) -> str:
        """The next line with all of ``words``."""
        async with asyncio.timeout(10):
            while True:
                message = await self.websocket.receive()
                assert message.type is aiohttp.WSMsgType.BINARY, (message, self.websocket.close_code)
                if all(word in message.data.decode() for word in words):
                    return str(message.data.decode())

    async def is_gone(self) -> int | None:
        """The code with which the connection ends."""
        async with asyncio.timeout(20):
            while not self.websocket.closed:
                await self.websocket.receive()
        return self.websocket.close_code


class Rooms:
    """A server with the new door beside the others."""

    def __init__(self, api: Api, http: aiohttp.ClientSession) -> None:
        self.api = api
        self._http = http

    async def enter(self, name: str, token: str | None = None) -> Person:
        query = {"name": name, **({"token": token} if token else {})}
        url = f"{self.api.server.url}/lines/notes"
        return Person(await self._http.ws_connect(url, params=query))


class WithLines(YWebSocketDoor):
    """A door of the application, and the new one beside it, as a line in its list of doors would put it."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._lines = LineDoor(*arguments)

    def add_routes(self, app: web.Application) -> None:
        super().add_routes(app)
        self._lines.add_routes(app)

    async def drain(self, waves: int, pause: float) -> None:
        await asyncio.gather(super().drain(waves, pause), self._lines.drain(waves, pause))

    async def close(self) -> None:
        await super().close()
        await self._lines.close()


Open = Callable[..., Awaitable[Rooms]]


@pytest.fixture
async def rooms(serve: Serve, http: aiohttp.ClientSession) -> Open:
    """``await rooms(settings)``: a server with the new door."""

    async def start(settings: dict[str, Any] | None = None) -> Rooms:
        with mock.patch.object(composition, "YWebSocketDoor", WithLines):
            return Rooms(await serve(settings), http)

    return start


async def test_people_see_each_other_and_hear_what_is_said(rooms: Open) -> None:
    room = await rooms()
    ann = await room.enter("Ann")
    await ann.hears("*", "Ann joined")
    ben = await room.enter("Ben")
    await ben.hears("*", "Ann joined")
    await ann.hears("Ben joined")
    await ann.say("hello")
    assert (await ben.hears("hello")).endswith(": hello")
    await ben.websocket.close()
    await ann.hears("Ben left")


async def test_who_may_not_is_not_let_in_and_who_is_let_in_goes_when_told_to(rooms: Open) -> None:
    room = await rooms(JWT)
    assert await (await room.enter("Eve")).is_gone() == 4401
    assert await (await room.enter("Eve", mint("other=editor"))).is_gone() == 4403
    ann = await room.enter("Ann", mint("notes=viewer", sub="ann"))
    await ann.hears("joined")
    admin = room.api.as_(mint("*=admin", sub="root"))
    (here,) = (await admin("GET", where("notes") + "/participants")).json["participants"]
    assert (await admin("DELETE", f"{where('notes')}/participants/{here['session']}")).status == 204
    assert await ann.is_gone() == 4403


async def test_a_token_ends_here_too(rooms: Open) -> None:
    room = await rooms(JWT)
    ann = await room.enter("Ann", mint("notes=viewer", ttl=1.5))
    await ann.hears("! token_expired")
    assert await ann.is_gone() == 4408


async def test_a_flood_is_held_back_told_and_cut(rooms: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collab.hub.limits.TELL_AFTER", 0.2)
    monkeypatch.setattr("collab.hub.limits.CUT_AFTER", 1.0)
    room = await rooms({"rate_awareness": 20})
    flood = await room.enter("Flood")

    async def shout() -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                await flood.say("!" * 100)

    shouting = asyncio.create_task(shout())
    await flood.hears("! rate_limited")
    assert await flood.is_gone() == 4429
    shouting.cancel()


async def test_what_is_no_line_ends_that_connection_only(rooms: Open) -> None:
    room = await rooms()
    ann = await room.enter("Ann")
    odd = await room.enter("Odd")
    await ann.hears("Odd joined")
    await odd.websocket.send_bytes(b"\xff\xfe")
    assert await odd.is_gone() == 1002
    await ann.hears("Odd left")


async def test_a_full_disk_or_a_moving_server_is_told_in_a_line(rooms: Open) -> None:
    room = await rooms()
    ann = await room.enter("Ann")
    await ann.hears("joined")
    room.api.server.hub.announce_drain(5)
    await ann.hears("! draining")
