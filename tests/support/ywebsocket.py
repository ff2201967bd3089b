"""A y-websocket peer that shows every message."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
from aiohttp import WSMsgType
from pycrdt import Doc, Text

from collab.protocol.codec import Reader
from collab.protocol.ywebsocket import STEP_1, STEP_2, UPDATE, write_sync

TIMEOUT = 30.0


class YClient:
    """A peer that shows every message."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.doc: Doc[Any] = Doc()
        self.body = self.doc.get("body", type=Text)
        self.messages: list[bytes] = []
        #: with which the connection was closed
        self.reason = ""

    async def next(self) -> bytes | None:
        """The next message; None once the connection is closed."""
        async with asyncio.timeout(TIMEOUT):  # Python 3.11's wait_for() may swallow that it is cancelled
            message = await self.socket.receive()
        if message.type is not WSMsgType.BINARY:
            assert message.type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING), message
            self.reason = message.extra or ""
            return None
        self.messages.append(message.data)
        return bytes(message.data)

    async def until(self, *beginning: int) -> bytes:
        """The rest of the next message that begins like this."""
        while True:
            message = await self.next()
            assert message is not None, f"closed with {self.socket.close_code}"
            if message.startswith(bytes(beginning)):
                return message[len(beginning) :]

    async def until_bytes(self, *beginning: int) -> bytes:
        return Reader(await self.until(*beginning)).var_bytes()

    async def ask(self) -> None:
        """Step 1, its answer, and the answer to the server's own."""
        await self.socket.send_bytes(write_sync(STEP_1, self.doc.get_state()))
        self.doc.apply_update(await self.until_bytes(0, STEP_2))
        known = await self.until_bytes(0, STEP_1)
        await self.socket.send_bytes(write_sync(STEP_2, self.doc.get_update(known)))

    async def type(self, text: str) -> None:
        before = self.doc.get_state()
        self.body.insert(len(str(self.body)), text)
        await self.socket.send_bytes(write_sync(UPDATE, self.doc.get_update(before)))

    async def until_text(self, text: str) -> None:
        while str(self.body) != text:
            self.doc.apply_update(await self.until_bytes(0, UPDATE))

    async def closed(self) -> tuple[int | None, str]:
        """The close code and its reason."""
        while await self.next() is not None:
            pass
        return self.socket.close_code, self.reason
