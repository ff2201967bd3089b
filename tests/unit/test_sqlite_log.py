"""Segment and tables together: what was acknowledged is there, at whatever moment the power goes."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from collab.errors import CollabError
from collab.stores import segment, sqlite_copy, sqlite_log, sqlite_mark
from collab.stores import sqlite_rows as sql
from collab.stores.segment import read
from collab.stores.sqlite import SqliteStore

LACKS = "the database file was copied without those beside it: the last edits may be missing"
PUT_ASIDE = "the log may have lost edits: its segment is put aside"


async def code_of(asking: Awaitable[object]) -> str:
    with pytest.raises(CollabError) as caught:
        await asking
    return caught.value.code


async def opened(path: Path) -> SqliteStore:
    store = SqliteStore(str(path))
    await store.open()
    return store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = await opened(tmp_path / "a.db")
    yield store
    await store.close()


def after_a_power_cut(tmp_path: Path, name: str = "cut") -> Path:
    """The files of the store as they are now, elsewhere."""
    folder = tmp_path / name
    folder.mkdir()
    for end in ("", "-wal", "-segment"):
        shutil.copy(tmp_path / f"a.db{end}", folder / f"a.db{end}")
    return folder / "a.db"


async def tail(store: SqliteStore, document: str = "a") -> list[bytes]:
    stored = await store.load(document)
    return [] if stored is None else stored.tail


def segment_rows(path: Path) -> int:
    with sqlite3.connect(path) as connection:
        found = len(read(f"{path}-segment", *sql.generation(connection)).rows)
    connection.close()
    return found


async def test_the_first_edit_of_a_document_is_in_the_tables_and_the_next_in_front(
    store: SqliteStore, tmp_path: Path
) -> None:
    await store.append("a", b"1", epoch="e")
    assert segment_rows(tmp_path / "a.db") == 0
    await store.append("a", b"2", epoch="e")
    await store.append("a", b"3", epoch="e")
    assert segment_rows(tmp_path / "a.db") == 2


async def test_what_reads_finds_what_stands_in_front(store: SqliteStore) -> None:
    for number in range(3):
        await store.append("a", b"%d" % number, "ann", epoch="e")
    (info,) = await store.infos(["a"])
    assert info.size == 3
    await store.append("a", b"3", "ann", epoch="e")
    assert await tail(store) == [b"0", b"1", b"2", b"3"]
    await store.append("a", b"4", "bob", epoch="e")
    assert [entry.participant for entry in await store.history("a")] == ["ann", "bob"]
    await store.append("a", b"5", epoch="e")
    await store.compact("a", b"state", 3, "e")
    assert await tail(store) == [b"3", b"4", b"5"]


async def test_whoever_opens_another_document_leaves_it_where_it_is(store: SqliteStore, tmp_path: Path) -> None:
    for name in "ab":
        await store.append(name, b"1", epoch=name)
    await store.append("a", b"2", epoch="a")
    assert await tail(store, "b") == [b"1"]
    assert segment_rows(tmp_path / "a.db") == 1


async def test_nothing_acknowledged_is_lost_at_any_moment(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Random work; after each answer the power goes, and what is there is what was answered."""
    monkeypatch.setattr(segment, "MAX_ROWS", 7)
    random_ = random.Random(4)
    wanted: dict[str, list[bytes]] = {}
    lives: dict[str, str] = {}
    latest: dict[str, int] = {}
    for step in range(120):
        name = random_.choice("abc")
        deed = random_.choice(["append"] * 8 + ["compact", "load", "delete", "version", "stop"])
        if deed == "append":
            epoch = lives.setdefault(name, f"{name}{step}")
            update = b"%d " % step
            position = await store.append(name, update, "ann", epoch=epoch)
            assert position > max(latest.values(), default=0)
            latest[name] = position
            wanted.setdefault(name, []).append(update)
        elif deed == "delete":
            await store.delete(name, epoch=lives.pop(name, ""))
            wanted.pop(name, None)
            latest.pop(name, None)
        elif deed == "version" and name in lives:
            await store.add_version(name, b"state", 1, "v", None, lives[name])
        elif deed == "compact" and name in lives:
            await store.compact(name, b"".join(wanted[name]), latest[name], lives[name])
            wanted[name] = [b"".join(wanted[name])]
        elif deed == "stop":
            await store.close()
            store = await opened(tmp_path / "a.db")
        else:
            await tail(store, name)
        again = await opened(after_a_power_cut(tmp_path, f"cut{step}"))
        try:
            for each in "abc":
                stored = await again.load(each)
                found = [] if stored is None else [*filter(None, [stored.snapshot]), *stored.tail]
                assert b"".join(found) == b"".join(wanted.get(each, [])), f"{each} after step {step}, {deed}"
            report = await again.check(deep=True)
            assert not report.damaged
            assert await again.append("z", b"x") > max(latest.values(), default=0), "no position is given twice"
        finally:
            await again.close()
        shutil.rmtree(tmp_path / f"cut{step}")
    await store.close()


async def test_after_a_stop_the_file_is_alone(store: SqliteStore, tmp_path: Path) -> None:
    for number in range(3):
        await store.append("a", b"%d" % number, epoch="e")
    await store.close()
    assert [each.name for each in tmp_path.iterdir()] == ["a.db"]
    again = await opened(tmp_path / "a.db")
    assert await tail(again) == [b"0", b"1", b"2"]
    await again.close()


async def test_where_the_segment_fails_the_tables_take_it(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_file: int) -> None:
        raise OSError(5, "Input/output error")

    await store.append("a", b"1", epoch="e")
    await store.append("a", b"2", epoch="e")
    with monkeypatch.context() as patched:
        patched.setattr(segment, "_flush", broken)
        await store.append("a", b"3", epoch="e")
    assert segment_rows(tmp_path / "a.db") == 0
    await store.append("a", b"4", epoch="e")
    assert segment_rows(tmp_path / "a.db") == 1, "and then it goes on"
    cut = await opened(after_a_power_cut(tmp_path))
    assert await tail(cut) == [b"1", b"2", b"3", b"4"]
    await cut.close()


async def test_where_both_fail_nothing_is_acknowledged_and_nothing_lost(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    def full(*_args: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    await store.append("a", b"1", epoch="e")
    await store.append("a", b"2", epoch="e")
    with monkeypatch.context() as patched:
        patched.setattr(segment, "_flush", broken)
        patched.setattr(sql, "insert", full)
        assert await code_of(store.append("a", b"3", epoch="e")) == "storage_unavailable"
        assert await code_of(store.load("a")) == "storage_unavailable", "better than without the newest edit"
    assert await store.append("a", b"3", epoch="e") > 2
    assert await tail(store) == [b"1", b"2", b"3"]
    cut = await opened(after_a_power_cut(tmp_path))
    assert await tail(cut) == [b"1", b"2", b"3"]
    await cut.close()


async def test_a_damaged_segment_costs_what_is_damaged_and_is_told_and_kept(store: SqliteStore, tmp_path: Path) -> None:
    await store.append("a", b"1", epoch="e")
    for number in range(2, 6):
        await store.append("a", b"%d" % number * 40, epoch="e")
    path = after_a_power_cut(tmp_path)
    beside = Path(f"{path}-segment")
    data = beside.read_bytes()
    beside.write_bytes(data.replace(b"3" * 40, b"3" * 39 + b"x"))
    looked = SqliteStore(str(path), read_only=True)
    await looked.open()
    assert list((await looked.check(deep=True)).damaged) == ["(segment)"]
    await looked.close()
    with pytest.raises(sqlite_copy.CopyError, match="its segment"):
        sqlite_copy.back_up(str(path), str(tmp_path / "backup"))
    with capture_logs() as lines:
        again = await opened(path)
    assert [(line["log_level"], line["event"], line["reason"]) for line in lines] == [
        ("error", PUT_ASIDE, "it is damaged at 1 place(s)")
    ]
    assert b"3" * 39 + b"x" in Path(lines[0]["path"]).read_bytes()
    assert await tail(again) == [b"1", b"2" * 40, b"4" * 40, b"5" * 40]
    await again.close()


async def test_a_segment_of_another_store_is_not_taken(store: SqliteStore, tmp_path: Path) -> None:
    for number in range(3):
        await store.append("a", b"%d" % number, epoch="e")
    (tmp_path / "other").mkdir()
    shutil.copy(tmp_path / "a.db-segment", tmp_path / "other" / "b.db-segment")
    with capture_logs() as lines:
        other = await opened(tmp_path / "other" / "b.db")
    assert [(line["event"], line["reason"]) for line in lines] == [(PUT_ASIDE, "it belongs to another database")]
    assert await other.load("a") is None
    assert Path(lines[0]["path"]).read_bytes() == (tmp_path / "a.db-segment").read_bytes(), "whosever it is"
    await other.close()


async def test_a_backup_has_what_stands_in_front_and_takes_no_segment_that_lies_about(
    store: SqliteStore, tmp_path: Path
) -> None:
    for number in range(3):
        await store.append("a", b"%d" % number, epoch="e")
    copied = sqlite_copy.back_up(str(tmp_path / "a.db"), str(tmp_path / "backup"))
    assert copied.position == 3
    assert segment_rows(tmp_path / "a.db") == 2, "it leaves the store alone"
    await store.append("a", b"later", epoch="e")
    shutil.copy(tmp_path / "a.db-segment", tmp_path / "backup-segment")
    back = await opened(tmp_path / "backup")
    assert await tail(back) == [b"0", b"1", b"2"]
    await back.close()


async def test_what_is_deleted_for_good_is_in_no_file(store: SqliteStore, tmp_path: Path) -> None:
    secret = b"a secret that nobody shall find" * 10
    await store.append("a", b"1", epoch="e")
    await store.append("a", secret, epoch="e")
    assert secret in (tmp_path / "a.db-segment").read_bytes()
    await store.delete("a", epoch="e")
    assert not any(secret[:31] in file.read_bytes() for file in tmp_path.glob("a.db*"))


async def test_a_symbolic_link_leads_to_the_same_segment(store: SqliteStore, tmp_path: Path) -> None:
    await store.append("a", b"1", epoch="e")
    await store.append("a", b"2", epoch="e")
    path = after_a_power_cut(tmp_path)
    link = tmp_path / "link.db"
    os.symlink(path, link)
    copied = sqlite_copy.back_up(str(link), str(tmp_path / "backup"))
    assert copied.position == 2
    again = await opened(link)
    assert await tail(again) == [b"1", b"2"]
    await again.close()


async def test_a_database_that_has_lost_what_it_had_taken_over_says_so(store: SqliteStore, tmp_path: Path) -> None:
    """As on a disk that says that it has written what it has not."""
    await store.append("a", b"1", epoch="e")
    older = after_a_power_cut(tmp_path)
    await store.append("b", b"2", epoch="f")
    await store.append("b", b"3", epoch="f")
    newer = after_a_power_cut(tmp_path, "newer")
    shutil.copy(f"{newer}-segment", f"{older}-segment")
    with capture_logs() as lines:
        again = await opened(older)
    assert [line["reason"] for line in lines] == ["the database has lost documents that are in it"]
    await again.append("c", b"new", epoch="g")
    assert (await tail(again, "a"), await tail(again, "c")) == ([b"1"], [b"new"]), "the rows of b are nobody else's"
    await again.close()
    await store.load("b")
    await store.append("b", b"4", epoch="f")
    newest = after_a_power_cut(tmp_path, "newest")
    shutil.copy(f"{newest}-segment", f"{newer}-segment")
    with capture_logs() as lines:
        again = await opened(newer)
    assert [line["reason"] for line in lines] == ["the database has lost what came before it"]
    assert await tail(again, "b") == [b"2"]
    await again.close()


async def test_a_file_that_was_copied_without_those_beside_it_says_so_until_it_is_written_to(
    store: SqliteStore, tmp_path: Path
) -> None:
    await store.append("a", b"1", epoch="e")
    await store.append("a", b"2", epoch="e")
    (tmp_path / "alone").mkdir()
    path = Path(shutil.copy(tmp_path / "a.db", tmp_path / "alone"))
    for writes, looks in ((False, [(LACKS, "warning")]), (True, [(LACKS, "warning")]), (False, [])):
        with capture_logs() as lines:
            copy = await opened(path)
        assert [(line["event"], line["log_level"]) for line in lines] == looks
        assert bool((await copy.check()).damaged) is bool(looks)
        if writes:
            await copy.append("a", b"new", epoch="f")
            assert not (await copy.check()).damaged
        await copy.close()


async def test_after_a_kill_nothing_is_missing_and_nothing_is_said(store: SqliteStore, tmp_path: Path) -> None:
    await store.append("a", b"1", epoch="e")
    await store.append("a", b"2", epoch="e")
    with capture_logs() as lines:
        killed = await opened(after_a_power_cut(tmp_path))
    assert (lines, await tail(killed)) == ([], [b"1", b"2"])
    await killed.close()


async def test_where_the_mark_cannot_be_taken_away_the_segment_stays(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the next start would say that something is missing."""
    await store.append("a", b"1", epoch="e")

    def full(_connection: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(sqlite_mark, "clear", full)
        await store.close()
    assert (tmp_path / "a.db-segment").exists()
    with capture_logs() as lines:
        again = await opened(tmp_path / "a.db")
    assert lines == []
    await again.close()
    assert [each.name for each in tmp_path.iterdir()] == ["a.db"]


async def test_an_edit_that_no_file_takes_costs_only_itself(store: SqliteStore) -> None:
    """If the thread that writes ended of it, nothing would be saved any more."""
    await store.append("a", b"1", epoch="e")
    bad = store.append("a", b"2", "half a letter \ud800", epoch="e")
    good = store.append("a", b"3", epoch="e")
    assert await code_of(bad) == "storage_unavailable"
    await good
    assert await code_of(store.append("new", b"2", "half a letter \ud800", epoch="f")) == "storage_unavailable"
    assert await tail(store) == [b"1", b"3"]


async def test_a_start_that_ends_after_the_segment_was_found_damaged_loses_nothing_more(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.append("a", b"1", epoch="e")
    for number in range(2, 5):
        await store.append("a", b"%d" % number * 40, epoch="e")
    path = after_a_power_cut(tmp_path)
    beside = Path(f"{path}-segment")
    beside.write_bytes(beside.read_bytes().replace(b"3" * 40, b"3" * 39 + b"x"))

    def power_cut(_point: str) -> None:
        raise OSError("the power is gone")

    with monkeypatch.context() as patched:
        patched.setattr(sqlite_log, "failpoint", power_cut)
        assert await code_of(opened(path)) == "storage_unavailable"
    again = await opened(path)
    assert await tail(again) == [b"1", b"2" * 40, b"4" * 40]
    await again.close()
