"""A server that everybody has left gives its memory back."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fault.test_large import anonymous
from tests.support.api import http_session
from tests.support.editor import Editor
from tests.support.server import CollabServer
from tests.support.wire import Client, WebSocketWire

DOCUMENTS = 120
LETTERS = 100_000


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc tells how much there is")
async def test_a_server_that_everybody_has_left_is_small_again(
    start_server: Callable[..., CollabServer], tmp_path: Path
) -> None:
    options = ["--idle-timeout", "300ms", "--rate-bytes", "1GiB", "--max-connections-per-ip", "1000"]
    server = start_server(f"sqlite:///{tmp_path}/store.db", args=options)
    async with http_session() as http:

        async def work(name: str) -> Client:
            client = Client(WebSocketWire(server.url, http), f"/doc/{name}")
            await client.connect()
            editor = Editor(client)
            await editor.sync()
            for part in range(10):
                await editor.type(f"{part}" * (LETTERS // 10))
            return client

        async def crowd(name: str) -> int:
            """Everybody comes and goes; memory at the most, in bytes."""
            clients = await asyncio.gather(*(work(f"{name}-{number}") for number in range(DOCUMENTS)))
            most = anonymous(server.pid)
            for client in clients:
                await client.close()
            return most

        # What is made once, modules, threads and their stacks, is there after the first crowd.
        first = await crowd("first")
        before = await below(first - (5 << 20), server.pid)
        most = await crowd("second")
        after = await below((before + most) // 2, server.pid)
    print(f"{before >> 20} MiB, then {most >> 20} MiB, at last {after >> 20} MiB")


async def below(bound: int, pid: int) -> int:
    """Wait until a process has less memory than ``bound`` bytes; how much it has then."""
    deadline = time.monotonic() + 40
    while (left := anonymous(pid)) >= bound:
        assert time.monotonic() < deadline, f"{left >> 20} MiB stay, and should be less than {bound >> 20}"
        await asyncio.sleep(0.2)
    return left
