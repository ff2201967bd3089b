"""A connection goes from process to process by the sessions that its requests ask for."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from collab.config import load_settings
from collab.doors.dealt import Dealt
from collab.doors.gate import Gate
from collab.doors.link import BACK, DEALT, FOR, LEAVING, READY, YOURS, Link
from collab.doors.peers import Peers


class Above:
    """The process above, with two below it."""

    def __init__(self) -> None:
        self.dealt: list[Dealt] = []
        self.links: list[Link] = []
        self.heard: list[tuple[int, bytes, int]] = []
        self.ended: list[int] = []

    def add(self, number: int) -> None:
        async def answer(request: web.BaseRequest) -> web.Response:
            body = await request.read()
            return web.json_response([number, request.path_qs, len(body), request.remote])

        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        gate = Gate(web.Server(answer), 1024, load_settings({}, {}), Peers((), ()))  # type: ignore[arg-type]
        self.dealt.append(Dealt(gate, theirs.detach(), f"web-{number}", lambda: self.ended.append(number)))
        self.links.append(Link(ours, lambda *message: self._take(number, *message), lambda: None))

    def _take(self, origin: int, kind: bytes, number: int, data: bytes, connection: int | None) -> None:
        self.heard.append((origin, kind, number))
        if kind == FOR:
            target = number if number <= len(self.links) else origin
            self.links[target - 1].send(YOURS, number, data, connection)
        elif kind == BACK:
            self.links[1].send(DEALT, 0, b"", connection)

    def deal(self, number: int) -> socket.socket:
        """A connection to a process; the client's end."""
        with socket.create_server(("127.0.0.1", 0)) as listening:
            client = socket.create_connection(listening.getsockname())
            self.links[number - 1].send(DEALT, 0, b"", listening.accept()[0].detach())
        return client


@pytest.fixture
async def above() -> AsyncIterator[Above]:
    there = Above()
    for number in (1, 2):
        there.add(number)
    yield there
    for link in there.links:
        link.close()
    async with asyncio.timeout(30):
        while len(there.ended) < 2:
            await asyncio.sleep(0.01)


class Browser:
    """Keeps its connection, and asks one thing after the other."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client

    async def __aenter__(self) -> Browser:
        self._reader, self._writer = await asyncio.open_connection(sock=self._client)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def ask(self, path: str, body: bytes = b"") -> Any:
        head = f"POST {path} HTTP/1.1\r\nHost: here\r\nContent-Length: {len(body)}\r\n\r\n"
        self._writer.write(head.encode() + body)
        async with asyncio.timeout(30):
            answer = await self._reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200")
            length = int(answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            return json.loads(await self._reader.readexactly(length))


async def test_requests_reach_the_process_of_their_session(above: Above) -> None:
    async with Browser(above.deal(1)) as browser:
        for number, path in [
            (1, "/"),
            (1, "/socket.io/?sid=abc.web-1&t=1"),
            (2, "/socket.io/?EIO=4&sid=abc.web-2&t=1"),
            (2, "/healthz"),
            (1, "/socket.io/?sid=abc.web-1"),
            (2, "/metrics?process=2"),
        ]:
            assert await browser.ask(path) == [number, path, 0, "127.0.0.1"]
        # As much as comes at once and more, to and fro.
        for number in (1, 2, 1):
            path = f"/socket.io/?sid=abc.web-{number}"
            assert (await browser.ask(path, bytes(1_000_000)))[:3] == [number, path, 1_000_000]


async def test_who_asks_for_nobody_is_answered(above: Above) -> None:
    async with Browser(above.deal(1)) as browser:
        for path in ("/socket.io/?sid=abc.web-9", "/socket.io/?sid=abc.other-2", "/socket.io/?sid=web-2"):
            assert (await browser.ask(path))[:2] == [1, path]


async def test_who_leaves_gives_back_what_it_is_dealt_and_serves_its_sessions(above: Above) -> None:
    above.dealt[0].open("store=redis")
    above.dealt[0].close()
    async with Browser(above.deal(1)) as newcomer, Browser(above.deal(2)) as browser:
        assert (await newcomer.ask("/"))[0] == 2
        assert (await browser.ask("/socket.io/?sid=abc.web-1"))[0] == 1
    told = [(origin, kind) for origin, kind, _ in above.heard]
    assert told.index((1, READY)) < told.index((1, LEAVING)) < told.index((1, BACK))
