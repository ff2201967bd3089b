"""A connection on which requests come: their heads are bounded, and it ends when none comes, or no answer is taken.

This file knows private names of aiohttp; ``collab/doors/libraries.py`` says which releases have them.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import web

from collab.doors.descriptors import reset

if TYPE_CHECKING:
    from collab.doors.gate import Gate

_log = structlog.get_logger("collab.http")

#: what every answer calls us: which versions of what are behind it is nobody's business
SERVER = "collab"
#: bytes of the head of a request: a token and cookies fit into it several times
MAX_HEAD = 32 * 1024
#: seconds within which some of an answer has to be taken
UNREAD_PATIENCE = 20.0

#: of Linux' ``struct tcp_info``: up to where it is read, and where the bytes that the peer has acknowledged stand
_TCP_INFO_SIZE, _ACKED_AT = 128, 120
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
#: bytes that a header takes beside its name and value
_HEADER = 4


class ServedRequests(web.RequestHandler):
    """aiohttp's protocol of a connection, watched; see :class:`collab.doors.gate.Served`.

    Args:
        gate: where it came in.
        server: whose requests they are.
        address: of the peer.
        proxy: the peer is a trusted proxy, which may keep connections open as it likes.
    """

    def __init__(self, gate: Gate, server: web.Server, address: str, proxy: bool) -> None:
        super().__init__(server, loop=asyncio.get_running_loop(), **server._kwargs)
        self.address = address
        self._gate: Gate | None = gate
        self._proxy = proxy
        self._known_requests = 0
        self._body: Any = None
        self._head_bytes = 0
        #: since when it waits for a request; None: it does not
        self._waits_since: float | None = time.monotonic()
        self._unread_since: float | None = None
        self._acknowledged = 0

    # -- heads ----------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Parse what came, and count what belongs to a head that is not complete."""
        body_is_whole = self._body is None or self._body.is_eof()
        elsewhere = None if self._gate is None else self._gate.elsewhere
        if elsewhere is not None and body_is_whole and not self._head_bytes and elsewhere(self, data):
            return
        super().data_received(data)
        if self._request_count != self._known_requests:
            self._known_requests = self._request_count
            self._head_bytes = 0
            if self._messages:
                message, self._body = self._messages[-1]
                error = getattr(message, "exc", None)
                if error is not None:
                    error.__traceback__ = None  # it leads to the parser's frames, which have the error, and our data
                if len(data) > MAX_HEAD and _size(message) > MAX_HEAD:
                    self._refuse_head()
        elif body_is_whole:
            if not self._head_bytes:
                self._waits_since = time.monotonic()
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD:
                self._refuse_head()

    def _refuse_head(self) -> None:
        if self._gate is not None:
            self._gate.tell("request refused: its head is too large", self.address, limit=MAX_HEAD)
        self._messages.clear()
        if self.transport is not None:
            self.transport.write(_TOO_LARGE)
        self.force_close()

    def set_parser(self, parser: Any, data_received_cb: Any = None) -> None:
        """It becomes a WebSocket, on which nothing is counted here and nobody looks."""
        super().set_parser(parser, data_received_cb)
        if self._gate is not None:
            self._gate.unwatch(self.address, self)
        # Not a call more for each frame.
        self.data_received = super().data_received  # type: ignore[method-assign]
        if self.transport is not None:
            self.transport.set_protocol(self)

    # -- time -----------------------------------------------------------------------------------

    @property
    def silent(self) -> bool:
        """Whether no request ever came."""
        return not self._request_count

    @property
    def idle(self) -> bool:
        """Whether no request is being served, or coming in."""
        return self._waiter is not None and not self._messages and not self._head_bytes

    def look(self, now: float) -> None:
        """End the connection, if its time is up."""
        transport, gate = self.transport, self._gate
        if transport is None or gate is None or transport.is_closing():
            return
        if self._takes_nothing(transport, now):
            gate.tell("connection cut: it does not read", self.address, waiting=transport.get_write_buffer_size())
            reset(transport)
        elif self._waiter is None or self._messages:
            self._waits_since = None
        elif self._waits_since is None:
            self._waits_since = now
        elif now - self._waits_since > self._patience(gate):
            if not self._request_count or self._head_bytes:
                gate.tell("connection ended: no whole request came in time", self.address, limit=gate.head_timeout)
            self.force_close()

    def _patience(self, gate: Gate) -> float:
        if self._head_bytes or not (self._proxy or self._request_count):
            return gate.head_timeout
        return float("inf") if self._proxy else gate.keepalive_timeout

    def _takes_nothing(self, transport: asyncio.Transport, now: float) -> bool:
        """Whether the peer has taken nothing for too long of what waits for it."""
        waiting = transport.get_write_buffer_size()
        if not waiting:
            self._unread_since = None
            return False
        acknowledged = _acknowledged(transport, waiting)
        if self._unread_since is None or acknowledged != self._acknowledged:
            self._acknowledged, self._unread_since = acknowledged, now
        return now - self._unread_since > UNREAD_PATIENCE

    def give_way(self) -> None:
        """End the connection, at once."""
        if self.transport is not None:
            reset(self.transport)

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Answer what nobody else answered: bytes that are no request, and a handler that raised."""
        if self.transport is None and isinstance(exc, ConnectionResetError):
            # It went in the middle of its request: nobody waits for an answer, and nothing here is wrong.
            return web.Response(status=HTTPStatus.BAD_REQUEST)
        if exc is not None and status == HTTPStatus.INTERNAL_SERVER_ERROR:
            # The library's own words about it are not in the log, see collab.logging. Not the path: anything is in it.
            _log.error("request failed", method=request.method, address=self.address, exc_info=exc)
        response = super().handle_error(request, status, exc, message)
        response.headers["Server"] = SERVER
        return response

    def connection_lost(self, exc: BaseException | None) -> None:
        """See :class:`asyncio.Protocol`."""
        gate, self._gate = self._gate, None
        if gate is not None:
            gate.unwatch(self.address, self)
            gate.left(self.address)
        super().connection_lost(exc)
        self._body = self._data_received_cb = None
        self.__dict__.pop("data_received", None)  # which refers back to it


def _size(message: Any) -> int:
    """Bytes of the head of a request."""
    headers = getattr(message, "raw_headers", ())
    path = getattr(message, "path", "")
    return len(path) + sum(len(name) + len(value) + _HEADER for name, value in headers)


def _acknowledged(transport: asyncio.Transport, waiting: int) -> int:
    """A number that changes when the peer takes something."""
    try:
        info = transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_SIZE)
        return int(struct.unpack_from("Q", info, _ACKED_AT)[0])
    except (AttributeError, OSError, struct.error):  # not Linux: then only what waits tells
        return waiting
