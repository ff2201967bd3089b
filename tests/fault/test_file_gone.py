"""The database file is removed, renamed or replaced under a running server (rule D5): nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest

from tests.support.api import http_session
from tests.support.editor import Editor
from tests.support.server import CollabServer, line, lines
from tests.support.typists import opened

#: seconds within which everything is to be well again: the server waits for 3 before it writes a file anew
SOON = 30.0


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with http_session() as session:
        yield session


async def text_of(server: CollabServer, http: aiohttp.ClientSession, name: str) -> str:
    editor = await opened(server, http, name)
    try:
        return str(editor.text)
    finally:
        await editor.client.close()


async def saved(editor: Editor, words: str) -> list[str]:
    """Type, and send it again until it is acknowledged as durable; the codes of what was refused before."""
    update = editor.typed(words)
    codes: list[str] = []
    async with asyncio.timeout(SOON):
        while not (answer := await editor.client.call("sync-update", update))["ok"]:
            codes.append(answer["error"]["code"])
            await asyncio.sleep(0.05)
    return codes


def remove(path: Path) -> None:
    path.unlink()


def remove_all(path: Path) -> None:
    for each in path.parent.glob(path.name + "*"):
        each.unlink()


def rename(path: Path) -> None:
    path.rename(path.with_suffix(".old"))


def rename_all(path: Path) -> None:
    for each in list(path.parent.glob(path.name + "*")):
        each.rename(each.with_name("old-" + each.name))


def remove_what_is_beside(path: Path) -> None:
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink()


def remove_the_wal(path: Path) -> None:
    path.with_name(path.name + "-wal").unlink()


def replace_by_nothing(path: Path) -> None:
    other = path.with_suffix(".new")
    other.touch()
    other.replace(path)


DEEDS = [remove, remove_all, rename, rename_all, remove_what_is_beside, remove_the_wal, replace_by_nothing]


@pytest.mark.parametrize("deed", DEEDS)
async def test_nothing_is_acknowledged_into_a_file_without_a_name(
    start_server: Callable[..., CollabServer], http: aiohttp.ClientSession, tmp_path: Path, deed: Callable[[Path], None]
) -> None:
    path = tmp_path / "store.db"
    server = start_server(f"sqlite:///{path}")
    closed = await opened(server, http, "closed")
    assert (await closed.type("asleep "))["durable"]
    await closed.client.close()
    editor = await opened(server, http, "open")
    assert (await editor.type("before "))["durable"]
    deed(path)
    refused = await saved(editor, "after ")
    assert set(refused) == {"storage_unavailable"}, "the very next edit is not acknowledged"
    await line(server, "the database file is gone", path=str(path))
    await line(server, "there is a database file again", path=str(path))
    assert await saved(editor, "later ") == []
    server.kill()
    server.start()
    assert await text_of(server, http, "open") == "before after later "
    if deed is not replace_by_nothing:
        assert await text_of(server, http, "closed") == "asleep ", "it was in the file that had no name any more"
    assert not list(tmp_path.glob("*.part")) and not list(tmp_path.glob("*.kept"))


async def test_it_is_noticed_within_a_second_also_where_nobody_types(
    start_server: Callable[..., CollabServer], http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """A whole folder, as of a volume that is unmounted: nothing can be written anew there."""
    folder = tmp_path / "volume"
    folder.mkdir()
    path = folder / "store.db"
    server = start_server(f"sqlite:///{path}")
    editor = await opened(server, http, "open")
    assert (await editor.type("x"))["durable"]
    folder.rename(tmp_path / "away")
    await line(server, "the database file is gone", within=20.0)  # half a second, and a busy machine
    async with asyncio.timeout(SOON):
        while True:
            async with http.get(f"{server.url}/readyz") as response:
                if response.status == 503:
                    break
            await asyncio.sleep(0.05)
    (tmp_path / "away").rename(folder)
    await line(server, "there is a database file again", found="what was opened")
    assert await saved(editor, "y") == []


async def test_an_older_copy_in_its_place_is_taken_and_gets_what_it_lacks(
    start_server: Callable[..., CollabServer], http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    """A backup is put back while the server runs: what is open has both, and so has the file."""
    path, backup = tmp_path / "store.db", tmp_path / "backup.db"
    server = start_server(f"sqlite:///{path}")
    for name in ("open", "closed"):
        editor = await opened(server, http, name)
        assert (await editor.type("old "))["durable"]
        await editor.client.close()
    with sqlite3.connect(path) as source, sqlite3.connect(backup) as copy:
        source.backup(copy)
    editor = await opened(server, http, "open")
    assert (await editor.type("new "))["durable"]
    positions = [(await editor.type("newer "))["position"]]
    backup.replace(path)
    assert set(await saved(editor, "newest ")) == {"storage_unavailable"}
    positions.append((await editor.type("!"))["position"])
    assert positions == sorted(set(positions)), "positions rise (D6)"
    await line(server, "there is a database file again", found="another file")
    server.kill()
    server.start()
    assert await text_of(server, http, "open") == "old new newer newest !"
    assert await text_of(server, http, "closed") == "old "


async def test_a_copy_that_is_still_being_written_is_waited_for(
    start_server: Callable[..., CollabServer], http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    path, backup = tmp_path / "store.db", tmp_path / "backup.db"
    server = start_server(f"sqlite:///{path}")
    editor = await opened(server, http, "open")
    assert (await editor.type("before "))["durable"]
    with sqlite3.connect(path) as source, sqlite3.connect(backup) as copy:
        source.backup(copy)
    whole = backup.read_bytes()
    path.unlink()
    with path.open("wb") as file:
        for first in range(0, len(whole), len(whole) // 6):
            file.write(whole[first : first + len(whole) // 6])
            file.flush()
            await asyncio.sleep(0.4)
    assert not lines(server, "there is a database file again"), "not before it is whole"
    await saved(editor, "after ")
    server.kill()
    server.start()
    assert await text_of(server, http, "open") == "before after "


async def test_a_file_of_somebody_else_is_left_alone(
    start_server: Callable[..., CollabServer], http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    path, other = tmp_path / "store.db", tmp_path / "other.db"
    server = start_server(f"sqlite:///{path}")
    editor = await opened(server, http, "open")
    assert (await editor.type("before "))["durable"]
    with sqlite3.connect(other) as foreign:
        foreign.execute("CREATE TABLE theirs (x)")
    foreign.close()
    other.replace(path)
    reason = (await line(server, "the database file cannot be had again"))["reason"]
    assert "another application" in reason
    assert (await editor.type("after "))["error"]["code"] == "storage_unavailable"
    with sqlite3.connect(path) as foreign:
        assert foreign.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
    path.unlink()
    await line(server, "there is a database file again", found="written anew", within=SOON)
    async with asyncio.timeout(SOON):
        while not any(notice.get("resolved") for notice in editor.client.events("notice")):
            await asyncio.sleep(0.05)
    server.kill()
    server.start()
    assert await text_of(server, http, "open") == "before after "


async def test_a_server_that_is_stopped_right_after_the_deed_saves_everything(
    start_server: Callable[..., CollabServer], http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    path = tmp_path / "store.db"
    server = start_server(f"sqlite:///{path}")
    editor = await opened(server, http, "open")
    assert (await editor.type("before "))["durable"]
    remove_all(path)
    assert server.stop() == 0
    server.start()
    assert await text_of(server, http, "open") == "before "


# -- the lock -----------------------------------------------------------------------------------------------


def by_symbolic_link(path: Path) -> Path:
    link = path.with_name("link.db")
    link.symlink_to(path.name)
    return link


def by_hard_link(path: Path) -> Path:
    link = path.with_name("hard.db")
    os.link(path, link)
    return link


def by_linked_folder(path: Path) -> Path:
    folder = path.parent.parent / "linked"
    folder.symlink_to(path.parent, target_is_directory=True)
    return folder / path.name


def by_detour(path: Path) -> Path:
    return path.parent / ".." / path.parent.name / path.name


@pytest.mark.parametrize("other_name", [by_symbolic_link, by_hard_link, by_linked_folder, by_detour])
async def test_one_file_has_one_server_whatever_it_is_called(
    start_server: Callable[..., CollabServer], http: aiohttp.ClientSession, tmp_path: Path,
    other_name: Callable[[Path], Path],
) -> None:  # fmt: skip
    (tmp_path / "store").mkdir()
    path = tmp_path / "store" / "store.db"
    server = start_server(f"sqlite:///{path}")
    other = other_name(path)
    with pytest.raises(RuntimeError, match="another server has it open"):
        start_server(f"sqlite:///{other}")
    editor = await opened(server, http, "a")
    assert (await editor.type("x"))["durable"], "the first one goes on"
    assert server.stop() == 0
    second = start_server(f"sqlite:///{other}")
    assert await text_of(second, http, "a") == "x", "the lock ends with its server"


async def test_a_link_that_points_elsewhere_is_another_file(
    start_server: Callable[..., CollabServer], http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    first, second, link = tmp_path / "1.db", tmp_path / "2.db", tmp_path / "store.db"
    link.symlink_to(first.name)
    server = start_server(f"sqlite:///{link}")
    editor = await opened(server, http, "a")
    assert (await editor.type("one "))["durable"]
    new = tmp_path / "new"
    second.touch()
    new.symlink_to(second.name)
    new.replace(link)
    await saved(editor, "two ")
    assert server.stop() == 0
    shutil.copy(second, tmp_path / "alone.db")
    assert await text_of(start_server(f"sqlite:///{tmp_path}/alone.db"), http, "a") == "one two "


# -- names --------------------------------------------------------------------------------------------------

NAMES = ["a?b#c%20d%", "?mode=memory", "file:x", "ä 日本&'q\";", "a\\b"]


@pytest.mark.parametrize("name", NAMES)
async def test_a_path_may_have_any_character(
    start_server: Callable[..., CollabServer], http: aiohttp.ClientSession, tmp_path: Path, name: str
) -> None:
    url = f"sqlite:///{tmp_path}/{name}.db"
    server = start_server(url)
    editor = await opened(server, http, "a")
    assert (await editor.type("x"))["durable"]
    beside = {f"{name}.db{end}" for end in ("", "-wal", "-shm", "-segment", "-at-work", "-faults")}
    assert {f"{name}.db"} <= {each.name for each in tmp_path.iterdir()} <= beside
    assert "1" in await check(url), "the check sees the document, beside the server"
    assert server.stop() == 0
    assert "1" in await check(url), "and alone"
    server.start()
    assert await text_of(server, http, "a") == "x"


async def check(url: str) -> str:
    """What ``collab check`` says of the number of documents."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "collab", "check", "--store", url, stdout=asyncio.subprocess.PIPE
    )
    shown, _ = await process.communicate()
    assert process.returncode == 0
    (row,) = [row for row in shown.decode().splitlines() if row.strip().startswith("documents")]
    return row
