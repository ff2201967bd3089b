"""A wire for unit tests of doors: what is written is noted, and how much waits is up to the test."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from collab.doors.websocket.writer import Frames
from collab.errors import CollabError
from collab.hub.limits import Budget

#: as much as anybody wants
PLENTY = 1e9


class NotingWire:
    """One connection of nobody.

    Attributes:
        sent: what was written, in order.
        expelled: the codes with which it was ended.
        hold: what its reader is to wait for.
    """

    name = "wire"
    transport = "websocket"

    def __init__(self) -> None:
        self.sent: list[Frames] = []
        self.expelled: list[str | None] = []
        self.hold: Awaitable[Any] | None = None
        self.waiting_bytes = 0
        self.clogged = False
        self.closed = False
        self.was_cut = False

    def write(self, frames: Frames) -> bool:
        self.sent.append(frames)
        return self.clogged

    def cut(self) -> None:
        self.was_cut = self.closed = True

    def expel(self, error: CollabError | None) -> None:
        self.expelled.append(None if error is None else error.code)

    def texts(self) -> list[str]:
        """What was written as text."""
        return [frames.text for frames in self.sent]

    def attachments(self) -> list[bytes | None]:
        """What was written as bytes."""
        return [frames.attachment for frames in self.sent]


def budget(updates: float = PLENTY, size: float = PLENTY, awareness: float = PLENTY, **more: Any) -> Budget:
    """A budget in which is plenty of what is not named."""
    return Budget(updates_per_second=updates, bytes_per_second=size, awareness_per_second=awareness, **more)
