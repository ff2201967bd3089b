"""A door that was made by following collab/ADDING_A_DOOR.md: lines of text over a plain WebSocket, like a chat of old.

Every message is one line in UTF-8. What a client sends is a broadcast of its document; who comes and goes, and what
the server has to say, are lines too. Nobody needs it: it shows what a door is, and a test holds the page to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from aiohttp import web

from collab.auth.base import ShownUser
from collab.doors.admission import Knock
from collab.doors.connection import Attachment, Connection
from collab.doors.websocket.message_socket import MessageDoor
from collab.doors.websocket.writer import Frames, SocketLane
from collab.hub.session import Session
from collab.protocol.codec import DecodeError
from collab.types import Identity, Role


class LineEncoder:
    """Writes what a document says as lines; edits it does not mention."""

    door = "lines"

    def line(self, *words: str) -> Frames:
        """One line."""
        return Frames("", " ".join(words).encode())

    def update(self, update: bytes) -> None: ...
    def updates(self, updates: Sequence[bytes]) -> Sequence[Frames]:
        return ()

    def awareness(self, update: bytes) -> None: ...
    def presence(self, change: dict[str, Any]) -> Frames | None:
        news = [f"{entry['user']['name']} {how}" for how in ("joined", "left") for entry in change[how]]
        return self.line("*", ", ".join(news)) if news else None

    def broadcast(self, event: str, data: Any, sender: str) -> Frames | None:
        return self.line(f"{sender[:6]}:", str(data)) if event == "line" else None

    def stream(self, json: bytes, offset: int) -> None:
        return None

    def inbox(self, json: bytes) -> None:
        return None

    def notice(self, notice: dict[str, Any]) -> Frames:
        return self.line("!", notice["code"], notice["message"])

    def lane(self) -> SocketLane:
        return SocketLane()


ENCODER = LineEncoder()


class LineAttachment(Attachment):
    """One person in one document. Nothing that it sends is answered."""

    def ask_step_1(self, state_vector: bytes) -> None:
        """It has no document of its own."""


class LineDoor(MessageDoor[Connection[LineAttachment]]):
    """``/lines/<document>?name=``."""

    path = "/lines/{document:.*}"
    name = "lines"
    connection_type = Connection[LineAttachment]

    async def begin(self, connection: Connection[LineAttachment], request: web.Request) -> None:
        shown = ShownUser(request.query.get("name"), None)
        knock = Knock(request.match_info["document"], "lines", request.query.get("token"), shown)
        attachment = await self.admission.enter(
            connection, "", knock, partial(self._attach, connection), connection.wire.expel
        )
        if attachment is not None:
            attachment.live.greet(attachment.session)

    def _attach(self, connection: Connection[LineAttachment], identity: Identity, role: Role) -> LineAttachment:
        attachment = LineAttachment(connection, "")
        attachment.session = Session(
            identity, role, ENCODER, connection.wire, door="lines", json_presence=True, max_client_ids=0,
            request_sync=attachment.ask_step_1, on_dismiss=connection.wire.expel,
        )  # fmt: skip
        return attachment

    def take(self, connection: Connection[LineAttachment], data: bytes) -> None:
        try:
            line = data.decode()
        except UnicodeDecodeError:
            raise DecodeError("not UTF-8") from None
        attachment = connection.attachments[""]
        self.intake.take(attachment, "broadcast", [{"event": "line", "data": line}], None, len(data))

    def feed(self, connection: Connection[LineAttachment]) -> bytes:
        return b""
