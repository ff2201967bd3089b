"""States of versions in the file: once each, verified, and readable where an older release has written them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from collab.errors import CollabError
from collab.stores.sqlite import SqliteStore
from collab.stores.sqlite_rows import checksum

STATE = b"a state " * 1000


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "store.db")


async def test_a_state_is_one_row_however_many_versions_have_it(path: str) -> None:
    store = SqliteStore(path)
    await store.open()
    ids = [(await store.add_version("a", STATE, 1, None, None)).id for _ in range(5)]
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM states").fetchone() == (1,)
    for id in ids:
        await store.delete_version("a", id)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM states").fetchone() == (0,)
    await store.close()


async def test_a_damaged_state_is_not_given_out(path: str) -> None:
    store = SqliteStore(path)
    await store.open()
    version = await store.add_version("a", STATE, 1, None, None)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE states SET data = x'00'")
    with pytest.raises(CollabError, match="damaged"):
        await store.version("a", version.id)
    assert list((await store.check(deep=True)).damaged) == ["a"]
    await store.close()


async def test_versions_of_the_first_schema_are_read_and_deleted(path: str) -> None:
    store = SqliteStore(path)
    await store.open()
    await store.create("a")
    with sqlite3.connect(path) as connection:
        connection.execute(
            "INSERT INTO versions (document, name, position, created_at, checksum, data) VALUES (1, 'old', 7, 1, ?, ?)",
            (checksum(1, 7, STATE), STATE),
        )
    (old,) = await store.versions("a")
    assert (old.name, old.size) == ("old", len(STATE))
    assert await store.version("a", old.id) == (old, STATE)
    assert (await store.check(deep=True)).damaged == {}
    assert await store.delete_version("a", old.id)
    await store.close()
