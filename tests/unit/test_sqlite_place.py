"""Where a SQLite file is: who has it, and what becomes of it while it is open."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from collab.stores import sqlite_mark, sqlite_place
from collab.stores.sqlite_place import Place, Whereabouts
from collab.stores.sqlite_schema import SchemaError, connect, prepare


class Opened:
    """A place whose file a connection has open."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.place = Place(str(path))
        self.place.lock()
        self.connection = connect(str(path))
        prepare(self.connection)
        self.connection.execute("INSERT INTO documents (id, name, created_at, updated_at) VALUES (1, 'a', 0, 0)")
        self.place.remember()

    def close(self) -> None:
        self.connection.close()
        self.place.unlock()


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    opened = Opened(tmp_path / "store.db")
    yield opened
    opened.close()


def names(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM documents")]


# -- the lock ----------------------------------------------------------------------------------------------


def test_a_file_that_is_not_there_is_created_for_its_owner_alone(tmp_path: Path) -> None:
    place = Place(str(tmp_path / "new.db"))
    assert place.lock() == str(tmp_path / "new.db")
    assert (tmp_path / "new.db").stat().st_mode & 0o777 == 0o600
    place.unlock()


@pytest.mark.parametrize("by", ["its name", "a symbolic link", "a hard link"])
def test_one_server_has_it_open_by_whatever_name(opened: Opened, tmp_path: Path, by: str) -> None:
    path = tmp_path / "other.db"
    if by == "a symbolic link":
        path.symlink_to(opened.path)
    elif by == "a hard link":
        path.hardlink_to(opened.path)
    other = Place(str(path if by != "its name" else opened.path))
    with pytest.raises(OSError, match="another server has it open"):
        other.lock()
    opened.close()
    other.lock()
    other.unlock()
    opened.connection = connect(str(opened.path))


def test_a_file_that_this_process_has_open_is_not_even_opened(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing it would cost SQLite its own locks on it."""

    def refuse(*_args: object) -> int:
        raise AssertionError("opened")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(OSError, match="another server has it open"):
        Place(str(opened.path)).lock()


@pytest.mark.slow
def test_another_process_meets_the_lock(opened: Opened) -> None:
    code = "import sys; from collab.stores.sqlite_place import Place; Place(sys.argv[1]).lock()"
    tried = subprocess.run([sys.executable, "-c", code, str(opened.path)], capture_output=True, text=True)
    assert "another server has it open" in tried.stderr


def test_locking_twice_is_having_it_once(opened: Opened) -> None:
    opened.place.lock()
    opened.place.unlock_former()
    with pytest.raises(OSError, match="another server"):
        Place(str(opened.path)).lock()


def test_the_file_before_stays_locked_until_it_is_let_go(opened: Opened, tmp_path: Path) -> None:
    moved = tmp_path / "moved.db"
    opened.path.rename(moved)
    opened.place.lock()
    with pytest.raises(OSError, match="another server"):
        Place(str(moved)).lock()
    opened.place.unlock_former()
    other = Place(str(moved))
    other.lock()
    other.unlock()


def test_several_names_are_worth_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.touch()
    (tmp_path / "other.db").hardlink_to(path)
    place = Place(str(path))
    with capture_logs() as said:
        place.lock()
    place.unlock()
    assert [line["names"] for line in said] == [2]


# -- looking -----------------------------------------------------------------------------------------------


def test_what_becomes_of_the_file_is_seen(opened: Opened, tmp_path: Path) -> None:
    place, path = opened.place, opened.path
    assert place.look() is Whereabouts.INTACT
    moved = tmp_path / "moved"
    path.rename(moved)
    assert place.look() is Whereabouts.GONE
    assert place.gone_for(0)
    assert not place.gone_for(60)
    moved.rename(path)
    assert place.look() is Whereabouts.INTACT
    assert not place.gone_for(0)
    (tmp_path / "store.db-wal").rename(moved)
    assert place.look() is Whereabouts.STRIPPED
    moved.rename(tmp_path / "store.db-wal")
    other = tmp_path / "other"
    other.write_bytes(path.read_bytes())
    other.replace(path)
    assert place.look() is Whereabouts.REPLACED


def test_how_long_it_has_not_changed(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(sqlite_place, "time", SimpleNamespace(monotonic=lambda: clock.now))
    assert not opened.place.stands_still(1.0)
    clock.now += 1
    assert opened.place.stands_still(1.0)
    with opened.path.open("ab") as file:
        file.write(b"x")
    assert not opened.place.stands_still(1.0)


def test_a_reason_is_said_once_in_a_row(opened: Opened) -> None:
    assert [opened.place.is_news(reason) for reason in "aaba"] == [True, False, True, True]
    opened.place.remember()
    assert opened.place.is_news("a")


def test_the_room_that_it_takes_and_that_is_left(opened: Opened, tmp_path: Path) -> None:
    space = opened.place.space()
    assert space.taken == sum(file.stat().st_size for file in tmp_path.iterdir())
    system = os.statvfs(tmp_path)
    assert space.free is not None and 0 < space.free <= system.f_blocks * system.f_frsize


# -- going on ----------------------------------------------------------------------------------------------


def test_a_file_that_is_gone_is_written_anew_as_a_whole(opened: Opened, tmp_path: Path) -> None:
    sqlite_mark.put(opened.connection)
    opened.place.remember()  # with what SQLite has beside it now
    opened.path.unlink()
    opened.place.clear()
    for end in ("", "-wal"):
        (tmp_path / f"store.db.part{end}").write_bytes(b"of an attempt before")
    opened.place.put(opened.connection)
    assert names(opened.path) == ["a"]
    with closing(sqlite3.connect(opened.path)) as connection:
        assert not sqlite_mark.is_set(connection), "it lacks nothing that stood beside the one before"
    assert opened.path.stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "store.db.part").exists()


def test_what_somebody_put_there_meanwhile_stays(opened: Opened, tmp_path: Path) -> None:
    opened.path.unlink()
    opened.path.write_bytes(b"theirs")
    with pytest.raises(FileExistsError):
        opened.place.put(opened.connection)
    assert opened.path.read_bytes() == b"theirs"
    assert not (tmp_path / "store.db.part").exists()


def test_only_what_is_ours_beside_another_file_is_taken_away(opened: Opened, tmp_path: Path) -> None:
    wal, shm = (tmp_path / f"store.db{suffix}" for suffix in ("-wal", "-shm"))
    opened.place.clear()
    assert wal.exists() and shm.exists(), "the file is ours as well"
    opened.path.rename(tmp_path / "moved")
    opened.path.write_bytes(b"theirs")
    shm.unlink()
    shm.write_bytes(b"theirs")
    opened.place.clear()
    assert not wal.exists()
    assert shm.read_bytes() == b"theirs"


def test_what_is_beside_another_file_outlives_our_connections(opened: Opened, tmp_path: Path) -> None:
    wal = tmp_path / "store.db-wal"
    opened.path.rename(tmp_path / "moved")
    opened.path.write_bytes(b"theirs")
    wal.unlink()
    wal.write_bytes(b"their edits")
    with opened.place.neighbours_kept():
        assert not wal.exists()
        opened.connection.close()
    assert wal.read_bytes() == b"their edits"


@pytest.mark.parametrize(("content", "fits"), [(b"", True), (b"no database at all, whatever it is" * 40, False)])
def test_the_file_in_its_place_is_looked_into(opened: Opened, content: bytes, fits: bool) -> None:
    opened.path.unlink()
    opened.path.write_bytes(content)
    if fits:
        opened.place.check()
    else:
        with pytest.raises(sqlite3.DatabaseError):
            opened.place.check()


def test_a_file_of_others_cannot_take_its_place(opened: Opened, tmp_path: Path) -> None:
    other = tmp_path / "other"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE t (x)")
    other.replace(opened.path)
    with pytest.raises(SchemaError):
        opened.place.check()
