"""The store in Redis: what it says of a Redis that cannot be used, and what is shared by whoever uses the same one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from collab.errors import CollabError
from collab.stores.redis import RedisStore
from collab.stores.redis_link import RedisLink
from collab.stores.streams import StreamBounds
from tests.support.documents import typed
from tests.support.ports import free_port
from tests.support.redis_server import RedisServer, needs_redis


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"), appendonly=False).start()
    yield server
    server.kill()


@pytest.fixture
async def stores(server: RedisServer) -> AsyncIterator[list[RedisStore]]:
    """Two nodes on one Redis."""
    with server.client() as client:
        client.flushall()
    stores = [RedisStore(RedisLink(server.url), node=node) for node in ("one", "two")]
    for store in stores:
        await store.open()
    yield stores
    for store in stores:
        await store.close()


async def test_a_redis_that_is_not_there_is_named_without_its_password() -> None:
    port = free_port()
    store = RedisStore(RedisLink(f"redis://ann:hunter2@127.0.0.1:{port}/0"))
    with pytest.raises(CollabError) as refused:
        await store.open()
    assert refused.value.code == "storage_unavailable"
    assert f"127.0.0.1:{port}" in refused.value.message
    assert "hunter2" not in refused.value.message
    await store.close()


async def test_a_store_that_is_not_open_takes_nothing() -> None:
    store = RedisStore(RedisLink("redis://127.0.0.1:9/0"))
    for use in (lambda: store.append("a", b""), lambda: store.resume("a", None)):
        with pytest.raises(CollabError, match="closed"):
            use()
    store.unfollow("a")
    await store.close()


async def test_while_redis_is_known_to_be_down_nobody_waits() -> None:
    link = RedisLink("redis://192.0.2.1:6379/0")
    link.down = True
    store = RedisStore(link)
    async with asyncio.timeout(1):
        for asking in (store.names(), store.history("a"), store.versions("a"), store.usage(), store.load("a")):
            with pytest.raises(CollabError) as refused:
                await asking
            assert (refused.value.code, refused.value.retry_after) == ("storage_unavailable", 1)
    await store.close()


@needs_redis
async def test_nodes_share_one_log_with_one_order(stores: list[RedisStore]) -> None:
    updates = typed(*"abcdef")
    positions = [await stores[number % 2].append("notes", update) for number, update in enumerate(updates)]
    assert positions == sorted(set(positions))
    for store in stores:
        stored = await store.load("notes")
        assert stored is not None
        assert stored.tail == updates


@needs_redis
async def test_databases_of_one_redis_do_not_mix(server: RedisServer, stores: list[RedisStore]) -> None:
    await stores[0].append("notes", typed("a")[0])
    other = RedisStore(RedisLink(server.url.removesuffix("/0") + "/1"))
    await other.open()
    assert await other.load("notes") is None
    assert await other.names() == []
    await other.close()


@needs_redis
@pytest.mark.parametrize("name", ["a{b}", "{}", "}{", "a}", "é/ü", "x" * 200])
async def test_every_name_is_its_own(stores: list[RedisStore], name: str) -> None:
    others = [each for each in ("7B", "a{b", "b", "{", "{}}") if each != name]
    await stores[0].append(name, typed("mine")[0])
    assert [await stores[1].load(each) for each in others] == [None] * len(others)
    assert await stores[1].names() == [name]
    assert await stores[1].delete(name)
    assert await stores[0].names() == []


@needs_redis
async def test_a_lease_is_one_nodes_until_it_ends(stores: list[RedisStore]) -> None:
    assert await stores[0].lease("a", "compact", 0.1)
    assert not await stores[1].lease("a", "compact", 0.1)
    assert await stores[1].lease("a", "checkpoint", 0.1), "for another purpose"
    assert await stores[1].lease("b", "compact", 0.1)
    async with asyncio.timeout(20):
        while not await stores[1].lease("a", "compact", 5.0):
            await asyncio.sleep(0.02)


@needs_redis
async def test_what_is_behind_the_log_or_of_another_is_not_compacted(stores: list[RedisStore]) -> None:
    one, two = stores
    updates = typed("a", "b")
    for update in updates:
        await one.append("notes", update)
    before = await two.load("notes")
    assert before is not None
    await one.compact("notes", b"state", 1, "another epoch")
    assert await two.load("notes") == before
    await one.compact("notes", b"state", 1, before.epoch)
    await two.compact("notes", b"older", 1, before.epoch)
    after = await two.load("notes")
    assert after is not None
    assert (after.snapshot, after.snapshot_position, after.tail) == (b"state", 1, updates[1:])
    assert sum(entry.updates for entry in await one.history("notes")) == 2


@needs_redis
async def test_where_logs_end_is_told_for_all_at_once_known_or_not(stores: list[RedisStore]) -> None:
    await stores[0].append("a", typed("x")[0])
    marks = await stores[1].probe(["a", "unknown", "a"])
    assert [mark.position for mark in marks] == [1, 0, 1]
    assert [bool(mark.epoch) for mark in marks] == [True, False, True]


@needs_redis
async def test_the_bounds_of_streams_are_the_stores(stores: list[RedisStore], tmp_path: Path) -> None:
    stores[0].streams.bounds = StreamBounds(7, 60.0)
    assert stores[0].streams.bounds.keep == 7
    assert stores[1].streams.bounds.keep != 7
