"""A copy of a store is whole or not there, and the store stays as it is."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from collab.stores import sqlite_copy
from collab.stores.sqlite import SqliteStore
from collab.stores.sqlite_copy import CopyError, back_up, restore
from collab.stores.sqlite_place import Place

UPDATE = b"\x01\x01\x05\x00\x04\x01\x01x\x03abc\0"


@pytest.fixture
async def store(tmp_path: Path) -> str:
    """The path of a store with two documents in it, one edit each."""
    path = str(tmp_path / "store.db")
    store = SqliteStore(path)
    await store.open()
    for name in ("one", "two"):
        await store.append(name, UPDATE, "ann")
    await store.close()
    return path


def names(path: str) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM documents ORDER BY name")]


def beside(folder: Path) -> list[str]:
    """What is there besides the store; whoever reads it leaves two empty files of SQLite."""
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("store.db"))


async def test_a_copy_of_a_copy_is_the_same(store: str, tmp_path: Path) -> None:
    file, again = str(tmp_path / "file"), str(tmp_path / "again.db")
    before = Path(store).read_bytes()
    copied = back_up(store, file)
    assert (copied.documents, copied.size) == (2, Path(file).stat().st_size)
    assert restore(file, again) == back_up(file, str(tmp_path / "third"))
    assert names(again) == ["one", "two"]
    opened = SqliteStore(again)
    await opened.open()
    found = await opened.load("one")
    assert found is not None
    assert [*found.tail] == [UPDATE]
    await opened.close()
    assert Path(store).read_bytes() == before


async def marked(path: str) -> bool:
    """Whether it is told of this store that something is missing."""
    store = SqliteStore(path)
    await store.open()
    report = await store.check()
    await store.close()
    return bool(report.damaged)


async def test_a_copy_of_a_store_that_is_open_is_whole_and_says_so(store: str, tmp_path: Path) -> None:
    running = SqliteStore(store)
    await running.open()
    await running.append("one", UPDATE, "ann", "e")
    back_up(store, str(tmp_path / "file"))
    by_hand = shutil.copy(store, str(tmp_path / "by-hand.db"))
    await running.close()
    back_up(by_hand, str(tmp_path / "file of a part"))
    restore(str(tmp_path / "file of a part"), str(tmp_path / "again.db"))
    found = {name: await marked(str(tmp_path / name)) for name in ("file", "by-hand.db", "again.db", "store.db")}
    assert found == {"file": False, "by-hand.db": True, "again.db": True, "store.db": False}


async def test_a_store_with_a_wrong_checksum_is_not_copied(store: str, tmp_path: Path) -> None:
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("UPDATE log SET data = x'00' WHERE position = (SELECT min(position) FROM log)")
        connection.commit()
    with pytest.raises(CopyError, match="damaged: one: log at position"):
        back_up(store, str(tmp_path / "file"))
    assert beside(tmp_path) == []


async def test_a_file_that_is_there_stays_until_the_copy_is_whole(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.write_text("the one before")
    with pytest.raises(CopyError, match="exists"):
        back_up(store, str(file))

    def fails(_path: str) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(sqlite_copy, "_sync", fails)
        with pytest.raises(CopyError, match="cannot be written: No space left"):
            back_up(store, str(file), replace=True)
    assert file.read_text() == "the one before"
    assert beside(tmp_path) == ["file"]
    back_up(store, str(file), replace=True)
    assert names(str(file)) == ["one", "two"]


async def test_another_copy_to_the_same_file_is_left_alone(store: str, tmp_path: Path) -> None:
    file = str(tmp_path / "file")
    first = Place(file + ".unfinished")
    first.lock()
    with pytest.raises(CopyError, match="cannot be written"):
        back_up(store, file, replace=True)
    assert beside(tmp_path) == ["file.unfinished"]
    first.unlock()
    back_up(store, file, replace=True)  # what somebody left who was killed is taken over
    assert beside(tmp_path) == ["file"]


def test_what_is_no_store_is_not_copied(tmp_path: Path) -> None:
    empty = tmp_path / "empty.db"
    with closing(sqlite3.connect(empty)) as connection:
        connection.execute("VACUUM")
    for path, words in ((tmp_path / "none.db", "is not there"), (empty, "is no store"), (tmp_path, "is not there")):
        with pytest.raises(CopyError, match=words):
            back_up(str(path), str(tmp_path / "file"))
