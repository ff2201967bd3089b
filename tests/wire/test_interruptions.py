"""A restart, cut networks and an expiring token in the middle of a script: it finishes, nothing twice, nothing lost."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pycrdt import Array

from collab.client import Backoff, CollabError, connect
from collab.client import sync as blocking
from tests.support.api import SECRET, mint
from tests.support.server import CollabServer

SOON = 40.0
LINES = 120
QUICK = Backoff(base=0.05, most=0.5)
Start = Callable[..., CollabServer]


class Network:
    """A TCP proxy in a thread of its own, whose connections break when they are told to."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                near.close()
                continue
            pair = (near, far)
            self._pairs.add(pair)
            for one, other in (pair, pair[::-1]):
                threading.Thread(target=self._copy, args=(one, other, pair), daemon=True).start()

    def _copy(self, one: socket.socket, other: socket.socket, pair: tuple[socket.socket, socket.socket]) -> None:
        try:
            while piece := one.recv(65536):
                other.sendall(piece)
        except OSError:
            pass
        self._end(pair)

    def _end(self, pair: tuple[socket.socket, socket.socket]) -> None:
        self._pairs.discard(pair)
        for each in pair:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def cut(self) -> None:
        """Reset every connection; what was on its way is lost."""
        for pair in list(self._pairs):
            for each in pair:
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._end(pair)
        self.cuts += 1

    def close(self) -> None:
        self._listener.close()
        self.cut()


@pytest.fixture
def guarded(start_server: Start, tmp_path: Path) -> CollabServer:
    return start_server(f"sqlite:///{tmp_path}/collab.db", args=["--auth", "jwt", "--jwt-secret", SECRET])


def fresh_token() -> str:
    """As a script's own function would get one: it lasts for two seconds, so a run outlives several."""
    return mint("*=admin", ttl=2.0)


def trouble(network: Network, server: CollabServer, step: int) -> None:
    """What happens to a script in its steps: nothing, cuts, a kill, a restart."""
    if step in (20, 21, 50, 90):
        network.cut()
    elif step == 35:
        server.kill()
        server.start()
    elif step == 70:
        server.restart()


def check(server: CollabServer) -> None:
    """Every line is there once, in order."""
    command = [sys.executable, "-m", "collab", "docs", "--url", server.url, "--token", mint("*=admin"), "export", "log"]
    ran = subprocess.run(command, capture_output=True, check=True, timeout=SOON)
    assert json.loads(ran.stdout) == {"lines": list(range(LINES))}


async def test_an_async_script_finishes(guarded: CollabServer) -> None:
    network = Network(guarded.port)
    async with connect(network.url, "log", token=fresh_token, backoff=QUICK) as session:
        lines = session.doc.get("lines", type=Array)
        for step in range(LINES):
            lines.append(step)
            if step % 10 == 0:
                await session.saved(SOON)
            await asyncio.sleep(0.02)
            await asyncio.to_thread(trouble, network, guarded, step)
        await session.saved(SOON)
        assert session.unsaved == 0
    network.close()
    assert network.cuts >= 4
    check(guarded)


def test_a_blocking_script_finishes(guarded: CollabServer) -> None:
    network = Network(guarded.port)
    with blocking.connect(network.url, "log", token=fresh_token, backoff=QUICK) as session:
        for step in range(LINES):
            session.doc.get("lines", type=Array).append(step)
            if step % 10 == 0:
                session.saved(SOON)
            trouble(network, guarded, step)
        session.saved(SOON)
    network.close()
    check(guarded)


def test_a_token_that_nobody_renews_is_told(guarded: CollabServer) -> None:
    with blocking.connect(guarded.url, "log", token=mint("*=admin", ttl=1.5)) as session:
        with pytest.raises(CollabError, match="token_expired"):
            session.until(lambda: False, SOON)
        session.doc.get("lines", type=Array).append(1)
        with pytest.raises(CollabError, match="token_expired"):
            session.saved(SOON)


async def test_nothing_written_after_the_end_is_called_saved(guarded: CollabServer) -> None:
    session = connect(guarded.url, "log", token=fresh_token)
    async with session:
        session.doc.get("lines", type=Array).append(1)
        await session.saved(SOON)
    session.doc.get("lines", type=Array).append(2)
    with pytest.raises(ConnectionError, match="is closed"):
        await session.saved(SOON)


@pytest.mark.parametrize("ends", ["finishes", "token_expired"])
def test_the_command_line(guarded: CollabServer, ends: str) -> None:
    """`apply` through cuts; with a token that ends in the middle it says so, and run again it does nothing twice."""
    network = Network(guarded.port)
    token = mint("*=admin", ttl=600 if ends == "finishes" else 1.0)
    environment = {**os.environ, "COLLAB_URL": network.url, "COLLAB_TOKEN": token}
    program = [sys.executable, "-m", "collab", "docs"]
    operations: list[dict[str, Any]] = [
        {"op": "array.insert", "path": "/lines", "index": number, "values": [number]} for number in range(LINES)
    ]
    watch = subprocess.Popen(
        [*program, "watch", "log", "--json"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert watch.stdout is not None
    if ends == "finishes":
        watch.stdout.readline()
        applying = subprocess.Popen(
            [*program, "apply", "log", "--json"], env=environment, stdin=subprocess.PIPE, stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )  # fmt: skip
        assert applying.stdin is not None
        cutting = threading.Event()

        def cut() -> None:
            while not cutting.wait(0.15):
                network.cut()

        thread = threading.Thread(target=cut)
        thread.start()
        threading.Timer(2.0, cutting.set).start()
        out, errors = applying.communicate(json.dumps(operations).encode(), timeout=SOON)
        thread.join()
        assert (applying.returncode, errors) == (0, b"")
        assert json.loads(out)["position"] > 0
        seen: Counter[int] = Counter()
        while len(seen) < LINES:
            event = json.loads(watch.stdout.readline())
            for change in event.get("changes", ()):
                seen.update(change.get("content") or range(LINES))
        assert set(seen.values()) == {1}, "watch told it once, across its own lost connections"
        watch.kill()
        watch.communicate()
        check(guarded)
    else:
        _, errors = watch.communicate(timeout=SOON)
        assert watch.returncode == 1
        assert errors.decode().splitlines()[-1] == "collab: Your sign-in has expired."
        environment["COLLAB_TOKEN"] = mint("*=admin", ttl=-120)
        ran = subprocess.run(
            [*program, "apply", "log"], env=environment, input=json.dumps(operations).encode(), capture_output=True,
            timeout=SOON, check=False,
        )  # fmt: skip
        assert (ran.returncode, ran.stdout) == (1, b"")
        assert ran.stderr == b"collab: Your sign-in has expired.\n"
    network.close()
