"""Where a server cannot listen, it says why, and what is allowed."""

from __future__ import annotations

import asyncio
import socket

import pytest

from collab.config import ConfigError, load_settings
from collab.listening import listen


async def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port: {port} cannot be used on '127.0.0.1': address already in use"):
            await listen(asyncio.Protocol, load_settings({"port": port}, {}))


async def test_one_that_is_picked_can_be_reached() -> None:
    server = await listen(asyncio.Protocol, load_settings({"port": 0}, {}))
    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.close()
    server.close()
