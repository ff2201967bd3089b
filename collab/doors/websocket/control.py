"""Control frames, of WebSocket and of the protocols on it: they are paid for, and answered, like everything else."""

from __future__ import annotations

from typing import Any, Protocol

from collab.doors.connection import Connection
from collab.doors.websocket.writer import Frames, websocket_frame

_PONG = 0x8A


class Listener(Protocol):
    """Who is pinged; see :class:`collab.doors.websocket.heartbeat.Beating`."""

    heard_at: int


def answer_ping(connection: Connection[Any], payload: bytes) -> None:
    """Answer a ping: who sends many is slowed down, and who does not take the answers is not asked for more."""
    connection.spend("requests", len(payload))
    pong = Frames("", payload)
    pong.buffer = websocket_frame(_PONG, payload)
    connection.say(pong)


def note_pong(connection: Connection[Any], listener: Listener, beat: int) -> None:
    """The peer answered a ping. What comes unasked, or twice within a beat, is paid for."""
    if listener.heard_at == beat:
        connection.spend("requests", 0)
    listener.heard_at = beat
