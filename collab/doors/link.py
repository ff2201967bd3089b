"""A line between two processes of one server, on which messages and descriptors go, in order."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections import deque
from collections.abc import Callable
from typing import Final

#: the process above -> one below it: a new connection; one whose first request the receiver is to answer in any case
DEALT: Final = b"D"
YOURS: Final = b"Y"
#: one below -> the one above: people may come; no more, please; a connection that it does not want; one for the process
#: of that number; how many connections there are
READY: Final = b"R"
LEAVING: Final = b"L"
BACK: Final = b"B"
FOR: Final = b"F"
COUNT: Final = b"C"

#: bytes that go inside a message; more go in a file in memory, as the size of messages is bounded
_INLINE = 32 * 1024
_ROOM = 64 * 1024
#: messages read in one turn of the loop
_AT_ONCE = 64
_MOST_WAITING = 4096
#: the other end is gone
_OVER = {errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN, errno.EBADF, errno.ECONNREFUSED}

#: kind, number, bytes that were read from the connection already, its descriptor or None; who is called owns it
OnMessage = Callable[[bytes, int, bytes, int | None], None]


class Link:
    """One end of it; to be made in a running event loop.

    Args:
        end: of a pair of ``AF_UNIX`` sockets that keep messages apart (``SOCK_SEQPACKET``); owned from here on.
        on_message: called with each message.
        on_end: called once, when the other process is gone.
    """

    def __init__(self, end: socket.socket, on_message: OnMessage, on_end: Callable[[], None]) -> None:
        end.setblocking(False)
        self._end = end
        self._on_message = on_message
        self._on_end = on_end
        self._waiting: deque[tuple[bytes, list[int]]] = deque()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(end.fileno(), self._read)

    def send(self, kind: bytes, number: int = 0, data: bytes = b"", connection: int | None = None) -> None:
        """Say something; a ``connection`` is closed here once it is under way, or cannot be."""
        descriptors = [] if connection is None else [connection]
        if len(data) > _INLINE:
            memory = os.memfd_create("read", os.MFD_CLOEXEC)
            descriptors.append(memory)
            with os.fdopen(os.dup(memory), "wb") as file:
                file.write(data)
            data = b""
        if self._end.fileno() < 0 or len(self._waiting) >= _MOST_WAITING:
            _close(descriptors)
            return
        self._waiting.append((kind + number.to_bytes(4, "big") + data, descriptors))
        if len(self._waiting) == 1:
            self._write()

    def close(self) -> None:
        """End it, and what waits. Idempotent."""
        if self._end.fileno() < 0:
            return
        self._loop.remove_reader(self._end.fileno())
        self._loop.remove_writer(self._end.fileno())
        self._end.close()
        while self._waiting:
            _close(self._waiting.popleft()[1])

    def _write(self) -> None:
        while self._waiting:
            message, descriptors = self._waiting[0]
            try:
                socket.send_fds(self._end, [message], descriptors)
            except BlockingIOError:
                self._loop.add_writer(self._end.fileno(), self._write)
                return
            except OSError as error:
                if error.errno in _OVER:
                    return  # reading tells
            self._waiting.popleft()
            _close(descriptors)
        self._loop.remove_writer(self._end.fileno())

    def _read(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                message, descriptors, _flags, _ = socket.recv_fds(self._end, _ROOM, 2, socket.MSG_CMSG_CLOEXEC)
            except BlockingIOError:
                return
            except OSError:
                message, descriptors = b"", []
            if not message:
                self.close()
                self._on_end()
                return
            data = message[5:]
            if len(descriptors) > 1:
                with os.fdopen(descriptors.pop(), "rb") as file:
                    file.seek(0)
                    data = file.read()
            connection = descriptors[0] if descriptors else None
            self._on_message(message[:1], int.from_bytes(message[1:5], "big"), data, connection)
            if self._end.fileno() < 0:
                return


def _close(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
