"""The outbox in the SQLite file of the documents, written by the thread that writes them."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from collab.stores import outbox_tables as tables
from collab.stores.failpoints import failpoint
from collab.stores.outbox import Delivery, EndpointState, Event, Match, Outbox, Settled


class SqliteOutbox(Outbox):
    """Events and deliveries in one file.

    Args:
        write: runs something in the writer's thread, in a transaction of its own unless told otherwise.
        read: runs something that only reads.
        settle: returns once the tables have all edits.
    """

    def __init__(
        self,
        write: Callable[..., Awaitable[Any]],
        read: Callable[..., Awaitable[Any]],
        settle: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__()
        self._write = write
        self._read = read
        self._settle = settle

    async def open(self, wanted: frozenset[str]) -> None:
        """See :class:`Outbox`."""
        if wanted:
            await self._write(partial(tables.prepare, wanted=wanted), transaction=False)
        self.wanted = wanted

    def prepare(self, connection: sqlite3.Connection) -> None:
        """Another connection writes from now on."""
        if self.wanted:
            tables.prepare(connection, self.wanted)

    async def put(self, events: Sequence[Event]) -> None:
        """See :class:`Outbox`."""
        await self._write(partial(tables.put, events=events))

    async def collect(self, now: float, match: Match) -> tuple[int, dict[str, int]]:
        """See :class:`Outbox`."""
        await self._settle()
        keys, idle = await self._read(lambda connection: (tables.edited(connection, now), tables.idle(connection)))
        if idle and not keys:
            return 0, {}

        def collect(connection: sqlite3.Connection) -> tuple[int, dict[str, int]]:
            found = tables.collect(connection, now, match, self.most_waiting, keys)
            failpoint("webhook.collect.before_commit")
            return found

        found: tuple[int, dict[str, int]] = await self._write(collect)
        failpoint("webhook.collect.after_commit")
        return found

    async def due(self, endpoint: str, now: float, limit: int, busy: frozenset[str]) -> list[list[Delivery]]:
        """See :class:`Outbox`."""
        found: list[list[Delivery]] = await self._read(
            partial(tables.due, endpoint=endpoint, now=now, limit=limit, busy=busy)
        )
        return found

    async def settle(self, settled: Sequence[Settled]) -> None:
        """See :class:`Outbox`."""
        failpoint("webhook.settle")
        await self._write(partial(tables.settle, settled=settled))

    async def hurry(self, endpoint: str, now: float) -> None:
        """See :class:`Outbox`."""
        await self._write(partial(tables.hurry, endpoint=endpoint, now=now))

    async def disable(self, endpoint: str, now: float) -> None:
        """See :class:`Outbox`."""
        await self._write(partial(tables.disable, endpoint=endpoint, now=now))

    async def retry(self, endpoint: str, now: float, ids: Sequence[str] | None = None) -> int:
        """See :class:`Outbox`."""
        count: int = await self._write(partial(tables.retry, endpoint=endpoint, now=now, ids=ids))
        return count

    async def deliveries(self, endpoint: str, *, failed: bool, limit: int) -> list[Delivery]:
        """See :class:`Outbox`."""
        found: list[Delivery] = await self._read(
            partial(tables.deliveries, endpoint=endpoint, failed=failed, limit=limit)
        )
        return found

    async def states(self, endpoints: Sequence[str], now: float) -> dict[str, EndpointState]:
        """See :class:`Outbox`."""
        found: dict[str, EndpointState] = await self._read(partial(tables.states, endpoints=endpoints))
        return found
