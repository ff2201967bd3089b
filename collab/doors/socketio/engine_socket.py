"""One Engine.IO session: what goes out, what comes in, how it ends.

Overrides everything of python-engineio's socket that runs per packet. On a WebSocket a packet is one system call
with a prebuilt buffer; frames come from :mod:`collab.doors.websocket.frame_socket`, in order, without a task each.

Protocol: https://github.com/socketio/engine.io-protocol (version 4).
"""

# Longer than 450 lines: one class, as the one of python-engineio that it replaces, method by method.

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Iterator
from typing import Any

import orjson
import structlog
from aiohttp import web
from engineio.async_socket import AsyncSocket

from collab.doors.descriptors import reset
from collab.doors.requests import read_body
from collab.doors.socketio.engine_port import Engine, ProtocolError
from collab.doors.socketio.upgrade import Probe
from collab.doors.websocket.accept import frame_socket
from collab.doors.websocket.control import answer_ping, note_pong
from collab.doors.websocket.frame_socket import MAX_UNKNOWN, TURN, FrameSocket
from collab.doors.websocket.held_reader import HeldReader
from collab.doors.websocket.writer import Frames, SocketWriter
from collab.errors import CollabError
from collab.hub.bulk import Turn
from collab.hub.in_flight import Load
from collab.protocol.packets import SEPARATOR

_log = structlog.get_logger("collab.engine")

_NOOP = Frames("6")
_PING = Frames("2")
_CLOSE = Frames("1")
#: seconds for which an answer that ends a session waits until what was said before is fetched
_LAST_WORDS = 1.0
#: packets in the answer to one poll
_BODY_PACKETS = 16


class EngineSocket(SocketWriter, HeldReader, AsyncSocket):  # type: ignore[misc]
    """One Engine.IO session, over polling or WebSocket.

    Attributes:
        sid: the session id.
        address: the peer's IP address (behind trusted proxies: the client's).
        connection: whatever the layer above keeps for this session.
        hold: set by the layer above: the reader waits for it before it reads on.
    """

    server: Engine

    def __init__(self, server: Engine, sid: str, address: str) -> None:
        super().__init__()  # AsyncSocket.__init__ makes an asyncio.Queue that nothing here uses.
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
        self.grace = server.ping_timeout
        self._websocket: FrameSocket | None = None
        self._waiting: list[Frames] = []
        self._waiting_bytes = 0
        self._poll: asyncio.Future[None] | None = None
        self._posting = False
        self._claims: list[Turn | Load] = []
        self._reading: web.Request | None = None
        self.heard_at = server.heartbeat.beat
        self.ping_slot = 0
        server.heartbeat.add(self)

    # -- out ------------------------------------------------------------------------------------

    def keep(self, frames: Frames) -> bool:
        """Keep what is written between two polls; whether more waits now than ``send_buffer_bytes``."""
        if self.closed:
            return False
        packets = frames.packets or (frames,)
        self._waiting += packets
        weight = sum(map(_weight, packets))
        self._waiting_bytes += weight
        self._queued += weight
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
    def transport(self) -> str:
        """See :class:`collab.hub.outlets.Pipe`."""
        return "websocket" if self.upgraded else "polling"

    @property
    def clogged(self) -> bool:
        """Whether more waits to be sent than the server's ``send_buffer_bytes``."""
        if self.clear_descriptor >= 0:
            return False  # as there; most often, and without a further call
        if self._transport is not None:
            return super().clogged
        return self._waiting_bytes > self.server.send_buffer_bytes

    @property
    def waiting_bytes(self) -> int:
        """Bytes written to this session that the peer has not taken yet."""
        if self._transport is not None:
            return super().waiting_bytes
        return self._waiting_bytes

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
        if self.takes_nothing():
            self.connection.cut_unread()
            return
        self.write(_PING)

    def fell_silent(self) -> bool:
        """End a session that did not answer its ping; False where the answer may just not have been read yet."""
        if self.may_be_unread:
            return False
        self.end(self.server.reason.PING_TIMEOUT, abort=True, farewell=False)
        return True

    # -- in -------------------------------------------------------------------------------------

    def take_frame(self, data: str | bytes) -> None:
        """Handle one message of the WebSocket."""
        if self.closed:
            return
        try:
            if not isinstance(data, str):
                self.server.on_binary(self, data)
            elif data[:1] == "4" and 2 * len(data) <= self.server.max_http_buffer_size:
                self.server.on_text(self, data[1:])  # most of them: as `take_text` would, without the call
            else:
                self.take_text(data)
        except ProtocolError as error:
            self.server.on_protocol_error(self, str(error))
            self.end(self.server.reason.TRANSPORT_CLOSE)
        except Exception:
            _log.exception("reading failed", connection=self.sid[:6])
            self.end(self.server.reason.TRANSPORT_ERROR)

    def take_ping(self, payload: bytes) -> None:
        """A ping of WebSocket; those of this protocol are packets, and the server's."""
        if not self.closed:
            answer_ping(self.connection, payload)

    def take_pong(self) -> None:
        """Nobody asked for it: pings of this protocol are packets."""
        if not self.closed:
            self.connection.spend("requests", 0)

    def take_text(self, packet: str) -> None:
        """Handle one text packet.

        Raises:
            ProtocolError: the session has to end.
        """
        kind = packet[:1]
        if len(packet) > self.server.max_http_buffer_size // 2:
            raise ProtocolError("more text than any event has")  # what takes more is binary
        if kind == "4":
            self.server.on_text(self, packet[1:])
        elif kind == "3":
            note_pong(self.connection, self, self.server.heartbeat.beat)
        elif kind == "1":
            self.end(self.server.reason.CLIENT_DISCONNECT)
        else:
            raise ProtocolError(f"packet type {kind[:1]!r} out of place")

    async def _take_post(self, body: str) -> None:
        if not body:
            raise ProtocolError("empty body")
        for count, packet in enumerate(split_body(body), 1):
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
            return self.server.refuse(request, 3, "two polls at once")
        if self.upgrading:
            return self._body([_NOOP])
        if not self._waiting:
            self._poll = asyncio.get_running_loop().create_future()
            try:
                await self._poll
            finally:
                self._poll = None
        body = self._take_body()
        if self.closed and not body:
            return self.server.refuse(request, 1)
        return self._body(body or [_NOOP])

    def _body(self, packets: list[Frames]) -> web.Response:
        for frames in packets:
            frames.outgoing.polling += 1
            frames.outgoing.bytes += len(frames.polling)
        return web.Response(text=SEPARATOR.join(frames.polling for frames in packets), content_type="text/plain")

    async def post(self, request: web.Request) -> web.Response:
        """Take one polling POST."""
        if self._posting:
            self.end(self.server.reason.TRANSPORT_ERROR)
            return self.server.refuse(request, 3, "two POSTs at once")
        self._posting = True
        try:
            try:
                await self._take_post((await self._read_post(request)).decode("utf-8"))
            except CollabError as error:
                if error.code != "update_too_large":
                    self.server.on_protocol_error(self, error.message)
                    self.end(self.server.reason.TRANSPORT_ERROR)
                    return self.server.refuse(request, 3, error.message)
                self.too_large()
                await self._fetched()
                self.server.on_protocol_error(self, f"a body of {request.content_length or 'too many'} bytes")
                self.end(self.server.reason.TRANSPORT_ERROR)
                return web.Response(status=413, text="payload too large")
            except (ProtocolError, UnicodeDecodeError) as error:
                self.server.on_protocol_error(self, str(error))
                self.end(self.server.reason.TRANSPORT_ERROR)
                return self.server.refuse(request, 3, str(error) if isinstance(error, ProtocolError) else "not UTF-8")
        finally:
            self._posting = False
            self._let_others()
        return web.Response(text="ok", content_type="text/html")

    async def _read_post(self, request: web.Request) -> bytes:
        """The body of a POST, a large one in its turn.

        Raises:
            CollabError: as :func:`read_body`.
        """
        bulk, timeout = self.server.bulk, self.server.body_timeout
        most = self.server.max_http_buffer_size if self.let_in else MAX_UNKNOWN
        self._reading = request
        try:
            if (request.content_length or 0) <= most or not self.brings_documents:
                load = bulk.in_flight.load(self.address, self.cut)
                self._claims.append(load)
                return await read_body(request, most, timeout, load=load)
            turn = bulk.turn(self.cut)
            self._claims.append(turn)
            await turn.wait()
            return await read_body(request, _as_base64(bulk.most), timeout, heard=turn.heard)
        finally:
            self._reading = None
            for claim in self._claims:
                claim.complete()

    def _let_others(self) -> None:
        claims, self._claims = self._claims, []
        for claim in claims:
            claim.release()

    async def _fetched(self) -> None:
        """Wait a moment for what was said last to be polled: a client that hears 413 first polls no more."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _LAST_WORDS
        while self._waiting and not self.closed and loop.time() < until:
            await asyncio.sleep(0.02)

    # -- what is larger than an edit --------------------------------------------------------------

    @property
    def let_in(self) -> bool:
        """Whether somebody on it was let in."""
        return self.connection is not None and bool(self.connection.attachments)

    @property
    def brings_documents(self) -> bool:
        """Whether the peer may send messages as large as whole documents."""
        return self.connection is not None and self.connection.brings_documents

    def too_large(self) -> None:
        """The peer sends more at once than it may: say so, before the connection ends."""
        self.server.on_too_large(self)

    # -- WebSocket ------------------------------------------------------------------------------

    async def run_websocket(self, request: web.Request, *, upgrade: bool) -> web.StreamResponse:
        """Serve a WebSocket: the whole session, or with ``upgrade`` the rest of a polling one."""
        probe = Probe(self) if upgrade else None
        websocket = frame_socket(probe or self, self.server.max_http_buffer_size, self.server.bulk)
        try:
            transport = await websocket.shake_hands(request, b"" if upgrade else self.open_packet([]).websocket)
        except (ConnectionError, ValueError):
            self.end(self.server.reason.TRANSPORT_ERROR)
            return self.server.refuse(request, 3)
        if probe is not None:
            if not await probe.switched(websocket, transport):
                return websocket
        else:
            self.attach(websocket, transport)
            self.server.on_open(self)
            websocket.start()
        try:
            await websocket.ended
        finally:
            self.end(self.server.reason.TRANSPORT_CLOSE)
            self.let_go()
            self._websocket = None
        return websocket

    def attach(self, websocket: FrameSocket, transport: asyncio.Transport) -> None:
        """Go on over ``websocket`` from here."""
        self._websocket = websocket
        self.write_to(transport, self.server.send_buffer_bytes, owns_descriptor=websocket.owns_descriptor)
        self.upgraded = True
        self.upgrading = False
        for frames in self._take_waiting():
            self.write(frames)

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
        together with the TCP connection, for peers that do not read. A polling session that we ended of
        our own accord may fetch what it was told last; after a fault its next poll is a 400.
        """
        if self.closed:
            return
        reasons = self.server.reason
        if farewell and reason != reasons.CLIENT_DISCONNECT:
            self.write(_CLOSE)
        elif farewell and self._transport is None:
            self.keep(_NOOP)
        self.closed = self.closing = True
        self.server.heartbeat.remove(self)
        linger = reason in (reasons.SERVER_DISCONNECT, reasons.TRANSPORT_CLOSE)
        self.server.forget(self, linger=linger and bool(self._waiting) and self._poll is None)
        self.server.on_close(self, reason)
        self.wake_poll()
        if self._reading is not None and self._reading.transport is not None:
            reset(self._reading.transport)  # what comes for a session that is over is not kept
        if self._transport is None:
            return
        if abort or self.clogged:
            reset(self._transport)
        elif self._websocket is not None:
            self._websocket.say_goodbye()

    def cut(self) -> None:
        """Drop the peer and everything that waits for it."""
        self.end(self.server.reason.TRANSPORT_ERROR, abort=True, farewell=False)

    def expel(self, error: CollabError | None) -> None:
        """See :class:`collab.doors.door.Wire`."""
        self.end(self.server.reason.SERVER_DISCONNECT)

    @property
    def name(self) -> str:
        """The beginning of its id, for the log."""
        return self.sid[:6]

    async def close(self, wait: bool = True, abort: bool = False, reason: str | None = None) -> None:
        """End the session (the signature that python-engineio calls)."""
        self.end(reason or self.server.reason.SERVER_DISCONNECT, abort=abort)


def _weight(frames: Frames) -> int:
    return len(frames.text) + len(frames.attachment or b"")


def split_body(body: str) -> Iterator[str]:
    """The packets of a body, one by one: a body of separators would be a list of millions."""
    at = 0
    while True:
        end = body.find(SEPARATOR, at)
        if end < 0:
            yield body[at:]
            return
        yield body[at:end]
        at = end + 1


def _as_base64(size: int) -> int:
    """What ``size`` bytes take in the body of a POST, with what stands beside them."""
    return size * 4 // 3 + 4096
