"""Engine.IO v4 on aiohttp: the stock server with its protocol faults mended and a direct lane out.

This file and ``socketio.py`` are the only ones that know python-engineio. What is overridden,
and why (each point has a test in ``tests/wire/test_engineio.py``):

- requests: every refusal has the status and body of the protocol; a second poll or POST at the
  same time ends the session; bodies are read to their end, with no limit on packets in one body;
- out: no queue and no task per packet. A WebSocket gets a prebuilt buffer written straight to its
  transport; a polling client's packets wait in a list that the next poll takes whole;
- in: one coroutine per connection, no task per frame, packets handled in order;
- heartbeat on the loop's monotonic clock, two timers per connection and interval;
- bytes that wait to be sent are counted, and a session can be cut with its transport.

Protocol: https://github.com/socketio/engine.io-protocol (version 4).
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import math
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from os import write as _write
from typing import Any

import engineio
import orjson
from aiohttp import WSMsgType, web
from engineio.async_socket import AsyncSocket

from collab.protocol.frames import SEPARATOR, Frames

#: releases whose private names this file was tested with
TESTED_ENGINEIO = ((4, 12), (4, 16))

_NOOP = Frames("6")
_PING = Frames("2")
_CLOSE = Frames("1")
_PROBE_ANSWER = Frames("3probe")
#: packets in the answer to one poll
_BODY_PACKETS = 16
#: frames of one client handled before others get a turn
_TURN = 64


def check_engineio_version() -> None:
    """Raise RuntimeError where python-engineio is outside the range that was tested."""
    installed = tuple(int(part) for part in version("python-engineio").split(".")[:2])
    low, high = TESTED_ENGINEIO
    if not low <= installed < high:
        raise RuntimeError(
            f"python-engineio {'.'.join(map(str, installed))} was never tested with collab: "
            f"install one from {low[0]}.{low[1]} up to, not including, {high[0]}.{high[1]}"
        )


class ProtocolError(Exception):
    """The peer broke the Engine.IO or Socket.IO protocol; its connection ends."""


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
        self._transport: asyncio.Transport | None = None
        self._protocol: Any = None
        self._descriptor = -1
        self._unsent: Callable[[], int] = int
        self._is_closing: Callable[[], bool] = bool
        self._websocket: web.WebSocketResponse | None = None
        self._waiting: list[Frames] = []
        self._waiting_bytes = 0
        self._poll: asyncio.Future[None] | None = None
        self._posting = False
        self._timer: asyncio.TimerHandle | None = None
        self._schedule_ping()

    # -- out ------------------------------------------------------------------------------------

    def write(self, frames: Frames) -> bool:
        """Send one packet: at once on a WebSocket, with the next poll otherwise.

        Returns:
            Whether more waits to be sent now than the server's ``send_buffer_bytes``.
        """
        transport = self._transport
        if transport is None:
            return self._keep_for_poll(frames)
        if self._is_closing():
            return False  # the reader will notice; asking for anything else would raise
        buffer = frames.buffer or frames.websocket
        if self._unsent() == 0:
            # Most often the socket takes it all: one system call, and nothing of the event loop.
            try:
                sent = _write(self._descriptor, buffer)
            except BlockingIOError:
                sent = 0
            except OSError:
                return False  # the peer is gone, the reader will notice
            if sent == len(buffer):
                return False
            buffer = buffer[sent:]
        try:
            transport.write(buffer)
        except RuntimeError:
            return False  # uvloop: the transport is gone, the reader will notice
        return bool(self._protocol._paused)

    def _keep_for_poll(self, frames: Frames) -> bool:
        if self.closed:
            return False
        self._waiting.append(frames)
        self._waiting_bytes += _weight(frames)
        self._wake_poll()
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

    def _wake_poll(self) -> None:
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

    def _schedule_ping(self) -> None:
        self._cancel_timer()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self.server.ping_interval, self._ping)

    def _ping(self) -> None:
        self.write(_PING)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self.server.ping_timeout, self._ping_timed_out)

    def _ping_timed_out(self) -> None:
        if self._held_until > asyncio.get_running_loop().time():
            # Its answer may stand behind what we did not want to read yet.
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self.server.ping_timeout, self._ping_timed_out)
            return
        self.end(self.server.reason.PING_TIMEOUT, abort=True)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- in -------------------------------------------------------------------------------------

    def take_text(self, packet: str) -> None:
        """Handle one text packet.

        Raises:
            ProtocolError: the session has to end.
        """
        kind = packet[:1]
        if kind == "4":
            self.server.on_text(self, packet[1:])
        elif kind == "3":
            self._schedule_ping()
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
                await self._wait_on_hold()
            elif count % _TURN == 0:
                await asyncio.sleep(0)

    async def _wait_on_hold(self) -> None:
        loop = asyncio.get_running_loop()
        while self.hold is not None and not self.closed:
            hold, self.hold = self.hold, None
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
        websocket = web.WebSocketResponse(
            max_msg_size=self.server.max_http_buffer_size, compress=False, timeout=2.0
        )
        try:
            await websocket.prepare(request)
        except web.HTTPException:
            raise
        except (ConnectionError, ValueError):
            self.end(self.server.reason.TRANSPORT_ERROR)
            return self.server.refuse(3)
        transport = request.transport
        if transport is None:
            return websocket
        if upgrade:
            if not await self._upgrade(websocket, transport, request):
                await websocket.close()
                return websocket
        else:
            self._attach(websocket, transport, request)
            self.write(self.open_packet([]))
            self.server.on_open(self)
        try:
            await self._read(websocket)
        finally:
            self.end(self.server.reason.TRANSPORT_CLOSE)
            self._transport = None
            self._protocol = None
            self._descriptor = -1
            if not websocket.closed:
                await websocket.close()
        return websocket

    def _attach(
        self, websocket: web.WebSocketResponse, transport: asyncio.Transport, request: web.Request
    ) -> None:
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

    async def _upgrade(
        self, websocket: web.WebSocketResponse, transport: asyncio.Transport, request: web.Request
    ) -> bool:
        """Probe and switch; False where the probe failed and polling goes on."""
        if self.upgrading or self.upgraded or self.closed:
            return False
        self.upgrading = True
        try:
            async with asyncio.timeout(self.server.upgrade_timeout):
                probe = await websocket.receive()
                if probe.type is not WSMsgType.TEXT or probe.data != "2probe":
                    return False
                transport.write(_PROBE_ANSWER.websocket)
                self._wake_poll()  # the client sends its `upgrade` once that poll has ended
                answer = await websocket.receive()
                if answer.type is not WSMsgType.TEXT or answer.data != "5" or self.closed:
                    return False
        except TimeoutError:
            return False
        finally:
            self.upgrading = False
        self._attach(websocket, transport, request)
        return True

    async def _read(self, websocket: web.WebSocketResponse) -> None:
        receive = websocket.receive
        turn = 0
        try:
            while not self.closed:
                message = await receive()
                kind = message.type
                if kind is WSMsgType.BINARY:
                    self.server.on_binary(self, message.data)
                elif kind is WSMsgType.TEXT:
                    self.take_text(message.data)
                else:
                    return
                if self.hold is not None:
                    await self._wait_on_hold()
                    turn = 0
                turn += 1
                if turn == _TURN:
                    turn = 0
                    await asyncio.sleep(0)
        except ProtocolError as error:
            self.server.on_protocol_error(self, str(error))
        except ConnectionError:
            return  # answering a ping of a peer that is gone

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
        self._cancel_timer()
        self.server.forget(self, linger=bool(self._waiting) and self._poll is None)
        self.server.on_close(self, reason)
        self._wake_poll()
        transport, websocket = self._transport, self._websocket
        if transport is None:
            return
        if abort or self._protocol._paused:
            transport.abort()
        elif websocket is not None and not websocket.closed:
            self.server.spawn(self._close_websocket(websocket, transport))

    def cut(self) -> None:
        """Drop the peer and everything that waits for it."""
        self.end(self.server.reason.TRANSPORT_ERROR, abort=True, farewell=False)

    async def _close_websocket(
        self, websocket: web.WebSocketResponse, transport: asyncio.Transport
    ) -> None:
        try:
            async with asyncio.timeout(self.server.close_timeout):
                await websocket.close()
        except (TimeoutError, ConnectionError, RuntimeError):
            transport.abort()

    async def close(self, wait: bool = True, abort: bool = False, reason: str | None = None) -> None:
        """End the session (the signature that python-engineio calls)."""
        self.end(reason or self.server.reason.SERVER_DISCONNECT, abort=abort)


def _weight(frames: Frames) -> int:
    return len(frames.text) + len(frames.attachment or b"")


class EngineServer(engineio.AsyncServer):  # type: ignore[misc]
    """The Engine.IO endpoint.

    The layer above sets ``on_open``, ``on_text``, ``on_binary``, ``on_close`` and
    ``on_protocol_error``; all are plain functions and must not raise anything but ProtocolError.
    """

    #: seconds for a client to finish an upgrade once it has begun
    upgrade_timeout = 10.0
    #: seconds for a peer to answer the WebSocket close frame
    close_timeout = 2.0
    #: seconds that the last packets of a closed polling session wait for a poll
    linger_timeout = 5.0

    def __init__(
        self,
        *,
        send_buffer_bytes: int = 262_144,
        origin_allowed: Callable[[web.Request], bool] = lambda request: True,
        client_address: Callable[[web.Request], str] = lambda request: request.remote or "",
        admit: Callable[[str], float | None] = lambda address: None,
        node_name: str | None = None,
        **options: Any,
    ) -> None:
        check_engineio_version()
        super().__init__(async_mode="aiohttp", monitor_clients=False, **options)
        self.send_buffer_bytes = send_buffer_bytes
        self.origin_allowed = origin_allowed
        self.client_address = client_address
        self.admit = admit
        #: a balancer reads from it which node has the session: cookies are not for everybody, addresses are shared
        self.sid_suffix = f".{node_name}" if node_name else ""
        self.on_open: Callable[[EngineSocket], None] = lambda socket: None
        self.on_text: Callable[[EngineSocket, str], None] = lambda socket, text: None
        self.on_binary: Callable[[EngineSocket, bytes], None] = lambda socket, data: None
        self.on_close: Callable[[EngineSocket, str], None] = lambda socket, reason: None
        self.on_protocol_error: Callable[[EngineSocket, str], None] = lambda socket, words: None
        self._tasks: set[asyncio.Task[Any]] = set()

    def spawn(self, coroutine: Any) -> asyncio.Task[Any]:
        """Run ``coroutine`` in a task that is kept until it ends."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def forget(self, socket: EngineSocket, *, linger: bool) -> None:
        """Drop a closed session from the index; with ``linger`` only once it was polled again."""
        if linger:
            loop = asyncio.get_running_loop()
            loop.call_later(self.linger_timeout, self.sockets.pop, socket.sid, None)
        else:
            self.sockets.pop(socket.sid, None)

    def refuse(self, code: int, status: int = 400) -> web.Response:
        """An Engine.IO error answer; codes as in the Node.js server."""
        return web.json_response(
            {"code": code, "message": _REFUSALS[code]}, status=403 if code == 4 else status
        )

    async def handle_request(self, *args: Any, **_kwargs: Any) -> web.StreamResponse:
        """Serve one HTTP request to the Engine.IO path."""
        request: web.Request = args[0]
        allowed = self.origin_allowed(request)
        if not allowed:
            return self.refuse(4)
        if request.method == "OPTIONS":
            response: web.StreamResponse = web.Response(status=204)
        else:
            response = await self._route(request)
        if not response.prepared:
            self._cross_origin(request, response)
        return response

    def _cross_origin(self, request: web.Request, response: web.StreamResponse) -> None:
        headers = response.headers
        headers["Cache-Control"] = "no-store"
        origin = request.headers.get("Origin")
        if origin is None:
            return
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Allow-Credentials"] = "true"
        headers["Vary"] = "Origin"
        if request.method == "OPTIONS":
            headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
            wanted = request.headers.get("Access-Control-Request-Headers")
            if wanted:
                headers["Access-Control-Allow-Headers"] = wanted

    async def _route(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        transport = query.get("transport")
        if transport not in ("polling", "websocket"):
            return self.refuse(0)
        if query.get("EIO") != "4":
            return self.refuse(5)
        if "j" in query:
            return self.refuse(3)  # JSONP: cross-site script inclusion is not served
        upgrade = request.headers.get("Upgrade", "").lower() == "websocket"
        sid = query.get("sid")
        if sid is None:
            if request.method != "GET":
                return self.refuse(2)
            if (transport == "websocket") != upgrade:
                return self.refuse(3)
            return await self._open(request, transport)
        socket: EngineSocket | None = self.sockets.get(sid)
        if socket is None or (socket.closed and request.method != "GET"):
            return self.refuse(1)
        if upgrade and transport == "websocket" and request.method == "GET":
            return await socket.run_websocket(request, upgrade=True)
        if transport != "polling" or upgrade or socket.upgraded:
            return self.refuse(3)
        if request.method == "GET":
            return await socket.poll_once(request)
        if request.method == "POST":
            return await socket.post(request)
        return web.Response(status=405)

    async def _open(self, request: web.Request, transport: str) -> web.StreamResponse:
        address = self.client_address(request)
        wait = self.admit(address)
        if wait is not None:
            return web.json_response(
                {"code": 3, "message": "Try again later"},
                status=503,
                headers={"Retry-After": str(max(1, round(wait)))},
            )
        socket = EngineSocket(self, self.generate_id() + self.sid_suffix, address)
        self.sockets[socket.sid] = socket
        if transport == "websocket":
            try:
                return await socket.run_websocket(request, upgrade=False)
            finally:
                socket.end(self.reason.TRANSPORT_ERROR)
        self.on_open(socket)
        return socket._body([socket.open_packet(["websocket"])])

    async def shutdown(self) -> None:
        """End every session and wait for the tasks of this server."""
        for socket in list(self.sockets.values()):
            socket.end(self.reason.SERVER_DISCONNECT)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self.close_timeout + 1)


_REFUSALS = {
    0: "Transport unknown",
    1: "Session ID unknown",
    2: "Bad handshake method",
    3: "Bad request",
    4: "Forbidden",
    5: "Unsupported protocol version",
}


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
