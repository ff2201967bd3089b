"""Connections, handshakes and heads of one address keep nobody else out (rule S12)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import aiohttp

from tests.support.attack import MIB, MOST_MEMORY, MOST_WAIT, Line, Memory, bystander, report
from tests.support.repository import ROOT
from tests.support.server import CollabServer, line

Start = Callable[..., CollabServer]
#: what the server below may have open: by default it would be many more than a test can open
FEW = ["sh", "-c", 'ulimit -n 400; "$0" "$@"; exit $?']
POLLING = {"EIO": "4", "transport": "polling"}


async def opened(server: CollabServer, count: int, said: bytes = b"") -> list[Line]:
    lines = []
    for _ in range(count):
        one = await Line(server.url).open()
        lines.append(one)
        if said:
            await one.send_within(said, 5.0)
    return lines


def close(lines: list[Line]) -> None:
    for one in lines:
        one.close()


async def test_connections_that_say_nothing_give_way(start_server: Start) -> None:
    server = start_server(wrapper=FEW, args=["--log-format", "json", "--head-timeout", "30s"])
    async with bystander(server) as somebody:
        memory = Memory(server)
        silent: list[Line] = []
        for _ in range(3):
            silent += await memory.beside(opened(server, 400))
        told = await line(server, "too many connections: those without a request give way")
        assert told["address"] == "127.0.0.1"
        await asyncio.sleep(0.5)  # beside them, too, somebody honest is answered
        close(silent)
    report("1200 silent connections, 400 descriptors", memory, somebody)
    assert memory.most < MOST_MEMORY
    assert somebody.worst < MOST_WAIT


async def test_of_one_address_there_are_only_so_many(start_server: Start) -> None:
    server = start_server(args=["--log-format", "json", "--max-connections-per-ip", "100", "--head-timeout", "30s"])
    async with bystander(server) as somebody:
        memory = Memory(server)
        silent = await memory.beside(opened(server, 500))
        left = sum([not await one.ended(0.0) for one in silent])
        close(silent)
    report("500 silent connections, 100 allowed", memory, somebody)
    assert somebody.worst < MOST_WAIT
    assert left <= 500


async def test_whoever_sends_no_whole_head_in_time_is_sent_away(start_server: Start) -> None:
    server = start_server(args=["--log-format", "json", "--head-timeout", "1s", "--keepalive-timeout", "3s"])
    silent, slow, idle = await opened(server, 3)
    await slow.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
    await idle.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (await idle.read()).startswith(b"HTTP/1.1 200")

    async def drip() -> None:
        while await slow.send_within(b"x", 5.0):
            await asyncio.sleep(0.1)

    dripping = asyncio.create_task(drip())
    assert await silent.read() == b""
    assert await slow.read() == b""
    await dripping
    told = await line(server, "connection ended: no whole request came in time")
    assert told["address"] == "127.0.0.1" and told["limit"] == 1.0
    await idle.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (await idle.read()).startswith(b"HTTP/1.1 200"), "who is idle has longer"
    assert await idle.read() == b""
    close([silent, slow, idle])


async def test_long_heads_are_not_kept(start_server: Start) -> None:
    server = start_server(args=["--log-format", "json"])
    head = b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"".join(b"X-%d: %b\r\n" % (n, b"x" * 8000) for n in range(115))
    async with bystander(server) as somebody:
        memory = Memory(server)
        lines = await memory.beside(opened(server, 300, head))
        report("300 heads of 0.9 MiB", memory, somebody)
        close(lines)
        # On a connection that was used before, the same.
        (used,) = await opened(server, 1)
        for _ in range(2):
            await used.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await used.read()).startswith(b"HTTP/1.1 200")
        await used.send_within(head, 5.0)
        assert b" 431 " in await used.read() or await used.ended(5.0)
        used.close()
    assert memory.most < MOST_MEMORY
    assert (await line(server, "request refused: its head is too large"))["address"] == "127.0.0.1"


async def test_heads_just_below_what_is_allowed(start_server: Start) -> None:
    server = start_server(args=["--log-format", "json", "--head-timeout", "30s"])
    head = b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"".join(b"X-%d: %b\r\n" % (n, b"x" * 8000) for n in range(4))
    async with bystander(server) as somebody:
        memory = Memory(server)
        close(await memory.beside(opened(server, 1000, head[: 31 * 1024])))
    report("1000 heads of 31 KiB", memory, somebody)
    assert memory.most < MOST_MEMORY
    assert somebody.worst < MOST_WAIT


async def test_polling_handshakes_of_one_address_are_bounded(start_server: Start, http: aiohttp.ClientSession) -> None:
    args = ["--trusted-proxies", "127.0.0.1", "--log-format", "json", "--max-connections-per-ip", "200"]
    server = start_server(args=args)
    let_in = refused = 0
    began = time.monotonic()

    async def shake_hands() -> None:
        nonlocal let_in, refused
        for _ in range(250):
            headers = {"X-Forwarded-For": "203.0.113.5"}
            async with http.get(f"{server.url}/socket.io/", params=POLLING, headers=headers) as response:
                if response.status == 200:
                    let_in += 1
                else:
                    assert response.status == 503 and response.headers["Retry-After"]
                    refused += 1

    async with bystander(server) as somebody:
        memory = Memory(server)
        await memory.beside(asyncio.gather(*(shake_hands() for _ in range(20))))
    report(f"5000 polling handshakes ({let_in} let in)", memory, somebody)
    seconds = time.monotonic() - began
    # As many as may be there at a time, twice: the first are sent away while others come.
    assert let_in <= 2 * (200 + 20) + seconds * 20 and refused > 3000
    assert memory.most < MOST_MEMORY
    assert somebody.worst < MOST_WAIT
    assert (await line(server, "connection refused", code="too_many_connections"))["address"] == "203.0.113.5"


async def test_answers_that_are_not_read_end(start_server: Start, tmp_path: Any) -> None:
    patient = "import collab.doors.served as served\nserved.UNREAD_PATIENCE = 2.0\n"
    (tmp_path / "sitecustomize.py").write_text(patient)
    server = start_server(args=["--log-format", "json"], env={"PYTHONPATH": f"{tmp_path}:{ROOT}"})
    async with bystander(server) as somebody:
        memory = Memory(server)
        ask = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
        deaf = await memory.beside(opened(server, 30, ask * 200))
        told = await line(server, "connection cut: it does not read")
        assert told["address"] == "127.0.0.1"
        for one in deaf:
            assert await one.ended(30.0)
        close(deaf)
    report("6000 pages that nobody reads", memory, somebody)
    assert memory.most < MOST_MEMORY
    assert somebody.worst < MOST_WAIT
    assert memory.look() < 32 * MIB
