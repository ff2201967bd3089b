"""``collab move``: a store there and back is the same, and nothing is changed where it comes from."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from collab.commands import move
from collab.commands.main import main
from collab.protocol.mentions import mail_in
from collab.protocol.stream_events import body_of
from collab.stores import whole
from collab.stores.base import Store
from collab.stores.sqlite import SqliteStore
from collab.stores.streams import StreamBounds
from tests.support.documents import typed
from tests.support.redis_cluster import RedisClusterServers
from tests.support.redis_server import RedisServer, needs_redis


@pytest.fixture(params=["one", "cluster"])
def redis_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("redis")
    server = RedisServer(home, appendonly=False) if request.param == "one" else RedisClusterServers(home)
    yield server.start().url
    server.kill()


@pytest.fixture
def filled(tmp_path: Path) -> str:
    """A store in which people have worked."""

    async def fill(store: Store) -> None:
        await store.open()
        for name in ("notes", "team/plan", "wild *?[ä]"):
            for update in typed("one ", "two ", name):
                position = await store.append(name, update, "ann")
            await store.add_version(name, typed("one ")[0], position, "first", "ann")
            store.streams.bounds = StreamBounds(keep=3)
            for number in range(5):
                await store.streams.publish(name, "chat", b'{"n":%d}' % number)
            store.streams.bounds = StreamBounds(keep_for=-1.0)
            await store.streams.publish(name, "quiet", b"{}")
            await store.streams.sweep()
            store.streams.bounds = StreamBounds()
            await store.streams.publish(name, "chat", b'{"n":5}')
        body = body_of("message", {"body": "@[bob] @[cat]"}, {"participant": "ann", "name": "Ann", "agent": False})
        for name in ("team/plan", "notes"):
            await store.streams.publish(name, "chat", body, mail=mail_in("chat", body))
        await store.inbox.mark("bob", [each.id for each in await store.inbox.read("bob")])
        await store.create("empty")
        await store.append("gone", typed("x")[0])
        await store.delete("gone", keep=True)
        await store.close()

    asyncio.run(fill(SqliteStore(str(tmp_path / "from.db"))))
    return f"sqlite:///{tmp_path}/from.db"


def ran(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["move", *arguments])
    return result.exit_code, result.output


def content(path: Path) -> list[whole.Whole | None]:
    async def read(store: Store) -> list[whole.Whole | None]:
        await store.open()
        found = [await whole.read(store, name) async for name in whole.names(store)]
        await store.close()
        return [each and move._without_content(each) for each in found]

    return asyncio.run(read(SqliteStore(str(path))))


@needs_redis
def test_there_and_back(filled: str, redis_url: str, tmp_path: Path) -> None:
    before = (tmp_path / "from.db").read_bytes()
    words = "4 document(s), 3 version(s), every content hash verified"
    code, output = ran("--from", filled, "--to", redis_url)
    assert (code, words in output) == (0, True), output
    assert (tmp_path / "from.db").read_bytes() == before
    code, output = ran("--from", redis_url, "--to", f"sqlite:///{tmp_path}/to.db")
    assert (code, words in output) == (0, True), output
    assert content(tmp_path / "to.db") == content(tmp_path / "from.db")
    assert [len(each.inbox) for each in content(tmp_path / "to.db") if each is not None] == [0, 2, 2, 0]
    code, output = ran("--from", filled, "--to", redis_url)
    assert (code, "holds documents already" in output) == (1, True)


def test_between_two_files(filled: str, tmp_path: Path) -> None:
    assert ran("--from", filled, "--to", f"sqlite:///{tmp_path}/to.db")[0] == 0
    assert content(tmp_path / "to.db") == content(tmp_path / "from.db")


def test_what_a_killed_server_left_beside_the_file_is_not_left_behind(tmp_path: Path) -> None:
    async def kill() -> None:
        store = SqliteStore(str(tmp_path / "a.db"))
        await store.open()
        for update in typed("one ", "two "):
            await store.append("notes", update, epoch="e")
        for end in ("", "-wal", "-segment"):
            shutil.copy(tmp_path / f"a.db{end}", tmp_path / f"from.db{end}")
        await store.close()

    asyncio.run(kill())
    source, target = f"sqlite:///{tmp_path}/from.db", f"sqlite:///{tmp_path}/to.db"
    code, said = ran("--from", source, "--to", target)
    assert code == 1 and f"collab check --store {source}" in said, said
    assert not (tmp_path / "to.db").exists()
    assert CliRunner().invoke(main, ["check", "--store", source]).exit_code == 0
    code, said = ran("--from", source, "--to", target)
    assert code == 0, said
    assert [each and each.position for each in content(tmp_path / "to.db")] == [2]


def test_what_arrives_otherwise_is_said(filled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collab.stores.sqlite_target.sql.join_history", lambda *_args: None)
    code, output = ran("--from", filled, "--to", f"sqlite:///{tmp_path}/to.db")
    assert (code, "did not arrive as it was sent" in output) == (1, True)


@pytest.mark.parametrize("url", ["memory://", "sqlite:///", "postgres://x", "store.db"])
def test_only_stores_that_last(url: str, tmp_path: Path) -> None:
    for flags in (
        ("--from", url, "--to", f"sqlite:///{tmp_path}/to.db"),
        ("--from", f"sqlite:///{tmp_path}/a", "--to", url),
    ):
        code, output = ran(*flags)
        assert (code, "is no store that lasts; allowed: sqlite:///PATH" in output) == (1, True), output
    assert list(tmp_path.iterdir()) == []


def test_a_source_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    code, output = ran("--from", f"sqlite:///{tmp_path}/none.db", "--to", f"sqlite:///{tmp_path}/to.db")
    assert (code, "is not there" in output) == (1, True), output
    assert list(tmp_path.iterdir()) == []
