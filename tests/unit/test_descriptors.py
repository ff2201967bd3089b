"""What writing to descriptors rests on: an event loop closes one only after it has told that the connection is lost."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop


class Watching(asyncio.Protocol):
    """Notes whose descriptor it still has when the connection is lost, and how the transport ends."""

    def __init__(self) -> None:
        self.identity = self.identity_at_the_end = ""
        self.transport: Any  # uvloop has classes of its own
        self.connected = asyncio.Event()
        self.lost = asyncio.Event()

    def _whose(self) -> str:
        try:
            return os.readlink(f"/proc/self/fd/{self.descriptor}")
        except FileNotFoundError:
            return "closed"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.descriptor = transport.get_extra_info("socket").fileno()
        self.identity = self._whose()
        self.connected.set()

    def connection_lost(self, _error: Exception | None) -> None:
        self.identity_at_the_end = self._whose()
        self.lost.set()


def reset(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


ENDS: dict[str, Callable[[Watching, socket.socket], None]] = {
    "ours": lambda watching, _peer: watching.transport.close(),
    "ours, at once": lambda watching, _peer: watching.transport.abort(),
    "the peer's": lambda _watching, peer: peer.close(),
    "the peer's, at once": lambda _watching, peer: reset(peer),
}


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_a_lost_connection_is_told_before_its_number_is_free(
    new_loop: Callable[[], asyncio.AbstractEventLoop], end: str
) -> None:
    async def run() -> None:
        watching = Watching()
        server = await asyncio.get_running_loop().create_server(lambda: watching, "127.0.0.1", 0)
        with socket.create_connection(server.sockets[0].getsockname()) as peer:
            async with asyncio.timeout(5):
                await watching.connected.wait()
                ENDS[end](watching, peer)
                await watching.lost.wait()
        server.close()

        assert watching.identity.startswith("socket:")
        assert watching.identity_at_the_end == watching.identity

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(run())
