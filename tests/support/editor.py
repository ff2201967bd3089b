"""A Yjs document that speaks through a raw client: what an editor does, and nothing else."""

from __future__ import annotations

import asyncio
from typing import Any

from pycrdt import Doc, Text

from tests.support.wire import Client


class Editor:
    """Joins a document, keeps a replica of it, and edits it.

    Args:
        client: connected, not yet synced.
        root: the name of the text.
    """

    def __init__(self, client: Client, root: str = "body") -> None:
        self.client = client
        self.doc: Doc[Any] = Doc()
        self.text = self.doc.get(root, type=Text)
        self._read = 0
        client.answer_steps = lambda state_vector: self.doc.get_update(state_vector)

    async def sync(self) -> None:
        """Ask for what is missing."""
        missing = await self.client.call("sync-step-1", self.doc.get_state())
        self.doc.apply_update(missing)

    def take(self) -> None:
        """Apply what has arrived."""
        while self._read < len(self.client.received):
            packet = self.client.received[self._read]
            self._read += 1
            if packet.type == 5 and packet.data[0] == "sync-update":
                self.doc.apply_update(packet.data[1])

    @property
    def updates(self) -> int:
        """How many updates have arrived."""
        return sum(packet.type == 5 and packet.data[0] == "sync-update" for packet in self.client.received)

    def typed(self, text: str, at: int | None = None) -> bytes:
        """Insert text here; returns the update, sent to nobody."""
        before = self.doc.get_state()
        self.text.insert(len(self.text) if at is None else at, text)
        return self.doc.get_update(before)

    async def type(self, text: str, at: int | None = None) -> dict[str, Any]:
        """Insert text and send it; returns the ack."""
        ack: dict[str, Any] = await self.client.call("sync-update", self.typed(text, at))
        return ack

    async def wait_for(self, text: str, timeout: float = 30.0) -> None:
        """Wait until the text is ``text``."""
        try:
            async with asyncio.timeout(timeout):
                while True:
                    self.take()
                    if str(self.text) == text:
                        return
                    self.client._news.clear()
                    if self._read == len(self.client.received):
                        await self.client._news.wait()
        except TimeoutError:
            raise AssertionError(f"waited for {text[:200]!r}, has {str(self.text)[:200]!r}") from None
