"""The outbox in a file; the rest is in ``tests/contract/test_outbox.py``."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from collab.stores.outbox import Settled
from collab.stores.sqlite import SqliteStore
from collab.stores.sqlite_outbox import SqliteOutbox

WANTED = frozenset({"document.created", "document.deleted"})


def one(_type: str, _document: str) -> tuple[str, ...]:
    return ("e",)


async def test_it_is_there_after_a_restart_with_its_ids(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "store.db"))
    await store.open()
    await store.outbox.open(WANTED)
    await store.create("a")
    await store.outbox.collect(time.time(), one)
    await store.create("b")
    ((first,),) = await store.outbox.due("e", time.time() + 1, 10, frozenset())
    await store.outbox.settle([Settled(first, "retry", 5.0, 6.0, "HTTP 500")])
    await store.outbox.disable("e", 7.0)
    await store.close()
    store = SqliteStore(str(tmp_path / "store.db"))
    assert isinstance(store.outbox, SqliteOutbox)
    await store.open()
    await store.outbox.open(WANTED)
    assert (await store.outbox.states(["e"], 8.0))["e"].disabled_at == 7.0
    assert (await store.outbox.collect(time.time(), one))[0] == 1
    lanes = await store.outbox.due("e", time.time() + 1, 10, frozenset())
    assert {lane[0].event.document: (lane[0].attempts, lane[0].since) for lane in lanes} == {
        "a": (1, 5.0), "b": (0, None),
    }  # fmt: skip
    assert first.id in {lane[0].id for lane in lanes}
    await store.close()


async def test_a_file_without_webhooks_has_no_tables_of_it(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "store.db"))
    await store.open()
    await store.outbox.open(frozenset())
    await store.append("a", b"x")
    await store.close()
    with sqlite3.connect(tmp_path / "store.db") as connection:
        (count,) = connection.execute("SELECT count(*) FROM sqlite_master WHERE name LIKE 'webhook%'").fetchone()
    connection.close()
    assert count == 0
