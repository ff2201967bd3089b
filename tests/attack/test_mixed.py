"""All attacks at once beside twenty honest people, from whom nothing is taken and who wait for nothing.

The long form: ``COLLAB_TEST_SECONDS=600 scripts/test tests/attack/test_mixed.py -s``.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from tests.support.api import JWT, mint
from tests.support.attack import MIB, MOST_MEMORY, MOST_WAIT, Memory
from tests.support.editor import Editor
from tests.support.repository import ROOT
from tests.support.server import CollabServer
from tests.support.wire import Client, WebSocketWire

SECONDS = float(os.environ.get("COLLAB_TEST_SECONDS", "12"))
SEED = int(os.environ.get("COLLAB_TEST_SEED", "1"))
PEOPLE, DOCUMENTS = 20, 4
#: seconds between two edits of a person, and between two requests
PAUSE = 0.3, 1.0
pytestmark = pytest.mark.timeout(SECONDS + 300)


class Person:
    """Types into one document all the while, asks for it now and then, and remembers how long both took."""

    def __init__(self, server: CollabServer, number: int) -> None:
        self._server, self._number = server, number
        self._document = f"honest-{number % DOCUMENTS}"
        self._token = mint("honest-*=editor", sub=f"person {number}", ttl=SECONDS + 600)
        self._chance = random.Random(number)
        self.edits: list[float] = []
        self.requests: list[float] = []
        self.typed: list[str] = []

    async def run(self, ended: asyncio.Event) -> None:
        """Go on until ``ended``; whatever fails, fails the test."""
        # An address of their own, as people have.
        connector = aiohttp.TCPConnector(local_addr=(f"127.0.3.{self._number + 1}", 0))
        async with aiohttp.ClientSession(connector=connector) as http:
            client = Client(WebSocketWire(self._server.url, http), f"/doc/{self._document}")
            answer = await client.connect({"token": self._token})
            assert answer.type == 0, answer
            editor = Editor(client)
            await editor.sync()
            asking = asyncio.create_task(self._ask(http, ended))
            while not ended.is_set():
                word = f"<{self._number}.{len(self.typed)}>"
                began = time.perf_counter()
                ack = await editor.client.call("sync-update", editor.typed(word), timeout=60)
                self.edits.append(time.perf_counter() - began)
                assert ack["ok"], ack
                self.typed.append(word)
                await asyncio.sleep(self._chance.uniform(0.5, 1.5) * PAUSE[0])
            await asking
            text = await self._content(http)
            assert not [word for word in self.typed if word not in text], "acknowledged, and not there"
            await client.close()

    async def _ask(self, http: aiohttp.ClientSession, ended: asyncio.Event) -> None:
        while not ended.is_set():
            began = time.perf_counter()
            await self._content(http)
            self.requests.append(time.perf_counter() - began)
            await asyncio.sleep(self._chance.uniform(0.5, 1.5) * PAUSE[1])

    async def _content(self, http: aiohttp.ClientSession) -> str:
        url = f"{self._server.url}/api/v1/documents/{self._document}/content?format=text&path=/body"
        async with http.get(url, headers={"Authorization": f"Bearer {self._token}"}) as response:
            assert response.status == 200, await response.text()
            return await response.text()


def shown(waits: list[float]) -> str:
    """How many there were, and how long they took; the longest last."""
    p50, p99, most = (1000 * waits[at] for at in (len(waits) // 2, len(waits) * 99 // 100, -1))
    return f"{len(waits)} (p50 {p50:.0f} p99 {p99:.0f} most {most:.0f} ms)"


async def test_all_attacks_at_once(start_server: Callable[..., CollabServer], tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    env = {f"COLLAB_{key.upper()}": value for key, value in JWT.items()}
    server = start_server(f"sqlite:///{tmp_path}/store/store.db", args=["--log-format", "json"], env=env)
    ended = asyncio.Event()
    people = [Person(server, number) for number in range(PEOPLE)]
    at_work = [asyncio.create_task(person.run(ended)) for person in people]
    await asyncio.wait(at_work, timeout=3.0)
    memory = Memory(server)
    tokens = {
        "EVIL_EDITOR": mint("evil/*=admin", sub="evil", ttl=SECONDS + 600),
        "EVIL_VIEWER": mint("honest-*=viewer", sub="evil too", ttl=SECONDS + 600),
    }
    # Its work is another machine's: it takes no CPU from the server while there is other work.
    attacking = await asyncio.create_subprocess_exec(
        "nice", "-n", "19", sys.executable, "-m", "tests.attack.mixed", server.url, str(SEED), str(SECONDS),
        cwd=ROOT, env=os.environ | tokens, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await memory.beside(attacking.communicate())
    done = json.loads(out)
    ended.set()
    await asyncio.gather(*at_work)
    began = time.monotonic()
    # Documents without people go after `idle-timeout`, 20 s, and memory with them.
    given_back = await memory.until(lambda: memory.look() < MOST_MEMORY / 2, 90.0)
    took = time.monotonic() - began
    edits = sorted(wait for person in people for wait in person.edits)
    requests = sorted(wait for person in people for wait in person.requests)
    disk = sum(file.stat().st_size for file in (tmp_path / "store").iterdir())
    events = Counter(
        event["event"]
        for event in map(json.loads, server.stderr().splitlines())
        if event.get("address") == "127.0.0.1" or event.get("participant") in ("evil", "evil too")
    )
    print(
        f"\n{sum(done.values())} attacks in {SECONDS:.0f} s: {done}\nhonest: edits {shown(edits)}, requests"
        f" {shown(requests)}; memory +{memory.most / MIB:.0f} MiB, {took:.0f} s later {memory.look() / MIB:+.0f};"
        f" disk {disk / MIB:.0f} MiB; log of them: {events}"
    )
    assert min(done.get(name, 0) for name in done) >= 1 and len(done) >= 10
    assert memory.most < MOST_MEMORY
    assert given_back
    assert max(edits[-1], requests[-1]) < MOST_WAIT
    assert disk < 512 * MIB
    assert events
    assert "Traceback" not in server.stderr()
