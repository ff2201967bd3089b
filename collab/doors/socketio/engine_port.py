"""What an Engine.IO session needs of its server, and how it ends when its peer breaks the protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from aiohttp import web

from collab.doors.websocket.heartbeat import Heartbeat
from collab.hub.bulk import Bulk

if TYPE_CHECKING:
    from collab.doors.socketio.engine_socket import EngineSocket


class ProtocolError(Exception):
    """The peer broke the Engine.IO or Socket.IO protocol; its connection ends."""


class Engine(Protocol):
    """What a session needs of its server: :class:`collab.doors.socketio.engine.EngineServer`."""

    body_timeout: float
    bulk: Bulk
    heartbeat: Heartbeat
    max_http_buffer_size: int
    ping_interval: float
    ping_timeout: float
    reason: Any
    send_buffer_bytes: int
    sockets: dict[str, Any]
    upgrade_timeout: float
    on_open: Callable[[EngineSocket], None]
    on_text: Callable[[EngineSocket, str], None]
    on_binary: Callable[[EngineSocket, bytes], None]
    on_close: Callable[[EngineSocket, str], None]
    on_protocol_error: Callable[[EngineSocket, str], None]
    on_too_large: Callable[[EngineSocket], None]

    def forget(self, socket: EngineSocket, *, linger: bool) -> None:
        """Drop a closed session from the index."""

    def refuse(self, request: web.Request, code: int, why: str = "") -> web.Response:
        """An Engine.IO error answer."""
