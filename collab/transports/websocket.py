"""A WebSocket of aiohttp without a coroutine per frame.

aiohttp shakes hands and its compiled parser reads frames; what it parsed goes straight to a function
instead of through a queue, a future and a task. Nobody reads ahead: while the owner wants a pause
(:attr:`FrameSocket.hold`) or has had its turn, frames wait in a list and the transport is not read.

This file knows private names of aiohttp; :func:`check_aiohttp_version` says which releases have them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from importlib.metadata import version
from typing import Any, Protocol

import structlog
from aiohttp import WSMsgType, web
from aiohttp._websocket.reader import WebSocketDataQueue, WebSocketReader

from collab.protocol.frames import websocket_frame

_log = structlog.get_logger("collab.websocket")

#: releases whose private names this file was tested with
TESTED_AIOHTTP = ((3, 14), (3, 15))

#: frames of one client handled before others get a turn
TURN = 64
#: seconds for a peer to answer the close frame
CLOSE_TIMEOUT = 2.0

_TEXT, _BINARY = WSMsgType.TEXT, WSMsgType.BINARY
_PONG_FRAME, _CLOSE_FRAME = 0x8A, 0x88
_NORMAL, _PROTOCOL_FAULT, _OUR_FAULT = 1000, 1002, 1011


def check_aiohttp_version() -> None:
    """Raise RuntimeError where aiohttp is outside the range that was tested."""
    installed = tuple(int(part) for part in version("aiohttp").split(".")[:2])
    low, high = TESTED_AIOHTTP
    if not low <= installed < high:
        raise RuntimeError(
            f"aiohttp {'.'.join(map(str, installed))} was never tested with collab: "
            f"install one from {low[0]}.{low[1]} up to, not including, {high[0]}.{high[1]}"
        )


class FrameOwner(Protocol):
    """Who handles the frames; called in order, never while a hold is awaited.

    ``hold`` is set by whoever wants the reader to wait; ``await_hold`` waits for it and takes it away.
    """

    hold: Awaitable[Any] | None

    async def await_hold(self) -> None:
        """Wait until reading may go on."""

    def take_frame(self, data: str | bytes) -> None:
        """Handle one message. Must not raise: what cannot be used ends the connection."""

    def lost(self) -> None:
        """Write no more, neither by the transport nor by its file descriptor. May come more than once."""


class _Sink(WebSocketDataQueue):
    """What the parser takes for its queue."""

    def __init__(self, socket: FrameSocket, protocol: Any, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(protocol, 0, loop=loop)
        self._socket: FrameSocket | None = socket

    def feed_data(self, data: Any, size: int) -> None:
        socket = self._socket
        if socket is not None:
            socket.arrived(data)

    def set_exception(self, exc: BaseException, *_cause: Any) -> None:
        """Called by the parser about bytes that are no WebSocket."""
        if self._socket is not None:
            self._socket.say_goodbye(getattr(exc, "code", _PROTOCOL_FAULT))

    def feed_eof(self) -> None:
        """Called when the connection is gone."""
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.gone()


class FrameSocket(web.WebSocketResponse):
    """One WebSocket, server side; compression is declined.

    Args:
        max_message: bytes of one message; more closes the connection (1009).

    Attributes:
        owner: who handles the frames; may be exchanged at any time.
        ended: done once the peer is gone, or has answered our goodbye.
    """

    # Idle connections are many: beside aiohttp's, these would make a dictionary too large to share its keys.
    __slots__ = (
        "_backlog", "_catching_up", "_goodbye", "_said_goodbye", "_transport", "_turn", "ended", "owner",
    )  # fmt: skip

    def __init__(self, owner: FrameOwner, max_message: int) -> None:
        super().__init__(max_msg_size=max_message, compress=False)
        self.owner = owner
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None
        self._said_goodbye = False
        self._goodbye: asyncio.TimerHandle | None = None
        self._turn = 0
        # None: frames are handled as they come. Until start() they wait.
        self._backlog: list[Any] | None = []
        self._catching_up: asyncio.Task[None] | None = None

    async def shake_hands(self, request: web.Request, first: bytes = b"") -> asyncio.Transport:
        """Answer the handshake, in one write with the ``first`` frame; returns where further frames may be written.

        A connection that breaks between the two would be noticed by socket.io-client after 20 seconds only: it hears
        of its end once Engine.IO's first packet has come.

        Raises:
            ConnectionError: it is gone.
        """
        writer = await self.prepare(request)
        if first:
            await writer.write(first)
        else:
            writer.send_headers()
        if self._transport is None:
            raise ConnectionResetError("the connection is gone")
        return self._transport

    # Not yet: shake_hands() sends them.
    _send_headers_immediately = False

    # The end of prepare(): aiohttp would put a queue here.
    def _post_start(self, request: Any, protocol: str | None, writer: Any) -> None:
        self._ws_protocol = protocol
        self._writer = writer
        self._transport = request.transport
        sink = _Sink(self, request.protocol, asyncio.get_running_loop())
        self._reader = sink
        self._parser = WebSocketReader(sink, self._max_msg_size, compress=False, decode_text=True)
        request.protocol.set_parser(self._parser, data_received_cb=self._new_turn)
        request.protocol.keep_alive(False)

    def start(self) -> None:
        """Begin to hand frames to the owner."""
        if self._backlog:
            self._begin_to_catch_up()
        else:
            self._backlog = None

    # -- in -------------------------------------------------------------------------------------

    def _new_turn(self) -> None:
        self._turn = 0

    def arrived(self, message: Any) -> None:
        """Take a message of the parser."""
        if self._backlog is not None:
            self._backlog.append(message)
            return
        self._take(message)
        self._turn += 1
        if self.owner.hold is not None or self._turn >= TURN:
            self._backlog = []
            self._begin_to_catch_up()

    def _take(self, message: Any) -> None:
        kind = message[0]
        if self._said_goodbye and kind is not WSMsgType.CLOSE:
            return
        if kind is _TEXT or kind is _BINARY:
            self.owner.take_frame(message[1])
        elif kind is WSMsgType.PING:
            self._write(websocket_frame(_PONG_FRAME, bytes(message[1])))
        elif kind is WSMsgType.CLOSE:
            self._hear_goodbye(message[1])

    def _begin_to_catch_up(self) -> None:
        transport = self._transport
        if transport is not None and not transport.is_closing():
            transport.pause_reading()
        self._catching_up = asyncio.get_running_loop().create_task(self._catch_up())

    async def _catch_up(self) -> None:
        await asyncio.sleep(0)
        try:
            await self._work_off()
        except Exception:
            # Nobody would read on: better to end it, so that the client comes back.
            _log.exception("a pause in reading failed")
            self.say_goodbye(_OUR_FAULT)
            return
        self._backlog = self._catching_up = None
        transport = self._transport
        if transport is not None and not transport.is_closing():
            transport.resume_reading()

    async def _work_off(self) -> None:
        backlog = self._backlog
        at = turn = 0
        while not self.ended.done():
            if self.owner.hold is not None:
                await self.owner.await_hold()
            elif not backlog or at == len(backlog):
                break
            elif turn == TURN:
                turn = 0
                await asyncio.sleep(0)
            else:
                message, backlog[at] = backlog[at], None
                at += 1
                turn += 1
                self._take(message)

    # -- end ------------------------------------------------------------------------------------

    def gone(self) -> None:
        """The connection was lost; its file descriptor is closed after this."""
        self.owner.lost()
        self._transport = None
        if self._goodbye is not None:
            self._goodbye.cancel()
        if not self.ended.done():
            self.ended.set_result(None)

    def say_goodbye(self, code: int = _NORMAL) -> None:
        """Send a close frame; the connection ends once the peer answers, or after ``CLOSE_TIMEOUT`` seconds."""
        transport = self._transport
        if self._said_goodbye or transport is None:
            return
        self._said_goodbye = True
        self.owner.lost()
        self._write(websocket_frame(_CLOSE_FRAME, code.to_bytes(2, "big")))
        self._goodbye = asyncio.get_running_loop().call_later(CLOSE_TIMEOUT, transport.abort)

    def _hear_goodbye(self, code: int) -> None:
        self.say_goodbye(code or _NORMAL)
        if not self.ended.done():
            self.ended.set_result(None)
        if self._transport is not None:
            self._transport.close()  # sends what waits first

    async def close(self, **_options: Any) -> bool:
        """What aiohttp calls when the handler has returned."""
        self.say_goodbye()
        return True

    def _write(self, frame: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        try:
            transport.write(frame)
        except RuntimeError:
            return  # uvloop: the transport is gone
