"""A SQLite file is given whole documents, and read by a store as if they had been made there."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from collab.errors import CollabError
from collab.protocol.mentions import mail_in
from collab.protocol.stream_events import body_of
from collab.stores import whole
from collab.stores.sqlite import SqliteStore
from collab.stores.sqlite_target import SqliteTarget
from collab.stores.streams import EVERYTHING
from tests.support.documents import typed, whole_document


async def test_what_is_put_is_there_and_goes_on(tmp_path: Path) -> None:
    path = str(tmp_path / "store.db")
    given = whole_document("notes", position=7)
    target = SqliteTarget(path)
    await target.put(given)
    await target.put(whole_document("empty", state=None, position=0))
    await target.close()
    store = SqliteStore(path)
    await store.open()
    store.streams.bounds = EVERYTHING
    found = await whole.read(store, "notes")
    assert found is not None
    assert (found.state, found.position, found.history) == (given.state, 7, given.history)
    assert (found.created_at, found.updated_at) == (given.created_at, given.updated_at)
    assert (found.streams, found.inbox) == (given.streams, given.inbox)
    assert (await store.streams.publish("notes", "chat", b"{}")).offset == 8
    assert (await store.streams.publish("notes", "x", b"{}")).offset == 4
    body = body_of("message", {"body": "@[bob]"}, {"participant": None, "name": "A", "agent": False})
    await store.streams.publish("notes", "chat", body, mail=mail_in("chat", body))
    assert [entry.id for entry in await store.inbox.read("bob")] == [10, 17, 19], "ids go on"
    assert [(v.name, v.participant, v.position, v.created_at, s) for v, s in found.versions] == [
        (v.name, v.participant, v.position, v.created_at, s) for v, s in given.versions
    ]
    assert await store.append("notes", typed("more")[0]) == 8
    assert [info.name for info in await store.documents()] == ["empty", "notes"]
    await store.close()


async def test_a_document_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "store.db")
    target = SqliteTarget(path)

    def full(*_args: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("collab.stores.sqlite_versions.add", full)
    with pytest.raises(CollabError, match="Cannot write notes: database or disk is full"):
        await target.put(whole_document("notes"))
    await target.close()
    store = SqliteStore(path)
    await store.open()
    assert await store.documents() == []
    await store.close()


async def test_a_file_with_documents_and_one_of_a_server_are_left_alone(tmp_path: Path) -> None:
    path = str(tmp_path / "store.db")
    store = SqliteStore(path)
    await store.open()
    with pytest.raises(CollabError, match="Cannot open"):
        SqliteTarget(path)
    await store.create("notes")
    await store.close()
    with pytest.raises(CollabError, match="holds documents already"):
        SqliteTarget(path)
    (tmp_path / "other").write_bytes(b"no database at all, but words" * 100)
    with pytest.raises(CollabError, match="Cannot open"):
        SqliteTarget(str(tmp_path / "other"))
