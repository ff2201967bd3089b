"""What the Socket.IO door keeps of a connection: its own, and no more than that."""

from __future__ import annotations

import pytest

from collab.doors.socketio.connection import SocketIOConnection
from tests.support.wires import NotingWire, budget


def test_each_connection_begins_with_nothing_of_anothers() -> None:
    first, second = (SocketIOConnection(NotingWire(), "192.0.2.1", budget()) for _ in range(2))
    first.released.add("/doc/a")
    assert second.released == set()
    assert (second.partial, second.attachments, second.address) == (None, {}, "192.0.2.1")


def test_a_connection_has_no_dictionary() -> None:
    """Idle connections are many."""
    connection = SocketIOConnection(NotingWire(), "192.0.2.1", budget())
    assert not hasattr(connection, "__dict__")
    with pytest.raises(AttributeError):
        connection.more = 1  # type: ignore[attr-defined]
