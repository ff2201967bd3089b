"""The server has what its sessions ask of it."""

from __future__ import annotations

from collab.doors.socketio.engine import EngineServer
from collab.doors.socketio.engine_port import Engine, ProtocolError


async def test_the_server_has_what_a_session_needs() -> None:
    server = EngineServer()
    for name in [*Engine.__annotations__, "forget", "refuse"]:
        assert hasattr(server, name), name


def test_a_breach_of_the_protocol_says_which() -> None:
    assert str(ProtocolError("base64")) == "base64"
