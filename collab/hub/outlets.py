"""What the hub asks of a door: how to write what a document has to say, to one peer or to many.

A door implements these; the hub never learns which wire is behind them.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collab.hub.session import Session


class Encoder(Protocol, Hashable):
    """How a door writes what a document has to say; shared by its sessions of one document.

    Each method returns what :meth:`Pipe.write` takes, or None where this wire has no word for it.
    """

    @property
    def door(self) -> str:
        """Whose it is, as in logs and metrics."""

    def update(self, update: bytes) -> Any:
        """A Yjs v1 update."""

    def updates(self, updates: Sequence[bytes]) -> Sequence[Any]:
        """Several updates that belong together; what is returned is sent one after the other."""

    def awareness(self, update: bytes) -> Any:
        """A y-protocols awareness update."""

    def presence(self, change: dict[str, Any]) -> Any:
        """The JSON presence event ``{joined, updated, left}``."""

    def broadcast(self, event: str, data: Any, sender: str) -> Any:
        """A broadcast of another session."""

    def stream(self, json: bytes, offset: int) -> Any:
        """An event of a stream, as it stands on every wire, with its offset in it."""

    def inbox(self, json: bytes) -> Any:
        """What is new in the inbox of the session's participant, as it stands on every wire."""

    def notice(self, notice: dict[str, Any]) -> Any:
        """What the user should know."""

    def lane(self) -> Lane:
        """A new lane for sessions of this encoder."""


class Pipe(Protocol):
    """The way to one peer, shared by all its sessions."""

    @property
    def transport(self) -> str:
        """What carries it: ``websocket``, ``polling``, ``sse``, ``in-process``."""

    def write(self, frames: Any, /) -> bool:
        """Send what an encoder made; True where more waits to be sent now than allowed."""

    @property
    def clogged(self) -> bool:
        """Whether more waits to be sent than allowed."""

    @property
    def waiting_bytes(self) -> int:
        """Bytes that the peer has not taken yet."""

    def cut(self) -> None:
        """Drop the peer and everything that waits for it."""


class Lane:
    """Sessions of one encoder that are sent the same; a door that can write to many at once has lanes of its own.

    Attributes:
        sessions: by their ids.
    """

    __slots__ = ("sessions",)

    def __init__(self) -> None:
        self.sessions: dict[str, Session] = {}

    def enter(self, session: Session) -> None:
        """Add a session."""
        self.sessions[session.id] = session

    def leave(self, session: Session) -> None:
        """Take a session out; idempotent."""
        self.sessions.pop(session.id, None)

    def send(self, frames: Any, without: Collection[str] = ()) -> list[Session]:
        """Send the same to all but the sessions ``without``; returns those that are clogged now."""
        return [session for id, session in self.sessions.items() if id not in without and session.write(frames)]
