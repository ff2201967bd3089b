"""Where a server listens, and what is said where it cannot."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
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


def bind(settings: Settings) -> list[socket.socket]:
    """Sockets that listen at ``host`` and ``port``, one for each address of the host; whoever asks accepts by itself.

    Raises:
        ConfigError: as :func:`listen`.
    """
    listening: list[socket.socket] = []
    port = settings.port
    try:
        found = dict.fromkeys(
            socket.getaddrinfo(settings.host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        )
        for family, _, _, _, address in found:
            try:
                sock = _listening(family, (address[0], port, *address[2:]))
            except OSError as error:
                # A name of this machine may have an address that it has not, ::1 for one.
                if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT) and len(found) > 1:
                    continue
                raise
            listening.append(sock)
            port = sock.getsockname()[1]  # one that was picked is the same for all
        if not listening:
            raise OSError(errno.EADDRNOTAVAIL, "")
    except (OSError, ValueError) as error:
        for sock in listening:
            sock.close()
        raise ConfigError(_why_not(settings, error)) from None
    return listening


def _listening(family: int, address: tuple[Any, ...]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def url_of(address: Any) -> str:
    """Where people find a socket of this address."""
    host, port = address[0], address[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _why_not(settings: Settings, error: OSError | ValueError) -> str:
    number = error.errno if isinstance(error, OSError) else None
    words = os.strerror(number).lower() if number is not None and number > 0 else "no such name"
    if number in (errno.EADDRINUSE, errno.EACCES):
        allowed = "a port that is free, or 0, which picks one"
        return f"port: {settings.port} cannot be used on {settings.host!r}: {words}; allowed: {allowed}"
    return f"host: {settings.host!r} cannot be listened on: {words}; allowed: an address or a name of this machine"
