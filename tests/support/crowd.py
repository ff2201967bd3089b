"""Typists on several nodes, and what must hold of them whatever happens to the cluster."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from typing import Any

import aiohttp

from collab.documents.document import Document
from tests.support.server import CollabServer
from tests.support.typists import Typist, converge, read
from tests.support.wire import Client, WebSocketWire


class Crowd:
    """Typists of one document, spread over nodes.

    Args:
        nodes: where they are; typist ``n`` begins on node ``n % len(nodes)``.
        name: of the document.
        seed: of everything that they do.
    """

    def __init__(
        self, nodes: Sequence[CollabServer], http: aiohttp.ClientSession, name: str, *, count: int, seed: int
    ) -> None:
        self.nodes = list(nodes)
        self.http = http
        self.name = name
        self.rng = random.Random(seed)
        self.typists = [Typist(number, f"/doc/{name}", random.Random(self.rng.random())) for number in range(count)]
        self._typing: list[asyncio.Task[None]] = []

    async def arrive(self) -> None:
        """Connect everybody."""
        for number, typist in enumerate(self.typists):
            await typist.connect(self.nodes[number % len(self.nodes)], self.http)

    def begin(self, per_second: float) -> None:
        """Let everybody type; whoever is cut off stops."""
        self._typing = [asyncio.create_task(typist.type(per_second)) for typist in self.typists]

    async def stop(self) -> None:
        """Let everybody stop typing, and have the acknowledgements under way come in."""
        await asyncio.sleep(0.2)
        for task in self._typing:
            task.cancel()
        await asyncio.gather(*self._typing, return_exceptions=True)
        self._typing = []

    async def agree(self, within: float = 20.0) -> str:
        """Everybody sees the same within so many seconds, nothing acknowledged is missing on any node.

        Returns:
            The text.
        """
        began = time.monotonic()
        text = await converge(self.typists, within)
        took = time.monotonic() - began
        acknowledged = [word for typist in self.typists for word in typist.acknowledged]
        for node in self.nodes:
            there = await read(node, self.http, f"/doc/{self.name}")
            lost = [word for word in acknowledged if word not in there]
            assert not lost, f"acknowledged, then lost on {node.url}: {lost}"
        hashes = {content_hash(typist) for typist in self.typists}
        assert len(hashes) == 1, "the same text, but not the same document"
        print(f"{len(acknowledged)} acknowledged edits, 0 lost, converged after {took:.2f} s")
        return text

    async def leave(self) -> None:
        """Disconnect everybody."""
        for typist in self.typists:
            await typist.close()


def content_hash(typist: Typist) -> tuple[tuple[tuple[int, int], ...], str]:
    """State vector and content of what a typist has."""
    assert typist.editor is not None
    document = Document.load(typist.editor.doc.get_update(), [])
    return tuple(sorted(document.clocks.items())), document.content_hash()


async def people(node: CollabServer, http: aiohttp.ClientSession, name: str) -> list[dict[str, Any]]:
    """Who is in a document, as a node tells it."""
    async with http.get(f"{node.url}/api/v1/documents/{name}/participants") as response:
        assert response.status == 200, await response.text()
        found: list[dict[str, Any]] = (await response.json())["participants"]
    return sorted(found, key=lambda person: str(person["session"]))


async def same_people(
    nodes: Sequence[CollabServer], http: aiohttp.ClientSession, name: str, *, count: int, within: float = 20.0
) -> list[dict[str, Any]]:
    """Wait until every node tells the same ``count`` people; returns them."""
    deadline = time.monotonic() + within
    while True:
        views = [await people(node, http, name) for node in nodes]
        if all(view == views[0] for view in views) and len(views[0]) == count:
            return views[0]
        if time.monotonic() > deadline:
            raise AssertionError(
                f"people differ after {within} s: {[len(view) for view in views]}, not {count}: {views}"
            )
        await asyncio.sleep(0.05)


class Watcher:
    """A client with JSON presence, which keeps the list of people as its events say."""

    def __init__(self, client: Client) -> None:
        self.client = client

    @classmethod
    async def connect(cls, node: CollabServer, http: aiohttp.ClientSession, name: str, user: str) -> Watcher:
        """Join as ``user``."""
        client = Client(WebSocketWire(node.url, http), f"/doc/{name}")
        await client.connect({"presence": "json", "user": {"name": user}})
        return cls(client)

    @property
    def names(self) -> list[str]:
        """Who is here, by name."""
        here: dict[str, str] = {}
        for change in self.client.events("presence"):
            for person in [*change["joined"], *change["updated"]]:
                here[person["session"]] = person["user"]["name"]
            for person in change["left"]:
                here.pop(person["session"], None)
        return sorted(here.values())

    async def sees(self, *names: str, within: float = 20.0) -> None:
        """Wait until exactly ``names`` are here."""
        deadline = time.monotonic() + within
        while self.names != sorted(names):
            assert time.monotonic() < deadline, f"sees {self.names}, not {sorted(names)}"
            await asyncio.sleep(0.02)
