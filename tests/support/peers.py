"""A door for unit tests of the hub: what a session is sent is noted as it is, and how much waits is up to the test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from collab.hub.outlets import Lane
from collab.hub.session import Session
from collab.types import Identity, Role


class NotingEncoder:
    """Keeps apart what it is given: (kind, content)."""

    door = "test"

    def update(self, update: bytes) -> tuple[str, Any]:
        return "update", update

    def updates(self, updates: Sequence[bytes]) -> Sequence[tuple[str, Any]]:
        return [self.update(update) for update in updates]

    def awareness(self, update: bytes) -> tuple[str, Any]:
        return "awareness", update

    def presence(self, change: dict[str, Any]) -> tuple[str, Any]:
        return "presence", change

    def broadcast(self, event: str, data: Any, sender: str) -> tuple[str, Any]:
        return "broadcast", (event, data, sender)

    def stream(self, json: bytes, offset: int) -> tuple[str, Any]:
        return "stream", json

    def inbox(self, json: bytes) -> tuple[str, Any]:
        return "inbox", json

    def notice(self, notice: dict[str, Any]) -> tuple[str, Any]:
        return "notice", notice["code"]

    def lane(self) -> Lane:
        return Lane()


#: one for all, as of one door and document
ENCODER = NotingEncoder()


class Peer:
    """Who is at the other end of a session, and its pipe.

    Attributes:
        got: what was sent: (kind, content).
        waiting_bytes, clogged: for the test to set.
        was_cut: whether the connection was dropped.
    """

    transport = "websocket"

    def __init__(self, *, name: str = "Ann", json_presence: bool = False, role: Role = Role.EDITOR) -> None:
        self.got: list[tuple[str, Any]] = []
        self.waiting_bytes = 0
        self.clogged = False
        self.was_cut = False
        self.session = Session(
            Identity(None, name, "#000000"), role, ENCODER, self,
            door="test", json_presence=json_presence, max_client_ids=4,
            request_sync=lambda _vector: None, on_dismiss=lambda _error: None,
        )  # fmt: skip

    def write(self, frames: tuple[str, Any]) -> bool:
        self.got.append(frames)
        return self.clogged

    def cut(self) -> None:
        self.was_cut = True

    def kinds(self) -> list[str]:
        """What was sent, without the content."""
        return [kind for kind, _ in self.got]

    def updates(self) -> list[bytes]:
        """The updates that were sent."""
        return [content for kind, content in self.got if kind == "update"]
