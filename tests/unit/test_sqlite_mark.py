"""A file says whether a server has it open, and says it also where nobody took what is beside it along."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from collab.stores import sqlite_mark as mark
from collab.stores.sqlite_schema import connect, prepare, uri

#: seconds that a lock is waited for
BUSY = 30


@pytest.fixture
def path(tmp_path: Path) -> str:
    path = tmp_path / "a.db"
    path.touch()
    return str(path)


@pytest.fixture
def connection(path: str) -> Iterator[sqlite3.Connection]:
    with closing(connect(path, busy_seconds=BUSY)) as connection:
        prepare(connection)
        yield connection


def test_a_new_file_is_not_marked(connection: sqlite3.Connection) -> None:
    assert not mark.is_set(connection)


def test_what_was_put_there_is_there_until_it_is_cleared(connection: sqlite3.Connection) -> None:
    mark.put(connection)
    assert mark.is_set(connection)
    mark.clear(connection)
    assert not mark.is_set(connection)


def test_it_stands_in_the_file_itself(connection: sqlite3.Connection, path: str) -> None:
    def in_the_file() -> bool:
        with closing(sqlite3.connect(uri(path, "ro", "&immutable=1"), uri=True)) as alone:
            return mark.is_set(alone)

    mark.put(connection)
    assert not in_the_file(), "a test that cannot fail otherwise"
    mark.into_the_file(connection)
    assert in_the_file()


def test_a_reader_that_holds_the_wal_is_no_fault(connection: sqlite3.Connection, path: str) -> None:
    with closing(connect(path, read_only=True)) as reader:
        reader.execute("BEGIN")
        assert not mark.is_set(reader)
        mark.put(connection)
        began = time.monotonic()
        mark.into_the_file(connection)
        assert time.monotonic() - began < BUSY / 2, "nor is it waited for"
        assert connection.execute("PRAGMA busy_timeout").fetchone() == (BUSY * 1000,)
        reader.execute("COMMIT")
        assert mark.is_set(reader)


@pytest.mark.parametrize("there", [True, False])
def test_only_where_it_is_marked_a_segment_is_missed(
    connection: sqlite3.Connection, tmp_path: Path, there: bool
) -> None:
    segment = tmp_path / "a.db-segment"
    if there:
        segment.touch()
    assert not mark.lacks_segment(connection, str(segment))
    assert not mark.has_segment(connection, str(segment))
    mark.put(connection)
    assert mark.has_segment(connection, str(segment)) is there
    assert mark.lacks_segment(connection, str(segment)) is not there


def test_a_file_of_an_older_schema_says_nothing(path: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE segment (salt, generation); PRAGMA user_version = 5")
        assert not mark.is_set(connection)
        mark.clear(connection)
