"""The process as an operator meets it: start line, health, signals, unsafe starts."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from tests.support.editor import Editor
from tests.support.server import CollabServer
from tests.support.typists import read
from tests.wire.conftest import Connect

pytestmark = pytest.mark.asyncio
Start = Callable[..., CollabServer]


async def test_the_start_line_and_health(start_server: Start, http: aiohttp.ClientSession) -> None:
    server = start_server()
    assert re.fullmatch(
        r"collab listening on http://127\.0\.0\.1:\d+ store=memory auth=none nodes=1", server.start_line
    )
    async with http.get(f"{server.url}/healthz") as response:
        assert response.status == 200
        assert (await response.json())["status"] == "ok"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_saves_says_goodbye_and_ends_with_0(
    start_server: Start, connect: Connect, http: aiohttp.ClientSession, tmp_path: Path, number: int
) -> None:
    server = start_server(f"sqlite:///{tmp_path}/a.db")
    editor = Editor(await connect("/doc/drained", server=server))
    await editor.sync()
    ids = await editor.client.send_many("sync-update", [editor.typed("x") for _ in range(50)])
    await editor.client.wait(lambda p: p.type == 3 and p.id == ids[0])
    process = server.process
    assert process is not None
    os.kill(server.pid, number)
    notice = await editor.client.event("notice")
    assert (notice["code"], notice["retryable"]) == ("draining", True)
    assert notice["retry_after"] > 0
    await editor.client.wait_closed()
    assert not any(p.type == 1 for p in editor.client.received), "after a DISCONNECT packet clients do not come back"
    acknowledged = sum(p.type == 3 for p in editor.client.received)
    assert process.wait(10) == 0
    assert "Traceback" not in server.stderr()
    server.start()
    assert len(await read(server, http, "/doc/drained")) >= acknowledged


async def test_an_open_door_without_auth_is_refused() -> None:
    with pytest.raises(RuntimeError, match="open to other machines"):
        CollabServer(args=["--host", "0.0.0.0"]).start()
    server = CollabServer(args=["--host", "0.0.0.0", "--insecure"]).start()
    assert server.stop() == 0
