"""A WebSocket of aiohttp without a coroutine per frame.

aiohttp shakes hands and its compiled parser reads frames; what it parsed goes straight to a function
instead of through a queue, a future and a task. Nobody reads ahead: while the owner wants a pause
(:attr:`FrameOwner.hold`) or has had its turn, frames wait in a list and the transport is not read. What was read
before is parsed in pieces, and waits as bytes: parsed, a piece of small frames takes thirty times its size.

This file knows private names of aiohttp; ``collab/doors/libraries.py`` says which releases have them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, cast

import structlog
from aiohttp import web
from aiohttp._websocket.reader import WebSocketDataQueue, WebSocketReader

from collab.doors.holds import InTurn
from collab.doors.websocket.frame_socket import (
    BINARY,
    MAX_UNKNOWN,
    NORMAL,
    OUR_FAULT,
    PING,
    PONG,
    PROTOCOL_FAULT,
    TEXT,
    TOO_LARGE,
    TURN,
    FrameOwner,
    FrameSocket,
)
from collab.hub.bulk import Bulk, Turn
from collab.hub.in_flight import COUNTED_FROM, Load

_log = structlog.get_logger("collab.websocket")


#: bytes that are parsed at once
PIECE = 16 * 1024
#: bytes of a control frame beside its payload: a client's is masked
_CONTROL_HEAD = 6


class _Claim:
    """What a message that is not small takes of what there is for all: a load, or, if it is a document, a turn."""

    __slots__ = ("load", "turn")

    def __init__(self, load: Load) -> None:
        self.load = load
        self.turn: Turn | None = None

    def complete(self) -> None:
        self.load.complete()
        if self.turn is not None:
            self.turn.complete()

    def release(self) -> None:
        self.load.release()
        if self.turn is not None:
            self.turn.release()

    async def wait_for_turn(self, turn: Turn) -> None:
        """What came so far counts until then."""
        self.load.complete()
        await turn.wait()
        self.load.release()


class _Sink(WebSocketDataQueue):
    """What the parser takes for its queue."""

    def __init__(self, socket: TappedSocket, protocol: Any, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(protocol, 0, loop=loop)
        self._socket: TappedSocket | None = socket

    def feed_data(self, data: Any, size: int) -> None:
        socket = self._socket
        if socket is not None:
            socket.arrived(data)

    def set_exception(self, exc: BaseException, *_cause: Any) -> None:
        """Called by the parser about bytes that are no WebSocket."""
        if self._socket is not None:
            code = getattr(exc, "code", PROTOCOL_FAULT)
            if code == TOO_LARGE:
                self._socket.refuse_large()
            self._socket.say_goodbye(code)

    def feed_eof(self) -> None:
        """Called when the connection is gone."""
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.gone()


class _Measured:
    """The parser, and how much it has of a message that is not complete.

    aiohttp's protocol keeps it, in a circle of its own: ``socket`` is taken away at the end.
    """

    __slots__ = ("feed_eof", "parser", "socket")

    def __init__(self, parser: WebSocketReader, sink: _Sink, socket: TappedSocket) -> None:
        self.parser: WebSocketReader | None = parser
        self.socket: TappedSocket | None = socket
        self.feed_eof = sink.feed_eof

    def feed_data(self, data: bytes) -> Any:
        """Called once whenever something was read: each time is a new turn of the peer's."""
        socket = self.socket
        if socket is None:
            return False, b""
        socket.turn = 0
        size = len(data)
        if size > PIECE or socket.backlog is not None:
            return socket.take_in_pieces(data)
        unread = socket.unread
        if unread > COUNTED_FROM or self.parser is None:
            return self.parse(data)
        socket.unread = unread + size  # as `parse` would, without two further calls for each edit
        return self.parser.feed_data(data)

    def parse(self, data: bytes) -> Any:
        if self.socket is not None and self.parser is not None and self.socket.measure(len(data)):
            return self.parser.feed_data(data)
        return False, b""


class TappedSocket(FrameSocket):
    """As :class:`FrameSocket`, with the parser's messages taken where they leave it.

    Attributes:
        backlog: frames that wait; None: they are handled as they come.
        turn: how many were handled since something was read last.
        unread: bytes of a message that is not complete.
    """

    __slots__ = ("_catching_up", "_claim", "_measured", "_unparsed", "backlog", "turn", "unread")

    owns_descriptor = True

    def __init__(self, owner: FrameOwner, max_message: int, bulk: Bulk) -> None:
        super().__init__(owner, max_message, bulk)
        self.turn = 0
        self._claim: _Claim | None = None
        self._measured: _Measured
        self.unread = 0
        self.backlog: list[Any] | None = []  # until start() they wait
        self._unparsed = b""
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
        measured = self._measured = _Measured(self._parser, sink, self)
        request.protocol.set_parser(cast("Any", measured))
        request.protocol.keep_alive(False)

    def start(self) -> None:
        """Begin to hand frames to the owner. Idempotent."""
        if self._catching_up is not None:
            return
        if self.backlog or self._unparsed:
            self._begin_to_catch_up()
        else:
            self.backlog = None

    def take_in_pieces(self, data: bytes) -> Any:
        """Parse ``data`` as far as it can be handled, and keep the rest."""
        at = 0
        while self.backlog is None and at < len(data):
            end, _ = self._measured.parse(data[at : at + PIECE])
            if end:
                return True, b""
            at += PIECE
        if at < len(data):
            self._unparsed += data[at:]
            self._pause()
            if len(self._unparsed) > MAX_UNKNOWN and not self.owner.let_in:
                self.refuse_large()
        return False, b""

    def measure(self, count: int) -> bool:
        """Count bytes that are about to be parsed; False where they may not be."""
        unread = self.unread  # without these: another message may end among them
        self.unread += count
        return unread <= COUNTED_FROM or self._measure_large(count, unread)

    def _measure_large(self, count: int, unread: int) -> bool:
        if unread > MAX_UNKNOWN and (self._said_goodbye or not self.may_be_large(unread)):
            self.refuse_large()
            return False
        claim = self._claim
        if claim is None:
            claim = self._claim = _Claim(self._bulk.in_flight.load(self.owner.address, self._cut))
            count += unread
        if claim.turn is not None:
            claim.turn.heard(count)
        elif unread <= self._ordinary:
            wait = claim.load.grow(count)
            if wait is not None:
                self._hold(wait)
        else:
            claim.turn = self._bulk.turn(self._cut)
            if claim.turn.granted:
                claim.load.release()
            else:
                self._hold(claim.wait_for_turn(claim.turn))
        return True

    def _hold(self, until: Awaitable[Any]) -> None:
        before = self.owner.hold
        self.owner.hold = until if before is None else InTurn(before, until)
        if self.backlog is None:
            self.backlog = []
            self._begin_to_catch_up()

    def arrived(self, message: Any) -> None:
        """Take a message of the parser."""
        kind = message[0]
        plain = kind is BINARY or kind is TEXT
        if plain:  # others may come in the middle of one
            plain = self.unread <= MAX_UNKNOWN
            self.unread = 0
            if self._claim is not None:
                self._claim.complete()
        elif kind is PING or kind is PONG:  # they may come between the parts of one, and are none
            self.unread = max(0, self.unread - _CONTROL_HEAD - len(message[1]))
        if self.backlog is not None:
            if self._catching_up is None:
                self._pause()  # what comes before start() is not read ahead
            self.backlog.append(message)
            return
        if plain and not self._said_goodbye:
            self.owner.take_frame(message[1])
        else:
            self._take(message)
        self.turn += 1
        if self.owner.hold is not None or self.turn >= TURN:
            self.backlog = []
            self._begin_to_catch_up()
        elif self._claim is not None and not self.unread:
            self._let_others()

    def _cut(self) -> None:
        """It began a message, and sends next to nothing of it while others wait."""
        _log.warning("connection cut: its message does not come, and others wait", address=self.owner.address)
        if self._transport is not None:
            self._transport.abort()

    def _let_others(self) -> None:
        """A large message has been dealt with, or will not come."""
        claim, self._claim = self._claim, None
        if claim is not None:
            claim.release()

    def say_goodbye(self, code: int = NORMAL, reason: str = "") -> None:
        """See :class:`FrameSocket`. A large message that is not complete will never be: what came of it is dropped."""
        super().say_goodbye(code, reason)
        if self.unread > COUNTED_FROM and self._said_goodbye:
            self._let_others()
            self._unparsed = b""
            self._parser = self._measured.parser = None

    def gone(self) -> None:
        """See :class:`FrameSocket`."""
        self._let_others()
        super().gone()
        self._unparsed = b""
        self._parser = self._reader = self._measured.socket = self._measured.parser = None

    def _pause(self) -> None:
        transport = self._transport
        if transport is not None and not transport.is_closing():
            transport.pause_reading()

    def _begin_to_catch_up(self) -> None:
        self._pause()
        self._catching_up = asyncio.get_running_loop().create_task(self._catch_up())

    async def _catch_up(self) -> None:
        await asyncio.sleep(0)
        try:
            await self._work_off()
            while self._unparsed and not self.ended.done():
                if not self.unread:
                    self._let_others()
                await asyncio.sleep(0)
                piece, self._unparsed = self._unparsed[:PIECE], self._unparsed[PIECE:]
                self.backlog = []
                self._measured.parse(piece)
                await self._work_off()
        except Exception:
            # Nobody would read on: better to end it, so that the client comes back.
            _log.exception("a pause in reading failed")
            self.say_goodbye(OUR_FAULT)
            return
        self.backlog = self._catching_up = None
        if not self.unread:
            self._let_others()
        transport = self._transport
        if transport is not None and not transport.is_closing():
            transport.resume_reading()

    async def _work_off(self) -> None:
        backlog = self.backlog
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
