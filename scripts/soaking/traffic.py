"""Who comes, what they do, and what goes wrong meanwhile; all of it as a seed has it."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import aiohttp
from pycrdt import Text

from collab.client import connect
from tests.support.api import Api, where
from tests.support.attack import Line
from tests.support.doors import DOORS, Peer, Refused, YSocketIO
from tests.support.doors import SocketIO as SocketIODoor
from tests.support.server import CollabServer

#: what happens to people whose server goes away under them
TROUBLE = (OSError, aiohttp.ClientError, TimeoutError, AssertionError, Refused, RuntimeError, ValueError, KeyError)
#: seconds that somebody stays, and between two edits
STAY, PAUSE = (0.5, 6.0), (0.1, 0.5)
#: one of so many reads nothing at all
DEAF = 12


class Traffic:
    """People, programs, and somebody who notices what is lost.

    Args:
        nodes: where they go; the list may change meanwhile.
        seed: of everything.
        documents: how many names there are.

    Attributes:
        edits: by door. troubles: by what they looked like.
        waits: seconds until an edit of the witness was saved, since they were looked at last.
        said: words of the witness that were said to be saved.
    """

    def __init__(self, nodes: list[CollabServer], seed: int, documents: int) -> None:
        self.nodes = nodes
        self.edits: Counter[str] = Counter()
        self.troubles: Counter[str] = Counter()
        self.waits: list[float] = []
        self.said: list[str] = []
        self._seed = seed
        self._names = [f"soak/{number}" for number in range(documents)]
        self._tasks: list[asyncio.Task[None]] = []
        self._ended = asyncio.Event()
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True))

    def begin(self, people: int) -> None:
        """Let them come."""
        lives = [self._person(self._chance(f"person {number}")) for number in range(people)]
        lives += [self._keeper(self._chance("keeper")), self._witness()]
        self._tasks = [asyncio.create_task(life) for life in lives]

    async def end(self) -> None:
        """Everybody goes, at once."""
        self._ended.set()
        done, late = await asyncio.wait(self._tasks, timeout=30)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        for task in done:
            task.result()
        await self._http.close()

    def _chance(self, whose: str) -> random.Random:
        return random.Random(f"{self._seed} {whose}")

    def _api(self, chance: random.Random) -> Api:
        return Api(chance.choice(self.nodes), self._http)

    # -- people ---------------------------------------------------------------------------------

    async def _person(self, chance: random.Random) -> None:
        while not self._ended.is_set():
            if chance.randrange(DEAF) == 0:
                await self._try("deaf", self._read_nothing(chance))
            else:
                door = chance.choice(DOORS)
                peer = door(self._api(chance), chance.choice(self._names), None)
                await self._try(peer.door, self._visit(peer, chance))

    async def _try(self, what: str, life: Awaitable[None]) -> None:
        try:
            await life
        except TROUBLE as error:
            self.troubles[f"{what}: {type(error).__name__}"] += 1
            await asyncio.sleep(0.2)

    async def _visit(self, peer: Peer, chance: random.Random) -> None:
        until = time.monotonic() + chance.uniform(*STAY)
        reading: asyncio.Task[None] | None = None
        try:
            async with asyncio.timeout(20):
                await peer.enter()
                if not isinstance(peer, SocketIODoor | YSocketIO):  # these read by themselves
                    reading = asyncio.create_task(_drink(peer))
                while time.monotonic() < until and not self._ended.is_set():
                    await peer.type(f"{chance.randrange(10**6)} ")
                    self.edits[peer.door] += 1
                    await asyncio.sleep(chance.uniform(*PAUSE))
        finally:
            if reading is not None:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
            with suppress(*TROUBLE, AttributeError):  # one that never came in has nothing to close
                async with asyncio.timeout(5):
                    await peer.close()

    async def _read_nothing(self, chance: random.Random) -> None:
        name = chance.choice(self._names)
        line = Line(chance.choice(self.nodes).url, receive_buffer=1024)
        try:
            async with asyncio.timeout(10):
                await line.open_websocket(chance.choice([f"/ws/{name}", "/socket.io/?EIO=4&transport=websocket"]))
            with suppress(TimeoutError):
                async with asyncio.timeout(chance.uniform(*STAY)):
                    await self._ended.wait()
        finally:
            line.close()

    # -- programs -------------------------------------------------------------------------------

    async def _keeper(self, chance: random.Random) -> None:
        """Deletes, restores, names versions, reads, publishes: what programs do."""
        while not self._ended.is_set():
            await self._try("program", self._keep(chance))
            await asyncio.sleep(chance.uniform(0.05, 0.4))

    async def _keep(self, chance: random.Random) -> None:
        api, path = self._api(chance), where(chance.choice(self._names))
        text = {"op": "text.replace", "path": "/body", "text": "anew "}
        asks: list[Callable[[], Awaitable[Any]]] = [
            lambda: api("DELETE", path),
            lambda: api("POST", f"{path}/undelete"),
            lambda: api("DELETE", f"{path}?forever=true"),
            lambda: api("POST", f"{path}/versions", {"name": f"v{chance.randrange(99)}"}),
            lambda: api("GET", f"{path}/content?format=json"),
            lambda: api("PATCH", f"{path}/content", {"operations": [text]}),
            lambda: api("POST", f"{path}/streams/chat", {"data": {"text": "hello"}}),
            lambda: api("GET", "/documents?limit=20"),
            lambda: api("GET", f"{path}/participants"),
        ]
        async with asyncio.timeout(20):
            await chance.choice(asks)()
        self.edits["http"] += 1

    async def forget_everything(self) -> None:
        """Delete every document for good, with what the trash has of it."""
        async with aiohttp.ClientSession() as http:
            api = Api(self.nodes[0], http)
            for name in [*self._names, "witness"]:
                answer = await api("DELETE", f"{where(name)}?forever=true")
                assert answer.status in (204, 404), answer.body

    # -- the witness ----------------------------------------------------------------------------

    async def _witness(self) -> None:
        """Writes words with the Python client, and notes which of them were said to be saved."""
        async with connect(self.nodes[0].url, "witness", user={"name": "witness"}, open_timeout=60.0) as session:
            body = session.doc.get("body", type=Text)
            number = 0
            while not self._ended.is_set():
                word = f"w{number};"
                body += word
                began = time.monotonic()
                await session.saved()
                self.waits.append(time.monotonic() - began)
                self.said.append(word)
                number += 1
                await asyncio.sleep(0.1)

    async def lost(self) -> list[str]:
        """Words that were said to be saved, and are not there exactly once, on any node."""
        found: list[str] = []
        async with aiohttp.ClientSession() as http:
            for node in self.nodes:
                words = Counter((await Api(node, http).read("witness")).split(";"))
                found += [word for word in self.said if words[word.rstrip(";")] != 1]
        return found


async def _drink(peer: Peer) -> None:
    with suppress(*TROUBLE):
        while True:
            await peer.take()
