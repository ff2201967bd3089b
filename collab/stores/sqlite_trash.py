"""The trash of a SQLite store: what it costs to delete a document does not depend on its size, until that is for good.

All functions take a connection. Those that erase begin and end a transaction of their own.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from collab.errors import CollabError
from collab.stores.base import DeletedDocument, beyond_prefix, fresh_epoch
from collab.stores.failpoints import failpoint
from collab.stores.sqlite_rows import give_space_back, infos, known_id, shrink

#: times that free pages are given back when something is erased
GIVEN_BACK = 50
#: whose rows are a document's
_TABLES = (
    "log",
    "snapshots",
    "history",
    "versions",
    "states",
    "quarantine",
    "streams",
    "stream_events",
    "stream_keys",
    "inbox",
)


def delete(connection: sqlite3.Connection, document: str, *, keep: bool) -> str | None:
    """End the life of a document; its epoch, or None if there is no such document."""
    with _erasing(connection, not keep):
        ended = _end(connection, document, keep=keep)
    failpoint("delete.after_commit")
    return ended


def _end(connection: sqlite3.Connection, document: str, *, keep: bool) -> str | None:
    row = connection.execute("SELECT id, epoch FROM documents WHERE name = ?", (document,)).fetchone()
    if row is None:
        return None
    id, epoch = row
    if keep:
        (info,) = infos(connection, [document])
        connection.execute(
            "INSERT INTO trash VALUES (?, ?, ?, ?, ?, ?)",
            (id, document, info.created_at, info.updated_at, time.time(), info.size),
        )
    else:
        _erase(connection, id)
    connection.execute("DELETE FROM documents WHERE id = ?", (id,))
    failpoint("delete.before_commit")
    return str(epoch)


def listed(
    connection: sqlite3.Connection, prefix: str, limit: int, after: str | None, since: float
) -> list[DeletedDocument]:
    least, most = max(prefix, after or ""), beyond_prefix(prefix)
    comparison = ">" if after is not None and after >= prefix else ">="
    rows = connection.execute(
        "SELECT name, size, created_at, updated_at, max(deleted_at) FROM trash"  # noqa: S608
        f" WHERE name {comparison} ? AND (? IS NULL OR name < ?) AND deleted_at >= ?"
        " GROUP BY name ORDER BY name LIMIT ?",
        (least, most, most, since, limit),
    )
    return [DeletedDocument(*row) for row in rows]


def undelete(connection: sqlite3.Connection, document: str, since: float) -> bool:
    row = connection.execute(
        "SELECT id, created_at, updated_at FROM trash WHERE name = ? AND deleted_at >= ?"
        " ORDER BY deleted_at DESC LIMIT 1",
        (document, since),
    ).fetchone()
    if row is None:
        return False
    if known_id(connection, document) is not None:
        raise CollabError("document_exists")
    id, created_at, updated_at = row
    connection.execute(
        "INSERT INTO documents (id, name, created_at, updated_at, epoch) VALUES (?, ?, ?, ?, ?)",
        (id, document, created_at, updated_at, fresh_epoch()),
    )
    connection.execute("DELETE FROM trash WHERE id = ?", (id,))
    failpoint("undelete.before_commit")
    return True


def purgeable(connection: sqlite3.Connection, document: str | None, before: float, limit: int) -> list[int]:
    """Ids of documents in the trash."""
    rows = connection.execute(
        f"SELECT id FROM trash WHERE deleted_at < ?{'' if document is None else ' AND name = ?'} LIMIT ?",  # noqa: S608
        (before, limit) if document is None else (before, document, limit),
    )
    return [row[0] for row in rows]


def purge(connection: sqlite3.Connection, id: int) -> bool:
    """Erase one document of the trash; False if it is not there any more."""
    with _erasing(connection, True):
        if connection.execute("DELETE FROM trash WHERE id = ?", (id,)).rowcount == 0:
            return False
        _erase(connection, id)
        failpoint("purge.before_commit")
        return True


def _erase(connection: sqlite3.Connection, id: int) -> None:
    for table in _TABLES:
        connection.execute(f"DELETE FROM {table} WHERE document = ?", (id,))  # noqa: S608


@contextmanager
def _erasing(connection: sqlite3.Connection, thoroughly: bool) -> Iterator[None]:
    """A transaction in which pages that are freed are overwritten, too."""
    if thoroughly:
        connection.execute("PRAGMA secure_delete = ON").fetchall()
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("COMMIT")
    finally:
        if thoroughly:
            connection.execute("PRAGMA secure_delete = FAST").fetchall()


def free_pages(connection: sqlite3.Connection) -> int:
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    return int(free)


async def erase_free_pages(write: Callable[..., Awaitable[int | None]]) -> None:
    """What was deleted is neither in the file nor in the WAL, unless somebody is just reading it."""
    for _ in range(GIVEN_BACK):
        await write(give_space_back, transaction=False)
        if not await write(free_pages, transaction=False):
            break
    await write(shrink, transaction=False)
