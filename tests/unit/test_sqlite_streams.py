"""Streams in SQLite: a file of an older schema gets them, damage is found, and nothing stays of what is deleted."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from unittest import mock

import pytest

from collab.errors import CollabError
from collab.stores.sqlite import SqliteStore
from collab.stores.sqlite_copy import CopyError, back_up, restore
from collab.stores.sqlite_schema import _FROM_1_TO_2, _SINCE_2, _SINCE_3, _SINCE_4, _SINCE_5, _TABLES, APPLICATION_ID
from collab.stores.streams import REMEMBER_KEYS, StreamBounds

SECRET = b"nobody may ever read this"


def older(path: Path, schema: int) -> None:
    """A file as an older version has left it."""
    steps = f"{_FROM_1_TO_2} {_SINCE_2}" if schema >= 2 else ""
    for since, more in ((3, _SINCE_3), (4, _SINCE_4), (5, _SINCE_5)):
        steps += more if schema >= since else ""
    tables = _TABLES.replace(",\n    epoch TEXT NOT NULL DEFAULT ''", "").replace(
        ",\n    state INTEGER,\n    size INTEGER", ""
    )
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            f"PRAGMA application_id = {APPLICATION_ID}; {tables} {steps}; PRAGMA user_version = {schema};"
            " INSERT INTO documents (id, name, created_at, updated_at) VALUES (1, 'a', 1.0, 1.0)"
        )


@pytest.mark.parametrize("schema", [1, 2, 3, 4, 5])
async def test_a_file_of_an_older_schema_gets_streams(tmp_path: Path, schema: int) -> None:
    path = tmp_path / "store.db"
    older(path, schema)
    assert back_up(str(path), str(tmp_path / "copy")).documents == 1, "a copy of it can still be made"
    for offset in (1, 2):
        store = SqliteStore(str(path))
        await store.open()
        assert [info.name for info in await store.documents()] == ["a"]
        assert (await store.streams.publish("a", "chat", b"1")).offset == offset
        assert await store.inbox.read("bob") == []
        await store.close()


async def test_a_backup_has_the_streams_too(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "store.db"))
    await store.open()
    await store.streams.publish("a", "chat", b"1", key="k")
    back_up(str(tmp_path / "store.db"), str(tmp_path / "copy"))
    await store.close()
    restore(str(tmp_path / "copy"), str(tmp_path / "other.db"))
    store = SqliteStore(str(tmp_path / "other.db"))
    await store.open()
    assert [event.body for event in (await store.streams.read("a", "chat")).events] == [b"1"]
    assert not (await store.streams.publish("a", "chat", b"1", key="k")).fresh
    await store.close()


async def test_damage_is_found(tmp_path: Path) -> None:
    path = str(tmp_path / "store.db")
    store = SqliteStore(path)
    await store.open()
    await store.streams.publish("a", "chat", b"1")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE stream_events SET data = x'32'")
    with pytest.raises(CollabError, match="damaged"):
        await store.streams.read("a", "chat")
    assert "stream_events" in (await store.check(deep=True)).damaged["a"]
    await store.close()
    with pytest.raises(CopyError, match="damaged"):
        back_up(path, str(tmp_path / "copy"))


@pytest.mark.parametrize("through_the_trash", [False, True])
async def test_nothing_stays_of_what_is_deleted_for_good(tmp_path: Path, through_the_trash: bool) -> None:
    store = SqliteStore(str(tmp_path / "store.db"))
    await store.open()
    for number in range(50):
        await store.streams.publish("a", "chat", SECRET, key=f"{SECRET.decode()}{number}")
        await store.streams.publish("b", "chat", b"another")
    await store.delete("a", keep=through_the_trash)
    if through_the_trash:
        assert await store.purge("a") == 1
    assert not any(SECRET in file.read_bytes() for file in tmp_path.iterdir())
    assert (await store.streams.read("b", "chat")).last == 50
    await store.close()


async def test_what_is_too_old_goes_without_a_publication(tmp_path: Path) -> None:
    path = str(tmp_path / "store.db")
    store = SqliteStore(path)
    await store.open()
    for number in range(20):
        await store.streams.publish("a", "chat", b"1", key=str(number))
    store.streams.bounds = StreamBounds(keep_for=-1.0)
    later = time.time() + REMEMBER_KEYS + 1
    with mock.patch("collab.stores.sqlite_streams.SWEPT_AT_ONCE", 7), mock.patch("time.time", return_value=later):
        await store.streams.sweep()
    with closing(sqlite3.connect(path)) as connection:
        for table in ("stream_events", "stream_keys"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    await store.close()
