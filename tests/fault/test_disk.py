"""The disk fails, is locked, or lies (rules D1, D5): no false ack, a clear code, recovery, neighbours served."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.support.api import http_session
from tests.support.editor import Editor
from tests.support.full_disk import fill, make_room
from tests.support.server import CollabServer, line
from tests.support.typists import opened, read
from tests.support.wire import Client, WebSocketWire


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with http_session() as session:
        yield session


async def until_readiness_is(status: int, server: CollabServer, http: aiohttp.ClientSession) -> None:
    """Wait for it: the store is asked once a second, however many ask."""
    async with asyncio.timeout(10):
        while True:
            async with http.get(f"{server.url}/readyz") as response:
                if response.status == status:
                    return
            await asyncio.sleep(0.05)


async def until_saved(editor: Editor, update: bytes, within: float = 20.0) -> None:
    """Send ``update`` again until it is acknowledged as durable."""
    async with asyncio.timeout(within):
        while True:
            answer = await editor.client.call("sync-update", update)
            if answer["ok"]:
                assert answer["durable"] is True
                return
            assert answer["error"]["code"] == "storage_unavailable"
            await asyncio.sleep(0.05)


async def test_a_full_disk_is_told_and_recovered_from(start_server, http, tmp_path: Path) -> None:
    server: CollabServer = start_server(f"sqlite:///{tmp_path}/store.db")
    editor = await opened(server, http, "full")
    other = await opened(server, http, "other")
    assert (await editor.type("saved "))["durable"]
    assert (await other.type("saved "))["durable"]
    await until_readiness_is(200, server, http)
    fill(server, tmp_path / "store.db")
    update = editor.typed("unsaved ")
    answer = await editor.client.call("sync-update", update)
    assert answer["ok"] is False
    assert answer["error"]["code"] == "storage_unavailable"
    assert answer["error"]["retryable"] is True
    assert (await editor.client.event("notice"))["code"] == "storage_unavailable"
    await until_readiness_is(503, server, http)
    watcher = await opened(server, http, "full")
    assert str(watcher.text) == "saved unsaved ", "what is not saved is shown all the same"
    assert await read(server, http, "/doc/other") == "saved ", "other documents are served"
    make_room(server)
    await editor.client.wait(
        lambda p: p.type == 2 and p.data[0] == "notice" and p.data[1].get("resolved") is True, timeout=5
    )
    await until_saved(editor, update)
    await until_readiness_is(200, server, http)
    server.kill()
    server.start()
    assert await read(server, http, "/doc/full") == "saved unsaved "


async def test_the_unsaved_tail_is_bounded(start_server, http, tmp_path: Path) -> None:
    server: CollabServer = start_server(f"sqlite:///{tmp_path}/store.db", args=["--rate-bytes", "1GiB"])
    editor = await opened(server, http, "tail")
    await editor.type("saved")
    fill(server, tmp_path / "store.db")
    before = server.memory()
    updates = [editor.typed("x" * 2**20) for _ in range(14)]
    for update in updates:
        answer = await editor.client.call("sync-update", update)
        assert answer["error"]["code"] in ("storage_unavailable", "missing_dependencies")
    shown = len(await read(server, http, "/doc/tail"))
    assert 8 * 2**20 <= shown <= 10 * 2**20, "past the bound edits are refused unapplied"
    print(f"{(server.memory() - before) >> 20} MiB")
    assert server.memory() - before < 80 * 2**20
    make_room(server)
    for update in updates:
        await until_saved(editor, update)
    server.kill()
    server.start()
    assert await read(server, http, "/doc/tail") == str(editor.text)


async def test_a_locked_database_is_waited_for(start_server, http, tmp_path: Path) -> None:
    """By what has to be written there; what stands in the segment is durable without it."""
    server: CollabServer = start_server(f"sqlite:///{tmp_path}/store.db")
    editor = await opened(server, http, "locked")
    new = await opened(server, http, "new")
    await editor.type("before ")
    thief = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    thief.execute("BEGIN IMMEDIATE")
    assert (await editor.type("during "))["durable"]
    first = new.typed("first ")
    sending = asyncio.create_task(new.client.call("sync-update", first, timeout=20))
    watcher = await opened(server, http, "new")
    await watcher.wait_for("first ")
    answer = await sending
    assert answer["error"]["code"] == "storage_unavailable", "no ack while somebody else holds the lock"
    await asyncio.sleep(7)  # ten seconds in all
    thief.execute("ROLLBACK")
    thief.close()
    await until_saved(new, first)
    server.kill()
    server.start()
    assert await read(server, http, "/doc/locked") == "before during "
    assert await read(server, http, "/doc/new") == "first "


async def typed_and_torn(server: CollabServer, http: aiohttp.ClientSession, file: Path, cut: int) -> Editor:
    """Fifty words in the document `torn`; then a server that was killed begins without the last bytes of a file."""
    editor = await opened(server, http, "torn")
    for number in range(50):
        await editor.type(f"{number} ")
    server.kill()
    os.truncate(file, file.stat().st_size - cut)
    server.start()
    return editor


@pytest.mark.parametrize("cut", [1, 30, 400])
async def test_a_segment_with_its_tail_cut_keeps_what_stands_before(
    start_server, http, tmp_path: Path, cut: int
) -> None:
    server: CollabServer = start_server(f"sqlite:///{tmp_path}/store.db")
    editor = await typed_and_torn(server, http, tmp_path / "store.db-segment", cut)
    text = await read(server, http, "/doc/torn")
    whole = str(editor.text)
    assert whole.startswith(text)
    assert len(text) > len(whole) - 60
    again = await opened(server, http, "torn")
    assert (await again.client.call("sync-update", editor.doc.get_update()))["durable"]
    assert await read(server, http, "/doc/torn") == whole


@pytest.mark.parametrize("cut", [1, 30, 4096, 5000])
async def test_a_wal_with_its_tail_cut_keeps_what_stands_before(start_server, http, tmp_path: Path, cut: int) -> None:
    """What is lost is the last that the tables took, here the beginning of a document; and what the segment has on
    top of it is told, and put aside."""
    server: CollabServer = start_server(f"sqlite:///{tmp_path}/store.db")
    before = await opened(server, http, "before")
    await before.type("stays ")
    await before.client.close()
    editor = await typed_and_torn(server, http, tmp_path / "store.db-wal", cut)
    assert await read(server, http, "/doc/before") == "stays "
    whole = str(editor.text)
    assert whole.startswith(await read(server, http, "/doc/torn"))
    aside = await line(server, "the log may have lost edits: its segment is put aside")
    assert Path(aside["path"]).stat().st_size > 0
    again = await opened(server, http, "torn")
    assert (await again.client.call("sync-update", editor.doc.get_update()))["durable"]
    assert await read(server, http, "/doc/torn") == whole


def _flip(path: Path, needle: bytes) -> None:
    """Turn one bit of the first place where ``needle`` stands."""
    raw = bytearray(path.read_bytes())
    at = raw.index(needle)
    raw[at] ^= 0x01
    path.write_bytes(raw)


def _check(tmp_path: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "collab", "check", "--store", f"sqlite:///{tmp_path}/store.db", *flags],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


async def test_a_flipped_bit_in_the_log_costs_only_what_follows_in_that_document(
    start_server, http, tmp_path: Path
) -> None:
    server: CollabServer = start_server(f"sqlite:///{tmp_path}/store.db")
    editor, other = await opened(server, http, "hurt"), await opened(server, http, "fine")
    for word in ("first ", "second-marker ", "third "):
        await editor.type(word)
        await other.type(word)
    await editor.client.close()
    await other.client.close()
    assert server.stop() == 0
    assert _check(tmp_path, "--deep").returncode == 0
    _flip(tmp_path / "store.db", b"second-marker")
    checked = _check(tmp_path, "--deep")
    assert checked.returncode == 1
    damaged = "hurt" if "hurt" in checked.stdout else "fine"
    whole = "fine" if damaged == "hurt" else "hurt"
    server.start()
    assert await read(server, http, f"/doc/{damaged}") == "first ", "what stands before the damage is kept"
    assert await read(server, http, f"/doc/{whole}") == "first second-marker third "
    assert "damaged" in server.stderr()
    again = await opened(server, http, damaged)
    assert (await again.type("goes on"))["durable"]
    server.kill()
    server.start()
    assert await read(server, http, f"/doc/{damaged}") == "first goes on"
    server.stop()
    checked = _check(tmp_path)
    assert checked.returncode == 1
    assert "quarantine" in checked.stdout


async def test_a_flipped_bit_in_a_snapshot_closes_that_document_only(start_server, http, tmp_path: Path) -> None:
    server: CollabServer = start_server(
        f"sqlite:///{tmp_path}/store.db", args=["--compact-every", "10", "--idle-timeout", "50ms"]
    )
    editor, other = await opened(server, http, "hurt"), await opened(server, http, "fine")
    for number in range(60):
        await editor.type(f"marker-{number} ")
    await other.type("fine")
    await editor.client.close()
    deadline = asyncio.get_running_loop().time() + 10
    while _rows(tmp_path, "snapshots") == 0:
        assert asyncio.get_running_loop().time() < deadline, "no snapshot"
        await asyncio.sleep(0.05)
    server.stop()
    _flip(tmp_path / "store.db", b"marker-1 marker-2")  # one run in the snapshot only
    server.start()
    client = Client(WebSocketWire(server.url, http), "/doc/hurt")
    refused = await client.connect()
    assert refused.data["data"]["code"] == "storage_unavailable"
    assert await read(server, http, "/doc/fine") == "fine"


def _rows(tmp_path: Path, table: str) -> int:
    connection = sqlite3.connect(f"file:{tmp_path}/store.db?mode=ro", uri=True)
    try:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
    finally:
        connection.close()


async def test_a_clock_set_back_changes_no_order(start_server, http, tmp_path: Path) -> None:
    (tmp_path / "back").mkdir()
    (tmp_path / "back" / "sitecustomize.py").write_text(
        "import time\n_real, _ns = time.time, time.time_ns\n"
        "time.time = lambda: _real() - 3600\ntime.time_ns = lambda: _ns() - 3600 * 10**9\n"
    )
    root = Path(__file__).parents[2]
    server: CollabServer = start_server(f"sqlite:///{tmp_path}/store.db")
    editor = await opened(server, http, "clock")
    first = await editor.type("one ")
    server.stop()
    server.env = {"PYTHONPATH": f"{tmp_path}/back:{root}"}
    server.start()
    editor = await opened(server, http, "clock")
    second = await editor.type("two ")
    assert second["position"] > first["position"]
    server.stop()
    server.env = {}
    server.start()
    assert await read(server, http, "/doc/clock") == "one two "


async def test_a_second_server_on_the_same_file_does_not_start(start_server, tmp_path: Path) -> None:
    start_server(f"sqlite:///{tmp_path}/store.db")
    with pytest.raises(RuntimeError, match="another server"):
        CollabServer(f"sqlite:///{tmp_path}/store.db").start()


async def test_a_foreign_file_is_not_touched(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "store.db")
    connection.execute("CREATE TABLE mine (x)")
    connection.commit()
    connection.close()
    before = (tmp_path / "store.db").read_bytes()
    with pytest.raises(RuntimeError, match="another application"):
        CollabServer(f"sqlite:///{tmp_path}/store.db").start()
    assert (tmp_path / "store.db").read_bytes() == before
