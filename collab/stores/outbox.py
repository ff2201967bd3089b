"""The port of the outbox: what other systems are to be told, kept beside what it tells of.

What happens to a document is put here by the store itself, in the transaction that makes it so; edits are summed up
until a document was quiet for a while. Whoever delivers *collects*: each event becomes a delivery for every endpoint
that wants it, in the lane of its document. A lane is in order: its second delivery waits until the first is settled.

While nobody wants anything (:attr:`Outbox.wanted` is empty), nothing is put here and nothing is looked at.

Every adapter passes ``tests/contract/test_outbox.py``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

#: everything that can be told; threads and comments come with them
TYPES = (
    "document.created", "document.changed", "document.deleted", "version.created", "version.restored",
    "session.joined", "session.left", "stream.published",
)  # fmt: skip
#: seconds of quiet, and of editing, after which edits are told
QUIET, LONGEST = 5.0, 60.0
#: deliveries that wait for one endpoint at most; what comes beyond is dropped
MOST_WAITING = 100_000
#: deliveries to one endpoint that have failed for good, and are kept: the latest
MOST_FAILED = 1_000
#: events that one look collects, and documents whose edits it sums up
COLLECTED_AT_ONCE = 500
#: deliveries of one document that are handed out together
LANE_AT_ONCE = 5
#: participants that one event names
MOST_PARTICIPANTS = 100

#: the ids of the endpoints that want to hear of a type in a document
Match = Callable[[str, str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: in which document, what, when (seconds since 1970), and what there is to say."""

    document: str
    type: str
    at: float
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to one endpoint.

    Attributes:
        id: of the message, the same however often it is sent.
        attempts: that have failed; ``since``: when the first of them did (seconds since 1970).
        due: when it is tried next.
        failed_at: when it failed for good; None: it waits.
        reason: why the last attempt failed.
        row: where it is kept, for its outbox.
    """

    id: str
    endpoint: str
    event: Event
    attempts: int = 0
    since: float | None = None
    due: float | None = None
    failed_at: float | None = None
    reason: str | None = None
    row: int = 0


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of an attempt: it arrived, is tried again at ``due``, or has failed for good."""

    delivery: Delivery
    result: Literal["ok", "retry", "failed"]
    at: float
    due: float = 0.0
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class EndpointState:
    """How an endpoint stands: deliveries that wait and since when the oldest of them, those that have failed for good,
    and since when it is disabled (None: it is not)."""

    waiting: int = 0
    oldest: float | None = None
    failed: int = 0
    disabled_at: float | None = None


class Outbox(ABC):
    """Where events and deliveries are kept. Times are seconds since 1970.

    Raises (all coroutines): CollabError ``storage_unavailable``.
    """

    #: types that somebody wants; empty: the outbox is not in use
    wanted: frozenset[str] = frozenset()
    #: deliveries that may wait for one endpoint
    most_waiting = MOST_WAITING

    def __init__(self) -> None:
        #: document -> what goes with its next entry in the log
        self.notes: dict[str, list[Event]] = {}

    def attach(self, event: Event) -> None:
        """Put ``event`` here in the transaction of the next edit that is logged of its document."""
        if event.type in self.wanted:
            self.notes.setdefault(event.document, []).append(event)

    def detach(self, event: Event) -> bool:
        """Take back what was attached; False if it has gone along with an edit."""
        waiting = self.notes.get(event.document, [])
        if event not in waiting:
            return False
        waiting.remove(event)
        if not waiting:
            del self.notes[event.document]
        return True

    @abstractmethod
    async def open(self, wanted: frozenset[str]) -> None:
        """From now on put aside what is of one of these types; called once the store is open."""

    @abstractmethod
    async def put(self, events: Sequence[Event]) -> None:
        """Put aside what no transaction of the store tells of."""

    @abstractmethod
    async def collect(self, now: float, match: Match) -> tuple[int, dict[str, int]]:
        """Make deliveries of events, and events of edits of documents that are quiet, or were edited for long.

        Returns:
            How many events that were: ``COLLECTED_AT_ONCE`` or more: there may be others; and how many deliveries
            were dropped, by endpoint.
        """

    @abstractmethod
    async def due(self, endpoint: str, now: float, limit: int, busy: frozenset[str]) -> list[list[Delivery]]:
        """Lanes whose first delivery is due: of each the next ones, in order.

        Args:
            limit: of lanes.
            busy: documents whose lanes are left out.
        """

    @abstractmethod
    async def settle(self, settled: Sequence[Settled]) -> None:
        """What became of attempts, in the order in which they were made."""

    @abstractmethod
    async def hurry(self, endpoint: str, now: float) -> None:
        """Let everything that waits for an endpoint after a failure be due."""

    @abstractmethod
    async def disable(self, endpoint: str, now: float) -> None:
        """Nothing is to be sent to an endpoint any more, until :meth:`retry`."""

    @abstractmethod
    async def retry(self, endpoint: str, now: float, ids: Sequence[str] | None = None) -> int:
        """Enable an endpoint, and let what has failed for good (of these ids, or all) wait again, due at once.

        Returns:
            How many had failed for good.
        """

    @abstractmethod
    async def deliveries(self, endpoint: str, *, failed: bool, limit: int) -> list[Delivery]:
        """What waits for an endpoint, the oldest first; or what has failed for good, the latest first."""

    @abstractmethod
    async def states(self, endpoints: Sequence[str], now: float) -> dict[str, EndpointState]:
        """How each of these endpoints stands."""

    async def lease(self, seconds: float) -> bool:
        """Be the one node that delivers, for so long; False while another one is."""
        return True

    async def release(self) -> None:  # noqa: B027 - where there is one node, there is nothing to give back
        """Let another node deliver."""

    async def close(self) -> None:  # noqa: B027
        """Finish what is under way."""
