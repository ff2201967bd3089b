"""Streams in the SQLite file of their documents. An ack means: committed, and the WAL is on disk."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from collab.errors import CollabError
from collab.protocol.mentions import Mail
from collab.stores.failpoints import failpoint
from collab.stores.sqlite_inbox import SqliteInbox, deliver, sweep
from collab.stores.sqlite_rows import checksum, known_id
from collab.stores.streams import (
    MAX_STREAMS,
    READ_BYTES,
    REMEMBER_KEYS,
    Batches,
    Publication,
    Published,
    StreamEvent,
    StreamLog,
    StreamSlice,
    too_many_streams,
)

#: expired events, and expired keys, that one transaction forgets
SWEPT_AT_ONCE = 5000

#: the id of the document to write to, made if it is new; None: its epoch has ended
Resolve = Callable[[sqlite3.Connection, str, str, float], int | None]
Run = Callable[[Callable[[sqlite3.Connection], Any]], Awaitable[Any]]


class SqliteStreams(StreamLog):
    """Streams of the documents in one file.

    Args:
        write: runs something in a transaction of its own, in the writer's thread.
        read: runs something that only reads.
        resolve: called in the writer's thread.
    """

    def __init__(self, write: Run, read: Run, resolve: Resolve) -> None:
        super().__init__()
        self._write = write
        self._read = read
        self._resolve = resolve
        self._batches = Batches(self._commit)
        self.inbox = SqliteInbox(write, read, lambda: self.bounds.keep_for)

    def publish(
        self,
        document: str,
        stream: str,
        body: bytes,
        *,
        key: str | None = None,
        epoch: str = "",
        mail: Mail | None = None,
    ) -> asyncio.Future[Published]:
        """See :class:`StreamLog`."""
        return self._batches.put(Publication(document, stream, body, key, epoch, mail))

    async def _commit(self, batch: list[Publication]) -> list[Published | CollabError]:
        results: list[Published | CollabError] = await self._write(partial(self._publish_all, batch=batch))
        for result in results:
            for participant, id in result.told if isinstance(result, Published) else ():
                self.inbox.on_news(participant, id)
        return results

    def _publish_all(self, connection: sqlite3.Connection, batch: list[Publication]) -> list[Published | CollabError]:
        now = time.time()
        results: list[Published | CollabError] = []
        for publication in batch:
            id = self._resolve(connection, publication.document, publication.epoch, now)
            if id is None:
                results.append(CollabError("document_deleted"))
            else:
                results.append(_publish(connection, id, publication, now, self.bounds.keep, self.inbox.keep))
        failpoint("publish.before_commit")
        return results

    async def read(
        self, document: str, stream: str, after: int | None = None, limit: int = 100, *, most: int = READ_BYTES
    ) -> StreamSlice:
        """See :class:`StreamLog`."""
        oldest = time.time() - self.bounds.keep_for
        found: StreamSlice = await self._read(
            lambda connection: _read(connection, document, stream, after, limit, most, self.bounds.keep, oldest)
        )
        return found

    async def names(self, document: str) -> list[str]:
        """See :class:`StreamLog`."""
        query = "SELECT s.name FROM streams s JOIN documents d ON d.id = s.document WHERE d.name = ? ORDER BY s.name"
        rows = await self._read(lambda connection: connection.execute(query, (document,)).fetchall())
        return [name for (name,) in rows]

    async def sweep(self) -> None:
        """See :class:`StreamLog`."""
        while await self._write(partial(_sweep, oldest=time.time() - self.bounds.keep_for)) >= SWEPT_AT_ONCE:
            pass

    async def close(self) -> None:
        """See :class:`StreamLog`."""
        await self._batches.drain()


def put(connection: sqlite3.Connection, id: int, stream: str, last: int, events: Sequence[StreamEvent]) -> None:
    """Write a stream as it was in another store, into a document that has none of this name."""
    connection.execute("INSERT INTO streams VALUES (?, ?, ?)", (id, stream, last))
    connection.executemany(
        "INSERT INTO stream_events VALUES (?, ?, ?, ?, ?, ?)",
        [(id, stream, each.offset, each.at, checksum(id, each.offset, each.body), each.body) for each in events],
    )


def _publish(
    connection: sqlite3.Connection, id: int, publication: Publication, now: float, keep: int, inbox_keep: int
) -> Published | CollabError:
    stream, key = publication.stream, publication.key
    if key is not None:
        known = connection.execute(
            "SELECT position, time FROM stream_keys WHERE document = ? AND stream = ? AND key = ? AND time > ?",
            (id, stream, key, now - REMEMBER_KEYS),
        ).fetchone()
        if known is not None:
            return Published(known[0], known[1], fresh=False)
    row = connection.execute("SELECT last FROM streams WHERE document = ? AND name = ?", (id, stream)).fetchone()
    if row is None:
        (count,) = connection.execute("SELECT count(*) FROM streams WHERE document = ?", (id,)).fetchone()
        if count >= MAX_STREAMS:
            return too_many_streams()
    position = 1 if row is None else row[0] + 1
    connection.execute("INSERT OR REPLACE INTO streams VALUES (?, ?, ?)", (id, stream, position))
    connection.execute(
        "INSERT INTO stream_events VALUES (?, ?, ?, ?, ?, ?)",
        (id, stream, position, now, checksum(id, position, publication.body), publication.body),
    )
    if key is not None:
        connection.execute(
            "INSERT OR REPLACE INTO stream_keys VALUES (?, ?, ?, ?, ?)", (id, stream, key, position, now)
        )
    connection.execute(
        "DELETE FROM stream_events WHERE document = ? AND stream = ? AND position <= ?", (id, stream, position - keep)
    )
    mail = publication.mail
    told = () if mail is None else deliver(connection, mail, id, stream, position, now, inbox_keep)
    return Published(position, now, fresh=True, told=told)


def _read(
    connection: sqlite3.Connection,
    document: str,
    stream: str,
    after: int | None,
    limit: int,
    most: int,
    keep: int,
    oldest: float,
) -> StreamSlice:
    connection.execute("BEGIN")  # of one moment
    try:
        id = known_id(connection, document) or 0
        row = connection.execute("SELECT last FROM streams WHERE document = ? AND name = ?", (id, stream)).fetchone()
        if row is None:
            return StreamSlice([], 1, 0)
        (last,) = row
        (first,) = connection.execute(
            "SELECT position FROM stream_events WHERE document = ? AND stream = ? AND position > ? AND time >= ?"
            " ORDER BY position LIMIT 1",
            (id, stream, last - keep, oldest),
        ).fetchone() or (last + 1,)
        start = max(first, last - limit + 1 if after is None else after + 1)
        events: list[StreamEvent] = []
        size = 0
        for position, at, stored, body in connection.execute(
            "SELECT position, time, checksum, data FROM stream_events"
            " WHERE document = ? AND stream = ? AND position >= ? ORDER BY position LIMIT ?",
            (id, stream, start, limit),
        ):
            if checksum(id, position, body) != stored:
                raise CollabError("storage_unavailable", "This stream is damaged in the store.")
            size += len(body)
            if size > most and events:
                break
            events.append(StreamEvent(position, at, body))
        return StreamSlice(events, first, last)
    finally:
        connection.execute("COMMIT")


def _sweep(connection: sqlite3.Connection, oldest: float) -> int:
    count = connection.execute(
        "DELETE FROM stream_events WHERE (document, stream, position) IN"
        " (SELECT document, stream, position FROM stream_events WHERE time < ? LIMIT ?)",
        (oldest, SWEPT_AT_ONCE),
    ).rowcount
    more = connection.execute(
        "DELETE FROM stream_keys WHERE (document, stream, key) IN"
        " (SELECT document, stream, key FROM stream_keys WHERE time < ? LIMIT ?)",
        (time.time() - REMEMBER_KEYS, SWEPT_AT_ONCE),
    ).rowcount
    return max(count, more, sweep(connection, oldest, SWEPT_AT_ONCE))
