"""What the file of a SQLite store says of itself: that a server has it open, and that a segment stands beside it.

A copy of such a file by itself is a sound store without the last edits, and nothing else in it tells. So the segment is
made before the mark, which stands in the file itself (and not in its WAL) before anything is acknowledged; and it is
removed after the mark. A file with the mark and without a segment was taken away from the files beside it.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress

from collab.stores.sqlite_schema import MARK_SINCE


def lacks_segment(connection: sqlite3.Connection, segment: str) -> bool:
    """Whether the file was open when it was copied, and its segment, at the path ``segment`` now, was left behind."""
    return is_set(connection) and not os.path.lexists(segment)


def has_segment(connection: sqlite3.Connection, segment: str) -> bool:
    """Whether the segment counts: of a file that was closed none does, whatever lies at the path ``segment``."""
    return is_set(connection) and os.path.lexists(segment)


def is_set(connection: sqlite3.Connection) -> bool:
    """Whether a server has the file open, or ended without closing it; False in a file of an older schema."""
    (schema,) = connection.execute("PRAGMA user_version").fetchone()
    if schema < MARK_SINCE:
        return False
    return bool(connection.execute("SELECT open FROM segment").fetchone()[0])


def put(connection: sqlite3.Connection) -> None:
    """Set it, in the caller's transaction."""
    connection.execute("UPDATE segment SET open = 1")


def into_the_file(connection: sqlite3.Connection) -> None:
    """Fold the WAL into the file, after :func:`put` was committed: a copy of the file alone has the mark then."""
    (patience,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute("PRAGMA busy_timeout = 0")  # a start does not wait for whoever is making a backup
    try:
        with suppress(sqlite3.Error):  # what a commit needs, a commit says
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {patience}")


def clear(connection: sqlite3.Connection) -> None:
    """Take it away: all there is stands in this file. Nothing in a file of an older schema."""
    if is_set(connection):
        connection.execute("UPDATE segment SET open = 0")
