"""What every door keeps of a connection and of its sessions, and why it stops reading for a while, or for good."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Hashable
from typing import Any, Generic, TypeVar, cast

import structlog

from collab.doors.door import Wire
from collab.doors.holds import InTurn
from collab.errors import CollabError
from collab.hub.limits import Budget, Strikes
from collab.hub.live_document import LiveDocument
from collab.hub.session import Session
from collab.hub.shares import Share
from collab.metrics import CUT_SLOW, RATE_LIMITED
from collab.protocol.events import BudgetKind
from collab.types import Role

#: edits of one session that wait for the log before its reader pauses
MAX_UNACKNOWLEDGED = 1000
#: seconds after which a peer that takes none of our answers is cut
STALL_TIMEOUT = 5.0

_log = structlog.get_logger("collab.doors")


class Attachment:
    """One session on one connection: where a connection and a document meet.

    A door says in a subclass how answers are written. ``id`` is what the door gave to the intake with what it read:
    that which an answer refers to, or None where nobody waits for one.

    Attributes:
        key: by which the connection knows it.
        session, live: who is in which document; set when it is let in.
        repeats_others: what its client sends before its first step 1 may be what it heard of others.
        attached: the session is in its document.
        suspect: one of its edits took long.
        document_due: the next update may be a whole document: at first, and after each step 1 that it is asked.
    """

    __slots__ = (
        "attached",
        "connection",
        "document_due",
        "key",
        "live",
        "repeats_others",
        "session",
        "share",
        "suspect",
    )

    def __init__(self, connection: Connection[Any], key: str, *, repeats_others: bool = False) -> None:
        self.connection = connection
        self.key = key
        self.repeats_others = repeats_others
        self.session: Session = cast("Session", None)
        self.live: LiveDocument = cast("LiveDocument", None)
        self.share: Share | None = None
        self.suspect = False
        self.attached = False
        self.document_due = True

    @property
    def owner(self) -> Hashable:
        """Whose turn at the workers it takes."""
        return self.session.owner or self.session.id

    def bring(self, size: int, most: int) -> None:
        """Raise ``update_too_large`` for an update of more than ``most`` bytes, unless a whole document is due."""
        due, self.document_due = self.document_due, False
        if size > most and not due:
            raise CollabError("update_too_large", detail={"limit": most, "scope": "update"})

    def ask_again(self) -> None:
        """Ask for what the document lacks, some time after an answer could not be taken."""
        if self.attached:
            self.ask_step_1(self.live.document.state_vector())

    def answer(self, id: Any, fields: dict[str, Any]) -> None:
        """An event was done; ``fields`` are what it asked for."""

    def answer_saved(self, id: Any, position: int) -> None:
        """An edit is durable."""

    def answer_step_1(self, id: Any, missing: bytes) -> None:
        """What the peer lacks; it waits for it."""
        raise NotImplementedError

    def answer_refused(self, id: Any, error: CollabError) -> None:
        """Something was refused for which an answer is awaited; ``id`` is not None."""

    def ask_step_1(self, state_vector: bytes) -> None:
        """Ask the peer for what the document lacks."""
        raise NotImplementedError


AttachmentT = TypeVar("AttachmentT", bound=Attachment)


class Connection(Generic[AttachmentT]):
    """One connection of a peer: what it may send, what it was refused, and its sessions.

    Made and given back by :class:`collab.doors.admission.Admission`.

    Attributes:
        address: where it comes from.
        attachments: its sessions, by the door's keys.
        entering: keys of those that are on their way in.
        refused: why nobody on it is let in; None: they may.
        participant: whose token was taken last.
        deadline: after which a connection without a session is ended.
    """

    __slots__ = (
        "address", "attachments", "budget", "deadline", "entering", "participant", "refused", "shares", "strikes",
        "wire",
    )  # fmt: skip

    def __init__(self, wire: Wire, address: str, budget: Budget) -> None:
        self.wire = wire
        self.address = address
        self.budget = budget
        self.shares: tuple[Share, ...] = ()
        self.strikes = Strikes()
        self.attachments: dict[str, AttachmentT] = {}
        self.entering: set[str] = set()
        self.deadline: asyncio.TimerHandle | None = None
        self.refused: CollabError | None = None
        self.participant: str | None = None

    @property
    def who(self) -> dict[str, str]:
        """Whose connection it is, for the log."""
        known = {"connection": self.wire.name, "address": self.address}
        if self.participant is not None:
            known["participant"] = self.participant
        return known

    @property
    def who_and_where(self) -> dict[str, str]:
        """The same, and what it has open if that is one document."""
        if len(self.attachments) != 1:
            return self.who
        (attachment,) = self.attachments.values()
        return {**self.who, "document": attachment.live.name, "session": attachment.session.id[:6]}

    def spend(self, kind: BudgetKind, size: int, session: Session | None = None) -> None:
        """Account for what the peer sent.

        Args:
            kind: the budget that it is taken from.
            size: its bytes.
            session: who sent it and is told; None while nobody was let in.
        """
        wait = self.budget.spend(kind, size, self.shares if session is None else session.shares)
        if wait:
            self.slow_down(wait, session)

    def slow_down(self, wait: float, session: Session | None) -> None:
        """Hold the reader of a peer that is over its budget for ``wait`` seconds, then tell it, then cut it."""
        budget = self.budget
        RATE_LIMITED.add(*budget.over)
        self.hold(asyncio.sleep(wait))
        if budget.must_cut():
            error = budget.error(retry_after=10)
            _log.warning("connection cut over its rate", **error.detail, **self.who_and_where)
            if session is not None:
                session.notify(error)
            self.wire.expel(error)
        elif session is not None and budget.must_tell():
            session.notify(budget.error(retry_after=wait))

    @property
    def brings_documents(self) -> bool:
        """Whether it may send messages as large as whole documents: that of an editor may."""
        return any(attachment.session.role >= Role.EDITOR for attachment in self.attachments.values())

    def refuse_large(self, attachment: AttachmentT | None = None) -> None:
        """Send away who sends what no document has room for: they would send it again and again.

        Args:
            attachment: whose it is; None: nobody knows, it may be anybody's.
        """
        if not self.attachments:
            _log.warning("connection cut: it sends more than anybody may who was not let in", **self.who)
        for one in list(self.attachments.values()) if attachment is None else [attachment]:
            may_write = one.session.role >= Role.EDITOR
            one.session.dismiss(CollabError("document_too_large" if may_write else "read_only"))

    def count_fault(self, error: CollabError) -> None:
        """Count what the peer was refused; cut it after too much of that."""
        if self.strikes.add(error.code):
            _log.warning("connection cut after repeated faults", **self.who_and_where)
            self.wire.expel(CollabError("rate_limited"))

    def hold(self, until: Awaitable[Any]) -> None:
        """Let the reader wait, after whatever it waits for already."""
        before = self.wire.hold
        self.wire.hold = until if before is None else InTurn(before, until)

    def hold_until_drained(self) -> None:
        """Whoever does not take our answers is not asked for more."""
        self.hold(until_drained(self))

    def say(self, frames: Any) -> None:
        """Write an answer that no session of it gives; whoever does not take it is not asked for more."""
        if self.wire.write(frames):
            self.hold_until_drained()

    def cut_unread(self) -> None:
        """Cut a peer that takes nothing of what it is sent."""
        CUT_SLOW.add()
        _log.warning("connection cut: it does not read", waiting=self.wire.waiting_bytes, **self.who_and_where)
        self.wire.cut()


async def until_drained(connection: Connection[Any]) -> None:
    """Wait until the peer has taken what was written to it; one that takes nothing is cut."""
    wire = connection.wire
    loop = asyncio.get_running_loop()
    left, since = wire.waiting_bytes, loop.time()
    while wire.clogged and not wire.closed:
        await asyncio.sleep(0.02)
        now = wire.waiting_bytes
        if now < left:
            left, since = now, loop.time()
        elif loop.time() - since > STALL_TIMEOUT:
            connection.cut_unread()


async def until_acknowledged(attachment: Attachment) -> None:
    """Wait until fewer edits of a session wait for the log."""
    # Rare, and cheaper than an event for every edit. Who is not read cannot answer pings, and an outage of
    # the cluster lasts longer than their timeout: what waits then is bounded in bytes.
    while attachment.session.unacknowledged > MAX_UNACKNOWLEDGED // 2 and not attachment.live.outage.lasts:
        await asyncio.sleep(0.005)
