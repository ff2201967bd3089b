"""Large answers that nobody reads cost a few kilobytes each, and end (rule S10)."""

from __future__ import annotations

import asyncio
import gc
import socket

import pytest

from collab.doors.http import large_answers
from tests.support.api import JWT, Api, mint, where
from tests.wire.conftest import Serve

#: characters of the document that is asked for
SIZE = 10_000_000


class Deaf:
    """Asks for the content of a document and reads nothing."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self.writer: asyncio.StreamWriter

    async def ask(self) -> None:
        url = self._api.url(where("large") + "/content?format=text&path=/body")
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # the kernel's own would take megabytes
        line.setblocking(False)
        await asyncio.get_running_loop().sock_connect(line, (url.host, url.port))
        _, self.writer = await asyncio.open_connection(sock=line, limit=1024)
        self.writer.write(
            f"GET {url.raw_path_qs} HTTP/1.1\r\nHost: {url.host}\r\n"
            f"Authorization: Bearer {self._api.token}\r\n\r\n".encode()
        )
        await self.writer.drain()
        self.writer.transport.pause_reading()  # type: ignore[attr-defined]


@pytest.fixture
async def api(serve: Serve) -> Api:
    api = (await serve({**JWT, "rate_updates": 1000, "rate_bytes": 1e9, "max_update_bytes": 2**24})).as_(
        mint("*=editor")
    )
    await api.write("large", "x" * SIZE)
    return api


def waiting(api: Api) -> int:
    """Bytes that wait in the server's transports."""
    return sum(one.transport.get_write_buffer_size() for one in api.server.connections if one.transport is not None)


async def test_forty_answers_that_nobody_reads_are_not_kept_in_memory(api: Api) -> None:
    deaf = [Deaf(api) for _ in range(40)]
    await asyncio.gather(*(one.ask() for one in deaf))
    other = api.as_(mint("*=viewer", sub="ben"))
    assert await other.read("large") == "x" * SIZE, "whoever reads is served meanwhile"
    assert waiting(api) < 40 * 4 * large_answers.PIECE
    for one in deaf:
        one.writer.transport.abort()
    gc.collect()


async def test_an_answer_that_is_not_taken_ends(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_answers, "PATIENCE", 0.5)
    one = Deaf(api)
    await one.ask()
    async with asyncio.timeout(20):
        while not waiting(api):
            await asyncio.sleep(0.01)
        while waiting(api):
            await asyncio.sleep(0.05)


async def test_one_caller_has_only_so_many_under_way(api: Api) -> None:
    deaf = [Deaf(api) for _ in range(large_answers.AT_ONCE)]
    for one in deaf:
        await one.ask()
    async with asyncio.timeout(20):
        while (await api("GET", where("large") + "/content?format=text&path=/body")).status != 429:
            await asyncio.sleep(0.05)
    other = api.as_(mint("*=viewer", sub="ben"))
    assert await other.read("large") == "x" * SIZE
    for one in deaf:
        one.writer.transport.abort()
