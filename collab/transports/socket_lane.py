"""One packet to many WebSockets, in a loop of the operating system's calls that is all C."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import repeat
from os import write as _write
from typing import cast

from collab.hub.session import Lane, Session
from collab.protocol.frames import Frames
from collab.transports.engine_socket import CHANGES, EngineSocket


class SocketLane(Lane):
    """The sessions of one document on Engine.IO sockets, with their file descriptors at hand.

    Asking every socket costs more than Python's part of writing to it, so the answers are kept until
    anything changes with any socket of the process.
    """

    __slots__ = ("_as_of", "_descriptors", "_places", "_sockets")

    def __init__(self) -> None:
        super().__init__()
        self._as_of = -1
        self._places: dict[str, int] = {}
        self._sockets: list[EngineSocket] = []
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
        if self._as_of != CHANGES.count:
            self._look_again()
        sockets, descriptors, places = self._sockets, self._descriptors, self._places
        left_out = sorted([places[id] for id in without if id in places], reverse=True)
        if left_out:
            sockets, descriptors = sockets.copy(), descriptors.copy()
            for at in left_out:
                del sockets[at], descriptors[at]
        clogged = write_all(frames, sockets, descriptors)
        if not clogged:
            return []
        sessions = [session for id, session in self.sessions.items() if id not in without]
        return [sessions[at] for at in clogged]

    def _look_again(self) -> None:
        self._as_of = CHANGES.count
        self._places = {id: at for at, id in enumerate(self.sessions)}
        self._sockets = [cast("EngineSocket", session.pipe) for session in self.sessions.values()]
        self._descriptors = [socket.clear_descriptor for socket in self._sockets]


def write_all(frames: Frames, sockets: Sequence[EngineSocket], descriptors: Sequence[int]) -> list[int]:
    """Send one packet to many sockets.

    Args:
        descriptors: the :attr:`EngineSocket.clear_descriptor` of each.

    Returns:
        The places in ``sockets`` of those to whom more waits to be sent now than allowed.
    """
    buffer = frames.buffer or frames.websocket
    writes = map(_write, descriptors, repeat(buffer))
    sent: list[int] = []
    clogged: list[int] = []
    while True:
        try:
            sent.extend(writes)  # keeps what it got before one of them raises
            break
        except OSError:
            # No descriptor, a full socket, a peer that is gone.
            if sockets[len(sent)].write(frames):
                clogged.append(len(sent))
            sent.append(len(buffer))
    if sent.count(len(buffer)) != len(sent):
        for at, size in enumerate(sent):
            if size != len(buffer) and sockets[at].write_rest(buffer[size:]):
                clogged.append(at)
    return clogged
