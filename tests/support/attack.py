"""What attacks have in common: lines of raw bytes, honest people beside them, and what both cost the server."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
from yarl import URL

from tests.support.editor import Editor
from tests.support.server import CollabServer
from tests.support.wire import Client, WebSocketWire

MIB = 2**20
#: by how much the server may grow under any attack
MOST_MEMORY = 64 * MIB
#: seconds that an honest edit or request may take beside one, on a machine that does other work, too: alone it is 0.25
MOST_WAIT = 5.0


class Line:
    """A connection that sends whatever bytes it is told to, and reads only when it is told to."""

    def __init__(self, url: str, *, receive_buffer: int = 4096) -> None:
        self._url = URL(url)
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.setblocking(False)

    async def open(self) -> Line:
        """Connect."""
        await asyncio.get_running_loop().sock_connect(self._socket, (self._url.host, self._url.port))
        return self

    async def open_websocket(self, path: str) -> Line:
        """Connect, and shake hands for a WebSocket."""
        await self.open()
        key = base64.b64encode(os.urandom(16)).decode()
        await self.send(
            f"GET {path} HTTP/1.1\r\nHost: {self._url.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        head = await self.read_head()
        assert head.startswith(b"HTTP/1.1 101"), head
        return self

    async def send(self, data: bytes) -> None:
        """Send all of it, however long that takes."""
        await asyncio.get_running_loop().sock_sendall(self._socket, data)

    async def send_within(self, data: bytes, seconds: float) -> bool:
        """Send it; False if the server did not take it in so many seconds, or hung up."""
        try:
            async with asyncio.timeout(seconds):
                await self.send(data)
        except (TimeoutError, OSError):
            return False
        return True

    async def read_head(self) -> bytes:
        """The head of a response."""
        head = b""
        while b"\r\n\r\n" not in head:
            more = await self.read(1)
            if not more:
                break
            head += more
        return head

    async def read(self, most: int = 65536) -> bytes:
        """What comes next; empty once the server has hung up."""
        async with asyncio.timeout(60):
            try:
                return await asyncio.get_running_loop().sock_recv(self._socket, most)
            except ConnectionError:
                return b""

    async def ended(self, within: float) -> bool:
        """Whether the server hangs up in so many seconds; what it says until then is not read."""
        until = time.monotonic() + within
        while time.monotonic() < until:
            if self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                return True
            # CLOSE_WAIT and CLOSE, of <netinet/tcp.h>: whoever does not read is told in no other way.
            if self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] in (7, 8):
                return True
            await asyncio.sleep(0.05)
        return False

    def close(self) -> None:
        """Hang up, at once."""
        with suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()


def frame(opcode: int, payload: bytes, *, length: int | None = None) -> bytes:
    """A frame of a client, masked with zeros; ``length`` is what it says of itself, if that is not true."""
    size = len(payload) if length is None else length
    if size < 126:
        head = bytes((opcode, 0x80 | size))
    elif size < 65536:
        head = bytes((opcode, 0x80 | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((opcode, 0x80 | 127)) + size.to_bytes(8, "big")
    return head + bytes(4) + payload


class Bystander:
    """Somebody honest: edits and asks for things all the while, and remembers what took longest."""

    def __init__(self) -> None:
        self.edits: list[float] = []
        self.requests: list[float] = []

    @property
    def worst(self) -> float:
        """Seconds of the slowest edit or request."""
        assert self.edits and self.requests, "nothing honest was answered"
        return max(*self.edits, *self.requests)


@asynccontextmanager
async def bystander(server: CollabServer, *, token: str | None = None) -> AsyncIterator[Bystander]:
    """Somebody honest who goes on until the end; an edit or request that fails is an error."""
    somebody = Bystander()
    async with aiohttp.ClientSession() as http:
        client = Client(WebSocketWire(server.url, http), "/doc/honest")
        await client.connect(None if token is None else {"token": token})
        editor = Editor(client)
        await editor.sync()

        async def edit() -> None:
            while True:
                began = time.perf_counter()
                assert (await editor.type("x"))["ok"]
                somebody.edits.append(time.perf_counter() - began)
                await asyncio.sleep(0.05)

        async def ask() -> None:
            while True:
                began = time.perf_counter()
                # A connection of its own each time: whoever comes new is to be let in, too.
                async with (
                    aiohttp.ClientSession() as own,
                    own.get(f"{server.url}/healthz", timeout=aiohttp.ClientTimeout(20)) as response,
                ):
                    assert response.status == 200
                somebody.requests.append(time.perf_counter() - began)
                await asyncio.sleep(0.05)

        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(edit()), asyncio.create_task(ask())]
        try:
            yield somebody
            for task in tasks:
                assert not task.done(), task.exception()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await client.close()


class Memory:
    """How much the server has grown since this was made, at most."""

    def __init__(self, server: CollabServer) -> None:
        self._server = server
        self._before = server.memory()
        self.most = 0

    def look(self) -> int:
        """Bytes that it has grown by now."""
        grown = self._server.memory() - self._before
        self.most = max(self.most, grown)
        return grown

    async def until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Look until something holds; False if it does not in so many seconds."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                return False
            self.look()
            await asyncio.sleep(0.05)
        self.look()
        return True

    async def beside(self, work: Any) -> Any:
        """Look while ``work`` goes on; returns what it does."""
        task = asyncio.ensure_future(work)
        while not task.done():
            self.look()
            await asyncio.wait([task], timeout=0.05)
        self.look()
        return task.result()


def report(name: str, memory: Memory, somebody: Bystander, stall: float | None = None) -> None:
    """Print the figures of an attack."""
    words = "" if stall is None else f", loop held {stall * 1000:.0f} ms"
    print(f"{name}: memory +{memory.most / MIB:.0f} MiB, bystander {somebody.worst * 1000:.0f} ms at worst{words}")
