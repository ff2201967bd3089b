"""Everybody comes back at once, each with an edit made offline (rules D1, D7)."""

from __future__ import annotations

import asyncio
import random
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pycrdt import Doc, Text

from tests.support.api import http_session
from tests.support.editor import Editor
from tests.support.server import CollabServer
from tests.support.wire import Client, WebSocketWire

pytestmark = pytest.mark.asyncio

MIB = 2**20
#: everybody begins within so many seconds, and is to be done within so many
WITHIN, DONE = 2.0, 10.0
SEED = 5


@pytest.fixture(autouse=True)
def many_files() -> Iterator[None]:
    """A socket is a file: the usual 1,024 are too few for a thousand clients."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 8192 if hard == resource.RLIM_INFINITY else min(8192, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def seed(server: CollabServer, http: aiohttp.ClientSession, documents: int) -> dict[str, bytes]:
    """Fill documents with some pages of text each; returns their state."""
    rng = random.Random(SEED)
    states = {}
    for number in range(documents):
        name = f"storm/{number}"
        editor = Editor(Client(WebSocketWire(server.url, http), f"/doc/{name}"))
        await editor.client.connect()
        await editor.sync()
        words = " ".join(rng.choice(("the", "quick", "brown", "fox")) for _ in range(2000))
        assert (await editor.type(words))["durable"]
        states[name] = editor.doc.get_update()
        await editor.client.close()
    return states


class Returner:
    """Somebody who was here, went offline, wrote a word, and comes back."""

    def __init__(self, server: CollabServer, http: aiohttp.ClientSession, name: str, state: bytes, word: str) -> None:
        self.name, self.word = name, word
        self.client = Client(WebSocketWire(server.url, http), f"/doc/{name}")
        self.editor = Editor(self.client)
        self.editor.doc.apply_update(state)
        self.offline = self.editor.typed(word)
        # The edit goes by itself, to have an ack; the answer to the server's step 1 may hold it too.
        self.synced_at = 0.0

    async def come_back(self, after: float) -> None:
        await asyncio.sleep(after)
        answer = await self.client.connect({"user": {"name": self.word}})
        assert answer.type == 0, answer
        await self.editor.sync()
        ack = await self.client.call("sync-update", self.offline, timeout=DONE)
        assert ack["ok"] and ack["durable"], ack
        self.synced_at = time.monotonic()


async def contents(server: CollabServer, http: aiohttp.ClientSession, name: str) -> str:
    """What a newcomer is given."""
    client = Client(WebSocketWire(server.url, http), f"/doc/{name}")
    await client.connect()
    doc: Doc[Any] = Doc()
    doc.apply_update(await client.call("sync-step-1", doc.get_state()))
    await client.close()
    return str(doc.get("body", type=Text))


@pytest.mark.parametrize(
    ("people", "documents"), [(200, 40), pytest.param(1000, 100, marks=pytest.mark.long)], ids=["200", "1000"]
)
async def test_everybody_comes_back_at_once(
    start_server: Callable[..., CollabServer], tmp_path: Path, people: int, documents: int
) -> None:
    server = start_server(f"sqlite:///{tmp_path}/storm.db", args=["--max-connections-per-ip", "5000"])
    rng = random.Random(SEED)
    async with http_session() as http:
        states = await seed(server, http, documents)
        returners = []
        for number in range(people):
            name = f"storm/{number % documents}"
            returners.append(Returner(server, http, name, states[name], f"<{number}>"))
        # Nothing is in memory when they come.
        await asyncio.to_thread(server.restart)
        began = time.monotonic()
        await asyncio.gather(*(returner.come_back(rng.uniform(0, WITHIN)) for returner in returners))
        took = max(returner.synced_at for returner in returners) - began
        memory = server.memory()
        print(f"{people} people back in {took:.1f} s, {memory / MIB:.0f} MiB")
        assert took < DONE
        assert memory < 250 * MIB
        for returner in returners:
            assert not returner.client.closed
            assert returner.client.events("notice") == []
        # Everybody's word is there, and everybody has everybody's.
        for number in range(documents):
            name = f"storm/{number}"
            text = await contents(server, http, name)
            here = [returner for returner in returners if returner.name == name]
            for returner in here:
                assert text.count(returner.word) == 1
            for returner in here:
                await returner.editor.wait_for(text)
        for returner in returners:
            await returner.client.close()
    assert "Traceback" not in server.stderr()
    assert server.stop() == 0
