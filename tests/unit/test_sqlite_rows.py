"""The statements of a SQLite store: what is damaged is found and put aside, and nothing else is lost."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from collab.errors import CollabError
from collab.stores import sqlite_rows as rows
from collab.stores.base import HistoryEntry
from collab.stores.sqlite_rows import checksum
from collab.stores.sqlite_schema import connect, prepare
from tests.support.repository import ROOT


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    path = tmp_path / "store.db"
    path.touch()
    connection = connect(str(path))
    prepare(connection)
    yield connection
    connection.close()


def log(
    connection: sqlite3.Connection, id: int, at: int, data: bytes, who: str | None = "ann", when: float = 0.0
) -> None:
    connection.execute("INSERT INTO log VALUES (?, ?, ?, ?, ?, ?)", (id, at, who, when, checksum(id, at, data), data))


def snapshot(connection: sqlite3.Connection, id: int, at: int, data: bytes) -> None:
    connection.execute("INSERT INTO snapshots VALUES (?, ?, 0, ?, ?)", (id, at, checksum(id, at, data), data))


def put(connection: sqlite3.Connection, table: str, **values: int) -> None:
    """A row with these values, of those that the table has, and anything in the others."""
    empty = {"INTEGER": 0, "REAL": 0.0, "TEXT": "", "BLOB": b""}
    columns = {name: empty[kind] for _, name, kind, *_ in connection.execute(f"PRAGMA table_info({table})")}
    row = {name: values.get(name, value) for name, value in columns.items()}
    connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", [*row.values()])


def count(connection: sqlite3.Connection, table: str) -> int:
    (found,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(found)


def test_a_document_has_one_id(connection: sqlite3.Connection) -> None:
    assert rows.known_id(connection, "a") is None
    id = rows.document_id(connection, "a", 5.0)
    assert rows.document_id(connection, "a", 6.0) == rows.known_id(connection, "a") == id
    assert rows.document_id(connection, "b", 5.0) != id
    assert connection.execute("SELECT created_at FROM documents WHERE name = 'a'").fetchone() == (5.0,)


@pytest.mark.parametrize("table", ["log", "snapshots", "history", "versions", "quarantine"])
def test_positions_go_on_behind_the_last_one_wherever_it_is(connection: sqlite3.Connection, table: str) -> None:
    """Or another edit would get the number of one that somebody has been told is saved."""
    assert rows.last_position(connection) == 0
    log(connection, 1, 3, b"x")
    put(connection, table, document=1, position=7, first=6, last=7)
    assert rows.last_position(connection) == 7


def test_a_document_is_its_snapshot_and_what_follows(connection: sqlite3.Connection) -> None:
    assert rows.load(connection, "a") == (None, 0)
    id = rows.document_id(connection, "a", 1.0)
    stored, damaged = rows.load(connection, "a")
    assert stored is not None
    assert (stored.snapshot, stored.tail, stored.position, damaged) == (None, [], 0, 0)
    snapshot(connection, id, 4, b"state")
    log(connection, id, 6, b"six", when=2.0)
    log(connection, id, 5, b"five", when=1.5)
    log(connection, rows.document_id(connection, "b", 1.0), 7, b"another's")
    stored, damaged = rows.load(connection, "a")
    assert stored is not None
    assert (stored.snapshot, stored.snapshot_position, stored.tail) == (b"state", 4, [b"five", b"six"])
    assert (stored.position, stored.updated_at, stored.damage, damaged) == (6, 2.0, (), 0)
    assert not connection.in_transaction


def test_a_damaged_row_ends_the_log_and_goes_aside_with_all_behind_it(connection: sqlite3.Connection) -> None:
    id = rows.document_id(connection, "a", 1.0)
    for at in (1, 2, 3, 4):
        log(connection, id, at, b"%d" % at)
    log(connection, rows.document_id(connection, "b", 1.0), 5, b"another's")
    connection.execute("UPDATE log SET data = x'00' WHERE position = 3")
    stored, damaged = rows.load(connection, "a")
    assert stored is not None
    assert (stored.tail, stored.position, damaged) == ([b"1", b"2"], 2, 3)
    assert stored.damage == ("log from position 3 on moved to quarantine",)
    rows.quarantine(connection, "a", damaged)
    assert rows.load(connection, "a")[1] == 0
    kept = connection.execute("SELECT position, reason, data FROM quarantine ORDER BY position").fetchall()
    assert kept == [(3, "checksum", b"\0"), (4, "checksum", b"4")]
    assert count(connection, "log") == 3
    rows.quarantine(connection, "a", damaged)
    assert count(connection, "quarantine") == 2, "once more is no harm"


def test_a_damaged_snapshot_is_told_and_ends_the_transaction(connection: sqlite3.Connection) -> None:
    id = rows.document_id(connection, "a", 1.0)
    snapshot(connection, id, 4, b"state")
    connection.execute("UPDATE snapshots SET position = 5")
    with pytest.raises(CollabError) as failed:
        rows.load(connection, "a")
    assert failed.value.code == "storage_unavailable"
    assert not connection.in_transaction


def test_the_history_of_the_log_is_summed_up_by_people(connection: sqlite3.Connection) -> None:
    for at, who in enumerate(("ann", "ann", "bob", "ann"), 1):
        log(connection, 1, at, b"x" * at, who, when=float(at))
    assert rows.log_history(connection, 1) == [
        HistoryEntry(1, 2, "ann", 2, 3, 1.0, 2.0), HistoryEntry(3, 3, "bob", 1, 3, 3.0, 3.0),
        HistoryEntry(4, 4, "ann", 1, 4, 4.0, 4.0),
    ]  # fmt: skip
    assert [entry.first for entry in rows.log_history(connection, 1, after=2, most=3)] == [3]
    assert rows.log_history(connection, 2) == []


def test_what_compaction_takes_over_goes_on_with_the_last_entry(connection: sqlite3.Connection) -> None:
    first = HistoryEntry(1, 2, "ann", 2, 3, 1.0, 2.0)
    rows.join_history(connection, 1, [first])
    rows.join_history(
        connection, 1, [HistoryEntry(3, 3, "ann", 1, 3, 3.0, 3.0), HistoryEntry(4, 4, "bob", 1, 4, 4.0, 4.0)]
    )
    kept = connection.execute("SELECT first, last, participant, updates, size FROM history ORDER BY first").fetchall()
    assert kept == [(1, 3, "ann", 3, 6), (4, 4, "bob", 1, 4)]


def test_a_look_at_everything_finds_what_is_damaged(connection: sqlite3.Connection) -> None:
    id = rows.document_id(connection, "a", 1.0)
    other = rows.document_id(connection, "b", 1.0)
    log(connection, id, 1, b"x")
    snapshot(connection, other, 2, b"state")
    assert rows.check(connection, deep=True) == (2, {})
    connection.execute("UPDATE snapshots SET data = x'00'")
    assert rows.check(connection, deep=False) == (2, {}), "checksums are looked at only if asked"
    assert rows.check(connection, deep=True) == (2, {"b": "snapshots at position 2: checksum"})
    connection.execute("UPDATE log SET checksum = 0")
    rows.quarantine(connection, "a", 1)
    assert rows.check(connection, deep=False)[1] == {"a": "1 log rows in quarantine, the first at position 1"}


def test_space_is_given_back(connection: sqlite3.Connection, tmp_path: Path) -> None:
    connection.execute("BEGIN")
    for at in range(200):
        log(connection, 1, at, bytes(4000))
    connection.execute("COMMIT")
    connection.execute("DELETE FROM log")
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    assert free > 100
    rows.give_space_back(connection)
    (left,) = connection.execute("PRAGMA freelist_count").fetchone()
    assert left == 0
    rows.shrink(connection)
    assert (tmp_path / "store.db-wal").stat().st_size == 0
    assert (tmp_path / "store.db").stat().st_size < 200_000


def test_no_parameter_has_a_number() -> None:
    """From Python 3.14 on, a sequence is refused where one has, and before 3.12 nothing tells."""
    texts = {path.name: path.read_text() for path in (ROOT / "collab" / "stores").glob("*.py")}
    assert "sqlite_rows.py" in texts
    assert [name for name, text in texts.items() if re.search(r"[\s(=,]\?\d", text)] == []
