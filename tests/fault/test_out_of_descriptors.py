"""File descriptors run out (S6): newcomers are told, who is here goes on, and the log says so."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from typing import Any

import aiohttp
import pytest
from yarl import URL

from tests.support.server import CollabServer, line, lines
from tests.support.typists import opened

LIMIT = 160
#: a process of its own below the shell: the limit is the server's alone
FEW = ["sh", "-c", f'ulimit -n {LIMIT}; "$0" "$@"; exit $?']


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True)) as session:
        yield session


POLL = b"GET /api/v1/documents/a/events HTTP/1.1\r\nHost: localhost\r\n\r\n"


def fill(server: CollabServer, connections: ExitStack) -> bytes:
    """Follow the document until somebody is refused; what they were told."""
    address = URL(server.url)
    for _ in range(LIMIT):
        connection = connections.enter_context(socket.create_connection((address.host, address.port), timeout=10))
        connection.settimeout(10)
        try:
            connection.sendall(POLL)
            told = connection.recv(4096)
        except ConnectionError:
            continue  # refused before it said anything, which the answer does not always survive
        if not told.startswith(b"HTTP/1.1 200 "):
            return told
    raise AssertionError("nobody was refused")


async def test_the_last_descriptors_are_kept_from_newcomers(
    start_server: Callable[..., CollabServer], http: aiohttp.ClientSession, tmp_path: Any
) -> None:
    server = start_server(f"sqlite:///{tmp_path}/store.db", wrapper=FEW, args=["--max-connections-per-ip", "1000"])
    editor = await opened(server, http, "a")
    with ExitStack() as connections:
        told = await asyncio.to_thread(fill, server, connections)
        refused = await line(server, "out of file descriptors: newcomers are refused", setting="ulimit -n")
        assert (refused["limit"], refused["level"]) == (LIMIT, "error")
        assert told.startswith(b"HTTP/1.1 503 ") and b"Retry-After: 5" in told and b"too_many_connections" in told
        assert (await editor.type("x"))["durable"]
        content = await editor.client.call("content", {"format": "text", "path": "/body"})
        assert (content["ok"], content["content"]) == (True, "x"), "a worker could be started"
        assert len(lines(server, "out of file descriptors: newcomers are refused")) == 1, "once, and not one each"
    async with asyncio.timeout(20):  # once they are gone, there is room
        while True:
            try:
                async with http.get(f"{server.url}/healthz") as response:
                    if response.status == 200:
                        break
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
    await editor.client.close()


async def test_the_soft_limit_is_raised_to_the_hard_one(start_server: Callable[..., CollabServer]) -> None:
    server = start_server(wrapper=["sh", "-c", 'ulimit -S -n 128; ulimit -H -n 300; "$0" "$@"; exit $?'])
    assert resource.prlimit(server.pid, resource.RLIMIT_NOFILE) == (300, 300)


async def test_a_worker_that_cannot_be_started_for_want_of_descriptors_has_a_code_and_a_line(
    start_server: Callable[..., CollabServer], http: aiohttp.ClientSession
) -> None:
    """Should the reserve not do: files of others may take it."""
    server = start_server()
    editor = await opened(server, http, "a")
    used = 1 + max(map(int, os.listdir(f"/proc/{server.pid}/fd")))
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (used, 4096))
    answer = await editor.client.call("content", {"format": "json"})
    assert answer["ok"] is False
    error = answer["error"]
    assert (error["code"], error["scope"], error["retryable"]) == ("too_many_connections", "server", True)
    assert error["retry_after"] == 5
    assert "open files" in (await line(server, "reading failed"))["reason"]
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (4096, 4096))
    assert (await editor.client.call("content", {"format": "json"}))["ok"], "and later it can"
    await editor.client.close()
