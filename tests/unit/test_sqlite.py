"""Documents in a file: whose file it is, which log an edit goes to, and that what is deleted is not in it any more."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from collab.errors import CollabError
from collab.stores.base import Store
from collab.stores.sqlite import SqliteStore


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(str(tmp_path / "a.db"))
    await store.open()
    yield store
    await store.close()


async def code_of(asking: object) -> str:
    with pytest.raises(CollabError) as refused:
        await asking  # type: ignore[misc]
    return refused.value.code


async def again(path: Path) -> SqliteStore:
    store = SqliteStore(str(path))
    await store.open()
    return store


async def test_a_new_file_is_its_owners_only(store: SqliteStore, tmp_path: Path) -> None:
    await store.append("a", b"x", epoch="e")
    for file in tmp_path.glob("a.db*"):
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file


async def test_one_server_has_a_file_and_others_may_look(store: SqliteStore, tmp_path: Path) -> None:
    await store.append("a", b"x", epoch="e")
    second = SqliteStore(str(tmp_path / "a.db"))
    with pytest.raises(CollabError, match="another server"):
        await second.open()
    await second.close()
    reader = SqliteStore(str(tmp_path / "a.db"), read_only=True)
    await reader.open()
    stored = await reader.load("a")
    assert stored is not None and stored.tail == [b"x"]
    for work in (reader.create("b"), reader.append("a", b"y"), reader.delete("a"), reader.compact("a", b"", 1)):
        assert await code_of(work) == "storage_unavailable"
    await reader.close()
    await store.append("a", b"y", epoch="e")


async def test_a_file_that_could_not_be_opened_is_let_go(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    before = path.read_bytes()
    for _ in range(2):
        store = SqliteStore(str(path))
        assert await code_of(store.open()) == "storage_unavailable"
        await store.close()
    assert path.read_bytes() == before, "theirs is left alone"


async def test_what_is_closed_takes_and_gives_nothing(tmp_path: Path) -> None:
    store = await again(tmp_path / "a.db")
    waiting = store.append("a", b"x", epoch="e")
    await store.close()
    await store.close()
    assert await waiting == 1, "what was under way is finished"
    for work in (store.append("a", b"y"), store.load("a"), store.names(), store.create("b"), store.check()):
        assert await code_of(work) == "storage_unavailable"
    assert not list(tmp_path.glob("a.db-*")), "the log beside the file is folded into it"


async def test_positions_are_in_the_order_of_the_calls_and_rise_over_restarts(tmp_path: Path) -> None:
    positions: list[int] = []
    for _ in range(3):
        store = await again(tmp_path / "a.db")
        futures = [store.append(f"{number % 3}", b"%d" % number, epoch=f"e{number % 3}") for number in range(200)]
        positions += await asyncio.gather(*futures)
        stored = await store.load("1")
        assert stored is not None
        assert stored.tail[-66:] == [b"%d" % number for number in range(200) if number % 3 == 1][-66:]
        await store.delete("0")
        await store.close()
    assert positions == sorted(set(positions))


async def test_an_edit_of_an_ended_life_is_refused_and_the_next_life_is_free(store: SqliteStore) -> None:
    await store.append("a", b"old", epoch="e1")
    assert await store.delete("a", epoch="e1")
    mixed = [
        store.append("a", b"late", epoch="e1"),
        store.append("a", b"new", epoch="e2"),
        store.append("b", b"x", epoch="e3"),
    ]
    results = await asyncio.gather(*mixed, return_exceptions=True)
    assert isinstance(results[0], CollabError) and results[0].code == "document_deleted"
    assert results[1:] == [2, 3], "one batch, of which the others are good"
    stored = await store.load("a")
    assert stored is not None and stored.tail == [b"new"]
    await store.compact("a", b"old state", 3, "e1")
    assert await store.load("a") == stored, "nor is it compacted by who has not noticed"
    assert await code_of(store.add_version("a", b"s", 1, None, None, "e1")) == "document_deleted"


async def test_a_document_that_was_never_written_ends_all_the_same(store: SqliteStore) -> None:
    assert not await store.delete("a", epoch="e1")
    assert await code_of(store.append("a", b"late", epoch="e1")) == "document_deleted"
    assert await store.load("a") is None


async def test_of_ended_lives_not_all_are_remembered_for_ever(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collab.stores.sqlite_log.ENDED", 3)
    for number in range(5):
        await store.delete("a", epoch=f"e{number}")
    assert list(store._log._ended) == ["e2", "e3", "e4"]


async def test_what_is_deleted_for_good_is_not_in_the_file(store: SqliteStore, tmp_path: Path) -> None:
    secret = b"a secret that nobody shall find " * 500
    await store.append("a", secret, epoch="e")
    await store.add_version("a", secret, 1, "v", None, "e")
    await store.append("b", b"stays", epoch="f")

    def found() -> bool:
        return any(secret[:32] in file.read_bytes() for file in tmp_path.glob("a.db*"))

    assert found()
    assert await store.delete("a", keep=True)
    assert found(), "it lies in the trash"
    assert await store.purge("a") == 1
    assert not found()
    stored = await store.load("b")
    assert stored is not None and stored.tail == [b"stays"]


async def test_a_damaged_row_is_put_aside_once_and_the_rest_goes_on(tmp_path: Path) -> None:
    store = await again(tmp_path / "a.db")
    for number in range(4):
        await store.append("a", b"%d" % number, epoch="e")
    await store.close()
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("UPDATE log SET data = x'00' WHERE position = 3")
    connection.close()
    store = await again(tmp_path / "a.db")
    report = await store.check(deep=True)
    assert list(report.damaged) == ["a"]
    for damage in (1, 0):
        stored = await store.load("a")
        assert stored is not None
        assert (stored.tail, len(stored.damage)) == ([b"0", b"1"], damage)
    assert await store.append("a", b"on", epoch="e") > 4
    assert (await store.check(deep=True)).damaged == {"a": "2 log rows in quarantine, the first at position 3"}
    await store.close()


async def test_a_list_does_not_wait_for_who_opens_a_document(store: SqliteStore) -> None:
    await store.append("a", b"x", epoch="e")
    gate = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(_connection: sqlite3.Connection) -> None:
        asyncio.run_coroutine_threadsafe(gate.wait(), loop).result()

    blocked = asyncio.create_task(store._read(slow))
    async with asyncio.timeout(20):
        assert await store.names() == ["a"]
    assert not blocked.done()
    gate.set()
    await blocked


def test_it_is_a_store() -> None:
    assert not SqliteStore.__abstractmethods__
    assert issubclass(SqliteStore, Store)
