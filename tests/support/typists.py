"""Many editors of one document that remember what the server has acknowledged."""

from __future__ import annotations

import asyncio
import random

import aiohttp

from tests.support.editor import Editor
from tests.support.server import CollabServer
from tests.support.wire import Client, WebSocketWire, WireError


async def opened(server: CollabServer, http: aiohttp.ClientSession, name: str) -> Editor:
    """Somebody who has opened a document, and has all of it."""
    client = Client(WebSocketWire(server.url, http), f"/doc/{name}")
    await client.connect()
    editor = Editor(client)
    await editor.sync()
    return editor


class Typist:
    """Types words that name who typed them and when, comes back when cut off, and keeps its replica.

    Attributes:
        sent, acknowledged: words that were sent, and those of them that the server has on disk.
    """

    def __init__(self, number: int, namespace: str, rng: random.Random) -> None:
        self.number = number
        self.namespace = namespace
        self.rng = rng
        self.sent: list[str] = []
        self.acknowledged: set[str] = set()
        self.editor: Editor | None = None

    async def connect(self, server: CollabServer, http: aiohttp.ClientSession) -> None:
        """Connect and sync, keeping what was typed so far."""
        client = Client(WebSocketWire(server.url, http), self.namespace)
        editor = Editor(client)
        if self.editor is not None:
            self.editor.take()
            editor.doc.apply_update(self.editor.doc.get_update())
            editor.text = editor.doc.get("body", type=type(editor.text))
        self.editor = editor
        await client.connect()
        await editor.sync()

    async def type(self, per_second: float) -> None:
        """Type until the connection breaks."""
        editor = self.editor
        assert editor is not None
        acks: set[asyncio.Task[None]] = set()
        try:
            while not editor.client.closed:
                editor.take()
                word = f"<{self.number}.{len(self.sent)}>"
                self.sent.append(word)
                at = self.rng.choice([0, len(editor.text), None])
                acks.add(asyncio.create_task(self._send(editor, word, at)))
                await asyncio.sleep(self.rng.expovariate(per_second))
        finally:
            for task in acks:
                task.cancel()
            await asyncio.gather(*acks, return_exceptions=True)

    async def _send(self, editor: Editor, word: str, at: int | None) -> None:
        try:
            answer = await editor.type(word, at)
        except (WireError, aiohttp.ClientError, ConnectionError, TimeoutError):
            return
        if answer.get("ok") and answer.get("durable"):
            self.acknowledged.add(word)

    @property
    def text(self) -> str:
        """What it sees now."""
        assert self.editor is not None
        self.editor.take()
        return str(self.editor.text)

    async def close(self) -> None:
        """Leave."""
        if self.editor is not None:
            await self.editor.client.close()


async def read(server: CollabServer, http: aiohttp.ClientSession, namespace: str) -> str:
    """What a client that was never there gets from the server."""
    client = Client(WebSocketWire(server.url, http), namespace)
    editor = Editor(client)
    await client.connect()
    await editor.sync()
    await client.close()
    return str(editor.text)


async def converge(typists: list[Typist], timeout: float = 5.0) -> str:
    """Wait until all see the same text, with every word that anybody typed; returns it."""
    words = [word for typist in typists for word in typist.sent]
    try:
        async with asyncio.timeout(timeout):
            while True:
                texts = {typist.text for typist in typists}
                if len(texts) == 1:
                    text = texts.pop()
                    if all(word in text for word in words):
                        return text
                await asyncio.sleep(0.02)
    except TimeoutError:
        lengths = sorted(len(typist.text) for typist in typists)
        raise AssertionError(f"not the same within {timeout} s: {lengths}") from None
