"""One suite for every store."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import redis

from collab.stores.base import Store
from collab.stores.memory import MemoryStore
from collab.stores.redis import RedisStore
from collab.stores.redis_link import RedisLink
from collab.stores.sqlite import SqliteStore
from tests.support.redis_cluster import RedisClusterServers
from tests.support.redis_server import RedisServer, needs_redis


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A redis-server for the tests of this module, each of which finds it empty."""
    server = RedisServer(tmp_path_factory.mktemp("redis"), appendonly=False).start()
    yield server.url
    server.kill()


@pytest.fixture(scope="module")
def redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisClusterServers]:
    """Three masters for the tests of this module, each of which finds them empty."""
    servers = RedisClusterServers(tmp_path_factory.mktemp("redis-cluster")).start()
    yield servers
    servers.kill()


@pytest.fixture(
    params=[
        "memory",
        "sqlite",
        pytest.param("redis", marks=needs_redis),
        pytest.param("redis-cluster", marks=needs_redis),
    ]
)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    """Opens the same medium again each time that it is called."""
    if request.param == "memory":
        kept = MemoryStore()
        return lambda: kept
    if request.param == "redis":
        url = request.getfixturevalue("redis_url")
        with redis.Redis.from_url(url) as client:
            client.flushall()
        return lambda: RedisStore(RedisLink(url))
    if request.param == "redis-cluster":
        servers: RedisClusterServers = request.getfixturevalue("redis_cluster")
        servers.flush()
        return lambda: RedisStore(RedisLink(servers.url))
    return lambda: SqliteStore(str(tmp_path / "store.db"))


@pytest.fixture
async def store(make: Callable[[], Store]) -> AsyncIterator[Store]:
    store = make()
    await store.open()
    yield store
    await store.close()


async def test_a_document_that_nobody_created_is_none(store: Store) -> None:
    assert await store.load("a") is None
    assert await store.documents() == []
    assert await store.history("a") == []
    assert await store.versions("a") == []
    assert not await store.delete("a")


async def test_appends_come_back_in_order_with_rising_positions(store: Store) -> None:
    futures = [store.append("a", b"update %d" % number, "ada") for number in range(100)]
    positions = await asyncio.gather(*futures)
    assert positions == sorted(set(positions))
    stored = await store.load("a")
    assert stored is not None
    assert stored.snapshot is None
    assert stored.tail == [b"update %d" % number for number in range(100)]
    assert stored.position == positions[-1]
    assert stored.damage == ()


async def test_documents_do_not_mix(store: Store) -> None:
    names = ["a", "a/b", "ä", "A"]
    await asyncio.gather(*(store.append(name, name.encode()) for name in names * 3))
    for name in names:
        stored = await store.load(name)
        assert stored is not None
        assert stored.tail == [name.encode()] * 3


async def test_create_says_whether_it_is_new(store: Store) -> None:
    assert await store.create("a")
    assert not await store.create("a")
    stored = await store.load("a")
    assert stored is not None
    assert (stored.snapshot, stored.tail, stored.position) == (None, [], 0)
    await store.append("b", b"x")
    assert not await store.create("b")


async def test_a_snapshot_stands_for_the_log_up_to_its_position(store: Store) -> None:
    positions = [await store.append("a", b"%d" % number) for number in range(10)]
    await store.compact("a", b"snapshot", positions[5])
    stored = await store.load("a")
    assert stored is not None
    assert (stored.snapshot, stored.snapshot_position) == (b"snapshot", positions[5])
    assert stored.tail == [b"6", b"7", b"8", b"9"]
    await store.compact("a", b"older", positions[3])
    again = await store.load("a")
    assert again is not None
    assert again.snapshot == b"snapshot", "an older snapshot does not replace a newer one"
    await store.compact("a", b"newer", positions[9])
    last = await store.load("a")
    assert last is not None
    assert (last.snapshot, last.tail, last.position) == (b"newer", [], positions[9])


async def test_positions_rise_after_compaction_deletion_and_reopening(make: Callable[[], Store]) -> None:
    store = make()
    await store.open()
    first = await store.append("a", b"1")
    await store.compact("a", b"s", first)
    await store.close()
    store = make()
    await store.open()
    second = await store.append("a", b"2")
    assert second > first
    stored = await store.load("a")
    assert stored is not None
    assert (stored.snapshot, stored.tail) == (b"s", [b"2"])
    await store.delete("a")
    assert await store.load("a") is None
    assert await store.append("a", b"3") > 0
    again = await store.load("a")
    assert again is not None
    assert (again.snapshot, again.tail) == (None, [b"3"])
    await store.close()


async def test_deletion_takes_everything(store: Store) -> None:
    position = await store.append("a", b"1", "ada")
    await store.compact("a", b"s", position)
    await store.append("a", b"2", "bob")
    await store.add_version("a", b"v", position, "first", "ada")
    assert await store.delete("a")
    assert not await store.delete("a")
    assert await store.load("a") is None
    assert await store.versions("a") == []
    assert await store.history("a") == []


async def test_listing_pages_by_prefix(store: Store) -> None:
    for name in ("b", "a/2", "a/1", "a%", "a_", "c"):
        await store.append(name, b"12345")
    infos = await store.documents()
    assert [info.name for info in infos] == ["a%", "a/1", "a/2", "a_", "b", "c"]
    assert {info.size for info in infos} == {5}
    assert all(info.created_at <= info.updated_at for info in infos)
    assert [info.name for info in await store.documents("a/")] == ["a/1", "a/2"]
    assert [info.name for info in await store.documents("a%")] == ["a%"], "no wildcards"
    assert [info.name for info in await store.documents(limit=2)] == ["a%", "a/1"]
    assert [info.name for info in await store.documents(limit=2, after="a/1")] == ["a/2", "a_"]


async def test_history_tells_who_changed_how_much_before_and_after_compaction(store: Store) -> None:
    positions = []
    for who, update in (("ada", b"12"), ("ada", b"345"), ("bob", b"6"), ("ada", b"7"), (None, b"8")):
        positions.append(await store.append("a", update, who))
    before = await store.history("a")
    assert [(entry.participant, entry.updates, entry.size) for entry in before] == [
        ("ada", 2, 5), ("bob", 1, 1), ("ada", 1, 1), (None, 1, 1),
    ]  # fmt: skip
    assert before[0].first == positions[0]
    assert before[0].last == positions[1]
    first, *rest = await store.history("a", after=positions[0])
    assert (first.first, first.last, first.updates, first.size) == (positions[1], positions[1], 1, 3)
    assert rest == before[1:]
    await store.compact("a", b"s", positions[2])
    assert await store.history("a") == before
    await store.compact("a", b"s", positions[4])
    assert await store.history("a") == before
    assert await store.history("a", after=positions[2]) == before[2:]
    assert await store.history("a", limit=1) == before[:1]


async def test_versions_keep_states(store: Store) -> None:
    position = await store.append("a", b"1")
    first = await store.add_version("a", b"state one", position, "draft", "ada")
    second = await store.add_version("a", b"state two", position, None, None)
    assert (first.name, first.participant, first.position, first.size) == ("draft", "ada", position, 9)
    assert await store.versions("a") == [second, first]
    assert await store.version("a", first.id) == (first, b"state one")
    assert await store.version("a", 999) is None
    assert await store.version("b", first.id) is None, "a version belongs to its document"
    assert await store.delete_version("a", first.id)
    assert not await store.delete_version("a", first.id)
    assert await store.versions("a") == [second]


async def test_large_and_many(store: Store) -> None:
    rng = random.Random(7)
    updates = [rng.randbytes(rng.choice((1, 50, 70_000))) for _ in range(300)]
    await asyncio.gather(*(store.append("a", update) for update in updates))
    stored = await store.load("a")
    assert stored is not None
    assert stored.tail == updates


async def test_more_appends_than_one_batch_takes(store: Store) -> None:
    futures = [store.append("a", b"x") for _ in range(12_000)]
    positions = await asyncio.gather(*futures)
    assert len(set(positions)) == 12_000
    assert await store.documents("a", limit=1)


async def test_reads_see_what_was_acknowledged(store: Store) -> None:
    for number in range(50):
        await store.append("a", b"%d" % number)
        stored = await store.load("a")
        assert stored is not None
        assert len(stored.tail) == number + 1


async def test_closing_finishes_what_is_under_way(make: Callable[[], Store]) -> None:
    store = make()
    await store.open()
    futures = [store.append("a", b"%d" % number) for number in range(1000)]
    await store.close()
    await asyncio.gather(*futures)
    store = make()
    await store.open()
    stored = await store.load("a")
    assert stored is not None
    assert len(stored.tail) == 1000
    await store.close()


async def test_check_reports(store: Store) -> None:
    await store.append("a", b"1")
    report = await store.check(deep=True)
    assert report.documents == 1
    assert report.damaged == {}
    assert report.adapter in ("memory", "sqlite", "redis")


async def test_a_store_says_how_much_room_it_takes(store: Store) -> None:
    before = await store.space()
    await store.append("large", b"x" * 200_000)
    after = await store.space()
    assert after.taken >= before.taken + 200_000
    assert after.free is None or after.free > 0
