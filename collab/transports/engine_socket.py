"""One Engine.IO session: what goes out, what comes in, how it ends.

Overrides everything of python-engineio's socket that runs per packet. On a WebSocket a packet is one
system call with a prebuilt buffer. Frames come from :class:`collab.transports.websocket.FrameSocket`,
in order and without a task each.

Protocol: https://github.com/socketio/engine.io-protocol (version 4).
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import math
from collections.abc import Awaitable, Callable
from functools import partial
from os import write as _write
from typing import TYPE_CHECKING, Any, cast

import orjson
import structlog
from aiohttp import web
from engineio.async_socket import AsyncSocket

from collab.protocol.frames import SEPARATOR, Frames
from collab.transports.websocket import TURN, FrameSocket

if TYPE_CHECKING:
    from collab.transports.engine import EngineServer

_log = structlog.get_logger("collab.engine")

_NOOP = Frames("6")
_PING = Frames("2")
_CLOSE = Frames("1")
_PROBE_ANSWER = Frames("3probe")
#: packets in the answer to one poll
_BODY_PACKETS = 16


class ProtocolError(Exception):
    """The peer broke the Engine.IO or Socket.IO protocol; its connection ends."""


class Changes:
    """How often a socket began or ceased to be clear (see :attr:`EngineSocket.clear_descriptor`)."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


#: of all sockets of this process
CHANGES = Changes()


class EngineSocket(AsyncSocket):  # type: ignore[misc]
    """One Engine.IO session, over polling or WebSocket.

    Attributes:
        sid: the session id.
        address: the peer's IP address (behind trusted proxies: the client's).
        connection: whatever the layer above keeps for this session.
        hold: set by the layer above: the reader waits for it before it reads on.
    """

    server: EngineServer

    def __init__(self, server: EngineServer, sid: str, address: str) -> None:
        # AsyncSocket.__init__ makes an asyncio.Queue that nothing here uses.
        self.server = server
        self.sid = sid
        self.address = address
        self.connected = True
        self.upgraded = False
        self.upgrading = False
        self.closing = False
        self.closed = False
        self.session: dict[str, Any] = {}
        self.connection: Any = None
        self.hold: Awaitable[Any] | None = None
        self._held_until = 0.0
        #: the WebSocket's file descriptor while nothing waits to be sent on it, or -1; changed by
        #: :meth:`_set_clear` only. The event loop does not close it before it has called :meth:`lost`.
        self.clear_descriptor = -1
        self._is_closing: Callable[[], bool] = bool
        self._transport: asyncio.Transport | None = None
        self._protocol: Any = None
        self._descriptor = -1
        self._unsent: Callable[[], int] = int
        self._websocket: FrameSocket | None = None
        self._waiting: list[Frames] = []
        self._waiting_bytes = 0
        self._poll: asyncio.Future[None] | None = None
        self._posting = False
        self.heard_at = server.heartbeat.beat
        self.ping_slot = 0
        server.heartbeat.add(self)

    # -- out ------------------------------------------------------------------------------------

    def write(self, frames: Frames) -> bool:
        """Send one packet: at once on a WebSocket, with the next poll otherwise.

        Returns:
            Whether more waits to be sent now than the server's ``send_buffer_bytes``.
        """
        descriptor = self.clear_descriptor
        if descriptor < 0:
            if self._transport is None:
                return self._keep_for_poll(frames)
            if self._is_closing():
                return False  # the reader will notice; asking for anything else would raise
            if self._unsent():
                return self.write_rest(frames.websocket)
            self._set_clear(descriptor := self._descriptor)
        # Most often the socket takes it all: one system call, and nothing of the event loop.
        buffer = frames.buffer or frames.websocket
        try:
            sent = _write(descriptor, buffer)
        except BlockingIOError:
            sent = 0
        except OSError:
            return False  # the peer is gone, the reader will notice
        return sent != len(buffer) and self.write_rest(buffer[sent:])

    def _set_clear(self, descriptor: int) -> None:
        self.clear_descriptor = descriptor
        CHANGES.count += 1

    def write_rest(self, buffer: bytes) -> bool:
        """Leave to the event loop what the socket did not take; as :meth:`write`."""
        self._set_clear(-1)
        if self._transport is None:
            return False
        try:
            self._transport.write(buffer)
        except RuntimeError:
            return False  # uvloop: the transport is gone, the reader will notice
        return bool(self._protocol._paused)

    def _keep_for_poll(self, frames: Frames) -> bool:
        if self.closed:
            return False
        packets = frames.packets or (frames,)
        self._waiting += packets
        self._waiting_bytes += sum(map(_weight, packets))
        self.wake_poll()
        return self._waiting_bytes > self.server.send_buffer_bytes

    async def send(self, pkt: Any) -> None:
        """Send a packet of python-engineio (its manager's emits come this way), in order."""
        encoded = pkt.encode(b64=False)
        if isinstance(encoded, bytes):
            self.write(Frames("", encoded))
        else:
            self.write(Frames(encoded))

    @property
    def clogged(self) -> bool:
        """Whether more waits to be sent than the server's ``send_buffer_bytes``."""
        if self._protocol is not None:
            return bool(self._protocol._paused)
        return self._waiting_bytes > self.server.send_buffer_bytes

    @property
    def waiting_bytes(self) -> int:
        """Bytes written to this session that the peer has not taken yet."""
        if self._transport is not None:
            return 0 if self._is_closing() else self._unsent()
        return self._waiting_bytes

    @property
    def transport_name(self) -> str:
        """``websocket`` or ``polling``."""
        return "websocket" if self._transport is not None else "polling"

    def wake_poll(self) -> None:
        """Let the poll that waits be answered."""
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(None)

    def _take_waiting(self) -> list[Frames]:
        taken, self._waiting, self._waiting_bytes = self._waiting, [], 0
        return taken

    def _take_body(self) -> list[Frames]:
        """What the next poll gets: python-engineio's client refuses bodies of more packets."""
        packets = 0
        for index, frames in enumerate(self._waiting):
            packets += 1 if frames.attachment is None else 2
            if packets > _BODY_PACKETS:
                taken, self._waiting = self._waiting[:index], self._waiting[index:]
                self._waiting_bytes -= sum(map(_weight, taken))
                return taken
        return self._take_waiting()

    # -- heartbeat ------------------------------------------------------------------------------

    def ping(self) -> None:
        """Send a ping; the heartbeat of the server calls it."""
        self.write(_PING)

    def fell_silent(self) -> bool:
        """End a session that did not answer its ping; False where the answer may just not have been read yet."""
        if self._held_until > asyncio.get_running_loop().time():
            return False
        self.end(self.server.reason.PING_TIMEOUT, abort=True)
        return True

    # -- in -------------------------------------------------------------------------------------

    def take_frame(self, data: str | bytes) -> None:
        """Handle one message of the WebSocket."""
        if self.closed:
            return
        try:
            if type(data) is str:
                self.take_text(data)
            else:
                self.server.on_binary(self, cast("bytes", data))
        except ProtocolError as error:
            self.server.on_protocol_error(self, str(error))
            self.end(self.server.reason.TRANSPORT_CLOSE)
        except Exception:
            _log.exception("reading failed", connection=self.sid[:6])
            self.end(self.server.reason.TRANSPORT_ERROR)

    def take_text(self, packet: str) -> None:
        """Handle one text packet.

        Raises:
            ProtocolError: the session has to end.
        """
        kind = packet[:1]
        if kind == "4":
            self.server.on_text(self, packet[1:])
        elif kind == "3":
            self.heard_at = self.server.heartbeat.beat
        elif kind == "1":
            self.end(self.server.reason.CLIENT_DISCONNECT)
        else:
            raise ProtocolError(f"packet type {kind[:1]!r} out of place")

    async def _take_post(self, body: str) -> None:
        if not body:
            raise ProtocolError("empty body")
        for count, packet in enumerate(body.split(SEPARATOR), 1):
            if self.closed:
                return
            if packet[:1] == "b":
                try:
                    data = base64.b64decode(packet[1:], validate=True)
                except (binascii.Error, ValueError):
                    raise ProtocolError("base64") from None
                self.server.on_binary(self, data)
            else:
                self.take_text(packet)
            if self.hold is not None:
                await self.await_hold()
            elif count % TURN == 0:
                await asyncio.sleep(0)

    async def await_hold(self) -> None:
        """Wait until the layer above lets us read on."""
        loop = asyncio.get_running_loop()
        while self.hold is not None:
            hold, self.hold = self.hold, None
            if self.closed:
                if asyncio.iscoroutine(hold):
                    hold.close()
                return
            self._held_until = math.inf
            try:
                await hold
            finally:
                self._held_until = loop.time() + self.server.ping_timeout

    # -- polling --------------------------------------------------------------------------------

    async def poll_once(self, request: web.Request) -> web.Response:
        """Answer one long-polling GET."""
        if self.closed:  # what was said at the end is still to be fetched, once
            body = self._take_body()
            if not self._waiting:
                self.server.sockets.pop(self.sid, None)
            return self._body(body)
        if self._poll is not None:
            self._waiting = [_CLOSE]
            self.end(self.server.reason.TRANSPORT_ERROR, farewell=False)
            return self.server.refuse(3)
        if self.upgrading:
            return self._body([_NOOP])
        if not self._waiting:
            self._poll = asyncio.get_running_loop().create_future()
            try:
                await self._poll
            finally:
                self._poll = None
        return self._body(self._take_body() or [_NOOP])

    def _body(self, packets: list[Frames]) -> web.Response:
        return web.Response(
            text=SEPARATOR.join(frames.polling for frames in packets), content_type="text/plain"
        )

    async def post(self, request: web.Request) -> web.Response:
        """Take one polling POST."""
        if self._posting:
            self.end(self.server.reason.TRANSPORT_ERROR)
            return self.server.refuse(3)
        self._posting = True
        try:
            try:
                body = await _read_whole(request, self.server.max_http_buffer_size)
                if body is None:
                    self.end(self.server.reason.TRANSPORT_ERROR)
                    return web.Response(status=413, text="payload too large")
                await self._take_post(body.decode("utf-8"))
            except (ProtocolError, UnicodeDecodeError) as error:
                self.server.on_protocol_error(self, str(error))
                self.end(self.server.reason.TRANSPORT_ERROR)
                return self.server.refuse(3)
        finally:
            self._posting = False
        return web.Response(text="ok", content_type="text/html")

    # -- WebSocket ------------------------------------------------------------------------------

    async def run_websocket(self, request: web.Request, *, upgrade: bool) -> web.StreamResponse:
        """Serve a WebSocket: the whole session, or with ``upgrade`` the rest of a polling one."""
        probe = _Probe(self) if upgrade else None
        websocket = FrameSocket(probe or self, self.server.max_http_buffer_size)
        try:
            transport = await websocket.shake_hands(request, b"" if upgrade else self.open_packet([]).websocket)
        except (ConnectionError, ValueError):
            self.end(self.server.reason.TRANSPORT_ERROR)
            return self.server.refuse(3)
        if probe is not None:
            if not await probe.switched(websocket, transport, request):
                return websocket
        else:
            self.attach(websocket, transport, request)
            self.server.on_open(self)
            websocket.start()
        try:
            await websocket.ended
        finally:
            self.end(self.server.reason.TRANSPORT_CLOSE)
            self._let_go()
        return websocket

    def attach(self, websocket: FrameSocket, transport: asyncio.Transport, request: web.Request) -> None:
        """Go on over ``websocket`` from here."""
        transport.set_write_buffer_limits(high=self.server.send_buffer_bytes)
        self._websocket = websocket
        self._protocol = request.protocol
        self._descriptor = transport.get_extra_info("socket").fileno()
        self._unsent = transport.get_write_buffer_size
        self._is_closing = transport.is_closing
        self._transport = transport
        self.upgraded = True
        self.upgrading = False
        for frames in self._take_waiting():
            self.write(frames)

    def lost(self) -> None:
        """Write to the WebSocket no more."""
        self._set_clear(-1)
        self._is_closing = _yes

    def _let_go(self) -> None:
        self.lost()
        self._transport = self._protocol = None
        self._descriptor = -1
        self._is_closing, self._unsent = bool, int

    # -- end ------------------------------------------------------------------------------------

    def open_packet(self, upgrades: list[str]) -> Frames:
        """The Engine.IO handshake (`0{...}`); times in whole milliseconds, as the protocol asks."""
        handshake = {
            "sid": self.sid,
            "upgrades": upgrades,
            "pingInterval": round(self.server.ping_interval * 1000),
            "pingTimeout": round(self.server.ping_timeout * 1000),
            "maxPayload": self.server.max_http_buffer_size,
        }
        return Frames("0" + orjson.dumps(handshake).decode())

    def end(self, reason: str, *, abort: bool = False, farewell: bool = True) -> None:
        """End the session now; idempotent.

        ``farewell`` sends an Engine.IO close packet; ``abort`` drops what still waits to be sent
        together with the TCP connection, for peers that do not read.
        """
        if self.closed:
            return
        if farewell and reason != self.server.reason.CLIENT_DISCONNECT:
            self.write(_CLOSE)
        self.closed = self.closing = True
        self.server.heartbeat.remove(self)
        self.server.forget(self, linger=bool(self._waiting) and self._poll is None)
        self.server.on_close(self, reason)
        self.wake_poll()
        if self._transport is None:
            return
        if abort or self._protocol._paused:
            self._transport.abort()
        elif self._websocket is not None:
            self._websocket.say_goodbye()

    def cut(self) -> None:
        """Drop the peer and everything that waits for it."""
        self.end(self.server.reason.TRANSPORT_ERROR, abort=True, farewell=False)

    async def close(self, wait: bool = True, abort: bool = False, reason: str | None = None) -> None:
        """End the session (the signature that python-engineio calls)."""
        self.end(reason or self.server.reason.SERVER_DISCONNECT, abort=abort)


class _Probe:
    """Reads a WebSocket until the client has switched to it; the session polls meanwhile."""

    def __init__(self, session: EngineSocket) -> None:
        self.hold: Awaitable[Any] | None = None
        self._session = session
        self._probed = False
        self._switch: Callable[[], None] = lambda: None
        self._answer: Callable[[], None] = lambda: None
        self._done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def switched(self, websocket: FrameSocket, transport: asyncio.Transport, request: web.Request) -> bool:
        """Wait for the switch; False where the probe failed and polling goes on."""
        session = self._session
        if session.upgrading or session.upgraded or session.closed:
            return False
        session.upgrading = True

        def switch() -> None:
            websocket.owner = session
            session.attach(websocket, transport, request)

        self._switch = switch
        self._answer = partial(transport.write, _PROBE_ANSWER.websocket)
        websocket.start()
        try:
            async with asyncio.timeout(session.server.upgrade_timeout):
                await asyncio.wait((self._done, websocket.ended), return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            return False
        finally:
            session.upgrading = False
        return self._done.done() and self._done.result()

    async def await_hold(self) -> None:
        """Nobody asks for a pause here."""

    def lost(self) -> None:
        """The session was never on this WebSocket."""

    def take_frame(self, data: str | bytes) -> None:
        """`2probe`, then `5`."""
        if self._done.done():
            return
        if not self._probed and data == "2probe":
            self._probed = True
            self._answer()
            self._session.wake_poll()
        elif self._probed and data == "5" and not self._session.closed:
            self._switch()
            self._done.set_result(True)
        else:
            self._done.set_result(False)


def _yes() -> bool:
    return True


def _weight(frames: Frames) -> int:
    return len(frames.text) + len(frames.attachment or b"")


async def _read_whole(request: web.Request, limit: int) -> bytes | None:
    """The whole body, or None where it is longer than ``limit`` bytes."""
    if (request.content_length or 0) > limit:
        return None
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size > limit:
            return None
        chunks.append(chunk)
    return b"".join(chunks)
