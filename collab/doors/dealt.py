"""Connections of a process that has siblings: the one above deals them, and they go on to whoever has their session.

Which process has a session stands at the end of its id (``<random>.<name>-<number>``), which stands in the first line
of each request. A connection whose next request is for a sibling goes there as a whole, with the bytes that were read:
its descriptor is passed on, so that the sibling sees the peer's address, and no process stands between the two.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
from collections.abc import Callable

from collab.doors.gate import Gate
from collab.doors.link import BACK, COUNT, DEALT, FOR, LEAVING, READY, Link
from collab.doors.served import ServedRequests

#: seconds until it is looked again whether the answer before is finished: at first, and at most
_SOON, _LATER = 0.002, 0.25
#: seconds between two reports of how many connections there are
_REPORTING = 1.0


class Dealt:
    """What a listening socket is to a server alone; to be made in a running event loop.

    Args:
        gate: makes the protocol of each connection.
        end: descriptor of our end of the link to the process above.
        name: ours, ``<name>-<number>``; siblings differ in the number.
        on_end: called when the process above is gone.
    """

    def __init__(self, gate: Gate, end: int, name: str, on_end: Callable[[], None]) -> None:
        base, _, number = name.rpartition("-")
        self._gate = gate
        self._own = int(number)
        # Whoever cuts a request apart before its session is told that there is none: no client does.
        self._asked = re.compile(
            rb"[A-Z]{3,7} [^ ]*?[?&](?:sid=[^& ]*\.%s-|process=)([0-9]{1,6})[& ]" % re.escape(base.encode())
        )
        self._leaving = False
        self._answers_all = False
        self._reported = -1
        self._tasks: set[asyncio.Task[object]] = set()
        self._loop = asyncio.get_running_loop()
        self._link = Link(socket.socket(fileno=end), self._take, on_end)
        gate.elsewhere = self.elsewhere

    def open(self, words: str) -> None:
        """People may come; ``words`` are for the line that says so."""
        self._link.send(READY, data=words.encode())
        self._report()

    def close(self) -> None:
        """No new connections any more; those for sessions that are here still come."""
        self._leaving = True
        self._link.send(LEAVING)

    def elsewhere(self, served: ServedRequests, data: bytes) -> bool:
        """Send a connection on, if ``data``, where a request begins, asks for a session of a sibling; True: it goes."""
        found = self._asked.match(data)
        transport = served.transport
        if found is None or self._answers_all or transport is None or int(found[1]) == self._own:
            return False
        transport.pause_reading()
        self._hand_on(served, int(found[1]), data, _SOON)
        return True

    def _hand_on(self, served: ServedRequests, number: int, data: bytes, pause: float) -> None:
        transport = served.transport
        if transport is None or transport.is_closing():
            return
        if not (served.silent or served.idle) or transport.get_write_buffer_size():
            self._loop.call_later(pause, self._hand_on, served, number, data, min(_LATER, 2 * pause))
            return
        descriptor = os.dup(transport.get_extra_info("socket").fileno())
        transport.abort()
        self._link.send(FOR, number, data, descriptor)

    def _take(self, kind: bytes, _number: int, data: bytes, connection: int | None) -> None:
        if connection is None:
            return
        if kind == DEALT and self._leaving:
            self._link.send(BACK, 0, data, connection)
            return
        sock = socket.socket(fileno=connection)
        sock.setblocking(False)
        make = self._gate if kind == DEALT else lambda: _Continued(self, data)
        task = self._loop.create_task(self._serve(make, sock))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, make: Callable[[], asyncio.Protocol], sock: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(make, sock)
        except OSError:  # it went on the way
            sock.close()

    def proceed(self, transport: asyncio.BaseTransport, data: bytes) -> None:
        """Serve a connection as if ``data`` had just come on it; its first request is answered here."""
        newcomer = self._gate()
        newcomer.connection_made(transport)
        protocol = transport.get_protocol()
        if isinstance(protocol, asyncio.Protocol) and not isinstance(protocol, _Continued):
            self._answers_all = True
            try:
                protocol.data_received(data)
            finally:
                self._answers_all = False

    def _report(self) -> None:
        if self._gate.count != self._reported:
            self._reported = self._gate.count
            self._link.send(COUNT, self._reported)
        self._loop.call_later(_REPORTING, self._report)


class _Continued(asyncio.Protocol):
    """A connection of which another process has read some bytes."""

    def __init__(self, dealt: Dealt, data: bytes) -> None:
        self._dealt, self._data = dealt, data

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._dealt.proceed(transport, self._data)
