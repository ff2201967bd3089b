"""The outbox of a store in memory: the tables of SQLite in memory, gone with the process."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from collab.stores import outbox_tables as tables
from collab.stores.outbox import Delivery, EndpointState, Event, Match, Outbox, Settled

if TYPE_CHECKING:
    from collab.stores.base import Version

#: memory is smaller than a disk
MOST_WAITING = 10_000


class MemoryOutbox(Outbox):
    """Events and deliveries in memory; the store tells it what happens."""

    most_waiting = MOST_WAITING

    def __init__(self) -> None:
        super().__init__()
        self._connection: sqlite3.Connection

    async def open(self, wanted: frozenset[str]) -> None:
        """See :class:`Outbox`."""
        if wanted:
            self._connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
            tables.prepare(self._connection)
        self.wanted = wanted

    # -- what the store tells -------------------------------------------------------------------

    def tell(self, document: str, type: str, **data: Any) -> None:
        """Something happened."""
        if type in self.wanted:
            tables.put(self._connection, [Event(document, type, time.time(), data)])

    def edited(self, document: str, position: int, size: int, author: str | None) -> None:
        """An edit was logged."""
        if "document.changed" in self.wanted:
            tables.note_edit(self._connection, document, time.time(), position, size, author)
        if self.notes:
            tables.put(self._connection, self.notes.pop(document, ()))

    def ended(self, document: str, *, forever: bool) -> None:
        """A document was deleted."""
        if self.wanted:
            tables.promote(self._connection, document)
            self.tell(document, "document.deleted", forever=forever)

    def kept(self, document: str, version: Version) -> None:
        """A version was kept."""
        self.tell(
            document, "version.created", version=version.id, name=version.name, author=version.participant,
            position=version.position, bytes=version.size,
        )  # fmt: skip

    def published(self, document: str, stream: str, offset: int, body: bytes) -> None:
        """There is an event in a stream."""
        if "stream.published" in self.wanted:
            self.tell(document, "stream.published", stream=stream, offset=offset, body=body.decode())

    # -- the port -------------------------------------------------------------------------------

    async def put(self, events: Sequence[Event]) -> None:
        """See :class:`Outbox`."""
        tables.put(self._connection, events)

    async def collect(self, now: float, match: Match) -> tuple[int, dict[str, int]]:
        """See :class:`Outbox`."""
        keys = tables.edited(self._connection, now)
        if not keys and tables.idle(self._connection):
            return 0, {}
        return tables.collect(self._connection, now, match, self.most_waiting, keys)

    async def due(self, endpoint: str, now: float, limit: int, busy: frozenset[str]) -> list[list[Delivery]]:
        """See :class:`Outbox`."""
        return tables.due(self._connection, endpoint, now, limit, busy)

    async def settle(self, settled: Sequence[Settled]) -> None:
        """See :class:`Outbox`."""
        tables.settle(self._connection, settled)

    async def hurry(self, endpoint: str, now: float) -> None:
        """See :class:`Outbox`."""
        tables.hurry(self._connection, endpoint, now)

    async def disable(self, endpoint: str, now: float) -> None:
        """See :class:`Outbox`."""
        tables.disable(self._connection, endpoint, now)

    async def retry(self, endpoint: str, now: float, ids: Sequence[str] | None = None) -> int:
        """See :class:`Outbox`."""
        return tables.retry(self._connection, endpoint, now, ids)

    async def deliveries(self, endpoint: str, *, failed: bool, limit: int) -> list[Delivery]:
        """See :class:`Outbox`."""
        return tables.deliveries(self._connection, endpoint, failed, limit)

    async def states(self, endpoints: Sequence[str], now: float) -> dict[str, EndpointState]:
        """See :class:`Outbox`."""
        return tables.states(self._connection, endpoints)

    async def close(self) -> None:
        """See :class:`Outbox`."""
        if self.wanted:
            self.wanted = frozenset()
            self._connection.close()
