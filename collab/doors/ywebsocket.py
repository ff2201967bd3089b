"""The door of the y-websocket protocol: ``/ws/<document>``, one document on a connection."""

from __future__ import annotations

from functools import partial
from typing import Any

from aiohttp import web

from collab.doors.admission import Knock
from collab.doors.connection import Connection
from collab.doors.websocket.message_socket import MessageDoor
from collab.doors.websocket.sync import SyncAttachment, SyncEncoder
from collab.doors.websocket.writer import Frames
from collab.errors import CollabError
from collab.protocol.ywebsocket import NO_NEWS, Kind, read_message, write_denied
from collab.types import Identity, Role

NAME = "y-websocket"


class YWebSocketEncoder(SyncEncoder):
    """Writes what a document says as y-websocket messages."""

    door = NAME

    def notice(self, notice: dict[str, Any]) -> Frames | None:
        """A refusal that coming back does not change: the client warns in its console. There is no word for more."""
        if notice["retryable"] or "retry_after" in notice or "resolved" in notice:
            return None
        return self.frames(write_denied(f"{notice['code']}: {notice['message']}"), "notice")


#: nothing in its messages says which document they belong to
_ENCODER = YWebSocketEncoder()
#: of the only session on a connection
_KEY = ""

YWebSocketConnection = Connection[SyncAttachment]


class YWebSocketDoor(MessageDoor[YWebSocketConnection]):
    """Clients of the npm package y-websocket, and whoever else speaks its protocol."""

    path = "/ws/{document:.*}"
    name = NAME
    connection_type = YWebSocketConnection

    async def begin(self, connection: YWebSocketConnection, request: web.Request) -> None:
        """Let the client in; it is told its document's presence, and asks for the rest itself."""
        knock = Knock(request.match_info["document"], NAME, request.query.get("token") or None)
        make, refuse = partial(self._attachment, connection), connection.wire.expel
        attachment = await self.admission.enter(connection, _KEY, knock, make, refuse)
        if attachment is not None:
            attachment.live.greet(attachment.session)

    def _attachment(self, connection: YWebSocketConnection, identity: Identity, role: Role) -> SyncAttachment:
        return SyncAttachment(connection, _KEY, _ENCODER).begin(identity, role, NAME, connection.wire.expel)

    def take(self, connection: YWebSocketConnection, data: bytes) -> None:
        """See :class:`MessageDoor`."""
        attachment = connection.attachments[_KEY]
        kind, payload = read_message(data)
        size = len(data)
        if kind is Kind.UPDATE:
            self.intake.take(attachment, "sync-update", [payload], None, size)
        elif kind is Kind.AWARENESS:
            self.intake.take(attachment, "awareness-update", [payload], None, size)
        elif kind is Kind.STEP_1:
            self.intake.take(attachment, "sync-step-1", [payload], None, size)
        elif kind is Kind.STEP_2:
            attachment.asked = False
            self.intake.take_step_1_answer(attachment, [payload], size)
        elif kind is Kind.QUERY_AWARENESS:
            self.intake.take_awareness_query(attachment, size)
        else:
            connection.spend("requests", size, attachment.session)
            connection.count_fault(CollabError("unknown_event"))

    def feed(self, connection: YWebSocketConnection) -> bytes:
        """See :class:`MessageDoor`."""
        return NO_NEWS
