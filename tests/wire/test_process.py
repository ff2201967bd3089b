"""The process as an operator meets it: start line, health, signals, unsafe starts."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from collab.commands import next_steps
from tests.support.editor import Editor
from tests.support.server import CollabServer, line, lines
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


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2], ids=lambda it: it.name
)
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


async def test_a_second_signal_ends_at_once_what_cannot_be_saved(
    start_server: Start, connect: Connect, tmp_path: Path
) -> None:
    server = start_server(f"sqlite:///{tmp_path}/a.db", args=["--drain-timeout", "100s"])
    editor = Editor(await connect("/doc/stuck", server=server))
    await editor.sync()
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        await editor.client.send_many("sync-update", [editor.typed("x")])
        os.kill(server.pid, signal.SIGTERM)
        await editor.client.wait_closed()
        process = server.process
        assert process is not None and process.poll() is None, "it waits for the disk"
        os.kill(server.pid, signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 5) == 1
    assert (await line(server, "ended at once"))["signal"] == "SIGTERM"


async def test_hup_takes_what_needs_no_restart(
    start_server: Start, connect: Connect, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    file = tmp_path / "collab.toml"
    file.write_text('log-level = "warning"')
    server = start_server(args=["--config", str(file)])
    client = await connect("/doc/kept", server=server)
    file.write_text('log-level = "info"\nmax-participants = 7')
    os.kill(server.pid, signal.SIGHUP)
    told = await line(server, "settings reloaded")
    assert (told["taken"], told["after_a_restart"]) == (["log-level"], ["max-participants"])
    file.write_text("nonsense")
    os.kill(server.pid, signal.SIGHUP)
    assert "cannot be read" in (await line(server, "settings not reloaded"))["reason"]
    await connect("/doc/other", server=server)
    await line(server, "session joined", document="other")
    assert not client.closed


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


async def test_a_redis_that_is_not_there_is_waited_for_and_named_once() -> None:
    server = CollabServer("redis://127.0.0.1:9/0", args=["--log-format", "json"])
    starting = asyncio.create_task(asyncio.to_thread(server.start))
    try:
        async with asyncio.timeout(20):
            while server.process is None or not (told := lines(server, "waiting for Redis")):
                await asyncio.sleep(0.02)
        assert told[0]["url"] == "redis://127.0.0.1:9/0" and "Error 111" in told[0]["reason"]
        os.kill(server.process.pid, signal.SIGTERM)
        with pytest.raises(RuntimeError):
            await starting
        assert len(lines(server, "waiting for Redis")) == 1
    finally:
        server.kill()


async def test_settings_for_tokens_without_auth_are_said_to_be_idle(start_server: Start) -> None:
    server = start_server(env={"COLLAB_JWT_SECRET": "x" * 40})
    assert "jwt-secret: without auth jwt or callback no token is looked at" in server.stderr()
    assert "xxx" not in server.stderr()


async def test_a_key_that_verifies_nothing_stops_the_start(start_server: Start) -> None:
    key = ec.generate_private_key(ec.SECP384R1()).public_key()
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(RuntimeError, match=r"collab: jwt-public-key: this is a key of secp384r1, .* allowed: RSA"):
        start_server(args=["--auth", "jwt", "--jwt-public-key", pem])


async def test_the_start_says_what_to_type_next_and_it_works(start_server: Start, tmp_path: Path) -> None:
    """The start line stays alone on stdout; the rest goes where logs go, and to a person in plain words."""
    server = start_server(cwd=tmp_path)
    command = (await line(server, "ready for people and programs", page=server.url))["type"]
    assert command.endswith(f" docs list --url {server.url}")
    done = await asyncio.to_thread(
        subprocess.run, command, shell=True, capture_output=True, text=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("program", "path", "shown"),
    [
        (".venv/bin/collab", "/usr/bin", ".venv/bin/collab"),  # behind scripts/serve
        (".venv/bin/collab", ".venv/bin", "collab"),  # in an activated environment
        ("bin dir/collab", "/usr/bin", "'bin dir/collab'"),
    ],
)
async def test_the_command_is_written_as_it_can_be_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, path: str, shown: str
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / program
    file.parent.mkdir(parents=True)
    file.touch(0o755)
    monkeypatch.setattr("sys.argv", [str(file), "serve"])
    monkeypatch.setenv("PATH", path if path.startswith("/") else str(tmp_path / path))
    assert next_steps.own_command() == shown
