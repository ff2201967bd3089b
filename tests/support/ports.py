"""Ports for servers that are started by number, or again on the same one.

Not from the range that the kernel hands out: there, whoever connects anywhere may get the port before the server has
it, or while it is down, and a client that tries again may even connect to itself.
"""

from __future__ import annotations

import os
import random
import socket
from itertools import count

#: below what Linux hands out (32768 to 60999), above what is usually in use
_FIRST, _SLICES, _SLICE = 11_000, 16, 1_300


def _own_slice() -> int:
    """Test processes that run side by side have ports of their own."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    return int(worker[2:]) % 8 if worker.startswith("gw") else 8 + os.getpid() % 8


_turns = count(random.SystemRandom().randrange(_SLICE))


def free_port() -> int:
    """A port on 127.0.0.1 where nothing listens, and which this process has not had lately."""
    for _ in range(_SLICE):
        port = _FIRST + _own_slice() * _SLICE + next(_turns) % _SLICE
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no port is free")
