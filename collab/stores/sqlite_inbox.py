"""Inboxes in the SQLite file of the documents: an entry is written in the transaction of its event."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Any

from collab.protocol.mentions import Mail
from collab.stores.inbox import InboxEntry, InboxLog

Run = Callable[[Callable[[sqlite3.Connection], Any]], Awaitable[Any]]

_COLUMNS = "i.id, i.type, d.name, i.stream, i.position, i.time, i.read, i.data"


class SqliteInbox(InboxLog):
    """Inboxes in one file.

    Args:
        write: runs something in a transaction of its own, in the writer's thread.
        read: runs something that only reads.
        keep_for: seconds for which events are kept, and so what tells of them.
    """

    def __init__(self, write: Run, read: Run, keep_for: Callable[[], float]) -> None:
        super().__init__()
        self._write = write
        self._read = read
        self._keep_for = keep_for

    async def read(self, participant: str) -> list[InboxEntry]:
        """See :class:`InboxLog`."""
        query = (
            f"SELECT {_COLUMNS} FROM inbox i JOIN documents d ON d.id = i.document"  # noqa: S608
            " WHERE i.participant = ? AND i.time >= ? ORDER BY i.id DESC LIMIT ?"
        )
        values = participant, time.time() - self._keep_for(), self.keep
        rows = await self._read(lambda connection: connection.execute(query, values).fetchall())
        return [_entry(row) for row in reversed(rows)]

    async def mark(self, participant: str, ids: Collection[int]) -> int:
        """See :class:`InboxLog`."""
        rows = [(participant, id) for id in ids]
        query = "UPDATE inbox SET read = 1 WHERE participant = ? AND id = ? AND NOT read"
        marked: int = await self._write(lambda connection: connection.executemany(query, rows).rowcount)
        return max(marked, 0)

    async def of_document(self, document: str) -> list[tuple[str, InboxEntry]]:
        """See :class:`InboxLog`."""
        query = (
            f"SELECT i.participant, {_COLUMNS} FROM inbox i JOIN documents d ON d.id = i.document"  # noqa: S608
            " WHERE d.name = ? ORDER BY i.id"
        )
        rows = await self._read(lambda connection: connection.execute(query, (document,)).fetchall())
        return [(participant, _entry(row)) for participant, *row in rows]


def deliver(
    connection: sqlite3.Connection, mail: Mail, document: int, stream: str, position: int, now: float, keep: int
) -> tuple[tuple[str, int], ...]:
    """Write the entries of an event, or erase those of a message that it takes back; whose they are, with their ids."""
    if mail.takes_back is not None:
        return _take_back(connection, mail, document, stream)
    row = connection.execute(
        "SELECT data FROM stream_events WHERE document = ? AND stream = ? AND position = ? AND position < ?",
        (document, stream, mail.reply_to, position),
    ).fetchone()
    told = []
    for participant, kind in mail.recipients(None if row is None else row[0]):
        id = connection.execute(
            "INSERT INTO inbox (participant, type, document, stream, position, time, read, data)"
            " VALUES (?, ?, ?, ?, ?, ?, 0, ?)",
            (participant, kind, document, stream, position, now, mail.data),
        ).lastrowid
        connection.execute(
            "DELETE FROM inbox WHERE participant = ? AND id <="
            " (SELECT id FROM inbox WHERE participant = ? ORDER BY id DESC LIMIT 1 OFFSET ?)",
            (participant, participant, keep),
        )
        assert id is not None
        told.append((participant, id))
    return tuple(told)


def _take_back(connection: sqlite3.Connection, mail: Mail, document: int, stream: str) -> tuple[tuple[str, int], ...]:
    rows = connection.execute(
        "SELECT id, participant, data FROM inbox WHERE document = ? AND stream = ? AND position = ?",
        (document, stream, mail.takes_back),
    ).fetchall()
    gone = [(id, participant) for id, participant, data in rows if mail.takes(data)]
    connection.executemany("DELETE FROM inbox WHERE id = ?", [(id,) for id, _ in gone])
    return tuple((participant, InboxLog.GONE) for _, participant in gone)


def put(connection: sqlite3.Connection, document: int, entries: Iterable[tuple[str, InboxEntry]]) -> None:
    """Write entries as they were in another store."""
    connection.executemany(
        "INSERT INTO inbox (id, participant, type, document, stream, position, time, read, data)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (entry.id, whose, entry.type, document, entry.stream, entry.offset, entry.at, entry.read, entry.data)
            for whose, entry in entries
        ],
    )


def sweep(connection: sqlite3.Connection, oldest: float, limit: int) -> int:
    """Forget what is older than may be, at most ``limit`` entries; how many."""
    return connection.execute(
        "DELETE FROM inbox WHERE id IN (SELECT id FROM inbox WHERE time < ? LIMIT ?)", (oldest, limit)
    ).rowcount


def _entry(row: Any) -> InboxEntry:
    id, kind, document, stream, offset, at, read, data = row
    return InboxEntry(id, kind, document, stream, offset, at, bool(read), data)
