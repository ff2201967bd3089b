"""Where a server cannot listen, it says why, and what is allowed."""

from __future__ import annotations

import asyncio
import socket

import pytest

from collab.config import ConfigError, load_settings
from collab.listening import bind, listen, url_of


async def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port: {port} cannot be used on '127.0.0.1': address already in use"):
            await listen(asyncio.Protocol, load_settings({"port": port}, {}))


def test_sockets_whose_connections_others_take() -> None:
    (there,) = bind(load_settings({"port": 0}, {}))
    port = there.getsockname()[1]
    assert url_of(there.getsockname()) == f"http://127.0.0.1:{port}"
    socket.create_connection(("127.0.0.1", port)).close()
    with pytest.raises(ConfigError, match=f"port: {port} cannot be used on '127.0.0.1': address already in use"):
        bind(load_settings({"port": port}, {}))
    there.close()
    for each in bind(load_settings({"host": "localhost", "port": 0}, {})):
        each.close()
    with pytest.raises(ConfigError, match=r"host: 'no.such.name.invalid' cannot be listened on: no such name"):
        bind(load_settings({"host": "no.such.name.invalid", "auth": "jwt", "jwt_secret": "x" * 32}, {}))


async def test_one_that_is_picked_can_be_reached() -> None:
    server = await listen(asyncio.Protocol, load_settings({"port": 0}, {}))
    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.close()
    server.close()
