"""A server that stands still, or falls, is back by itself, and nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from tests.support.api import http_session
from tests.support.editor import Editor
from tests.support.server import CollabServer, running
from tests.support.typists import read
from tests.support.wire import Client, WebSocketWire

#: makes a server stand still when it is told to
STALLS = """
import signal, time
signal.signal(signal.SIGRTMIN, lambda *_: time.sleep(1000))
"""


def child_of(server: CollabServer) -> int:
    """The server itself, below its supervisor."""
    (child,) = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    return int(child)


async def answers(server: CollabServer, http: aiohttp.ClientSession, former: int) -> None:
    """Wait until another process than ``former`` answers."""
    async with asyncio.timeout(40):
        while True:
            try:
                async with http.get(f"{server.url}/healthz", timeout=aiohttp.ClientTimeout(1)) as answer:
                    if answer.status == 200 and child_of(server) != former:
                        return
            except (aiohttp.ClientError, TimeoutError, ValueError):
                pass
            await asyncio.sleep(0.05)


async def test_a_test_that_ends_leaves_no_server_of_its_supervisor_behind(
    start_server: Callable[..., CollabServer],
) -> None:
    for end in (False, True):
        server = start_server(args=["--supervise"])
        supervisor, child = server.pid, child_of(server)
        if end:  # by whatever; its server goes on
            os.kill(supervisor, signal.SIGKILL)
        assert running(child)
        await asyncio.to_thread(server.kill)
        assert not running(child) and not running(supervisor)


@pytest.mark.parametrize("number", [signal.SIGRTMIN, signal.SIGSEGV, signal.SIGKILL], ids=["stalls", "segv", "kill"])
async def test_a_supervised_server_comes_back(
    start_server: Callable[..., CollabServer], tmp_path: Path, number: int
) -> None:
    (tmp_path / "sitecustomize.py").write_text(STALLS)
    root = Path(__file__).parents[2]
    server = start_server(
        f"sqlite:///{tmp_path}/store.db",
        args=["--supervise", "--watchdog", "500ms"],
        env={"PYTHONPATH": f"{tmp_path}:{root}"},
    )
    async with http_session() as http:
        client = Client(WebSocketWire(server.url, http), "/doc/kept")
        await client.connect()
        editor = Editor(client)
        await editor.sync()
        assert (await editor.type("kept"))["durable"]
        child = child_of(server)
        os.kill(child, number)
        await answers(server, http, child)
        assert await read(server, http, "/doc/kept") == "kept"
        await client.close()
    said = server.stderr()
    assert said.count("the server ended, and is started again") == 1
    assert ("loop silent, the process ends" in said and "sitecustomize.py" in said) is (number == signal.SIGRTMIN)
    assert await asyncio.to_thread(server.stop) == 0
