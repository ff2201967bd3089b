"""Engine.IO v4 on aiohttp: the stock server with its protocol faults mended and a direct lane out.

This file, ``engine_socket.py`` and ``socketio.py`` are the only ones that know python-engineio. What is overridden,
and why (each point has a test in ``tests/wire/test_engineio.py``):

- requests: every refusal has the status and body of the protocol; a second poll or POST at the
  same time ends the session; bodies are read to their end, with no limit on packets in one body;
- out: no queue and no task per packet. A WebSocket gets a prebuilt buffer written straight to its
  socket; a polling client's packets wait in a list that the next poll takes whole;
- in: no task per frame, packets handled in order;
- heartbeat on the loop's monotonic clock, in a few bursts per interval;
- bytes that wait to be sent are counted, and a session can be cut with its transport.

Protocol: https://github.com/socketio/engine.io-protocol (version 4).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import engineio
import structlog
from aiohttp import web

from collab.doors.libraries import require_tested
from collab.doors.socketio.engine_socket import EngineSocket
from collab.doors.websocket.accept import socket_type
from collab.doors.websocket.frame_socket import CLOSE_TIMEOUT
from collab.doors.websocket.heartbeat import Heartbeat
from collab.errors import CollabError
from collab.hub.bulk import Bulk
from collab.metrics import REFUSED

_log = structlog.get_logger("collab.engine")


class EngineServer(engineio.AsyncServer):  # type: ignore[misc]
    """The Engine.IO endpoint.

    The layer above sets ``on_open``, ``on_text``, ``on_binary``, ``on_close``,
    ``on_too_large`` and ``on_protocol_error``; all are plain functions and must not raise anything but ProtocolError.
    """

    #: seconds for a client to finish an upgrade once it has begun
    upgrade_timeout = 10.0
    #: seconds that the last packets of a closed polling session wait for a poll
    linger_timeout = 5.0

    def __init__(
        self,
        *,
        send_buffer_bytes: int = 262_144,
        body_timeout: float = 120.0,
        origin_fault: Callable[[web.Request], str | None] = lambda request: None,
        client_address: Callable[[web.Request], str] = lambda request: request.remote or "",
        admit: Callable[[str], CollabError | None] = lambda address: None,
        node_name: str | None = None,
        bulk: Bulk | None = None,
        **options: Any,
    ) -> None:
        require_tested("python-engineio")
        socket_type()  # says at the start which it is
        super().__init__(async_mode="aiohttp", monitor_clients=False, **options)
        self.send_buffer_bytes = send_buffer_bytes
        self.body_timeout = body_timeout
        self.origin_fault = origin_fault
        self.client_address = client_address
        self.admit = admit
        self.bulk = bulk or Bulk(self.max_http_buffer_size)
        #: a balancer reads from it which node has the session: cookies are not for everybody, addresses are shared
        self.sid_suffix = f".{node_name}" if node_name else ""
        self.on_open: Callable[[EngineSocket], None] = lambda socket: None
        self.on_text: Callable[[EngineSocket, str], None] = lambda socket, text: None
        self.on_binary: Callable[[EngineSocket, bytes], None] = lambda socket, data: None
        self.on_close: Callable[[EngineSocket, str], None] = lambda socket, reason: None
        self.on_protocol_error: Callable[[EngineSocket, str], None] = lambda socket, words: None
        self.on_too_large: Callable[[EngineSocket], None] = lambda socket: None
        self.heartbeat = Heartbeat(self.ping_interval, self.ping_timeout)
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

    def refuse(self, request: web.Request, code: int, why: str = "") -> web.Response:
        """An Engine.IO error answer; codes as in the Node.js server. ``why`` says more, to the peer and to the log."""
        message = f"{_REFUSALS[code]}: {why}" if why else _REFUSALS[code]
        if code != _FORBIDDEN:  # origins are named where they are looked at
            _log.info("request refused", code=code, reason=message, address=self.client_address(request))
        return web.json_response({"code": code, "message": message}, status=403 if code == _FORBIDDEN else 400)

    async def handle_request(self, *args: Any, **_kwargs: Any) -> web.StreamResponse:
        """Serve one HTTP request to the Engine.IO path."""
        request: web.Request = args[0]
        fault = self.origin_fault(request)
        if fault is not None:
            return self.refuse(request, _FORBIDDEN, fault)
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
            return self.refuse(request, 0)
        if query.get("EIO") != "4":
            return self.refuse(
                request, 5, "this server speaks Engine.IO 4, which comes with Socket.IO 3 and later (EIO=4)"
            )
        if "j" in query:
            return self.refuse(request, 3, "JSONP is not served")  # it is a way around origins
        upgrade = request.headers.get("Upgrade", "").lower() == "websocket"
        sid = query.get("sid")
        if sid is None:
            if request.method != "GET":
                return self.refuse(request, 2)
            if (transport == "websocket") != upgrade:
                return self.refuse(
                    request, 3, "transport=websocket and the header Upgrade go together; does a proxy drop it?"
                )
            return await self._open(request, transport)
        socket: EngineSocket | None = self.sockets.get(sid)
        if socket is None or (socket.closed and request.method != "GET"):
            return self.refuse(request, 1)
        if upgrade and transport == "websocket" and request.method == "GET":
            return await socket.run_websocket(request, upgrade=True)
        if transport != "polling" or upgrade or socket.upgraded:
            return self.refuse(request, 3, "this session is on a WebSocket" if socket.upgraded else "")
        if request.method == "GET":
            return await socket.poll_once(request)
        if request.method == "POST":
            return await socket.post(request)
        _log.info("request refused", code=3, reason="method not allowed", address=self.client_address(request))
        return web.Response(status=405, headers={"Allow": "GET, POST, OPTIONS"})

    async def _open(self, request: web.Request, transport: str) -> web.StreamResponse:
        address = self.client_address(request)
        fault = self.admit(address)
        if fault is not None:
            _log.info("request refused", code=3, reason=fault.code, address=address)
            REFUSED.add(fault.code)
            return web.json_response(
                {"code": 3, "message": "Try again later"},
                status=503,
                headers={"Retry-After": str(max(1, round(fault.retry_after or 0)))},
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
            await asyncio.wait(self._tasks, timeout=CLOSE_TIMEOUT + 1)


_FORBIDDEN = 4
_REFUSALS = {
    0: "Transport unknown",
    1: "Session ID unknown",
    2: "Bad handshake method",
    3: "Bad request",
    _FORBIDDEN: "Forbidden",
    5: "Unsupported protocol version",
}
