"""Versions in a SQLite store: a row each, and each state once, however many versions of a document have it.

All functions take a connection; those that write run inside a transaction of the caller's.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time

from collab.errors import CollabError
from collab.stores.base import Version
from collab.stores.sqlite_rows import checksum, document_id

_COLUMNS = "v.id, v.name, v.participant, v.position, coalesce(v.size, length(v.data)), v.created_at"


def add(
    connection: sqlite3.Connection,
    document: str,
    state: bytes,
    position: int,
    name: str | None,
    participant: str | None,
    epoch: str,
) -> Version:
    now = time.time()
    id = document_id(connection, document, now, epoch)
    digest = _digest(state)
    connection.execute(
        "INSERT OR IGNORE INTO states (document, digest, checksum, data) VALUES (?, ?, ?, ?)",
        (id, digest, checksum(id, 0, state), state),
    )
    (kept,) = connection.execute(
        "SELECT id FROM states WHERE document = ? AND digest = ?", (id, digest)
    ).fetchone()  # fmt: skip
    cursor = connection.execute(
        "INSERT INTO versions (document, name, participant, position, created_at, checksum, data, state, size)"
        " VALUES (?, ?, ?, ?, ?, 0, x'', ?, ?)",
        (id, name, participant, position, now, kept, len(state)),
    )
    return Version(int(cursor.lastrowid or 0), name, participant, position, len(state), now)


def _digest(state: bytes) -> bytes:
    return hashlib.blake2b(state, digest_size=32).digest()


def delete(connection: sqlite3.Connection, document: str, id: int) -> bool:
    row = connection.execute(
        "SELECT state FROM versions WHERE id = ? AND document = (SELECT id FROM documents WHERE name = ?)",
        (id, document),
    ).fetchone()
    if row is None:
        return False
    connection.execute("DELETE FROM versions WHERE id = ?", (id,))
    connection.execute(
        "DELETE FROM states WHERE id = ? AND NOT EXISTS (SELECT 1 FROM versions WHERE state = ?)", (row[0], row[0])
    )
    return True


def listed(connection: sqlite3.Connection, document: str, limit: int | None, before: int | None) -> list[Version]:
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM versions v"  # noqa: S608
        " WHERE v.document = (SELECT id FROM documents WHERE name = ?) AND v.id < ? ORDER BY v.id DESC LIMIT ?",
        (document, 2**63 - 1 if before is None else before, -1 if limit is None else limit),
    )
    return [Version(*row) for row in rows]


def usage(connection: sqlite3.Connection, document: str, state: bytes | None) -> tuple[int, int]:
    """Versions, and bytes of their states; of ``state`` as well, if it is none of them."""
    more = 0 if state is None else len(state)
    row = connection.execute("SELECT id FROM documents WHERE name = ?", (document,)).fetchone()
    if row is None:
        return 0, more
    count, size = connection.execute(
        "SELECT count(*), coalesce(sum(length(data)), 0) FROM versions WHERE document = ?", row
    ).fetchone()
    (shared,) = connection.execute(
        "SELECT coalesce(sum(length(data)), 0) FROM states WHERE document = ?", row
    ).fetchone()
    if (
        state is not None
        and connection.execute(
            "SELECT 1 FROM states WHERE document = ? AND digest = ?", (*row, _digest(state))
        ).fetchone()
    ):
        more = 0
    return count, size + shared + more


def one(connection: sqlite3.Connection, document: str, id: int) -> tuple[Version, bytes] | None:
    row = connection.execute(
        f"SELECT {_COLUMNS}, v.document, coalesce(s.checksum, v.checksum), coalesce(s.data, v.data), v.state"  # noqa: S608
        " FROM versions v LEFT JOIN states s ON s.id = v.state"
        " WHERE v.document = (SELECT id FROM documents WHERE name = ?) AND v.id = ?",
        (document, id),
    ).fetchone()
    if row is None:
        return None
    *columns, owner, stored, data, state = row
    version = Version(*columns)
    if checksum(owner, version.position if state is None else 0, data) != stored:
        raise CollabError("storage_unavailable", "This version is damaged in the store.")
    return version, data
