"""Control frames are paid for, and answered no further than the peer reads."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from collab.doors.connection import Connection
from collab.doors.websocket.control import answer_ping, note_pong
from collab.hub.limits import RATE_REQUESTS, Budget


class Wire:
    """Keeps what is written; ``full``: no more is taken."""

    def __init__(self) -> None:
        self.hold: Any = None
        self.written: list[bytes] = []
        self.full = self.closed = False
        self.name = "wire"

    @property
    def waiting_bytes(self) -> int:
        return 1000

    @property
    def clogged(self) -> bool:
        return self.full

    def write(self, frames: Any) -> bool:
        self.written.append(frames.websocket)
        return self.full

    def cut(self) -> None:
        self.closed = True

    def expel(self, _error: object) -> None:
        self.closed = True


def connection() -> tuple[Connection[Any], Wire]:
    wire = Wire()
    budget = Budget(updates_per_second=10, bytes_per_second=10_000, awareness_per_second=10)
    return Connection(cast("Any", wire), "192.0.2.1", budget), wire


def forget(wire: Wire) -> None:
    if asyncio.iscoroutine(wire.hold):
        wire.hold.close()
    wire.hold = None


def test_a_ping_is_answered_with_what_it_holds() -> None:
    peer, wire = connection()
    answer_ping(peer, b"hello")
    assert wire.written == [b"\x8a\x05hello"] and wire.hold is None


def test_who_pings_often_has_to_wait() -> None:
    peer, wire = connection()
    for _ in range(int(RATE_REQUESTS * 2) + 1):
        answer_ping(peer, b"")
    assert wire.hold is not None
    forget(wire)


def test_who_does_not_take_the_answer_is_not_asked_for_more() -> None:
    peer, wire = connection()
    wire.full = True
    answer_ping(peer, b"")
    assert wire.hold is not None
    forget(wire)


def test_an_answer_to_each_ping_is_free_and_others_are_not() -> None:
    peer, wire = connection()
    listener = SimpleNamespace(heard_at=0)
    for beat in range(1, 1000):
        note_pong(peer, listener, beat)
    assert listener.heard_at == 999 and wire.hold is None
    for _ in range(int(RATE_REQUESTS * 2) + 1):
        note_pong(peer, listener, 999)
    assert wire.hold is not None
    forget(wire)
