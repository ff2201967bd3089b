"""What the Socket.IO door keeps of a connection and its sessions, and why it stops reading for a while, or for good."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, cast

import structlog

from collab.errors import CollabError
from collab.hub.limits import Budget, Strikes
from collab.hub.live_document import LiveDocument
from collab.hub.session import Session
from collab.hub.shares import Share
from collab.protocol.events import BudgetKind
from collab.protocol.packets import Packet
from collab.transports.engine_socket import EngineSocket
from collab.transports.socketio_encoder import SocketIOEncoder

_log = structlog.get_logger("collab.socketio")

#: edits of one session that wait for the log before its reader pauses
MAX_UNACKNOWLEDGED = 1000
#: seconds after which a peer that takes none of our answers is cut
STALL_TIMEOUT = 5.0


class Attachment:
    """One session on one connection: where a namespace and a document meet."""

    __slots__ = (
        "connection", "encoder", "live", "namespace", "next_ack", "own_door", "session", "share",
        "sid", "step_1_sent", "steps_awaited", "suspect",
    )  # fmt: skip

    def __init__(
        self, connection: Connection, namespace: str, own_door: bool, encoder: SocketIOEncoder
    ) -> None:
        self.connection = connection
        self.namespace = namespace
        self.own_door = own_door
        self.encoder = encoder
        self.session: Session = cast("Session", None)
        self.live: LiveDocument = cast("LiveDocument", None)
        self.sid = ""
        self.next_ack = 0
        self.steps_awaited: set[int] = set()
        self.step_1_sent = False
        self.share: Share | None = None
        #: one of its edits took long
        self.suspect = False

    def ask_step_1(self, state_vector: bytes) -> None:
        """Ask the peer for what the document lacks."""
        if len(self.steps_awaited) >= 4:
            return
        self.steps_awaited.add(self.next_ack)
        self.connection.socket.write(self.encoder.step_1(self.next_ack, state_vector))
        self.next_ack += 1
        self.step_1_sent = True


class Connection:
    """What the door keeps of one Engine.IO session."""

    __slots__ = (
        "attachments", "budget", "connecting", "deadline", "partial", "participant", "refused", "released",
        "shares", "socket", "strikes",
    )  # fmt: skip

    def __init__(self, socket: EngineSocket, budget: Budget) -> None:
        self.socket = socket
        self.budget = budget
        self.shares: tuple[Share, ...] = ()
        self.strikes = Strikes()
        self.attachments: dict[str, Attachment] = {}
        self.connecting: set[str] = set()
        self.released: set[str] = set()
        self.partial: tuple[Attachment | None, Packet] | None = None
        self.deadline: asyncio.TimerHandle | None = None
        self.refused: CollabError | None = None
        #: whose token was taken last
        self.participant: str | None = None

    @property
    def who(self) -> dict[str, str]:
        """Whose connection it is, for the log."""
        known = {"connection": self.socket.sid[:6]}
        if self.participant is not None:
            known["participant"] = self.participant
        return known

    @property
    def who_and_where(self) -> dict[str, str]:
        """The same, and what it has open where that is one document."""
        if len(self.attachments) != 1:
            return self.who
        (attachment,) = self.attachments.values()
        return {**self.who, "document": attachment.live.name, "session": attachment.session.id[:6]}

    def spend(self, kind: BudgetKind, size: int, session: Session | None = None) -> None:
        """Account for what the peer sent: hold its reader, then tell it, then cut it.

        Args:
            kind: the budget that it is taken from.
            size: its bytes.
            session: who sent it and is told; None while no namespace is connected.
        """
        budget = self.budget
        wait = budget.spend(kind, size, self.shares if session is None else session.shares)
        if not wait:
            return
        hold(self.socket, asyncio.sleep(wait))
        if budget.must_cut():
            if session is not None:
                session.notify(budget.error(retry_after=10))
            self.socket.end(self.socket.server.reason.SERVER_DISCONNECT)
        elif session is not None and budget.must_tell():
            session.notify(budget.error(retry_after=wait))

    def count_fault(self, error: CollabError) -> None:
        """Count what the peer was refused; cut it after too much of that."""
        if self.strikes.add(error.code):
            _log.warning("connection cut after repeated faults", **self.who_and_where)
            self.socket.end(self.socket.server.reason.SERVER_DISCONNECT)


def hold(socket: EngineSocket, until: Awaitable[Any]) -> None:
    """Let the reader of a connection wait, after whatever it waits for already."""
    before = socket.hold
    socket.hold = until if before is None else _one_by_one(before, until)


async def _one_by_one(*waits: Awaitable[Any]) -> None:
    for wait in waits:
        await wait


async def until_drained(socket: EngineSocket) -> None:
    """Wait until the peer has taken what was written to it; one that takes nothing is cut."""
    loop = asyncio.get_running_loop()
    left, since = socket.waiting_bytes, loop.time()
    while socket.clogged and not socket.closed:
        await asyncio.sleep(0.02)
        now = socket.waiting_bytes
        if now < left:
            left, since = now, loop.time()
        elif loop.time() - since > STALL_TIMEOUT:
            socket.cut()


async def until_acknowledged(session: Session, live: LiveDocument) -> None:
    # Rare, and cheaper than an event for every edit. Who is not read cannot answer pings, and an outage of
    # the cluster lasts longer than their timeout: what waits then is bounded in bytes.
    while session.unacknowledged > MAX_UNACKNOWLEDGED // 2 and not live.outage.lasts:
        await asyncio.sleep(0.005)
