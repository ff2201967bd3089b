"""The way out over WebSockets: a packet is encoded once, and goes to one peer or to many in one system call each.

Only what a socket does not take at once passes through the event loop. A door's connection inherits from
:class:`SocketWriter`; :class:`SocketLane` writes to many of them in a loop of system calls that is all C.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Callable, Collection, Sequence
from itertools import repeat
from os import write as _write
from typing import cast

from collab.hub.outlets import Lane
from collab.hub.session import Session
from collab.metrics import Outgoing, outgoing_of
from collab.protocol.packets import SEPARATOR

TEXT, BINARY = 0x81, 0x82
#: bytes of a payload whose size stands in the second byte of its frame: fewer than these
SHORT = 126
#: what no encoder of a document has made
_CONTROL = outgoing_of("socket.io")["control"]


def websocket_frame(opcode: int, payload: bytes) -> bytes:
    """Return ``payload`` as one unmasked WebSocket frame; ``opcode`` includes the FIN bit."""
    size = len(payload)
    if size < SHORT:
        return bytes((opcode, size)) + payload
    if size < 65536:
        return bytes((opcode, 126)) + size.to_bytes(2, "big") + payload
    return bytes((opcode, 127)) + size.to_bytes(8, "big") + payload


class Frames:
    """An encoded Engine.IO message or control packet, ready for every transport.

    Args:
        text: the Engine.IO text packet, type digit included (``42/doc/a,["x"]``); empty for an
            attachment on its own.
        attachment: bytes of the binary attachment that follows, or None.
        outgoing: where it is counted that it was sent.

    ``websocket`` and ``polling`` are made on first use and kept, so that a hundred recipients
    share one buffer.
    """

    __slots__ = ("_polling", "attachment", "buffer", "count", "outgoing", "packets", "text")

    def __init__(self, text: str, attachment: bytes | None = None, outgoing: Outgoing = _CONTROL) -> None:
        self.text = text
        self.attachment = attachment
        self.outgoing = outgoing
        #: messages in it
        self.count = 1
        #: what :attr:`websocket` returns, once it was made
        self.buffer: bytes | None = None
        self._polling: str | None = None
        #: of a series: its packets
        self.packets: Sequence[Frames] = ()

    @classmethod
    def series(cls, packets: Sequence[Frames]) -> Frames:
        """Several packets that are sent together: one buffer on a WebSocket, one by one with polls."""
        if len(packets) == 1:
            return packets[0]
        series = cls("", None, packets[0].outgoing)
        series.packets = packets
        series.count = len(packets)
        series.buffer = b"".join([frames.websocket for frames in packets])
        return series

    @property
    def websocket(self) -> bytes:
        """The WebSocket frames, header and attachment in one buffer."""
        buffer = self.buffer
        if buffer is None:
            buffer = b""
            if self.text:
                packet = self.text.encode()
                size = len(packet)
                # Small frames are most of them, and made here without a call.
                buffer = bytes((TEXT, size)) + packet if size < SHORT else websocket_frame(TEXT, packet)
            attachment = self.attachment
            if attachment is not None:
                size = len(attachment)
                buffer += bytes((BINARY, size)) + attachment if size < SHORT else websocket_frame(BINARY, attachment)
            self.buffer = buffer
        return buffer

    @property
    def polling(self) -> str:
        """The Engine.IO packets as they stand in a polling body, without a leading separator."""
        body = self._polling
        if body is None:
            packets = [self.text] if self.text else []
            if self.attachment is not None:
                packets.append("b" + b64encode(self.attachment).decode())
            self._polling = body = SEPARATOR.join(packets)
        return body


class ClearChanges:
    """How often a writer of this process began or ceased to be clear (see :attr:`SocketWriter.clear_descriptor`)."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


CLEAR_CHANGES = ClearChanges()


class SocketWriter:
    """Writes to one WebSocket from :meth:`write_to` until :meth:`let_go`.

    Attributes:
        clear_descriptor: the file descriptor while nothing waits to be sent on it, or -1. The event loop does not
            close it before it has called :meth:`lost`.
    """

    def __init__(self) -> None:
        self.clear_descriptor = -1
        self._transport: asyncio.Transport | None = None
        self._limit = 0
        self._draining = False
        self._queued = 0
        self._taken = -1
        self._descriptor = -1
        self._is_closing: Callable[[], bool] = bool
        self._unsent: Callable[[], int] = int

    def write_to(self, transport: asyncio.Transport, limit: int, *, owns_descriptor: bool) -> None:
        """Write to ``transport`` from here on.

        Args:
            limit: bytes that may wait.
            owns_descriptor: nobody else writes to its file descriptor, and :meth:`lost` is called before it is closed.
        """
        if owns_descriptor:
            self._descriptor = transport.get_extra_info("socket").fileno()
        self._limit = limit
        self._unsent = transport.get_write_buffer_size
        self._is_closing = transport.is_closing
        self._transport = transport

    def write(self, frames: Frames) -> bool:
        """Send one packet.

        Returns:
            Whether more waits to be sent now than allowed.
        """
        descriptor = self.clear_descriptor
        if descriptor < 0:
            if self._transport is None:
                return self.keep(frames)
            if self._is_closing():
                return False  # the reader will notice; asking for anything else would raise
            if self._descriptor < 0 or self._unsent():
                frames.outgoing.messages += frames.count
                frames.outgoing.bytes += len(frames.websocket)
                return self.write_rest(frames.websocket)
            self._draining = False
            self._set_clear(descriptor := self._descriptor)
        # Most often the socket takes it all: one system call, and nothing of the event loop.
        buffer = frames.buffer or frames.websocket
        size = len(buffer)
        outgoing = frames.outgoing
        outgoing.messages += frames.count
        outgoing.bytes += size
        try:
            sent = _write(descriptor, buffer)
        except BlockingIOError:
            sent = 0
        except OSError:
            return False  # the peer is gone, the reader will notice
        return sent != size and self.write_rest(buffer[sent:])

    def keep(self, _frames: Frames) -> bool:
        """Take what is written while there is no WebSocket; as :meth:`write`. A door that also polls keeps it."""
        return False

    def write_rest(self, buffer: bytes) -> bool:
        """Leave to the event loop what the socket did not take; as :meth:`write`."""
        self._set_clear(-1)
        if self._transport is None:
            return False
        self._queued += len(buffer)
        try:
            self._transport.write(buffer)
        except RuntimeError:
            return False  # uvloop: the transport is gone, the reader will notice
        return self.clogged

    def _set_clear(self, descriptor: int) -> None:
        if descriptor != self.clear_descriptor:
            self.clear_descriptor = descriptor
            CLEAR_CHANGES.count += 1

    @property
    def clogged(self) -> bool:
        """Whether more waits to be sent than allowed, or has not drained since.

        Drained is a quarter of it, so that who reads slowly does not change between the two with every write.
        """
        if self.clear_descriptor >= 0:
            return False  # most often; nothing waits
        self._draining = self.waiting_bytes > (self._limit // 4 if self._draining else self._limit)
        return self._draining

    @property
    def waiting_bytes(self) -> int:
        """Bytes that the peer has not taken yet."""
        return 0 if self._transport is None or self._is_closing() else self._unsent()

    def takes_nothing(self) -> bool:
        """Whether the peer took none of what waited when this was asked last, and still waits."""
        waiting = self.waiting_bytes
        before, self._taken = self._taken, self._queued - waiting if waiting else -1
        return waiting > 0 and before == self._taken

    def lost(self) -> None:
        """Write to the WebSocket no more; its file descriptor is closed after this."""
        self._set_clear(-1)
        self._is_closing = _yes

    def let_go(self) -> None:
        """Forget the WebSocket."""
        self.lost()
        self._transport = None
        self._descriptor = -1
        self._is_closing, self._unsent = bool, int


def _yes() -> bool:
    return True


class SocketLane(Lane):
    """The sessions of one document on WebSockets of one door, with their file descriptors at hand.

    Asking every socket costs more than Python's part of writing to it, so the answers are kept until
    anything changes with any socket of the process.
    """

    __slots__ = ("_as_of", "_descriptors", "_places", "_sockets")

    def __init__(self) -> None:
        super().__init__()
        self._as_of = -1
        self._places: dict[str, int] = {}
        self._sockets: list[SocketWriter] = []
        self._descriptors: list[int] = []

    def enter(self, session: Session) -> None:
        """See :class:`Lane`."""
        super().enter(session)
        self._as_of = -1

    def leave(self, session: Session) -> None:
        """See :class:`Lane`."""
        super().leave(session)
        self._as_of = -1

    def send(self, frames: Frames, without: Collection[str] = ()) -> list[Session]:
        """See :class:`Lane`."""
        if self._as_of != CLEAR_CHANGES.count:
            self._look_again()
        sockets, descriptors, places = self._sockets, self._descriptors, self._places
        left_out = [places[id] for id in without if id in places]
        if left_out:
            if len(left_out) > 1:
                left_out.sort(reverse=True)
            sockets, descriptors = sockets[:], descriptors[:]
            for at in left_out:
                del sockets[at], descriptors[at]
        clogged = write_all(frames, sockets, descriptors)
        if not clogged:
            return []
        sessions = [session for id, session in self.sessions.items() if id not in without]
        return [sessions[at] for at in clogged]

    def _look_again(self) -> None:
        self._as_of = CLEAR_CHANGES.count
        self._places = {id: at for at, id in enumerate(self.sessions)}
        self._sockets = [cast("SocketWriter", session.pipe) for session in self.sessions.values()]
        self._descriptors = [socket.clear_descriptor for socket in self._sockets]


def write_all(frames: Frames, sockets: Sequence[SocketWriter], descriptors: Sequence[int]) -> list[int]:
    """Send one packet to many sockets.

    Args:
        descriptors: the :attr:`SocketWriter.clear_descriptor` of each.

    Returns:
        The places in ``sockets`` of those to whom more waits to be sent now than allowed.
    """
    if len(sockets) == 1:  # documents of two people are many
        return [0] if sockets[0].write(frames) else []
    buffer = frames.buffer or frames.websocket
    writes = map(_write, descriptors, repeat(buffer))
    sent: list[int] = []
    clogged: list[int] = []
    one_by_one = 0
    while True:
        try:
            sent.extend(writes)  # keeps what it got before one of them raises
            break
        except OSError:
            # No descriptor, a full socket, a peer that is gone.
            if sockets[len(sent)].write(frames):
                clogged.append(len(sent))
            sent.append(len(buffer))
            one_by_one += 1  # and counted so
    at_once = len(sent) - one_by_one
    frames.outgoing.messages += at_once * frames.count
    frames.outgoing.bytes += at_once * len(buffer)
    if sent.count(len(buffer)) != len(sent):
        for at, size in enumerate(sent):
            if size != len(buffer) and sockets[at].write_rest(buffer[size:]):
                clogged.append(at)
    return clogged
