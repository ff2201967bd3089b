"""File descriptors: as many as the system allows, and some that no newcomer gets.

Without any left, a server cannot start a worker, open a file or reach its Redis, and says so nowhere. So the last ones
are kept from connections. A process is always given the lowest free number: that of a new connection tells how many
are in use, whoever uses them.
"""

from __future__ import annotations

import asyncio
import resource
import socket
import struct
from contextlib import suppress

import structlog

#: descriptors kept from connections: at most 128, and at most a quarter of all
RESERVE, RESERVED_PART = 128, 4
#: more than this is of no use to one process
_MOST = 1 << 20

_log = structlog.get_logger("collab.doors")


def raise_limit() -> int:
    """Raise the soft limit of open files to the hard one; the limit that holds then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST if hard == resource.RLIM_INFINITY else min(hard, _MOST)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
        except (OSError, ValueError):  # macOS has a lower limit that it does not tell
            _log.warning("the limit of open files cannot be raised", limit=soft)
    return _MOST if soft == resource.RLIM_INFINITY else soft


def bound(limit: int) -> int:
    """The number from which on a descriptor is part of the reserve, of ``limit`` in all."""
    return limit - min(RESERVE, limit // RESERVED_PART)


def reset(transport: asyncio.Transport) -> None:
    """End a connection at once, and what the system still has to send on it: that may be megabytes."""
    with suppress(AttributeError, OSError):
        linger = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()
