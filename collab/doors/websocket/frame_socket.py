"""A WebSocket of aiohttp whose messages go to a function, made of aiohttp's public parts.

It runs with every aiohttp that ``setup.cfg`` allows. :class:`collab.doors.websocket.tapped_socket.TappedSocket` is
faster and bound to tested releases; :func:`collab.doors.websocket.accept.frame_socket` chooses.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, Protocol

import structlog
from aiohttp import WSMsgType, web

from collab.doors.websocket.writer import websocket_frame
from collab.hub.bulk import Bulk

_log = structlog.get_logger("collab.websocket")

#: frames of one client handled before others get a turn
TURN = 64
#: seconds for a peer to answer the close frame
CLOSE_TIMEOUT = 2.0

TEXT, BINARY = WSMsgType.TEXT, WSMsgType.BINARY
PING, PONG = WSMsgType.PING, WSMsgType.PONG
_GONE = (WSMsgType.CLOSING, WSMsgType.CLOSED)
_CLOSE_FRAME = 0x88
NORMAL, PROTOCOL_FAULT, TOO_LARGE, OUR_FAULT = 1000, 1002, 1009, 1011
#: bytes of a message of somebody who was not let in: a token fits into it several times
MAX_UNKNOWN = 64 * 1024
#: bytes that a message may have beside the document in it
_HEAD = 1024


class FrameOwner(Protocol):
    """Who handles the frames; called in order, never while a hold is awaited.

    ``hold`` is set by whoever wants the reader to wait; ``await_hold`` waits for it and takes it away.
    ``brings_documents``: it may send messages as large as whole documents. ``let_in``: it may send more than
    :data:`MAX_UNKNOWN`. ``address``: whose messages they are.
    """

    hold: Awaitable[Any] | None

    @property
    def address(self) -> str:
        """See above."""

    @property
    def let_in(self) -> bool:
        """See above."""

    @property
    def brings_documents(self) -> bool:
        """See above."""

    async def await_hold(self) -> None:
        """Wait until reading may go on."""

    def take_frame(self, data: str | bytes) -> None:
        """Handle one message. Must not raise: what cannot be used ends the connection."""

    def too_large(self) -> None:
        """A message is larger than the peer may send; the connection ends after this."""

    def take_ping(self, payload: bytes) -> None:
        """The peer pings, and wants ``payload`` back."""

    def take_pong(self) -> None:
        """The peer answered a ping."""

    def lost(self) -> None:
        """Write no more, neither by the transport nor by its file descriptor. May come more than once."""


class _Nobody:
    """Handles the frames of a WebSocket whose owner has gone."""

    hold: Awaitable[Any] | None = None
    address = ""
    brings_documents = let_in = False

    async def await_hold(self) -> None: ...
    def take_frame(self, data: str | bytes) -> None: ...
    def too_large(self) -> None: ...
    def take_ping(self, payload: bytes) -> None: ...
    def take_pong(self) -> None: ...
    def lost(self) -> None: ...


class FrameSocket(web.WebSocketResponse):
    """One WebSocket, server side; compression is declined.

    Args:
        max_message: bytes of one message of anybody; more closes the connection (1009).
        bulk: lets whoever may bring whole documents do so, one after the other.

    Attributes:
        owner: who handles the frames; may be exchanged at any time.
        ended: done once the peer is gone, or has answered our goodbye.
    """

    # Idle connections are many: beside aiohttp's, these would make a dictionary too large to share its keys.
    __slots__ = ("_bulk", "_goodbye", "_ordinary", "_reading", "_said_goodbye", "_transport", "ended", "owner")

    #: whether ``owner`` hears that the connection is lost before the event loop closes its file descriptor; where it
    #: does not, that number may mean somebody else's connection by the time it is written to
    owns_descriptor = False

    def __init__(self, owner: FrameOwner, max_message: int, bulk: Bulk) -> None:
        most = max(max_message, bulk.most + _HEAD)
        super().__init__(max_msg_size=most, compress=False, autoping=False, autoclose=False)
        self._ordinary = max_message
        self._bulk = bulk
        self.owner = owner
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None
        self._said_goodbye = False
        self._goodbye: asyncio.TimerHandle | None = None
        self._reading: asyncio.Task[None] | None = None

    async def shake_hands(self, request: web.Request, first: bytes = b"") -> asyncio.Transport:
        """Answer the handshake and send the ``first`` frame; returns where further frames may be written.

        Raises:
            ConnectionError: it is gone.
        """
        await self.prepare(request)
        self._transport = request.transport
        if self._transport is None:
            self.gone()
            raise ConnectionResetError("the connection is gone")
        self._write(first)
        return self._transport

    def start(self) -> None:
        """Begin to hand frames to the owner. Idempotent."""
        if self._reading is None:
            self._reading = asyncio.get_running_loop().create_task(self._read())

    # -- in -------------------------------------------------------------------------------------

    async def _read(self) -> None:
        try:
            gone = await self._read_on()
        except Exception:
            _log.exception("a pause in reading failed")
            self.say_goodbye(OUR_FAULT)
            gone = False
        if not gone and not self.ended.done():
            await asyncio.sleep(CLOSE_TIMEOUT)  # nobody reads the answer to our goodbye
        if gone or not self.ended.done():
            self.gone()

    async def _read_on(self) -> bool:
        """Hand over messages until the end; returns whether that is the connection's, not only ours."""
        turn = 0
        while not self.ended.done():
            message = await self.receive()
            if message.type in _GONE:
                return True
            if message.type is WSMsgType.ERROR:
                return False
            self._take(message)
            if self.owner.hold is not None:
                await self.owner.await_hold()
            turn += 1
            if turn % TURN == 0:
                await asyncio.sleep(0)
        return False

    def _take(self, message: Any) -> None:
        kind = message[0]
        if self._said_goodbye and kind is not WSMsgType.CLOSE:
            return
        if kind is TEXT or kind is BINARY:
            if len(message[1]) > MAX_UNKNOWN and not self.may_be_large(len(message[1])):
                self.refuse_large()
            else:
                self.owner.take_frame(message[1])
        elif kind is PING:
            self.owner.take_ping(bytes(message[1]))
        elif kind is PONG:
            self.owner.take_pong()
        elif kind is WSMsgType.CLOSE:
            self._hear_goodbye(message[1])

    def may_be_large(self, size: int) -> bool:
        """Whether the peer may send a message of ``size`` bytes, which are more than :data:`MAX_UNKNOWN`."""
        owner = self.owner
        return owner.let_in and (size <= self._ordinary or owner.brings_documents)

    def refuse_large(self) -> None:
        """End the connection: a message is larger than its sender may send."""
        if not self._said_goodbye:
            self.owner.too_large()
            self.say_goodbye(TOO_LARGE)

    # -- end ------------------------------------------------------------------------------------

    def gone(self) -> None:
        """The connection was lost; its file descriptor is closed after this."""
        self.owner.lost()
        self._transport = None
        if self._goodbye is not None:
            self._goodbye.cancel()
        if not self.ended.done():
            self.ended.set_result(None)
        # What refers to each other in a circle waits for the collector, which comes seldom.
        self.owner = _Nobody()

    def say_goodbye(self, code: int = NORMAL, reason: str = "") -> None:
        """Send a close frame; the connection ends once the peer answers, or after ``CLOSE_TIMEOUT`` seconds.

        Also before :meth:`start`, to refuse a peer: from here on nothing but its answer is heard.

        Args:
            reason: a word for it, not longer than 100 characters.
        """
        transport = self._transport
        if self._said_goodbye or transport is None:
            return
        self._said_goodbye = True
        self.owner.lost()
        self._write(websocket_frame(_CLOSE_FRAME, code.to_bytes(2, "big") + reason.encode()))
        self._goodbye = asyncio.get_running_loop().call_later(CLOSE_TIMEOUT, transport.abort)
        self.start()

    def _hear_goodbye(self, code: int) -> None:
        self.say_goodbye(code or NORMAL)
        if not self.ended.done():
            self.ended.set_result(None)
        if self._transport is not None:
            self._transport.close()  # sends what waits first

    async def close(self, *, code: int = NORMAL, **_options: Any) -> bool:
        """What aiohttp calls when the handler has returned, or about bytes that are no WebSocket."""
        if code == TOO_LARGE:
            self.refuse_large()
        self.say_goodbye(code)
        return True

    def _write(self, frame: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        try:
            transport.write(frame)
        except RuntimeError:
            return  # uvloop: the transport is gone
