"""Sessions whose messages are those of y-protocols, perhaps behind an address: written, asked, and answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

from collab.doors.connection import Attachment, Connection
from collab.doors.websocket.writer import Frames, SocketLane
from collab.errors import CollabError
from collab.hub.session import Session
from collab.metrics import outgoing_of
from collab.protocol.ywebsocket import STEP_1, STEP_2, UPDATE, write_awareness, write_sync
from collab.types import Identity, Role


class SyncEncoder:
    """Writes what a document says as messages of y-protocols.

    Args:
        address: what every message begins with.

    Attributes:
        door: as in logs and metrics.
    """

    door: str

    def __init__(self, address: bytes = b"") -> None:
        self.address = address
        self._kinds = outgoing_of(self.door)

    def frames(self, message: bytes, kind: str = "answer") -> Frames:
        """One message; ``kind``: of what, see :data:`collab.metrics.KINDS`."""
        return Frames("", self.address + message, self._kinds[kind])

    def update(self, update: bytes) -> Frames:
        """An update."""
        return self.frames(write_sync(UPDATE, update), "update")

    def updates(self, updates: Sequence[bytes]) -> list[Frames]:
        """Several updates in one buffer."""
        return [Frames.series([self.update(update) for update in updates])]

    def awareness(self, update: bytes) -> Frames:
        """Awareness."""
        return self.frames(write_awareness(update), "awareness")

    def presence(self, change: dict[str, Any]) -> None:
        """Clients of y-protocols have awareness."""

    def broadcast(self, event: str, data: Any, sender: str) -> Frames | None:
        """y-protocols has no word for it."""
        return None

    def stream(self, json: bytes, offset: int) -> Frames | None:
        """Nor for this."""
        return None

    def inbox(self, json: bytes) -> Frames | None:
        """Nor for this."""
        return None

    def notice(self, notice: dict[str, Any]) -> Frames | None:
        """Nor for this."""
        return None

    def lane(self) -> SocketLane:
        """A new lane."""
        return SocketLane()


class SyncAttachment(Attachment):
    """One session of y-protocols.

    Its client repeats what it hears of others, and has one client id of its own.

    Attributes:
        asked: for what the document lacks; the answer is still to come, and holds what the client did until then.
    """

    __slots__ = ("asked", "encoder")

    def __init__(self, connection: Connection[Any], key: str, encoder: SyncEncoder) -> None:
        super().__init__(connection, key, repeats_others=True)
        self.encoder = encoder
        self.asked = False

    def begin(self, identity: Identity, role: Role, door: str, on_dismiss: Callable[[CollabError], None]) -> Self:
        """Make its session; see :class:`Session`."""
        self.session = Session(
            identity,
            role,
            self.encoder,
            self.connection.wire,
            door=door,
            json_presence=False,
            max_client_ids=1,
            request_sync=self.ask_step_1,
            on_dismiss=on_dismiss,
        )
        return self

    def say(self, message: bytes, kind: str = "answer") -> None:
        """Send a message."""
        self.connection.wire.write(self.encoder.frames(message, kind))

    def answer_step_1(self, id: Any, missing: bytes) -> None:
        """See :class:`Attachment`. Who asks is asked in turn."""
        self.say(write_sync(STEP_2, missing))
        self.ask_step_1(self.live.document.state_vector())

    def ask_step_1(self, state_vector: bytes) -> None:
        """See :class:`Attachment`."""
        if not self.asked:
            self.asked = True
            self.say(write_sync(STEP_1, state_vector), "step-1")
