"""The process as an operator meets it: start line, health, signals, unsafe starts."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

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


async def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(RuntimeError) as caught:
            CollabServer(port=port).start()
    words = str(caught.value).removeprefix("the server did not start: ")
    assert words.startswith(f"collab: port: {port} cannot be used on '127.0.0.1': address already in use; allowed: ")
    assert words.count("\n") == 1


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("no-such-host.invalid", "no such name"), ("a..b", "no such name"), ("x" * 300, "no such name"),
        ("192.0.2.1", "cannot assign requested address"),
    ],
)  # fmt: skip
async def test_a_host_that_is_not_this_machine_is_named(host: str, why: str) -> None:
    with pytest.raises(RuntimeError) as caught:
        CollabServer(args=["--host", host, "--insecure"]).start()
    _, line = str(caught.value).strip().split("\n")  # the first one warns of an open house
    assert line == f"collab: host: {host!r} cannot be listened on: {why}; allowed: an address or a name of this machine"


async def test_a_redis_that_is_not_there_is_named_in_one_sentence() -> None:
    with pytest.raises(RuntimeError) as caught:
        CollabServer("redis://127.0.0.1:9/0").start()
    line = str(caught.value).strip()
    assert line.partition("collab: ")[2].startswith("Cannot reach Redis at redis://127.0.0.1:9/0: ")
    assert line.endswith("refused.")
    assert ".." not in line


async def test_settings_for_tokens_without_auth_are_said_to_be_idle(start_server: Start) -> None:
    server = start_server(env={"COLLAB_JWT_SECRET": "x" * 40})
    assert "jwt-secret: without auth jwt no token is looked at" in server.stderr()
    assert "xxx" not in server.stderr()


async def test_a_key_that_verifies_nothing_stops_the_start(start_server: Start) -> None:
    key = ec.generate_private_key(ec.SECP384R1()).public_key()
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(RuntimeError, match=r"collab: jwt-public-key: this is a key of secp384r1, .* allowed: RSA"):
        start_server(args=["--auth", "jwt", "--jwt-public-key", pem])
