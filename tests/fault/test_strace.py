"""No ack leaves before its fdatasync (rule D1), as the kernel saw it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.support.api import http_session
from tests.support.editor import Editor
from tests.support.server import CollabServer
from tests.support.wire import Client, WebSocketWire

ACKS = 10_000
_SYNC = re.compile(r"f(?:data)?sync\(")
_RESUMED = re.compile(r"<\.\.\. f(?:data)?sync resumed>")
_ACK = re.compile(r'43/doc/traced,(\d+)\[\{\\"ok\\":true,\\"durable\\":true')


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.timeout(300)
async def test_every_ack_follows_its_own_disk_flush(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    server = CollabServer(
        f"sqlite:///{tmp_path}/store.db",
        args=["--rate-updates", "1000000"],
        wrapper=[
            "strace",
            "-f",
            "-qq",
            "-s",
            "200",
            "-o",
            str(trace),
            "-e",
            "trace=fdatasync,fsync,write,writev,sendto,sendmsg",
        ],
    )
    server.start(timeout=60)
    try:
        async with http_session() as http:
            client = Client(WebSocketWire(server.url, http), "/doc/traced")
            editor = Editor(client)
            await client.connect()
            await editor.sync()
            update = editor.typed("x")
            # Each edit is sent when the one before it is acknowledged, so each needs a flush of its own.
            for number in range(ACKS):
                client.received.clear()
                answer = await client.call("sync-update", update, timeout=30)
                assert answer["durable"] is True
                update = editor.typed(chr(97 + number % 26))
            await client.close()
        server.stop(timeout=60)
    finally:
        server.kill()
    flushes = acks = pending = 0
    for line in trace.read_text(errors="replace").splitlines():
        if _RESUMED.search(line) or (_SYNC.search(line) and "unfinished" not in line):
            flushes += 1
            pending += 1
        for _ in _ACK.findall(line):
            assert pending > 0, f"ack {acks} left before its flush: {line[:200]}"
            pending = 0
            acks += 1
    print(f"{acks} acks, {flushes} flushes")
    assert acks == ACKS
