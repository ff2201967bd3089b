"""What is deleted for good is in no file any more; a file of the first schema gets a trash."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from collab.stores.sqlite import SqliteStore
from collab.stores.sqlite_rows import check, checksum
from collab.stores.sqlite_schema import _SINCE_2, _TABLES, APPLICATION_ID, SCHEMA_VERSION

SECRET = b"nobody may ever read this"


def traces(folder: Path) -> int:
    """How often the secret stands in the files of a store."""
    return sum(file.read_bytes().count(SECRET) for file in folder.iterdir())


@pytest.mark.parametrize("through_the_trash", [False, True])
@pytest.mark.slow
async def test_nothing_stays_of_what_is_deleted_for_good(tmp_path: Path, through_the_trash: bool) -> None:
    store = SqliteStore(str(tmp_path / "store.db"))
    await store.open()
    for number in range(200):
        await store.append("a", SECRET + b"%d" % number, "ada")
        await store.append("beside it", b"another" * 5, "bob")
    position = await store.append("a", SECRET * 10_000)
    await store.compact("a", SECRET * 500, position)
    await store.append("a", SECRET)
    await store.add_version("a", SECRET * 1000, position, "one", None)
    assert traces(tmp_path) > 0
    if through_the_trash:
        assert await store.delete("a", keep=True)
        assert traces(tmp_path) > 0
        assert await store.purge("a") == 1
    else:
        assert await store.delete("a")
    assert traces(tmp_path) == 0
    beside = await store.load("beside it")
    assert beside is not None
    assert len(beside.tail) == 200
    await store.close()
    assert traces(tmp_path) == 0


async def test_into_the_trash_costs_the_same_whatever_the_size(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "store.db"))
    await store.open()
    await store.append("a", b"x" * 10_000_000)
    with sqlite3.connect(tmp_path / "store.db") as connection:
        before = connection.execute("SELECT count(*), sum(length(data)) FROM log").fetchone()
        assert await store.delete("a", keep=True)
        assert connection.execute("SELECT count(*), sum(length(data)) FROM log").fetchone() == before
    await store.close()


async def test_ids_of_documents_are_never_given_again(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "store.db"))
    await store.open()
    await store.append("a", b"in the trash")
    await store.delete("a", keep=True)
    await store.append("b", b"alive")
    assert await store.undelete("a")
    for name, text in (("a", b"in the trash"), ("b", b"alive")):
        stored = await store.load(name)
        assert stored is not None
        assert stored.tail == [text]
    await store.close()


def old_file(path: Path) -> None:
    """What the release before wrote."""
    with sqlite3.connect(path) as connection:
        connection.executescript(f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 1; {_TABLES}")
        connection.executescript(
            "ALTER TABLE documents DROP COLUMN epoch; ALTER TABLE versions DROP COLUMN state;"
            "ALTER TABLE versions DROP COLUMN size;"
        )
        connection.execute("INSERT INTO documents VALUES (5, 'old', 1, 1)")
        connection.execute("INSERT INTO log VALUES (5, 3, 'ada', 1, ?, x'aabb')", (checksum(5, 3, b"\xaa\xbb"),))
        connection.execute(
            "INSERT INTO versions VALUES (1, 5, 'kept', NULL, 3, 1, ?, x'cc')", (checksum(5, 3, b"\xcc"),)
        )


async def test_a_file_of_the_first_schema_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    old_file(path)
    with sqlite3.connect(path) as connection:
        assert check(connection, True) == (1, {}), "a backup meets it as it is"
    store = SqliteStore(str(path))
    await store.open()
    stored = await store.load("old")
    assert stored is not None
    assert (stored.tail, len(stored.epoch)) == ([b"\xaa\xbb"], 16)
    (version,) = await store.versions("old")
    assert await store.version("old", version.id) == (version, b"\xcc")
    await store.append("new", b"x")
    assert await store.delete("old", keep=True)
    assert await store.undelete("old")
    assert (await store.check(deep=True)).damaged == {}
    await store.close()
    again = SqliteStore(str(path))
    await again.open()
    assert [info.name for info in await again.documents()] == ["new", "old"]
    await again.close()
    assert _SINCE_2


async def test_a_look_at_an_old_file_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    old_file(path)
    store = SqliteStore(str(path), read_only=True)
    with pytest.raises(Exception, match=f"a start of the server brings it to {SCHEMA_VERSION}"):
        await store.open()
    await store.close()
