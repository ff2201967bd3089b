"""Inboxes in SQLite: an entry stands and falls with the transaction of its event; backups have them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from collab.errors import CollabError
from collab.protocol.mentions import mail_in
from collab.protocol.stream_events import body_of
from collab.stores import sqlite_streams
from collab.stores.sqlite import SqliteStore
from collab.stores.sqlite_copy import back_up, restore

BODY = body_of(
    "message", {"body": "@[bob] nobody may ever read this"}, {"participant": "ann", "name": "Ann", "agent": False}
)


async def test_what_is_not_committed_is_in_neither(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, heard = SqliteStore(str(tmp_path / "store.db")), []
    await store.open()
    store.inbox.on_news = lambda whose, id: heard.append((whose, id))

    def fail(_name: str) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patched:
        patched.setattr(sqlite_streams, "failpoint", fail)
        with pytest.raises(CollabError, match="storage_unavailable"):
            await store.streams.publish("a", "chat", BODY, mail=mail_in("chat", BODY))
    assert (await store.inbox.read("bob"), heard) == ([], [])
    await store.streams.publish("a", "chat", BODY, mail=mail_in("chat", BODY))
    (entry,) = await store.inbox.read("bob")
    assert (entry.offset, heard) == (1, [("bob", entry.id)])
    await store.close()


async def test_a_backup_has_it_and_nothing_stays_of_what_is_deleted(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "store.db"))
    await store.open()
    await store.streams.publish("a", "chat", BODY, mail=mail_in("chat", BODY))
    back_up(str(tmp_path / "store.db"), str(tmp_path / "copy"))
    await store.delete("a")
    await store.close()
    assert b"ever read this" not in (tmp_path / "store.db").read_bytes()
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        assert connection.execute("SELECT count(*) FROM inbox").fetchone() == (0,)
    restore(str(tmp_path / "copy"), str(tmp_path / "other.db"))
    store = SqliteStore(str(tmp_path / "other.db"))
    await store.open()
    assert [entry.document for entry in await store.inbox.read("bob")] == ["a"]
    await store.close()
