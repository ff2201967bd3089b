"""A Socket.IO client that shows every packet: for tests of the wire itself."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import Callable
from typing import Any

import aiohttp

from collab.protocol.packets import SEPARATOR

PLACEHOLDER = {"_placeholder": True, "num": 0}
TIMEOUT = 30.0


class WireError(AssertionError):
    """The server did not do what the test waited for."""


class WebSocketWire:
    """Engine.IO over a WebSocket. Pings are answered; ``packets`` holds everything else."""

    def __init__(self, url: str, session: aiohttp.ClientSession, **query: str) -> None:
        self._url = f"{url}/socket.io/".replace("http", "ws", 1)
        self._query = {"EIO": "4", "transport": "websocket", **query}
        self._session = session
        self.websocket: aiohttp.ClientWebSocketResponse

    async def open(self, headers: dict[str, str] | None = None) -> dict[str, Any]:
        """Connect; returns the handshake."""
        self.websocket = await self._session.ws_connect(
            self._url, params=self._query, headers=headers, max_msg_size=0, autoping=True
        )
        handshake = await self.receive()
        assert isinstance(handshake, str)
        assert handshake[0] == "0"
        opened: dict[str, Any] = json.loads(handshake[1:])
        return opened

    async def send(self, packet: str | bytes) -> None:
        """Send one Engine.IO packet."""
        if isinstance(packet, bytes):
            await self.websocket.send_bytes(packet)
        else:
            await self.websocket.send_str(packet)

    async def receive(self) -> str | bytes | None:
        """The next packet; None once the connection is closed."""
        while True:
            async with asyncio.timeout(TIMEOUT):  # Python 3.11's wait_for() may swallow that it is cancelled
                message = await self.websocket.receive()
            if message.type == aiohttp.WSMsgType.TEXT:
                if message.data == "2":
                    await self.send("3")
                    continue
                return str(message.data)
            if message.type == aiohttp.WSMsgType.BINARY:
                return bytes(message.data)
            return None

    async def close(self) -> None:
        """Close the WebSocket."""
        await self.websocket.close()


class PollingWire:
    """Engine.IO over long-polling."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = f"{url}/socket.io/"
        self._session = session
        self._waiting: list[str | bytes] = []
        self.sid = ""

    @property
    def query(self) -> dict[str, str]:
        """The query of every request."""
        return {"EIO": "4", "transport": "polling", **({"sid": self.sid} if self.sid else {})}

    async def open(self, headers: dict[str, str] | None = None) -> dict[str, Any]:
        """Connect; returns the handshake."""
        async with self._session.get(self._url, params=self.query, headers=headers) as response:
            assert response.status == 200, await response.text()
            packets = (await response.text()).split(SEPARATOR)
        opened: dict[str, Any] = json.loads(packets[0][1:])
        self.sid = opened["sid"]
        return opened

    async def send(self, *packets: str | bytes) -> None:
        """POST packets in one body."""
        body = SEPARATOR.join(
            "b" + base64.b64encode(packet).decode() if isinstance(packet, bytes) else packet for packet in packets
        )
        async with self._session.post(self._url, params=self.query, data=io.BytesIO(body.encode())) as response:
            if response.status != 200:
                raise WireError(f"POST: {response.status} {await response.text()}")
            assert await response.text() == "ok"

    async def poll(self) -> list[str | bytes]:
        """One GET."""
        async with self._session.get(self._url, params=self.query) as response:
            if response.status != 200:
                raise WireError(f"GET: {response.status} {await response.text()}")
            body = await response.text()
        return [base64.b64decode(packet[1:]) if packet[:1] == "b" else packet for packet in body.split(SEPARATOR)]

    async def receive(self) -> str | bytes | None:
        """The next packet that is neither ping nor noop; None at the end."""
        while True:
            while self._waiting:
                packet = self._waiting.pop(0)
                if packet == "2":
                    await self.send("3")
                elif packet == "1":
                    return None
                elif packet != "6":
                    return packet
            try:
                async with asyncio.timeout(TIMEOUT):
                    self._waiting = await self.poll()
            except WireError:
                return None

    async def close(self) -> None:
        """Say goodbye."""
        await self.send("1")


class Packet:
    """A Socket.IO packet that came in, attachments in place."""

    def __init__(self, text: str) -> None:
        self.type = int(text[0])
        rest = text[1:]
        self.attachments = 0
        if self.type in (5, 6):
            count, rest = rest.split("-", 1)
            self.attachments = int(count)
        self.namespace = "/"
        if rest.startswith("/"):
            self.namespace, _, rest = rest.partition(",")
        digits = len(rest) - len(rest.lstrip("0123456789"))
        self.id = int(rest[:digits]) if digits else None
        self.data: Any = json.loads(rest[digits:]) if rest[digits:] else None

    def attach(self, data: bytes) -> None:
        """Put an attachment where its placeholder stands."""
        self.data = [data if item == PLACEHOLDER else item for item in self.data]
        self.attachments = 0

    def __repr__(self) -> str:
        return f"Packet({self.type} {self.namespace} {self.id} {str(self.data)[:200]})"


class Client:
    """One namespace over any wire: events, acks, and a way to wait for either."""

    def __init__(self, wire: WebSocketWire | PollingWire, namespace: str) -> None:
        self.wire = wire
        self.namespace = namespace
        self.received: list[Packet] = []
        self.closed = False
        self.answer_steps: Callable[[bytes], bytes] | None = None
        self._next_id = 0
        self._reader: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self.seen = 0

    async def connect(self, auth: dict[str, Any] | None = None, headers: dict[str, str] | None = None) -> Packet:
        """Open the wire and the namespace; returns CONNECT or CONNECT_ERROR."""
        try:
            await self.wire.open(headers)
            return await self.join(auth)
        except BaseException:
            self.closed = True
            raise

    async def join(self, auth: dict[str, Any] | None = None) -> Packet:
        """Open the namespace on an open wire."""
        payload = json.dumps(auth) if auth is not None else ""
        await self.wire.send(f"40{self.namespace},{payload}")
        self._reader = asyncio.create_task(self._read())
        return await self.wait(lambda packet: packet.type in (0, 4))

    async def _read(self) -> None:
        try:
            await self._read_packets()
        except (aiohttp.ClientError, ConnectionError):
            pass  # it broke while we answered
        finally:
            self.closed = True
            self._news.set()

    async def _read_packets(self) -> None:
        partial: Packet | None = None
        while True:
            raw = await self._receive_forever()
            if raw is None:
                return
            if isinstance(raw, bytes):
                assert partial is not None, "an attachment that nobody announced"
                partial.attach(raw)
                packet, partial = partial, None
            elif raw[0] == "1":
                continue
            else:
                assert raw[0] == "4", raw
                packet = Packet(raw[1:])
                if packet.attachments:
                    partial = packet
                    continue
            if packet.type == 5 and packet.data[0] == "sync-step-1" and self.answer_steps is not None:
                await self.ack_binary(packet.id, self.answer_steps(packet.data[1]))
            self.received.append(packet)
            self._news.set()

    async def _receive_forever(self) -> str | bytes | None:
        while True:
            try:
                return await self.wire.receive()
            except TimeoutError:
                continue
            except (aiohttp.ClientError, ConnectionError):
                return None

    async def wait(self, match: Callable[[Packet], bool], timeout: float = TIMEOUT) -> Packet:
        """The first packet from the beginning that ``match`` accepts; waits for it."""
        checked = 0
        try:
            async with asyncio.timeout(timeout):
                while True:
                    while checked < len(self.received):
                        packet = self.received[checked]
                        checked += 1
                        if match(packet):
                            return packet
                    if self.closed:
                        raise WireError(f"closed while waiting; received {self.received[-5:]}")
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise WireError(f"nothing matched; received {self.received[-8:]}") from None

    async def wait_closed(self, timeout: float = TIMEOUT) -> None:
        """Wait until the server has ended the connection."""
        async with asyncio.timeout(timeout):
            while not self.closed:
                self._news.clear()
                await self._news.wait()

    async def event(self, name: str, timeout: float = TIMEOUT) -> Any:
        """The argument of the first event ``name``."""
        packet = await self.wait(lambda p: p.type in (2, 5) and p.data[0] == name, timeout)
        return packet.data[1]

    def events(self, name: str) -> list[Any]:
        """The arguments of all events ``name`` so far."""
        return [p.data[1] for p in self.received if p.type in (2, 5) and p.data[0] == name]

    async def emit(self, name: str, *args: Any) -> None:
        """Send an event without an ack."""
        await self._emit("", name, *args)

    async def call(self, name: str, *args: Any, timeout: float = TIMEOUT) -> Any:
        """Send an event; returns the argument of its ack."""
        id = self._next_id
        self._next_id += 1
        await self._emit(str(id), name, *args)
        packet = await self.wait(lambda p: p.type in (3, 6) and p.id == id, timeout)
        return packet.data[0]

    async def send_many(self, name: str, payloads: list[bytes]) -> list[int]:
        """Send binary events with acks without waiting; returns the ack ids."""
        ids = []
        packets: list[str | bytes] = []
        for payload in payloads:
            id = self._next_id
            self._next_id += 1
            ids.append(id)
            packets += [f"451-{self.namespace},{id}{json.dumps([name, PLACEHOLDER], separators=(',', ':'))}", payload]
        if isinstance(self.wire, PollingWire):
            await self.wire.send(*packets)
        else:
            for packet in packets:
                await self.wire.send(packet)
        return ids

    async def _emit(self, id: str, name: str, *args: Any) -> None:
        binary = [arg for arg in args if isinstance(arg, bytes)]
        shown = [PLACEHOLDER if isinstance(arg, bytes) else arg for arg in args]
        head = f"45{len(binary)}-" if binary else "42"
        text = f"{head}{self.namespace},{id}{json.dumps([name, *shown], separators=(',', ':'))}"
        if isinstance(self.wire, PollingWire):
            await self.wire.send(text, *binary)
            return
        await self.wire.send(text)
        for data in binary:
            await self.wire.send(data)

    async def ack_binary(self, id: int | None, data: bytes) -> None:
        """Answer an event of the server with bytes."""
        text = f"461-{self.namespace},{id}{json.dumps([PLACEHOLDER], separators=(',', ':'))}"
        if isinstance(self.wire, PollingWire):
            await self.wire.send(text, data)
        else:
            await self.wire.send(text)
            await self.wire.send(data)

    async def close(self) -> None:
        """Close the wire."""
        if self._reader is not None:
            self._reader.cancel()
        try:
            await self.wire.close()
        except (WireError, aiohttp.ClientError):
            return
