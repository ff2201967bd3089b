"""Where a server listens, and what is said where it cannot."""

from __future__ import annotations

import asyncio
import errno
import os
from typing import Any

from collab.config import ConfigError, Settings

#: connections that the system keeps until they are accepted: everybody comes at once after a restart
BACKLOG = 4096


async def listen(factory: Any, settings: Settings) -> asyncio.Server:
    """Listen at ``host`` and ``port``.

    Args:
        factory: makes the protocol of each connection.

    Raises:
        ConfigError: the address is taken, or is none of this machine; the message says what is allowed.
    """
    try:
        loop = asyncio.get_running_loop()
        return await loop.create_server(factory, settings.host, settings.port, backlog=BACKLOG)
    except (OSError, ValueError) as error:  # ValueError: a name that cannot be written as one
        raise ConfigError(_why_not(settings, error)) from None


def _why_not(settings: Settings, error: OSError | ValueError) -> str:
    number = error.errno if isinstance(error, OSError) else None
    words = os.strerror(number).lower() if number is not None and number > 0 else "no such name"
    if number in (errno.EADDRINUSE, errno.EACCES):
        allowed = "a port that is free, or 0, which picks one"
        return f"port: {settings.port} cannot be used on {settings.host!r}: {words}; allowed: {allowed}"
    return f"host: {settings.host!r} cannot be listened on: {words}; allowed: an address or a name of this machine"
