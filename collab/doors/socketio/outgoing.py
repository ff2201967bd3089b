"""What goes out to a namespace: what its document has to say, and the answers to its session's events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from collab.doors.connection import Attachment, Connection
from collab.doors.websocket.writer import BINARY, SHORT, Frames, SocketLane
from collab.errors import CollabError
from collab.metrics import outgoing_of
from collab.protocol.packets import PLACEHOLDER

#: questions for the peer's part of the document that may be open at a time
MAX_STEPS_AWAITED = 4


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the clients of one kind of namespace talk.

    ``name``: as in logs and metrics; ``prefix``: of its namespaces; ``own``: our own events (``session``, JSON
    presence, strict payloads), and not what a y-socket.io client expects.
    """

    name: str
    prefix: str
    own: bool


DIALECTS = (Dialect("socket.io", "/doc/", own=True), Dialect("y-socket.io", "/yjs|", own=False))


class SocketIOEncoder:
    """Writes what a document says as Socket.IO packets of one namespace.

    Args:
        door: as in logs and metrics.
    """

    def __init__(self, namespace: str, door: str = "socket.io") -> None:
        self.namespace = namespace
        self.door = door
        self._kinds = kinds = outgoing_of(door)
        self._of_update = kinds["update"]
        self._of_answer = kinds["answer"]
        self._update = f'451-{namespace},["sync-update",{PLACEHOLDER}]'
        self._update_head = Frames(self._update).websocket
        self._awareness = f'451-{namespace},["awareness-update",{PLACEHOLDER}]'

    def update(self, update: bytes) -> Frames:
        """``sync-update``."""
        frames = Frames(self._update, update, self._of_update)
        if len(update) < SHORT:  # typing: its first frame is always the same
            frames.buffer = self._update_head + bytes((BINARY, len(update))) + update
        return frames

    def updates(self, updates: Sequence[bytes]) -> list[Frames]:
        """Several ``sync-update`` in one buffer."""
        return [Frames.series([self.update(update) for update in updates])]

    def awareness(self, update: bytes) -> Frames:
        """``awareness-update``."""
        return Frames(self._awareness, update, self._kinds["awareness"])

    def presence(self, change: dict[str, Any]) -> Frames:
        """``presence``."""
        return self.event("presence", change)

    def broadcast(self, event: str, data: Any, sender: str) -> Frames:
        """``broadcast``."""
        return self.event("broadcast", {"event": event, "data": data, "from": sender})

    def stream(self, json: bytes, offset: int) -> Frames:
        """``stream``."""
        return Frames(f'42{self.namespace},["stream",{json.decode()}]', None, self._kinds["control"])

    def inbox(self, json: bytes) -> Frames | None:
        """``inbox``; a y-socket.io client does not know it."""
        if self.door != "socket.io":
            return None
        return Frames(f'42{self.namespace},["inbox",{json.decode()}]', None, self._kinds["control"])

    def notice(self, notice: dict[str, Any]) -> Frames:
        """``notice``."""
        return self.event("notice", notice)

    def lane(self) -> SocketLane:
        """A new lane."""
        return SocketLane()

    def event(self, name: str, data: Any) -> Frames:
        """Any event with one JSON argument."""
        kind = self._kinds.get(name) or self._kinds["control"]
        return Frames(f"42{self.namespace},{orjson.dumps([name, data]).decode()}", None, kind)

    def ack(self, id: int, data: Any) -> Frames:
        """The answer to an event that asked for one."""
        return Frames(f"43{self.namespace},{id}{orjson.dumps([data]).decode()}", None, self._of_answer)

    def saved(self, id: int, position: int) -> Frames:
        """The answer to an edit that is durable."""
        text = f'43{self.namespace},{id}[{{"ok":true,"durable":true,"position":{position}}}]'
        return Frames(text, None, self._of_answer)

    def binary_ack(self, id: int, data: bytes) -> Frames:
        """An answer of bytes."""
        return Frames(f"461-{self.namespace},{id}[{PLACEHOLDER}]", data, self._of_answer)

    def step_1(self, id: int, state_vector: bytes) -> Frames:
        """``sync-step-1``, to be answered with the peer's missing update."""
        text = f'451-{self.namespace},{id}["sync-step-1",{PLACEHOLDER}]'
        return Frames(text, state_vector, self._kinds["step-1"])


class NamespaceAttachment(Attachment):
    """One session: where a namespace and a document meet. The connection knows it by its namespace."""

    __slots__ = ("dialect", "encoder", "next_ack", "sid", "steps_awaited")

    def __init__(self, connection: Connection[Any], namespace: str, dialect: Dialect, encoder: SocketIOEncoder) -> None:
        # A y-socket.io client repeats what it hears of others.
        super().__init__(connection, namespace, repeats_others=not dialect.own)
        self.dialect = dialect
        self.encoder = encoder
        self.sid = ""
        self.next_ack = 0
        self.steps_awaited: set[int] = set()

    def answer(self, id: int, fields: dict[str, Any]) -> None:
        """See :class:`Attachment`."""
        self.connection.wire.write(self.encoder.ack(id, {"ok": True, **fields}))

    def answer_saved(self, id: int, position: int) -> None:
        """See :class:`Attachment`."""
        self.connection.wire.write(self.encoder.saved(id, position))

    def answer_step_1(self, id: int | None, missing: bytes) -> None:
        """See :class:`Attachment`."""
        frames = self.encoder.update(missing) if id is None else self.encoder.binary_ack(id, missing)
        self.connection.wire.write(frames)
        if not self.dialect.own:
            # y-socket.io calls itself synced when the server's step 1 arrives.
            self.ask_step_1(self.live.document.state_vector())

    def answer_refused(self, id: int, error: CollabError) -> None:
        """See :class:`Attachment`."""
        self.connection.wire.write(self.encoder.ack(id, {"ok": False, "error": error.as_dict()}))

    def ask_step_1(self, state_vector: bytes) -> None:
        """See :class:`Attachment`."""
        if len(self.steps_awaited) >= MAX_STEPS_AWAITED:
            return
        self.steps_awaited.add(self.next_ack)
        self.document_due = True
        self.connection.wire.write(self.encoder.step_1(self.next_ack, state_vector))
        self.next_ack += 1
