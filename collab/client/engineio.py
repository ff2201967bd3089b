"""Engine.IO 4, the client's side: messages over WebSocket or HTTP long-polling.

Why not python-engineio's client: it makes a task per message, refuses polling answers of more than
16 packets (one burst of edits is enough), and its reader can end without telling anybody when an
answer breaks off. Here a connection is one reader that its owner awaits and one writer, and
every way to end is a :class:`Disconnected`.

Protocol: https://github.com/socketio/engine.io-protocol (version 4).
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import Any, Literal

import aiohttp
import orjson
from yarl import URL

from collab.client.unreachable import NETWORK_ERRORS, NOBODY, Disconnected, answered, disconnected
from collab.protocol.packets import SEPARATOR

TransportName = Literal["websocket", "polling"]
TRANSPORTS: tuple[TransportName, ...] = ("websocket", "polling")

#: seconds for one HTTP request that is not a poll
REQUEST_TIMEOUT = 30.0
#: seconds for the last words of a connection
CLOSE_TIMEOUT = 2.0
#: how much of the time for connecting a silent transport has for itself
HEAD_START = 0.4
#: seconds for a TCP connection, and for TLS over it
CONNECT_TIMEOUT = 5.0

_log = logging.getLogger("collab.client")
_OPEN, _CLOSE, _PING, _PONG, _MESSAGE, _NOOP = "0", "1", "2", "3", "4", "6"

#: a Socket.IO packet is text and, for binary events, attachments
Message = str | bytes


class Transport(ABC):
    """One Engine.IO connection. ``name`` is its kind: ``websocket`` or ``polling``."""

    name: TransportName

    def __init__(self, http: aiohttp.ClientSession, url: URL) -> None:
        self._http = http
        self._url = url.update_query(EIO="4", transport=self.name)
        self._outgoing: deque[Message] = deque()  # packets: text with its type digit, and attachments
        self._wake = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._closed = False
        self._patience = 45.0

    @abstractmethod
    async def open(self) -> None:
        """Make the connection.

        Raises:
            Disconnected: it cannot be made.
        """

    @abstractmethod
    async def receive(self) -> Message:
        """The next message.

        Raises:
            Disconnected: the connection has ended, or was silent for longer than its heartbeat allows.
        """

    def send(self, *messages: Message) -> None:
        """Send messages, in order and together; on a connection that has ended nothing happens."""
        for message in messages:
            self._send_packet(message if isinstance(message, bytes) else _MESSAGE + message)

    def _send_packet(self, packet: Message) -> None:
        if not self._closed:
            self._outgoing.append(packet)
            self._wake.set()

    async def close(self) -> None:
        """Send what waits and end the connection. Never raises."""
        if self._closed:
            return
        self._closed = True
        self._wake.set()
        if self._writer is not None:
            await asyncio.wait([self._writer], timeout=CLOSE_TIMEOUT)
            self._writer.cancel()
            await asyncio.wait([self._writer])
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._end()
        except NETWORK_ERRORS:
            return

    async def _write(self) -> None:
        try:
            while self._outgoing or not self._closed:
                await self._wake.wait()
                self._wake.clear()
                if self._outgoing:
                    packets = list(self._outgoing)
                    self._outgoing.clear()
                    await self._put(packets)
        except Exception as error:
            if not isinstance(error, (Disconnected, *NETWORK_ERRORS)):
                _log.exception("a connection was given up")
            self._outgoing.clear()
            await self._cut()  # which tells the reader

    def _start(self, packet: str) -> dict[str, Any]:
        """Read the OPEN packet and start writing."""
        try:
            handshake: dict[str, Any] = orjson.loads(packet[1:]) if packet[:1] == _OPEN else {}
            self._patience = (handshake["pingInterval"] + handshake["pingTimeout"]) / 1000
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise Disconnected("this is not a Socket.IO server", reason="not_a_server") from None
        self._writer = asyncio.create_task(self._write(), name="collab client writer")
        return handshake

    @abstractmethod
    async def _put(self, packets: list[Message]) -> None: ...

    @abstractmethod
    async def _cut(self) -> None:
        """Make the reader see that the connection is of no use any more."""

    @abstractmethod
    async def _end(self) -> None: ...


class WebSocketTransport(Transport):
    """Engine.IO over one WebSocket."""

    name = "websocket"
    _ws: aiohttp.ClientWebSocketResponse

    async def open(self) -> None:
        """Make the connection."""
        try:
            # The server decides how large a document may be; compression costs more than it saves.
            self._ws = await self._http.ws_connect(
                self._url, max_msg_size=0, timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT)
            )
        except NETWORK_ERRORS as error:
            raise disconnected(error) from error
        try:
            self._start(await self._packet())
        except BaseException:
            await self._ws.close()
            raise

    async def receive(self) -> Message:
        """The next message."""
        while True:
            packet = await self._next()
            if isinstance(packet, bytes):
                return packet
            kind = packet[:1]
            if kind == _MESSAGE:
                return packet[1:]
            if kind == _PING:
                self._send_packet(_PONG)
            elif kind == _CLOSE:
                raise Disconnected("the server closed the connection")

    async def _packet(self) -> str:
        packet = await self._next()
        return packet if isinstance(packet, str) else ""

    async def _next(self) -> Message:
        try:
            async with asyncio.timeout(self._patience):
                frame = await self._ws.receive()
        except TimeoutError:
            raise Disconnected("the server has gone silent") from None
        except NETWORK_ERRORS as error:
            raise disconnected(error) from error
        if frame.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            data: Message = frame.data
            return data
        raise Disconnected("the connection was closed")

    async def _put(self, packets: list[Message]) -> None:
        for packet in packets:
            if isinstance(packet, bytes):
                await self._ws.send_bytes(packet)
            else:
                await self._ws.send_str(packet)

    async def _cut(self) -> None:
        await self._ws.close()

    async def _end(self) -> None:
        await self._ws.close()


class PollingTransport(Transport):
    """Engine.IO over HTTP: one request waits for news while others carry what is sent."""

    name = "polling"

    def __init__(self, http: aiohttp.ClientSession, url: URL) -> None:
        super().__init__(http, url)
        self._incoming: deque[str] = deque()
        self._broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._max_payload = 100_000

    async def open(self) -> None:
        """Make the connection."""
        self._incoming.extend(await self._get(REQUEST_TIMEOUT))
        handshake = self._start(self._incoming.popleft())
        self._url = self._url.update_query(sid=str(handshake.get("sid", "")))
        self._max_payload = int(handshake.get("maxPayload", self._max_payload))

    async def receive(self) -> Message:
        """The next message."""
        while True:
            if not self._incoming:
                self._incoming.extend(await self._poll())
            packet = self._incoming.popleft()
            kind = packet[:1]
            if kind == _MESSAGE:
                return packet[1:]
            if kind == "b":
                return b64decode(packet[1:])
            if kind == _PING:
                self._send_packet(_PONG)
            elif kind == _CLOSE:
                raise Disconnected("the server closed the connection")

    async def _poll(self) -> list[str]:
        """News, unless a request that carries what we send has failed meanwhile."""
        poll = asyncio.ensure_future(self._get(self._patience))
        try:
            first: list[asyncio.Future[Any]] = [poll, self._broken]
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            if self._broken.done():
                raise Disconnected("the server did not take what was sent")
            return await poll
        finally:
            poll.cancel()
            await asyncio.wait([poll])

    async def _get(self, timeout: float) -> list[str]:
        return (await self._request("GET", None, timeout)).split(SEPARATOR)

    async def _request(self, method: str, body: bytes | None, timeout: float) -> str:
        headers = {"Content-Type": "text/plain;charset=UTF-8"} if body is not None else None
        limit = aiohttp.ClientTimeout(total=timeout, sock_connect=CONNECT_TIMEOUT)
        try:
            # As a file, because aiohttp warns of large bodies that are given as bytes.
            data = BytesIO(body) if body is not None else None
            async with self._http.request(method, self._url, data=data, headers=headers, timeout=limit) as answer:
                text = await answer.text(encoding="utf-8")
        except (*NETWORK_ERRORS, UnicodeDecodeError) as error:
            raise disconnected(error) from error
        if answer.status != 200:
            raise answered(answer.status, answer.headers.get("Retry-After", ""))
        return text

    async def _put(self, packets: list[Message]) -> None:
        body: list[str] = []
        size = 0
        for packet in packets:
            text = "b" + b64encode(packet).decode() if isinstance(packet, bytes) else packet
            length = len(text.encode()) + 1
            if body and size + length > self._max_payload:
                await self._request("POST", SEPARATOR.join(body).encode(), REQUEST_TIMEOUT)
                body, size = [], 0
            body.append(text)
            size += length
        await self._request("POST", SEPARATOR.join(body).encode(), REQUEST_TIMEOUT)

    async def _cut(self) -> None:
        if not self._broken.done():
            self._broken.set_result(None)

    async def _end(self) -> None:
        if not self._broken.done():
            await self._put([_CLOSE])


_KINDS: dict[str, type[Transport]] = {"websocket": WebSocketTransport, "polling": PollingTransport}


async def open_transport(
    http: aiohttp.ClientSession, url: URL, names: Sequence[TransportName], *, timeout: float
) -> Transport:
    """Connect by the first of the named transports that works.

    One that is silent for :data:`HEAD_START` of the time gets the next one beside it: whoever keeps a WebSocket
    waiting for ever (a proxy, a captive portal) may well answer polls.

    Args:
        url: of the Engine.IO endpoint, such as ``http://127.0.0.1:8080/socket.io/``.
        timeout: seconds for all of them.

    Raises:
        Disconnected: none works.
    """
    faults: dict[TransportName, Disconnected] = {}
    opening: dict[asyncio.Task[Transport], TransportName] = {}
    waiting = list(names)
    try:
        async with asyncio.timeout(timeout):
            while waiting or opening:
                if waiting:
                    name = waiting.pop(0)
                    opening[asyncio.create_task(_opened(_KINDS[name](http, url)))] = name
                patience = timeout * HEAD_START if waiting else None
                done, _ = await asyncio.wait(opening, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
                for attempt in done:
                    fault = attempt.exception()
                    if fault is None:
                        del opening[attempt]
                        return attempt.result()
                    if not isinstance(fault, Disconnected):
                        raise fault
                    if fault.reason in NOBODY:
                        raise fault
                    faults[opening.pop(attempt)] = fault
    except TimeoutError:
        for name in opening.values():
            faults[name] = Disconnected(f"no answer within {timeout:g} s", reason="timeout")
    finally:
        await _give_up(opening)
    raise _summary(faults)


async def _opened(transport: Transport) -> Transport:
    await transport.open()
    return transport


async def _give_up(opening: Iterable[asyncio.Task[Transport]]) -> None:
    """Leave no connection behind, not even one that has just come about."""
    tasks = list(opening)
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled() and task.exception() is None:
            await task.result().close()


def _summary(faults: dict[TransportName, Disconnected]) -> Disconnected:
    """One error of what was wrong with each transport."""
    words = {str(fault) for fault in faults.values()}
    told = words.pop() if len(words) == 1 else "; ".join(f"{name}: {fault}" for name, fault in faults.items())
    reasons = [fault.reason for fault in faults.values()]
    waits = [fault.retry_after for fault in faults.values() if fault.retry_after is not None]
    return Disconnected(told, retry_after=max(waits, default=None), reason=None if None in reasons else reasons[-1])
