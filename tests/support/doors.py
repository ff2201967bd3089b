"""One peer for each door, all with the same few words: so that a rule is tested once, on every wire."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import aiohttp
from pycrdt import Doc, Text

from collab.protocol.codec import Reader
from collab.protocol.hocuspocus import write_address
from collab.protocol.ywebsocket import STEP_1, UPDATE, write_sync
from tests.support.api import Api, EventStream, where
from tests.support.editor import Editor
from tests.support.hocuspocus import DENIED, Socket, token
from tests.support.wire import Client, WebSocketWire
from tests.support.ywebsocket import YClient

TIMEOUT = 20.0


class Refused(Exception):
    """Somebody was not let in; the argument is the code's word."""


class Peer(ABC):
    """Somebody at a door, in ``document`` once :meth:`enter` has returned."""

    door: ClassVar[str]
    #: whether edits come in by this door
    writes: ClassVar[bool] = True

    def __init__(self, api: Api, document: str, token: str | None) -> None:
        self.api, self.document, self.token = api, document, token

    @abstractmethod
    async def enter(self) -> None:
        """Come in, and have all there is.

        Raises:
            Refused: as the door says it.
        """

    @property
    @abstractmethod
    def replica(self) -> Doc[Any]:
        """What it has of the document."""

    @property
    def text(self) -> str:
        """The text at /body of its replica."""
        return str(self.replica.get("body", type=Text))

    @abstractmethod
    async def send(self, update: bytes) -> None:
        """Send an update, whatever comes of it."""

    @abstractmethod
    async def take(self) -> None:
        """Take in the next thing that arrives."""

    @abstractmethod
    async def refusal(self) -> str:
        """The word for why an edit was refused."""

    @abstractmethod
    async def end(self) -> str:
        """The word with which the session or its connection ends."""

    @abstractmethod
    def transport(self) -> Any:
        """What is read from."""

    @abstractmethod
    async def close(self) -> None:
        """Go away."""

    async def until_text(self, text: str) -> None:
        """Wait until its replica says ``text``."""
        async with asyncio.timeout(TIMEOUT):
            while self.text != text:
                await self.take()

    async def type(self, text: str) -> None:
        """Insert at the front, which leans on nothing."""
        doc: Doc[Any] = Doc()
        doc.get("body", type=Text).insert(0, text)
        self.replica.apply_update(doc.get_update())  # no door gives it back
        await self.send(doc.get_update())


class _SocketIO(Peer):
    prefix: ClassVar[str]

    async def enter(self) -> None:
        self.client = Client(WebSocketWire(self.api.server.url, self.api.http), self.prefix + self.document)
        auth = {} if self.token is None else {"token": self.token}
        answer = await self.client.connect(auth)
        if answer.type == 4:
            raise Refused(answer.data["data"]["code"])
        self.editor = Editor(self.client)
        await self.editor.sync()

    @property
    def replica(self) -> Doc[Any]:
        self.editor.take()
        return self.editor.doc

    async def send(self, update: bytes) -> None:
        await self.client.emit("sync-update", update)

    async def take(self) -> None:
        await asyncio.sleep(0.01)

    async def refusal(self) -> str:
        return str((await self.client.event("notice", TIMEOUT))["code"])

    async def end(self) -> str:
        with contextlib.suppress(AssertionError):  # a server that moves says goodbye to the connection only
            await self.client.wait(lambda packet: packet.type == 1, TIMEOUT)
        return str(self.client.events("notice")[-1]["code"])

    def transport(self) -> Any:
        return _transport(self.client.wire.websocket)  # type: ignore[union-attr]

    async def close(self) -> None:
        if hasattr(self, "client"):
            await self.client.close()


class SocketIO(_SocketIO):
    door, prefix = "socket.io", "/doc/"


class YSocketIO(_SocketIO):
    door, prefix = "y-socket.io", "/yjs|"


class YWebSocket(Peer):
    door = "y-websocket"

    async def enter(self) -> None:
        query = {} if self.token is None else {"token": self.token}
        url = f"{self.api.server.url}/ws/{self.document}"
        self.client = YClient(await self.api.http.ws_connect(url, params=query, max_msg_size=0))
        await self.client.socket.send_bytes(write_sync(STEP_1, self.client.doc.get_state()))
        while True:
            message = await self.client.next()
            if message is None:
                raise Refused(self.client.reason)
            if message.startswith(b"\0\1"):
                self.client.doc.apply_update(Reader(message[2:]).var_bytes())
                return

    @property
    def replica(self) -> Doc[Any]:
        return self.client.doc

    async def send(self, update: bytes) -> None:
        await self.client.socket.send_bytes(write_sync(UPDATE, update))

    async def take(self) -> None:
        self.client.doc.apply_update(await self.client.until_bytes(0, UPDATE))

    async def refusal(self) -> str:
        return (await self.client.until(2, 0))[1:].decode().partition(":")[0]

    async def end(self) -> str:
        return (await self.client.closed())[1]

    def transport(self) -> Any:
        return _transport(self.client.socket)

    async def close(self) -> None:
        if hasattr(self, "client"):
            await self.client.socket.close()


class Hocuspocus(Peer):
    door = "hocuspocus"

    async def enter(self) -> None:
        url = f"{self.api.server.url}/hocuspocus"
        self.socket = Socket(await self.api.http.ws_connect(url, max_msg_size=0))
        self.provider = self.socket.at(self.document)
        await self.provider.send(token(self.token or ""), write_sync(STEP_1, self.provider.doc.get_state()))
        while True:
            message = await self.provider.next()
            if message is None:
                raise Refused(self.socket.reason)
            if message.startswith(DENIED):
                raise Refused(Reader(message[2:]).var_string())
            if message.startswith(b"\0\1"):
                self.provider.doc.apply_update(Reader(message[2:]).var_bytes())
                return

    @property
    def replica(self) -> Doc[Any]:
        return self.provider.doc

    async def send(self, update: bytes) -> None:
        await self.socket.socket.send_bytes(write_address(self.document) + write_sync(UPDATE, update))

    async def take(self) -> None:
        await self.provider.until(bytes((0, UPDATE)))

    async def refusal(self) -> str:
        await self.provider.until(b"\x08\0")
        return "read_only" if '"read_only"' in await self.provider.stateless() else "something else"

    async def end(self) -> str:
        while True:
            message = await self.provider.next()
            if message is None:
                return self.socket.reason
            if message.startswith(b"\x07"):
                return Reader(message[1:]).var_string()

    def transport(self) -> Any:
        return _transport(self.socket.socket)

    async def close(self) -> None:
        if hasattr(self, "socket"):
            await self.socket.socket.close()


class EventsAndPosts(Peer):
    """Reads events, and posts what it writes."""

    door = "sse"

    async def enter(self) -> None:
        self.stream = await EventStream(self.api.as_(self.token), self.document).__aenter__()
        if self.stream.response.status != 200:
            raise Refused((await self.stream.response.json(content_type=None))["code"])
        await self.stream.until("update")
        self.words: list[str] = []

    @property
    def replica(self) -> Doc[Any]:
        return self.stream.doc

    async def send(self, update: bytes) -> None:
        path = f"{where(self.document)}/update"
        answer = await self.api.as_(self.token)("POST", path, data=update)
        if answer.status >= 400:
            self.words.append(answer.json["code"])

    async def take(self) -> None:
        await self.stream.until("update", TIMEOUT)

    async def refusal(self) -> str:
        return self.words[0]

    async def end(self) -> str:
        word = ""
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                event = await self.stream.next(TIMEOUT)
                if event is not None:
                    word = event.json["code"] if event.name == "notice" else word
                    continue
            return word

    def transport(self) -> Any:
        connection = self.stream.response.connection
        assert connection is not None
        return connection.transport

    async def close(self) -> None:
        if hasattr(self, "stream"):
            await self.stream.__aexit__()


def _transport(socket: aiohttp.ClientWebSocketResponse) -> Any:
    return socket._response.connection.transport  # type: ignore[union-attr]


#: every door through which somebody stays
DOORS: tuple[type[Peer], ...] = (SocketIO, YSocketIO, YWebSocket, Hocuspocus, EventsAndPosts)
