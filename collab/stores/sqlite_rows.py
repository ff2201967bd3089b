"""The statements of a SQLite store: what a connection is asked, and in which words.

All functions take a connection; those that write run inside a transaction of the caller's.
"""

from __future__ import annotations

import sqlite3
import time
import zlib
from collections.abc import Sequence

from collab.errors import CollabError
from collab.stores.base import DocumentInfo, HistoryEntry, StoredDocument, Usage, beyond_prefix, fresh_epoch
from collab.stores.failpoints import failpoint
from collab.stores.history import beyond, summed

#: everything with a checksum; and in a file of the first schema, which a backup may still meet
_CHECKED_OF_1 = [
    f"SELECT d.name, '{table}', t.document, t.position, t.checksum, t.data FROM {table} t"  # noqa: S608
    " JOIN documents d ON d.id = t.document"
    for table in ("log", "snapshots", "versions")
]
_CHECKED = [
    f"SELECT d.name, '{table}', t.document, {position}, t.checksum, t.data FROM {table} t"  # noqa: S608
    f" JOIN (SELECT id, name FROM documents UNION ALL SELECT id, name FROM trash) d ON d.id = t.document{which}"
    for table, position, which in (
        ("log", "t.position", ""), ("snapshots", "t.position", ""),
        ("versions", "t.position", " WHERE t.state IS NULL"), ("states", "0", ""), ("stream_events", "t.position", ""),
    )
]  # fmt: skip
_CHECKED_BY_SCHEMA = {1: _CHECKED_OF_1, 2: _CHECKED[:-1]}

#: free pages that one compaction gives back to the file system at most
_VACUUM_PAGES = 20_000


#: rows of the log that one statement inserts: it gives up the GIL once, and not once a row
_AT_ONCE = 100
_INTO_LOG = "INTO log VALUES (?, ?, ?, ?, ?, ?)"
_MANY_INTO_LOG = _INTO_LOG + ", (?, ?, ?, ?, ?, ?)" * (_AT_ONCE - 1)

#: a row of the log: document id, position, participant, time, update
Row = tuple[int, int, str | None, float, bytes]


def checksum(document: int, position: int, data: bytes) -> int:
    """CRC-32 over what a row says and where it stands."""
    return zlib.crc32(data, zlib.crc32(b"%d:%d" % (document, position)))


def insert(connection: sqlite3.Connection, rows: Sequence[Row], verb: str = "INSERT") -> None:
    """Put rows into the log."""
    many = len(rows) - len(rows) % _AT_ONCE
    for first in range(0, many, _AT_ONCE):
        values = [value for row in map(_checked, rows[first : first + _AT_ONCE]) for value in row]
        connection.execute(f"{verb} {_MANY_INTO_LOG}", values)
    connection.executemany(f"{verb} {_INTO_LOG}", map(_checked, rows[many:]))


def _checked(row: Row) -> tuple[int, int, str | None, float, int, bytes]:
    document, position, participant, at, update = row
    return document, position, participant, at, checksum(document, position, update), update


def of_documents(connection: sqlite3.Connection, rows: Sequence[Row]) -> list[Row]:
    """Those of documents that there are, in the trash or not."""
    known = {
        id: connection.execute(
            "SELECT EXISTS (SELECT 1 FROM documents WHERE id = ? UNION ALL SELECT 1 FROM trash WHERE id = ?)", (id, id)
        ).fetchone()[0]
        for id in {row[0] for row in rows}
    }
    return [row for row in rows if known[row[0]]]


def generation(connection: sqlite3.Connection) -> tuple[bytes, int]:
    """The salt of the file, and the generation of its segment, see :mod:`collab.stores.segment`."""
    salt, number = connection.execute("SELECT salt, generation FROM segment").fetchone()
    return salt, number


def begin_generation(connection: sqlite3.Connection) -> None:
    """What stands in the segment now counts no more."""
    connection.execute("UPDATE segment SET generation = generation + 1")


def last_position(connection: sqlite3.Connection) -> int:
    (position,) = connection.execute(
        "SELECT max(p) FROM (SELECT max(position) p FROM log UNION ALL SELECT max(position) FROM snapshots"
        " UNION ALL SELECT max(last) FROM history UNION ALL SELECT max(position) FROM versions"
        " UNION ALL SELECT max(position) FROM quarantine)"
    ).fetchone()
    return position or 0


def known_id(connection: sqlite3.Connection, document: str) -> int | None:
    row = connection.execute("SELECT id FROM documents WHERE name = ?", (document,)).fetchone()
    return None if row is None else row[0]


def document_id(connection: sqlite3.Connection, document: str, now: float, epoch: str = "") -> int:
    """The id of a document; one that is new begins in ``epoch``."""
    known = known_id(connection, document)
    if known is not None:
        return known
    connection.execute("UPDATE last_ids SET value = value + 1 WHERE kind = 'document'")
    (id,) = connection.execute("SELECT value FROM last_ids WHERE kind = 'document'").fetchone()
    connection.execute(
        "INSERT INTO documents (id, name, created_at, updated_at, epoch) VALUES (?, ?, ?, ?, ?)",
        (id, document, now, now, epoch or fresh_epoch()),
    )
    return int(id)


def create(connection: sqlite3.Connection, document: str) -> bool:
    """Create an empty document; False if there is one."""
    if known_id(connection, document) is not None:
        return False
    document_id(connection, document, time.time())
    return True


def load(connection: sqlite3.Connection, document: str) -> tuple[StoredDocument | None, int]:
    """The document, and the first damaged position of its log (0: none)."""
    connection.execute("BEGIN")
    try:
        row = connection.execute(
            "SELECT id, created_at, updated_at, epoch FROM documents WHERE name = ?", (document,)
        ).fetchone()
        if row is None:
            return None, 0
        id, created_at, updated_at, epoch = row
        snapshot, base = None, 0
        kept = connection.execute("SELECT position, checksum, data FROM snapshots WHERE document = ?", (id,)).fetchone()
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
        stored = StoredDocument(snapshot, base, tail, position, created_at, updated_at, damage, epoch)
        return stored, damaged_from
    finally:
        connection.execute("COMMIT")


def quarantine(connection: sqlite3.Connection, document: str, damaged_from: int) -> None:
    id = known_id(connection, document)
    connection.execute(
        "INSERT OR REPLACE INTO quarantine SELECT document, position, ?, 'checksum', data FROM log"
        " WHERE document = ? AND position >= ?",
        (time.time(), id, damaged_from),
    )
    connection.execute("DELETE FROM log WHERE document = ? AND position >= ?", (id, damaged_from))


def log_history(connection: sqlite3.Connection, id: int, *, after: int = -1, most: int = 2**62) -> list[HistoryEntry]:
    rows = connection.execute(
        "SELECT position, participant, length(data), time FROM log"
        " WHERE document = ? AND position > ? AND position <= ? ORDER BY position",
        (id, after, most),
    )
    return summed(HistoryEntry(at, at, who, 1, size, when, when) for at, who, size, when in rows)


def history(connection: sqlite3.Connection, document: str, after: int, limit: int) -> list[HistoryEntry]:
    id = known_id(connection, document)
    if id is None:
        return []
    rows = connection.execute(
        "SELECT first, last, participant, updates, size, started_at, ended_at"
        " FROM history WHERE document = ? AND last > ? ORDER BY first",
        (id, after),
    )
    known = [HistoryEntry(*row) for row in rows]
    return beyond([*known, *log_history(connection, id, after=after)], after, limit)


def join_history(connection: sqlite3.Connection, id: int, covered: list[HistoryEntry]) -> None:
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


def compact(connection: sqlite3.Connection, document: str, snapshot: bytes, position: int) -> None:
    id = known_id(connection, document)
    if id is None:
        return
    row = connection.execute("SELECT position FROM snapshots WHERE document = ?", (id,)).fetchone()
    if row is not None and row[0] >= position:
        return
    covered = log_history(connection, id, most=position)
    join_history(connection, id, covered)
    failpoint("compact.history")
    connection.execute(
        "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?, ?)",
        (id, position, time.time(), checksum(id, position, snapshot), snapshot),
    )
    failpoint("compact.snapshot")
    stored = connection.execute("SELECT data FROM snapshots WHERE document = ?", (id,)).fetchone()
    if stored[0] != snapshot:
        raise sqlite3.DatabaseError("the snapshot did not read back")
    connection.execute("DELETE FROM log WHERE document = ? AND position <= ?", (id, position))
    if covered:
        connection.execute("UPDATE documents SET updated_at = ? WHERE id = ?", (covered[-1].ended_at, id))
    failpoint("compact.before_commit")


def names(connection: sqlite3.Connection, prefix: str, limit: int, after: str | None) -> list[str]:
    """A range of the index of names, whatever else there is."""
    least, most = max(prefix, after or ""), beyond_prefix(prefix)
    rows = connection.execute(
        f"SELECT name FROM documents WHERE name {'>' if after is not None and after >= prefix else '>='} ?"  # noqa: S608
        + (" AND name < ?" if most is not None else "")
        + " ORDER BY name LIMIT ?",
        (least, limit) if most is None else (least, most, limit),
    )
    return [row[0] for row in rows]


def infos(connection: sqlite3.Connection, wanted: Sequence[str]) -> list[DocumentInfo]:
    found = []
    for name in wanted:
        row = connection.execute(
            "SELECT name,"
            " coalesce((SELECT length(data) FROM snapshots WHERE document = id), 0)"
            " + coalesce((SELECT sum(length(data)) FROM log WHERE document = id), 0),"
            " created_at, coalesce((SELECT max(time) FROM log WHERE document = id), updated_at)"
            " FROM documents WHERE name = ?",
            (name,),
        ).fetchone()
        if row is not None:
            found.append(DocumentInfo(*row))
    return found


def usage(connection: sqlite3.Connection) -> Usage:
    """Documents, and the bytes of the file that hold something."""
    (documents,) = connection.execute("SELECT count(*) FROM documents").fetchone()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    return Usage(documents, (pages - free) * size)


def give_space_back(connection: sqlite3.Connection) -> None:
    # execute() would take one step of this statement, which frees one page.
    connection.executescript(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})")


def shrink(connection: sqlite3.Connection) -> None:
    """Fold the WAL into the file and cut it. While there is work it keeps its size: flushing is cheaper so."""
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def check(connection: sqlite3.Connection, deep: bool) -> tuple[int, dict[str, str]]:
    (documents,) = connection.execute("SELECT count(*) FROM documents").fetchone()
    damaged: dict[str, str] = {
        name: f"{rows} log rows in quarantine, the first at position {first}"
        for name, rows, first in connection.execute(
            "SELECT d.name, count(*), min(q.position) FROM quarantine q JOIN documents d ON d.id = q.document"
            " GROUP BY d.name"
        )
    }
    if deep:
        (schema,) = connection.execute("PRAGMA user_version").fetchone()
        for query in _CHECKED_BY_SCHEMA.get(schema, _CHECKED):
            for name, table, id, at, stored, data in connection.execute(query):
                if checksum(id, at, data) != stored:
                    damaged.setdefault(name, f"{table} at position {at}: checksum")
        faults = [row[0] for row in connection.execute("PRAGMA quick_check(5)") if row[0] != "ok"]
        if faults:
            damaged["(file)"] = "; ".join(faults)[:300]
    return documents, damaged
