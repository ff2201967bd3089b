"""SQLite databases: of Hocuspocus (``@hocuspocus/extension-sqlite``), and of pycrdt-store (``SQLiteYStore``)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from collab.commands.others.found import Found, put_together


@contextmanager
def _opened(path: Path, table: str, columns: tuple[str, ...], whose: str) -> Iterator[sqlite3.Connection]:
    """A database that nothing is written to.

    Raises:
        ValueError: it is none, or has no such table.
    """
    if not path.is_file():
        raise ValueError(f"{path} is no file")
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False)) as database:
        try:
            there = {str(row[1]) for row in database.execute(f"PRAGMA table_info({table})")}
        except sqlite3.DatabaseError as error:
            raise ValueError(f"{path} is no SQLite database ({error})") from None
        if not there.issuperset(columns):
            raise ValueError(f"{path} has no table {table!r} with {', '.join(columns)}: {whose} has not made it")
        try:
            yield database
        except sqlite3.DatabaseError as error:
            raise ValueError(f"{path} is damaged ({error})") from None


def hocuspocus(path: Path) -> Iterator[Found]:
    """Documents that Hocuspocus keeps: one state for each name."""
    with _opened(path, "documents", ("name", "data"), "Hocuspocus") as database:
        for name, data in database.execute('SELECT name, data FROM "documents" ORDER BY name'):
            yield put_together(str(name), [_bytes(data)])


def pycrdt_store(path: Path) -> Iterator[Found]:
    """Documents of pycrdt-store: updates by path, and since version 0.1.3 a checkpoint."""
    with _opened(path, "yupdates", ("path", "yupdate"), "pycrdt-store") as database:
        tables = {str(row[0]) for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        for (name,) in database.execute("SELECT DISTINCT path FROM yupdates ORDER BY path").fetchall():
            # Not by their times: a clock that was set back would lose what came after.
            rows = database.execute("SELECT yupdate FROM yupdates WHERE path = ? ORDER BY rowid", (name,)).fetchall()
            if "ycheckpoints" in tables:
                rows = database.execute("SELECT checkpoint FROM ycheckpoints WHERE path = ?", (name,)).fetchall() + rows
            yield put_together(str(name), [_bytes(update) for (update,) in rows])


def _bytes(value: object) -> bytes:
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value or "").encode()
