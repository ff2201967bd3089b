"""Hocuspocus providers that show every message."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
from aiohttp import WSMsgType
from pycrdt import Doc, Text

from collab.protocol.codec import Reader, write_var_bytes
from collab.protocol.hocuspocus import write_address
from collab.protocol.ywebsocket import STEP_1, STEP_2, UPDATE, write_sync

TIMEOUT = 30.0
AUTH = b"\x02"
DENIED, LET_IN = b"\x02\x01", b"\x02\x02"
SAVED, REFUSED = b"\x08\x01", b"\x08\x00"


def token(value: str, version: str | None = "4.8.0") -> bytes:
    more = b"" if version is None else write_var_bytes(version.encode())
    return AUTH + b"\0" + write_var_bytes(value.encode()) + more


class Socket:
    """One WebSocket; ``inbox`` holds what came, by address."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.inbox: dict[str, list[bytes]] = {}
        #: with which the connection was closed
        self.reason = ""

    async def read(self) -> bool:
        """Take in the next message; False once the connection is closed."""
        async with asyncio.timeout(TIMEOUT):  # Python 3.11's wait_for() may swallow that it is cancelled
            message = await self.socket.receive()
        if message.type is not WSMsgType.BINARY:
            assert message.type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING), message
            self.reason = message.extra or ""
            return False
        reader = Reader(message.data)
        address = reader.var_string()
        self.inbox.setdefault(address, []).append(reader.take(reader.left))
        return True

    async def closed(self) -> tuple[int | None, str]:
        """The close code and its reason."""
        while await self.read():
            pass
        return self.socket.close_code, self.reason

    def at(self, address: str) -> Provider:
        return Provider(self, address)


class Provider:
    """One provider on a socket."""

    def __init__(self, socket: Socket, address: str) -> None:
        self.socket, self.address = socket, address
        self.doc: Doc[Any] = Doc()
        self.body = self.doc.get("body", type=Text)
        self.unsynced = 0

    async def send(self, *messages: bytes) -> None:
        for message in messages:
            await self.socket.socket.send_bytes(write_address(self.address) + message)

    async def next(self) -> bytes | None:
        """The next message; None once the connection is closed."""
        inbox = self.socket.inbox.setdefault(self.address, [])
        while not inbox:
            if not await self.socket.read():
                return None
        message = inbox.pop(0)
        if message == SAVED:
            self.unsynced -= 1
        return message

    async def until(self, beginning: bytes) -> bytes:
        """The rest of the next message that begins like this; updates on the way are applied."""
        while True:
            message = await self.next()
            assert message is not None, f"closed with {self.socket.socket.close_code} {self.socket.reason}"
            if message.startswith(bytes((0, UPDATE))):
                self.doc.apply_update(Reader(message[2:]).var_bytes())
            if message.startswith(beginning):
                return message[len(beginning) :]

    async def begin(self, value: str = "", *, version: str | None = "4.8.0") -> str:
        """As providers begin: token, step 1, awareness, all at once; returns the scope."""
        self.unsynced = 1
        await self.send(token(value, version), write_sync(STEP_1, self.doc.get_state()))
        scope = Reader(await self.until(LET_IN)).var_string()
        await self.answer()
        return scope

    async def answer(self) -> None:
        """The rest of a sync: the answer to step 1, and our answer to the server's."""
        self.doc.apply_update(Reader(await self.until(bytes((0, STEP_2)))).var_bytes())
        known = Reader(await self.until(bytes((0, STEP_1)))).var_bytes()
        await self.send(write_sync(STEP_2, self.doc.get_update(known)))

    async def type(self, text: str) -> None:
        before = self.doc.get_state()
        self.body.insert(len(str(self.body)), text)
        self.unsynced += 1
        await self.send(write_sync(UPDATE, self.doc.get_update(before)))

    async def saved(self) -> None:
        while self.unsynced:
            await self.until(b"\x08")

    async def until_text(self, text: str) -> None:
        while str(self.body) != text:
            await self.until(bytes((0, UPDATE)))

    async def stateless(self) -> str:
        return Reader(await self.until(b"\x05")).var_string()
