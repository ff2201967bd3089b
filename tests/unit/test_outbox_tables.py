"""The tables of the outbox; what they do is in ``tests/contract/test_outbox.py``."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from collab.stores import outbox_tables as tables
from collab.stores.outbox import MOST_FAILED, MOST_PARTICIPANTS, TYPES, Event, Settled
from collab.stores.sqlite_schema import connect, prepare


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    tables.prepare(connection)
    yield connection
    connection.close()


def test_only_the_connection_that_writes_knows_of_it(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.touch()
    mine = connect(str(path))
    prepare(mine)
    tables.prepare(mine, frozenset(TYPES))
    other = connect(str(path))
    tables.prepare(mine)  # twice is once
    for number, each in enumerate((mine, other)):
        each.execute(
            "INSERT INTO documents VALUES (?, ?, 0, 0, ?)", (number + 1, f"d{number}", str(number)),
        )  # fmt: skip
    assert mine.execute("SELECT document, type FROM webhook_events").fetchall() == [("d0", "document.created")]
    mine.close()
    other.close()


def test_what_a_transaction_takes_back_is_not_told(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.touch()
    connection = connect(str(path))
    prepare(connection)
    tables.prepare(connection, frozenset({"document.changed", "document.created"}))
    connection.execute("BEGIN")
    connection.execute("INSERT INTO documents VALUES (1, 'a', 0, 0, 'e')")
    connection.execute("INSERT INTO log VALUES (1, 1, 'ann', 5.0, 0, x'00')")
    connection.execute("ROLLBACK")
    assert tables.idle(connection) and not tables.edited(connection, 1e12)
    connection.close()


def test_an_event_names_so_many_people_and_no_more(connection: sqlite3.Connection) -> None:
    for number in range(MOST_PARTICIPANTS + 20):
        tables.note_edit(connection, "a", 1.0, number + 1, 1, f"p{number}")
    tables.note_edit(connection, "a", 1.0, 500, 1, "p115")
    tables.promote(connection, "a")
    ((data,),) = connection.execute("SELECT data FROM webhook_events").fetchall()
    assert data.count('["p') == MOST_PARTICIPANTS and '["p115",2]' in data
    assert '"updates":121' in data and '"position":500' in data


def test_failures_have_a_bound(connection: sqlite3.Connection) -> None:
    tables.put(connection, [Event(f"d{n}", "session.left", 1.0) for n in range(3)])
    tables.collect(connection, 1.0, lambda _type, _document: ("e",), 100, [])
    connection.executemany(
        "INSERT INTO webhook_deliveries (id, endpoint, document, type, at, data, failed_at) VALUES (?, 'e', 'x', 't', 1,"
        " '{}', ?)",
        [(f"m{n}", float(n)) for n in range(MOST_FAILED)],
    )  # fmt: skip
    lanes = tables.due(connection, "e", 2.0, 10, frozenset())
    tables.settle(connection, [Settled(lane[0], "failed", 1e6, reason="no") for lane in lanes])
    state = tables.states(connection, ["e"])["e"]
    assert (state.failed, state.waiting) == (MOST_FAILED, 0)
    assert [each.id for each in tables.deliveries(connection, "e", True, MOST_FAILED)][-1] == "m3"


def test_numbers_of_documents_that_are_due_have_a_bound(connection: sqlite3.Connection) -> None:
    tables.put(connection, [Event(f"d{n}", "session.left", 1.0) for n in range(20)])
    tables.collect(connection, 1.0, lambda _type, _document: ("e",), 100, [])
    first = tables.due(connection, "e", 2.0, 5, frozenset())
    busy = frozenset(lane[0].event.document for lane in first)
    second = tables.due(connection, "e", 2.0, 5, busy)
    assert len(first) == len(second) == 5 and not busy & {lane[0].event.document for lane in second}
