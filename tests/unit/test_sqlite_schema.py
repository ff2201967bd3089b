"""How a SQLite file is opened: with the settings that the promise rests on, and never another's."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from collab.stores.sqlite_schema import (
    APPLICATION_ID,
    SCHEMA_VERSION,
    SchemaError,
    check_is_ours,
    connect,
    prepare,
    uri,
)


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A prepared file whose name SQLite would take for something else."""
    path = tmp_path / "a b?mode=memory#%41é.db"
    path.touch()
    with closing(connect(str(path))) as connection:
        prepare(connection)
    return str(path)


def test_what_is_committed_is_flushed(path: str) -> None:
    with closing(connect(path)) as connection:
        asked = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "auto_vacuum")
        }
    assert asked == {"journal_mode": "wal", "synchronous": 2, "auto_vacuum": 2}


def test_a_reader_writes_nothing(path: str) -> None:
    with closing(connect(path, read_only=True)) as connection, pytest.raises(sqlite3.OperationalError):
        connection.execute("INSERT INTO documents (id, name, created_at, updated_at) VALUES (1, 'a', 0, 0)")


def test_any_name_is_that_of_its_file(path: str, tmp_path: Path) -> None:
    assert "documents" in tables(path)
    assert sorted(each.name for each in tmp_path.iterdir() if not each.name.endswith(("-wal", "-shm"))) == [
        Path(path).name
    ]
    with closing(sqlite3.connect(uri(path, "ro"), uri=True)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)


def tables(path: str) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


@pytest.mark.parametrize("read_only", [True, False])
def test_no_file_is_created(tmp_path: Path, read_only: bool) -> None:
    with pytest.raises(sqlite3.OperationalError):
        connect(str(tmp_path / "nothing"), read_only=read_only)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_prepared_once(path: str) -> None:
    with closing(connect(path)) as connection:
        connection.execute("INSERT INTO documents (id, name, created_at, updated_at) VALUES (1, 'a', 0, 0)")
        prepare(connection)
        assert connection.execute("SELECT name FROM documents").fetchall() == [("a",)]
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize(
    ("statements", "words"),
    [
        ("CREATE TABLE t (x)", "another application"),
        (f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION + 1}; CREATE TABLE t (x)", f"schema {SCHEMA_VERSION + 1}"),
        ("PRAGMA application_id = 7", None),
        (f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION}; CREATE TABLE t (x)", None),
    ],
    ids=["of others", "newer", "empty", "ours"],
)  # fmt: skip
def test_a_file_is_looked_at_before_it_is_touched(
    tmp_path: Path, statements: str, words: str | None, alone: bool
) -> None:
    path = tmp_path / "file.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(statements)
    before = path.read_bytes()
    if words is None:
        check_is_ours(str(path), alone=alone)
    else:
        with pytest.raises(SchemaError, match=words):
            check_is_ours(str(path), alone=alone)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "file.db"
    path.write_bytes(b"not a database, but long enough to be one " * 50)
    with pytest.raises(sqlite3.DatabaseError):
        check_is_ours(str(path))
