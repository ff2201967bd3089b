"""Whoever follows one stream by Server-Sent Events: a session that shows nothing of itself, and hears nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from collab.doors.http.event_streams import DOOR, EventBytes, json_event
from collab.hub.live_document import LiveDocument
from collab.hub.outlets import Lane
from collab.hub.session import Session


class StreamEncoder:
    """Writes events of streams, each with its offset as ``id``, and notices."""

    door = DOOR

    def update(self, update: bytes) -> None:
        """It has no document."""

    def updates(self, updates: Sequence[bytes]) -> Sequence[Any]:
        """Nor several."""
        return ()

    def awareness(self, update: bytes) -> None:
        """Nor sees others."""

    def presence(self, change: dict[str, Any]) -> None:
        """Likewise."""

    def broadcast(self, event: str, data: Any, sender: str) -> None:
        """Likewise."""

    def stream(self, json: bytes, offset: int) -> EventBytes:
        """``stream``."""
        return EventBytes(f"id: {offset}\nevent: stream\ndata: {json.decode()}\n\n")

    def inbox(self, json: bytes) -> None:
        """It follows one stream."""

    def notice(self, notice: dict[str, Any]) -> EventBytes:
        """``notice``."""
        return json_event("notice", notice)

    def lane(self) -> Lane:
        """A new lane."""
        return Lane()


#: one for all: nothing in it is of one document
_ENCODER = StreamEncoder()


class StreamReader:
    """See :class:`collab.doors.http.event_streams.Reader`.

    Args:
        stream: which it follows.
        after: the last event that it has; None: it begins with the newest.
    """

    json_presence = False

    def __init__(self, stream: str, after: int | None) -> None:
        self._stream = stream
        self._after = after

    def encoder(self, live: LiveDocument) -> StreamEncoder:
        """How it is written to."""
        return _ENCODER

    async def greet(self, live: LiveDocument, session: Session) -> None:
        """Begin to follow."""
        await live.streams.follow(session, self._stream, self._after)
