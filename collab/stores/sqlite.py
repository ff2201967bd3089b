"""Documents in one SQLite file. An ack means: committed, and the WAL is on disk (fdatasync).

One writer thread takes everything that waits and commits it together (group commit), so that a
thousand edits a second cost some dozens of disk flushes. Reads have a connection of their own.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from collab.errors import CollabError
from collab.stores.base import DocumentInfo, HistoryEntry, Store, StoredDocument, StoreReport, Version
from collab.stores.failpoints import failpoint
from collab.stores.history import beyond, summed
from collab.stores.sqlite_schema import SchemaError, check_is_ours, checksum, connect, prepare
from collab.stores.writer import Append, Writer

T = TypeVar("T")

#: free pages that one compaction gives back to the file system at most
_VACUUM_PAGES = 20_000


class SqliteStore(Store):
    """The embedded store.

    Args:
        path: of the database file; created with mode 0600 if it is new.
        busy_seconds: how long a commit waits for another process's lock before it fails.
        read_only: open for looking only (``collab check`` beside a running server).
    """

    adapter = "sqlite"

    def __init__(self, path: str, *, busy_seconds: float = 2.0, read_only: bool = False) -> None:
        self._path = path
        self._busy_seconds = busy_seconds
        self._read_only = read_only
        self._writer: Writer | None = None
        self._reader: sqlite3.Connection | None = None
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="collab-read")
        self._lock_file: int | None = None
        self._ids: dict[str, int] = {}
        self._position = 0

    # -- open and close -------------------------------------------------------------------------

    async def open(self) -> None:
        """Open or create the file.

        Raises:
            CollabError: ``storage_unavailable``: another server has it open, it is not ours, or
                it cannot be read; the message says which.
        """
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._reading, self._open, loop)

    def _open(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            if not self._read_only:
                self._lock()
                if not Path(self._path).exists():
                    os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
                check_is_ours(self._path)
                connection = connect(self._path, busy_seconds=self._busy_seconds)
                prepare(connection)
                self._position = _last_position(connection)
                self._writer = Writer(loop, connection, self._commit, when_idle=_shrink)
            self._reader = connect(self._path, read_only=True, busy_seconds=self._busy_seconds)
        except (sqlite3.Error, OSError, SchemaError) as error:
            self._unlock()
            raise CollabError("storage_unavailable", f"Cannot open {self._path}: {error}.") from None

    def _lock(self) -> None:
        self._lock_file = os.open(self._path + ".lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError("another server has it open") from None

    def _unlock(self) -> None:
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None

    async def close(self) -> None:
        """See :class:`Store`."""
        loop = asyncio.get_running_loop()
        if self._reader is not None:
            reader, self._reader = self._reader, None
            await loop.run_in_executor(self._reading, reader.close)
        if self._writer is not None:  # the last one to close folds the WAL into the file
            writer, self._writer = self._writer, None
            writer.flush()
            await loop.run_in_executor(None, writer.close)
        self._reading.shutdown(wait=False)
        self._unlock()

    # -- writing --------------------------------------------------------------------------------

    def append(
        self, document: str, update: bytes, participant: str | None = None
    ) -> asyncio.Future[int]:
        """See :class:`Store`."""
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def done(result: int | CollabError) -> None:
            if future.done():
                return
            if isinstance(result, int):
                future.set_result(result)
            else:
                future.set_exception(result)

        self.log(document, update, participant, done)
        return future

    def log(
        self, document: str, update: bytes, participant: str | None, done: Callable[[int | CollabError], None]
    ) -> None:
        """See :class:`Store`."""
        if self._writer is None:
            asyncio.get_running_loop().call_soon(done, CollabError("storage_unavailable"))
        else:
            self._writer.put(Append(document, update, participant, time.time(), done))

    def _commit(self, connection: sqlite3.Connection, appends: list[Append]) -> list[int]:
        """Write a batch in one transaction (in the writer thread); returns the positions."""
        position = self._position
        rows = []
        fresh: dict[str, int] = {}
        connection.execute("BEGIN IMMEDIATE")
        for append in appends:
            id = self._ids.get(append.document) or fresh.get(append.document)
            if id is None:
                id = fresh[append.document] = _document_id(connection, append.document, append.time)
            position += 1
            update = append.update
            rows.append((id, position, append.participant, append.time, checksum(id, position, update), update))
        connection.executemany("INSERT INTO log VALUES (?, ?, ?, ?, ?, ?)", rows)
        failpoint("append.before_commit")
        connection.execute("COMMIT")
        failpoint("append.after_commit")
        self._ids |= fresh
        first, self._position = self._position + 1, position
        return list(range(first, position + 1))

    async def create(self, document: str) -> bool:
        """See :class:`Store`."""

        def create(connection: sqlite3.Connection) -> bool:
            now = time.time()
            cursor = connection.execute(
                "INSERT OR IGNORE INTO documents (name, created_at, updated_at) VALUES (?, ?, ?)",
                (document, now, now),
            )
            return cursor.rowcount > 0

        return await self._write(create)

    async def compact(self, document: str, snapshot: bytes, position: int) -> None:
        """See :class:`Store`."""

        def compact(connection: sqlite3.Connection) -> None:
            id = _known_id(connection, document)
            if id is None:
                return
            row = connection.execute("SELECT position FROM snapshots WHERE document = ?", (id,)).fetchone()
            if row is not None and row[0] >= position:
                return
            covered = _log_history(connection, id, most=position)
            _join_history(connection, id, covered)
            failpoint("compact.history")
            now = time.time()
            connection.execute(
                "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?, ?)",
                (id, position, now, checksum(id, position, snapshot), snapshot),
            )
            failpoint("compact.snapshot")
            stored = connection.execute("SELECT data FROM snapshots WHERE document = ?", (id,)).fetchone()
            if stored[0] != snapshot:
                raise sqlite3.DatabaseError("the snapshot did not read back")
            connection.execute("DELETE FROM log WHERE document = ? AND position <= ?", (id, position))
            if covered:
                connection.execute(
                    "UPDATE documents SET updated_at = ? WHERE id = ?", (covered[-1].ended_at, id)
                )
            failpoint("compact.before_commit")

        await self._write(compact)
        failpoint("compact.after_commit")
        await self._write(_give_space_back, transaction=False)
        failpoint("compact.vacuumed")

    async def delete(self, document: str) -> bool:
        """See :class:`Store`."""

        def delete(connection: sqlite3.Connection) -> bool:
            id = _known_id(connection, document)
            if id is None:
                return False
            for table in ("log", "snapshots", "history", "versions", "quarantine"):
                connection.execute(f"DELETE FROM {table} WHERE document = ?", (id,))  # noqa: S608
            connection.execute("DELETE FROM documents WHERE id = ?", (id,))
            self._ids.pop(document, None)
            return True

        deleted = await self._write(delete)
        if deleted:
            await self._write(_give_space_back, transaction=False)
        return deleted

    async def add_version(
        self, document: str, state: bytes, position: int, name: str | None, participant: str | None
    ) -> Version:
        """See :class:`Store`."""

        def add(connection: sqlite3.Connection) -> Version:
            now = time.time()
            id = _document_id(connection, document, now)
            cursor = connection.execute(
                "INSERT INTO versions (document, name, participant, position, created_at, checksum, data)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (id, name, participant, position, now, checksum(id, position, state), state),
            )
            return Version(int(cursor.lastrowid or 0), name, participant, position, len(state), now)

        return await self._write(add)

    async def delete_version(self, document: str, id: int) -> bool:
        """See :class:`Store`."""

        def delete(connection: sqlite3.Connection) -> bool:
            cursor = connection.execute(
                "DELETE FROM versions WHERE id = ? AND document = (SELECT id FROM documents WHERE name = ?)",
                (id, document),
            )
            return cursor.rowcount > 0

        return await self._write(delete)

    async def _write(
        self, work: Callable[[sqlite3.Connection], T], *, transaction: bool = True
    ) -> T:
        if self._writer is None:
            raise CollabError("storage_unavailable")
        return await self._writer.run(work, transaction=transaction)

    # -- reading --------------------------------------------------------------------------------

    async def load(self, document: str) -> StoredDocument | None:
        """See :class:`Store`; damaged log rows, and those behind them, move to the quarantine."""
        stored, damaged_from = await self._read(lambda connection: _load(connection, document))
        if damaged_from and self._writer is not None:
            await self._write(lambda connection: _quarantine(connection, document, damaged_from))
        return stored

    async def documents(
        self, prefix: str = "", limit: int = 100, after: str | None = None
    ) -> list[DocumentInfo]:
        """See :class:`Store`."""
        query = """
            SELECT name,
                coalesce((SELECT length(data) FROM snapshots WHERE document = id), 0)
                    + coalesce((SELECT sum(length(data)) FROM log WHERE document = id), 0),
                created_at,
                coalesce((SELECT max(time) FROM log WHERE document = id), updated_at)
            FROM documents WHERE name > ? AND substr(name, 1, ?) = ? ORDER BY name LIMIT ?
        """
        values = (after or "", len(prefix), prefix, limit)
        rows = await self._read(lambda connection: connection.execute(query, values).fetchall())
        return [DocumentInfo(*row) for row in rows]

    async def history(self, document: str, after: int = 0, limit: int = 1000) -> list[HistoryEntry]:
        """See :class:`Store`."""

        def history(connection: sqlite3.Connection) -> list[HistoryEntry]:
            id = _known_id(connection, document)
            if id is None:
                return []
            rows = connection.execute(
                "SELECT first, last, participant, updates, size, started_at, ended_at"
                " FROM history WHERE document = ? ORDER BY first",
                (id,),
            )
            known = [HistoryEntry(*row) for row in rows]
            return beyond([*known, *_log_history(connection, id, after=after)], after, limit)

        return await self._read(history)

    async def versions(self, document: str) -> list[Version]:
        """See :class:`Store`."""
        rows = await self._read(
            lambda connection: connection.execute(
                "SELECT v.id, v.name, v.participant, v.position, length(v.data), v.created_at"
                " FROM versions v JOIN documents d ON d.id = v.document"
                " WHERE d.name = ? ORDER BY v.id DESC",
                (document,),
            ).fetchall()
        )
        return [Version(*row) for row in rows]

    async def version(self, document: str, id: int) -> tuple[Version, bytes] | None:
        """See :class:`Store`."""
        row = await self._read(
            lambda connection: connection.execute(
                "SELECT v.id, v.name, v.participant, v.position, length(v.data), v.created_at,"
                " v.document, v.checksum, v.data FROM versions v JOIN documents d ON d.id = v.document"
                " WHERE d.name = ? AND v.id = ?",
                (document, id),
            ).fetchone()
        )
        if row is None:
            return None
        *version, owner, stored, data = row
        if checksum(owner, version[3], data) != stored:
            raise CollabError("storage_unavailable", "This version is damaged in the store.")
        return Version(*version), data

    async def check(self, deep: bool = False) -> StoreReport:
        """See :class:`Store`."""
        if self._writer is not None:
            await self._write(
                lambda connection: connection.execute(
                    "INSERT OR REPLACE INTO probe VALUES (1, ?)", (time.time_ns(),)
                )
            )
        documents, damaged = await self._read(lambda connection: _check(connection, deep))
        return StoreReport(
            self.adapter, self._path, "an ack means: committed, fdatasync done", documents, damaged
        )

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        reader = self._reader
        if reader is None:
            raise CollabError("storage_unavailable")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._reading, work, reader)
        except sqlite3.Error:
            raise CollabError("storage_unavailable") from None


# -- statements ---------------------------------------------------------------------------------


def _last_position(connection: sqlite3.Connection) -> int:
    (position,) = connection.execute(
        "SELECT max(p) FROM (SELECT max(position) p FROM log UNION ALL SELECT max(position) FROM snapshots"
        " UNION ALL SELECT max(last) FROM history UNION ALL SELECT max(position) FROM versions"
        " UNION ALL SELECT max(position) FROM quarantine)"
    ).fetchone()
    return position or 0


def _known_id(connection: sqlite3.Connection, document: str) -> int | None:
    row = connection.execute("SELECT id FROM documents WHERE name = ?", (document,)).fetchone()
    return None if row is None else row[0]


def _document_id(connection: sqlite3.Connection, document: str, now: float) -> int:
    known = _known_id(connection, document)
    if known is not None:
        return known
    cursor = connection.execute(
        "INSERT INTO documents (name, created_at, updated_at) VALUES (?, ?, ?)", (document, now, now)
    )
    return int(cursor.lastrowid or 0)


def _load(connection: sqlite3.Connection, document: str) -> tuple[StoredDocument | None, int]:
    """The document, and the first damaged position of its log (0: none)."""
    connection.execute("BEGIN")
    try:
        row = connection.execute(
            "SELECT id, created_at, updated_at FROM documents WHERE name = ?", (document,)
        ).fetchone()
        if row is None:
            return None, 0
        id, created_at, updated_at = row
        snapshot, base = None, 0
        kept = connection.execute(
            "SELECT position, checksum, data FROM snapshots WHERE document = ?", (id,)
        ).fetchone()
        if kept is not None:
            base, stored, snapshot = kept
            if checksum(id, base, snapshot) != stored:
                raise CollabError(
                    "storage_unavailable", "This document is damaged in the store; restore it from a backup."
                )
        tail: list[bytes] = []
        position, damaged_from = base, 0
        for at, when, stored, data in connection.execute(
            "SELECT position, time, checksum, data FROM log WHERE document = ? ORDER BY position", (id,)
        ):
            if checksum(id, at, data) != stored:
                damaged_from = at
                break
            position, updated_at = at, when
            tail.append(data)
        damage = (f"log from position {damaged_from} on moved to quarantine",) if damaged_from else ()
        return StoredDocument(snapshot, base, tail, position, created_at, updated_at, damage), damaged_from
    finally:
        connection.execute("COMMIT")


def _quarantine(connection: sqlite3.Connection, document: str, damaged_from: int) -> None:
    id = _known_id(connection, document)
    connection.execute(
        "INSERT OR REPLACE INTO quarantine SELECT document, position, ?, 'checksum', data FROM log"
        " WHERE document = ? AND position >= ?",
        (time.time(), id, damaged_from),
    )
    connection.execute("DELETE FROM log WHERE document = ? AND position >= ?", (id, damaged_from))


def _log_history(
    connection: sqlite3.Connection, id: int, *, after: int = -1, most: int = 2**62
) -> list[HistoryEntry]:
    rows = connection.execute(
        "SELECT position, participant, length(data), time FROM log"
        " WHERE document = ? AND position > ? AND position <= ? ORDER BY position",
        (id, after, most),
    )
    return summed(HistoryEntry(at, at, who, 1, size, when, when) for at, who, size, when in rows)


def _join_history(connection: sqlite3.Connection, id: int, covered: list[HistoryEntry]) -> None:
    """Add entries; the first may continue the last one that is there."""
    row = connection.execute(
        "SELECT first, last, participant, updates, size, started_at, ended_at FROM history"
        " WHERE document = ? ORDER BY first DESC LIMIT 1",
        (id,),
    ).fetchone()
    known = [HistoryEntry(*row)] if row is not None else []
    connection.executemany(
        "INSERT OR REPLACE INTO history VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (id, e.first, e.last, e.participant, e.updates, e.size, e.started_at, e.ended_at)
            for e in summed([*known, *covered])
        ],
    )


def _give_space_back(connection: sqlite3.Connection) -> None:
    # execute() would take one step of this statement, which frees one page.
    connection.executescript(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})")


def _shrink(connection: sqlite3.Connection) -> None:
    """Fold the WAL into the file and cut it. While there is work it keeps its size: flushing is cheaper so."""
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _check(connection: sqlite3.Connection, deep: bool) -> tuple[int, dict[str, str]]:
    (documents,) = connection.execute("SELECT count(*) FROM documents").fetchone()
    damaged: dict[str, str] = {
        name: f"{rows} log rows in quarantine, the first at position {first}"
        for name, rows, first in connection.execute(
            "SELECT d.name, count(*), min(q.position) FROM quarantine q JOIN documents d ON d.id = q.document"
            " GROUP BY d.name"
        )
    }
    if deep:
        for table in ("log", "snapshots", "versions"):
            for name, id, at, stored, data in connection.execute(
                f"SELECT d.name, t.document, t.position, t.checksum, t.data FROM {table} t"  # noqa: S608
                " JOIN documents d ON d.id = t.document"
            ):
                if checksum(id, at, data) != stored:
                    damaged.setdefault(name, f"{table} at position {at}: checksum")
        faults = [row[0] for row in connection.execute("PRAGMA quick_check(5)") if row[0] != "ok"]
        if faults:
            damaged["(file)"] = "; ".join(faults)[:300]
    return documents, damaged

