"""Connections, from when they are accepted: counted for each address and in all, and ended when nothing comes on them.

Where there is no room, connections on which nobody asks for anything give way: first the oldest that never had a
request. So those who only hold connections open keep nobody out. A newcomer is refused where there are none.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol, cast

import orjson
import structlog
from aiohttp import web

from collab.doors import descriptors
from collab.doors.libraries import is_tested
from collab.doors.peers import Peers
from collab.errors import CollabError
from collab.hub.limits import spare
from collab.incidents import Incident
from collab.metrics import REFUSED

#: seconds after which somebody who was refused may come again, and between two lines in the log about an address
RETRY_AFTER = 5
#: seconds between two looks at connections
LOOK_INTERVAL = 1.0
#: addresses whose lines in the log are remembered
_MOST_TOLD = 1000

_log = structlog.get_logger("collab.doors")


class Served(Protocol):
    """A connection on which requests come; see :class:`collab.doors.served.ServedRequests`."""

    @property
    def silent(self) -> bool:
        """Whether no request ever came."""

    @property
    def idle(self) -> bool:
        """Whether no request is being served, or coming in."""

    def look(self, now: float) -> None:
        """End the connection, if its time is up."""

    def give_way(self) -> None:
        """End the connection, at once."""


class Gate:
    """Makes the protocols of a listening socket.

    Args:
        server: makes the protocol of a connection that is let in.
        limit: of open files.
        settings: an object with the limits of ``collab.config.Settings``.
        peers: tells addresses.
    """

    def __init__(self, server: web.Server, limit: int, settings: Any, peers: Peers) -> None:
        self.server = server
        self.limit = limit
        self.head_timeout: float = settings.head_timeout
        self.keepalive_timeout: float = settings.keepalive_timeout
        self._bound = descriptors.bound(limit)
        self._most: int = settings.max_connections or self._bound
        self._each: int = settings.max_connections_per_ip + spare(settings.max_connections_per_ip)
        self._peers = peers
        #: takes a connection away, where what begins on it is for another process
        self.elsewhere: Callable[[Any, bytes], bool] | None = None
        self._count = 0
        self._counts: dict[str, int] = {}
        # Those on which requests come. On all others it is a WebSocket's heartbeat that tells.
        self._watched: dict[str, dict[Served, None]] = {}
        self._trouble = Incident(
            _log, "out of file descriptors: newcomers are refused", "there are file descriptors again"
        )
        self._refused = 0
        self._refused_at = 0.0
        self._told: dict[tuple[str, str], float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __call__(self) -> asyncio.Protocol:
        """The protocol of a new connection."""
        return _Newcomer(self)

    @property
    def count(self) -> int:
        """Connections that were let in and are not over."""
        return self._count

    # -- coming and going -----------------------------------------------------------------------

    def admit(self, transport: asyncio.Transport) -> asyncio.Protocol | None:
        """Let a connection in, or refuse it; its protocol from here on."""
        peer = transport.get_extra_info("peername")
        address, proxy = self._peers.neighbour(str(peer[0]) if peer else "")
        if not proxy and self._counts.get(address, 0) >= self._each and not self._make_room(address):
            self._refuse(transport, "address", address, self._each, "max-connections-per-ip")
            return None
        number = transport.get_extra_info("socket").fileno()
        full = self._count >= self._most or number >= self._bound
        # What gives way is closed a little later: until then part of the reserve has to do.
        if full and not (number < (self._bound + self.limit) // 2 and self._make_room(self._crowd())):
            if number >= self._bound:
                self._trouble.begin(limit=self.limit, setting="ulimit -n", address=self._crowd())
                self._refused_at = time.monotonic()
                self._refused += 1
                self._send_away(transport, "server")
            else:
                self._refuse(transport, "server", self._crowd(), self._most, "max-connections")
            return None
        if not full and self._trouble.lasts and time.monotonic() - self._refused_at >= RETRY_AFTER:
            self._trouble.end(refused=self._refused)
            self._refused = 0
        self._count += 1
        self._counts[address] = self._counts.get(address, 0) + 1
        return self._serve(transport, address, proxy)

    def _serve(self, transport: asyncio.Transport, address: str, proxy: bool) -> asyncio.Protocol:
        if not is_tested("aiohttp"):
            return _Counted(self, self.server(), address)
        # Not at the top: the private names that it uses may not exist in releases that were never tested.
        from collab.doors.served import ServedRequests

        served = ServedRequests(self, self.server, address, proxy)
        self._watched.setdefault(address, {})[served] = None
        if self._timer is None:
            self._look_later()
        return served

    def unwatch(self, address: str, served: Served) -> None:
        """A connection has become a WebSocket, or is over. Idempotent."""
        there = self._watched.get(address)
        if there is not None and served in there:
            del there[served]
            if not there:
                del self._watched[address]

    def left(self, address: str) -> None:
        """A connection that was let in is over."""
        self._count -= 1
        count = self._counts[address] - 1
        if count:
            self._counts[address] = count
        else:
            del self._counts[address]

    # -- making room ----------------------------------------------------------------------------

    def _crowd(self) -> str:
        """The address with the most connections that may give way."""
        return max(self._watched, key=lambda address: len(self._watched[address]), default="")

    def _make_room(self, address: str) -> bool:
        """End the oldest connection of an address that never had a request, or has none now; False if none is so."""
        idle = None
        for served in self._watched.get(address, ()):
            if served.silent:
                idle = served
                break
            if idle is None and served.idle:
                idle = served
        if idle is None:
            return False
        self.tell("too many connections: those without a request give way", address, limit=self._each)
        idle.give_way()
        return True

    def _refuse(self, transport: asyncio.Transport, scope: str, address: str, limit: int, setting: str) -> None:
        self.tell("too many connections: newcomers are refused", address, limit=limit, setting=setting, scope=scope)
        self._send_away(transport, scope)

    def _send_away(self, transport: asyncio.Transport, scope: str) -> None:
        REFUSED.add("too_many_connections")
        transport.write(_REFUSALS[scope])
        transport.close()

    def tell(self, words: str, address: str, **more: Any) -> None:
        """Say something of an address in the log, but not again and again."""
        now = time.monotonic()
        if now - self._told.get((words, address), -RETRY_AFTER) < RETRY_AFTER:
            return
        if len(self._told) >= _MOST_TOLD:
            self._told = {told: at for told, at in self._told.items() if now - at < RETRY_AFTER}
            if len(self._told) >= _MOST_TOLD:
                return
        self._told[words, address] = now
        _log.error(words, address=address, **more)

    # -- time -----------------------------------------------------------------------------------

    def _look_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(LOOK_INTERVAL, self._look)

    def _look(self) -> None:
        self._timer = None
        now = time.monotonic()
        for there in list(self._watched.values()):
            for served in list(there):
                served.look(now)
        if self._watched:
            self._look_later()


class _Newcomer(asyncio.Protocol):
    """A connection until it is known whether there is room for it."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        connection = cast("asyncio.Transport", transport)
        protocol = self._gate.admit(connection)
        if protocol is not None:
            connection.set_protocol(protocol)
            protocol.connection_made(connection)


class _Counted(asyncio.Protocol):
    """Counts a connection of an aiohttp that was never tested; nothing else is known of it."""

    def __init__(self, gate: Gate, protocol: asyncio.Protocol, address: str) -> None:
        self._gate, self._protocol, self._address = gate, protocol, address
        self.data_received = protocol.data_received  # type: ignore[method-assign]
        self.eof_received = protocol.eof_received  # type: ignore[method-assign]
        self.pause_writing = protocol.pause_writing  # type: ignore[method-assign]
        self.resume_writing = protocol.resume_writing  # type: ignore[method-assign]
        self.connection_made = protocol.connection_made  # type: ignore[method-assign]

    def connection_lost(self, error: Exception | None) -> None:
        self._gate.left(self._address)
        self._protocol.connection_lost(error)


def _refusal(scope: str, words: str) -> bytes:
    error = CollabError("too_many_connections", words, retry_after=RETRY_AFTER, detail={"scope": scope})
    body = orjson.dumps(error.as_dict())
    return (
        b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n"
        b"Connection: close\r\nRetry-After: %d\r\nContent-Length: %d\r\n\r\n%b" % (RETRY_AFTER, len(body), body)
    )


_REFUSALS = {
    "server": _refusal("server", "The server has too many connections open."),
    "address": _refusal("address", "Your address has too many connections open."),
}
