"""Socket.IO 5, the client's side: events and their answers in one namespace.

Protocol: https://github.com/socketio/socket.io-protocol (version 5).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from collab.client.engineio import Transport
from collab.client.unreachable import Disconnected
from collab.errors import CODES, CollabError
from collab.protocol.packets import ACK, BINARY_ACK, CONNECT, DISCONNECT, Packet, PacketError, parse_packet


class Dismissed(Exception):
    """The server has ended the session on purpose; it said why in a notice before."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that the server sent; ``id`` is set where it wants an answer."""

    name: str
    args: list[Any]
    id: int | None


class Namespace:
    """A connection to one namespace over a transport that has nothing else to carry.

    Args:
        own_http: the HTTP client of this connection alone, which ends with it.
    """

    def __init__(self, transport: Transport, name: str, *, own_http: aiohttp.ClientSession | None = None) -> None:
        self.transport = transport
        self.name = name
        self._own_http = own_http
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._next_id = 0

    @property
    def kind(self) -> str:
        """``websocket`` or ``polling``."""
        return self.transport.name

    async def connect(self, auth: dict[str, Any]) -> None:
        """Join the namespace.

        Raises:
            CollabError: the server refuses.
            Disconnected: the connection ended first.
        """
        self.transport.send(f"0{self.name},{orjson.dumps(auth).decode()}")
        text = await self.transport.receive()
        refusal = f"4{self.name},"
        if isinstance(text, str) and text.startswith(refusal):
            raise _refusal(orjson.loads(text[len(refusal) :]))
        if isinstance(text, bytes) or _parse(text).type != CONNECT:
            raise Disconnected("the server does not speak Socket.IO 5")

    async def receive(self) -> Event:
        """The next event; answers to our own find their way by themselves.

        Raises:
            Dismissed: the server ended the session.
            Disconnected: the connection ended.
        """
        while True:
            packet = await self._packet()
            if packet.type == DISCONNECT:
                raise Dismissed
            if packet.type in (ACK, BINARY_ACK):
                answer = self._answers.pop(-1 if packet.id is None else packet.id, None)
                if answer is not None and not answer.done():
                    answer.set_result(packet.data[0] if packet.data else None)
            elif packet.type != CONNECT:
                return Event(packet.data[0], packet.data[1:], packet.id)

    def emit(self, event: str, *args: Any) -> None:
        """Send an event that needs no answer."""
        self._send("2", None, [event, *args])

    def call(self, event: str, *args: Any) -> asyncio.Future[Any]:
        """Send an event; the future holds its answer, or Disconnected if none can come any more."""
        self._next_id += 1
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._answers[self._next_id] = answer
        self._send("2", self._next_id, [event, *args])
        return answer

    def answer(self, id: int, *args: Any) -> None:
        """Answer an event of the server."""
        self._send("3", id, list(args))

    async def drop(self) -> None:
        """End the connection without a word. Never raises."""
        await self.transport.close()

    async def close(self, *, politely: bool = True) -> None:
        """Leave the namespace and end the connection. Never raises."""
        if politely:
            self.transport.send(f"1{self.name},")
        await self.transport.close()
        if self._own_http is not None:
            await self._own_http.close()
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(Disconnected("the connection ended before the answer"))
                answer.exception()  # whoever does not wait for it need not hear of it
        self._answers.clear()

    async def _packet(self) -> Packet:
        text = await self.transport.receive()
        if isinstance(text, bytes):
            raise Disconnected("an attachment that nothing announced")
        packet = _parse(text)
        while not packet.complete:
            attachment = await self.transport.receive()
            if isinstance(attachment, str):
                raise Disconnected("text where an attachment is due")
            try:
                packet.attach(attachment)
            except PacketError as error:
                raise Disconnected(f"broken protocol: {error}") from None
        return packet

    def _send(self, kind: str, id: int | None, data: list[Any]) -> None:
        attachments = [item for item in data if isinstance(item, bytes)]
        if attachments:
            kind = f"{int(kind) + 3}{len(attachments)}-"
            numbers = iter(range(len(attachments)))
            data = [{"_placeholder": True, "num": next(numbers)} if isinstance(item, bytes) else item for item in data]
        head = f"{kind}{self.name},{'' if id is None else id}{orjson.dumps(data).decode()}"
        self.transport.send(head, *attachments)


def _parse(text: str) -> Packet:
    try:
        return parse_packet(text)
    except PacketError as error:
        raise Disconnected(f"broken protocol: {error}") from None


def _refusal(body: Any) -> CollabError:
    body = body if isinstance(body, dict) else {}
    data = body.get("data")
    if isinstance(data, dict) and "code" in data:
        return error_from(data)
    return CollabError("invalid_document", str(body.get("message") or "The server refused the document."))


def error_from(data: dict[str, Any]) -> CollabError:
    """The error that the server described on the wire; codes that this client does not know become ``internal``."""
    code = data.get("code")
    detail = {key: value for key, value in data.items() if key not in ("code", "message", "retryable", "retry_after")}
    if code not in CODES:
        detail["code_on_the_wire"] = code
        code = "internal"
    message, retry_after = data.get("message"), data.get("retry_after")
    retryable = data.get("retryable")
    return CollabError(
        code,
        message if isinstance(message, str) else None,
        retry_after=float(retry_after) if isinstance(retry_after, int | float) else None,
        detail=detail,
        # What this client does not know is for the server to say, too: a sign-in that could not be checked just now.
        retryable=retryable if isinstance(retryable, bool) and code == data.get("code") else None,
    )
