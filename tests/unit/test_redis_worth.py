"""What a Redis is worth, where it has several masters."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from redis.exceptions import ResponseError

from collab.errors import CollabError
from collab.stores.redis_link import RedisLink
from collab.stores.redis_worth import probes, promise, promise_of, space
from tests.support.redis_cluster import RedisClusterServers
from tests.support.redis_server import needs_redis


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisClusterServers]:
    servers = RedisClusterServers(tmp_path_factory.mktemp("redis-cluster")).start()
    yield servers
    servers.kill()


@pytest.fixture
async def link(servers: RedisClusterServers) -> AsyncIterator[RedisLink]:
    link = RedisLink(servers.url)
    await link.nodes.meet()
    yield link
    await link.close()


@needs_redis
async def test_each_master_is_tried(link: RedisLink) -> None:
    found = probes(link, "node")
    assert {link.nodes.of(probe) for probe in found} == set(link.nodes.masters)
    assert len(found) == 3
    assert found == probes(link, "node")


def test_one_redis_is_tried_once() -> None:
    assert probes(RedisLink("redis://127.0.0.1:9/0"), "node") == ["collab:probe:node"]


@needs_redis
async def test_there_is_as_much_room_as_on_the_fullest(link: RedisLink, servers: RedisClusterServers) -> None:
    found = await space(link)
    assert (found.taken > 3_000_000, found.free) == (True, None)
    for number, megabytes in ((0, 500), (1, 100)):
        with servers.servers[number].client() as client:
            client.config_set("maxmemory", f"{megabytes}mb")
    try:
        found = await space(link)
        assert found.free is not None
        assert 50 * 2**20 < found.free < 100 * 2**20
    finally:
        for server in servers.servers:
            with server.client() as client:
                client.config_set("maxmemory", "0")


@needs_redis
async def test_what_an_ack_is_worth_is_said_of_each_where_they_differ(
    link: RedisLink, servers: RedisClusterServers
) -> None:
    assert await promise(link) == promise_of("yes", "everysec")
    with servers.servers[1].client() as client:
        client.config_set("appendfsync", "always")
        words = await promise(link)
        client.config_set("appendfsync", "everysec")
    assert f"127.0.0.1:{servers.servers[1].port}: {promise_of('yes', 'always')}" in words
    assert words.count(promise_of("yes", "everysec")) == 2


class Hiding:
    """A node that does not say how it is set."""

    def __init__(self, fault: Exception) -> None:
        self._fault = fault

    async def config_get(self, *_names: str) -> dict[str, str]:
        raise self._fault

    async def info(self, _section: str) -> dict[str, int]:
        return {"aof_enabled": 1}


async def test_a_blink_makes_no_other_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    link = RedisLink("redis://127.0.0.1:9/0")
    monkeypatch.setattr(link.nodes, "met", True)
    for fault, words in ((ResponseError("unknown command"), promise_of("yes", "unknown")), (TimeoutError(), None)):
        monkeypatch.setattr(link.client, "at", lambda _address, fault=fault: Hiding(fault))
        if words is None:
            with pytest.raises(CollabError, match="no answer in time"):
                await promise(link)
        else:
            assert await promise(link) == words
    await link.close()
