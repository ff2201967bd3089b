"""What the Socket.IO door keeps of a connection beyond what every door does."""

from __future__ import annotations

from collab.doors.connection import Connection
from collab.doors.door import Wire
from collab.doors.socketio.outgoing import NamespaceAttachment
from collab.hub.limits import Budget
from collab.protocol.packets import Packet


class SocketIOConnection(Connection[NamespaceAttachment]):
    """One Engine.IO session.

    Attributes:
        partial: a packet whose attachments are still to come; of an event with one attachment and nothing else, which
            most are, whose it is, its name, and its id.
        released: namespaces from which the peer was sent away; what is still on its way from there is no fault.
    """

    __slots__ = ("partial", "released")

    def __init__(self, wire: Wire, address: str, budget: Budget) -> None:
        super().__init__(wire, address, budget)
        self.partial: Packet | tuple[NamespaceAttachment, str, int | None] | None = None
        self.released: set[str] = set()
