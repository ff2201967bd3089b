"""redis-py's client over the masters of a Redis Cluster."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from redis.exceptions import ClusterDownError, ResponseError
from redis.exceptions import ConnectionError as Unreachable

from collab.stores.redis_link import RedisLink
from tests.support.redis_cluster import RedisClusterServers
from tests.support.redis_server import needs_redis

pytestmark = needs_redis

KEYS = [f"k{number}" for number in range(12)]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisClusterServers]:
    servers = RedisClusterServers(tmp_path_factory.mktemp("redis-cluster")).start()
    yield servers
    servers.kill()


@pytest.fixture
async def link(servers: RedisClusterServers) -> AsyncIterator[RedisLink]:
    servers.flush()
    link = RedisLink(servers.url)
    await link.nodes.meet()
    yield link
    await link.close()


async def fill(client: Any) -> None:
    for at, key in enumerate(KEYS):
        assert await client.set(key, at)


async def test_commands_go_where_their_key_is(link: RedisLink) -> None:
    client = link.client
    await fill(client)
    assert [await client.get(key) for key in KEYS] == [b"%d" % at for at in range(len(KEYS))]
    assert await client.eval("return redis.call('GET', KEYS[1])", 1, KEYS[5]) == b"5"
    assert await client.delete("{a}1", "{a}2") == 0
    sizes = [await node.dbsize() for node in client.masters()]
    assert (len(sizes), sum(sizes), min(sizes) > 0) == (3, len(KEYS), True)
    assert len(link.urls()) == 4


async def test_pipelines_are_divided_and_their_answers_are_in_order(link: RedisLink) -> None:
    client = link.client
    await fill(client)
    async with client.pipeline(transaction=False) as pipeline:
        for key in KEYS:
            pipeline.get(key)
        pipeline.hset("hash", mapping={"a": 1})
        pipeline.hgetall("hash")
        assert (await pipeline.execute())[-3:] == [b"11", 1, {b"a": b"1"}]
        assert await pipeline.execute() == [], "once"
    async with client.pipeline(transaction=False) as pipeline:
        pipeline.hget(KEYS[0], "a")
        pipeline.get(KEYS[1])
        with pytest.raises(ResponseError, match=r"WRONGTYPE|HGET"):
            await pipeline.execute()
    async with client.pipeline(transaction=True) as pipeline:
        pipeline.rpush("{l}1", "a")
        pipeline.lrange("{l}1", 0, -1)
        assert await pipeline.execute() == [1, [b"a"]]


async def test_what_has_moved_is_found(link: RedisLink) -> None:
    client, nodes = link.client, link.nodes
    await fill(client)
    for transaction in (None, False, True):
        nodes._owners = [nodes.masters[0]] * len(nodes._owners)
        if transaction is None:
            assert [await client.get(key) for key in KEYS] == [b"%d" % at for at in range(len(KEYS))]
            continue
        for key in KEYS:
            async with client.pipeline(transaction=transaction) as pipeline:
                pipeline.get(key)
                assert await pipeline.execute() == [b"%d" % KEYS.index(key)]


async def test_a_key_on_its_way_is_found_where_it_is(link: RedisLink, servers: RedisClusterServers) -> None:
    client = link.client
    await client.set("{k}a", 1)
    await client.set("{k}b", 2)
    before = servers.server_of("k")
    to = next(server for server in servers.servers if server is not before)
    seen = [(await client.get("{k}a"), await client.get("{k}b")) async for _ in servers.moving("k", to)]
    assert seen == [(b"1", b"2")] * len(seen)
    servers.move_slot("k", before)


async def test_a_pipeline_that_finds_the_cluster_down_has_it_looked_at_again(
    link: RedisLink, servers: RedisClusterServers
) -> None:
    server = servers.server_of(KEYS[0])
    with server.client() as its:
        slot = its.execute_command("CLUSTER", "KEYSLOT", KEYS[0])
        its.execute_command("CLUSTER", "DELSLOTS", slot)
        try:
            async with link.client.pipeline(transaction=False) as pipeline:
                pipeline.get(KEYS[0])
                with pytest.raises(ClusterDownError):
                    await pipeline.execute()
            assert not link.nodes.settled
        finally:
            its.execute_command("CLUSTER", "ADDSLOTS", slot)
            servers.wait()


async def test_a_master_that_is_gone_is_told_and_another_says_what_is(
    link: RedisLink, servers: RedisClusterServers
) -> None:
    client = link.client
    await fill(client)
    victim = servers.server_of(KEYS[0])
    victim.kill()
    try:
        with pytest.raises((Unreachable, ConnectionError)):
            await client.get(KEYS[0])
        assert not link.nodes.settled
        await link.nodes.meet()
        async with client.pipeline(transaction=False) as pipeline:
            for key in KEYS:
                pipeline.get(key)
            # The others say that the cluster is down once they have noticed.
            with pytest.raises((Unreachable, ConnectionError, ClusterDownError)):
                await pipeline.execute()
    finally:
        victim.start()
        servers.wait()
    assert await client.get(KEYS[0]) == b"0"
