"""``collab check``: what it finds in a store, beside a server that has it open, and that its exit code tells."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from collab.auth.callback import CallbackAuthenticator
from collab.commands.main import main
from collab.commands.terminal import OUT
from collab.stores.sqlite import LACKS_SEGMENT, SqliteStore
from tests.support.documents import typed


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row of the table is a line."""
    monkeypatch.setattr(OUT, "_width", 500)


def check(*arguments: str) -> Result:
    without = dict.fromkeys(name for name in os.environ if name.startswith("COLLAB_"))
    return CliRunner(env=without).invoke(main, ["check", *arguments], catch_exceptions=False)


def rows(found: Result) -> dict[str, str]:
    """What the table says, by its first column."""
    split = [line.split(maxsplit=1) for line in found.stdout.splitlines()]
    return {words[0]: words[1].strip() if len(words) > 1 else "" for words in split}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A store with a document of two updates."""
    path = tmp_path / "a.db"

    async def fill() -> None:
        store = SqliteStore(str(path))
        await store.open()
        for update in typed("one ", "two"):
            await store.append("notes", update, epoch="e")
        await store.close()

    asyncio.run(fill())
    return path


@contextmanager
def changed(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path)
    yield connection
    connection.commit()
    connection.close()


def test_a_store_that_is_whole(file: Path) -> None:
    found = check("--store", f"sqlite:///{file}", "--deep")
    assert (found.exit_code, found.stderr) == (0, "")
    assert rows(found) == {
        "settings": "valid", "auth": "none", "store": f"sqlite {file}", "documents": "1",
        "promise": "an ack means: committed, fdatasync done",
    }  # fmt: skip


def test_a_path_is_told_to_its_end_however_narrow_the_terminal(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OUT, "_width", 30)
    found = check("--store", f"sqlite:///{file}")
    assert str(file) in "".join(found.stdout.split())


def test_what_is_damaged_is_named_and_is_a_failure_only_if_it_is_looked_for(file: Path) -> None:
    with changed(file) as connection:
        connection.execute("UPDATE log SET checksum = checksum + 1 WHERE position = 2")
    assert check("--store", f"sqlite:///{file}").exit_code == 0
    found = check("--store", f"sqlite:///{file}", "--deep")
    assert (found.exit_code, found.stderr) == (1, "collab: 1 damaged document(s)\n")
    assert "notes" in rows(found)["damaged"]
    assert rows(found)["documents"] == "1", "the rest is told all the same"


def test_beside_a_running_server_it_looks_and_writes_nothing(file: Path) -> None:
    async def beside() -> Result:
        store = SqliteStore(str(file))
        await store.open()
        before = file.read_bytes()
        try:
            found = await asyncio.to_thread(check, "--store", f"sqlite:///{file}", "--deep")
            assert file.read_bytes() == before
            await store.append("notes", typed("three")[0], epoch="e")  # and the server is not held up
        finally:
            await store.close()
        return found

    found = asyncio.run(beside())
    assert (found.exit_code, rows(found)["documents"]) == (0, "1"), found.stderr


@pytest.mark.parametrize("left_behind", [["-segment"], ["-segment", "-wal"]])
@pytest.mark.parametrize("deep", [["--deep"], []])
def test_a_copy_without_the_files_beside_it_is_no_whole_store(
    file: Path, tmp_path: Path, left_behind: list[str], deep: list[str]
) -> None:
    for name in ("copy", "whole"):
        (tmp_path / name).mkdir()

    async def copied_by_hand() -> None:
        store = SqliteStore(str(file))
        await store.open()
        await store.append("notes", typed("three")[0], epoch="e")
        for end in ("", "-wal", "-segment"):
            shutil.copy(f"{file}{end}", tmp_path / "whole")
            if end not in left_behind:
                shutil.copy(f"{file}{end}", tmp_path / "copy")
        await store.close()

    asyncio.run(copied_by_hand())
    for _ in range(2):  # that somebody has looked makes it no better
        found = check("--store", f"sqlite:///{tmp_path}/copy/a.db", *deep)
        assert (found.exit_code, found.stderr) == (1, "collab: 1 damaged document(s)\n")
        assert rows(found)["damaged"] == f"(segment): {LACKS_SEGMENT}"
        assert [each.name for each in (tmp_path / "copy").iterdir()] == ["a.db"]
    for path in (tmp_path / "whole" / "a.db", file):
        assert check("--store", f"sqlite:///{path}", *deep).exit_code == 0


@pytest.mark.parametrize("content", [b"no database" * 500, b""])
def test_a_file_that_is_no_store(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(content)
    found = check("--store", f"sqlite:///{path}")
    if content:
        assert (found.exit_code, found.stdout, found.stderr.count("\n")) == (1, "", 1)
        assert str(path) in found.stderr
        assert path.read_bytes() == content
    else:
        assert found.exit_code == 0, "an empty file is a new store"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    found = check("--store", f"sqlite:///{tmp_path}/nowhere/a.db")
    assert (found.exit_code, found.stdout, found.stderr.count("\n")) == (1, "", 1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("answer", [0, 99, 204, 404, 502])
def test_an_application_that_says_neither_yes_nor_no_is_none(answer: int, monkeypatch: pytest.MonkeyPatch) -> None:
    async def probe(_self: object) -> int:
        return answer

    monkeypatch.setattr(CallbackAuthenticator, "probe", probe)
    found = check(
        "--store", "memory://", "--auth", "callback", "--auth-callback-url", "http://u:hunter2@127.0.0.1:9/who",
        "--auth-callback-secret", "d2hhdGV2ZXIgaXQgaXMgdGhhdCB3ZSBzaGFyZQ==",
    )  # fmt: skip
    assert (found.exit_code, found.stdout, found.stderr.count("\n")) == (1, "", 1)
    assert f"HTTP {answer}" in found.stderr
    assert "hunter2" not in found.stderr


def test_what_is_weak_is_a_warning_and_no_failure(tmp_path: Path) -> None:
    found = check("--store", "memory://", "--host", "0.0.0.0", "--insecure")
    assert found.exit_code == 0, found.stderr
    assert rows(found)["warning"]
