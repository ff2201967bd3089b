"""One suite for every cluster adapter: what holds for one node alone, and what for two of them."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest

from collab.cluster.base import Cluster
from collab.cluster.local import LocalCluster
from collab.cluster.redis import RedisCluster
from collab.protocol.bells import Message, Note
from collab.stores.redis_link import RedisLink
from tests.support.redis_cluster import RedisClusterServers
from tests.support.redis_server import RedisServer, needs_redis

Make = Callable[[], Cluster]


class Ear:
    """Hears everything about one document, and about the cluster as a whole."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.reachable: list[bool] = []
        self.missed = self.lost = 0
        self.left: list[str] = []

    def hear(self, message: Message) -> None:
        self.messages.append(message)

    def cluster_changed(self, reachable: bool) -> None:
        self.reachable.append(reachable)

    def bells_missed(self) -> None:
        self.missed += 1

    def notes_lost(self) -> None:
        self.lost += 1

    def node_left(self, node: str) -> None:
        self.left.append(node)

    def node_returned(self, node: str) -> None:
        self.left.remove(node)


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"), appendonly=False).start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def redis_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisClusterServers]:
    servers = RedisClusterServers(tmp_path_factory.mktemp("redis-cluster")).start()
    yield servers
    servers.kill()


REDIS = pytest.param("redis", marks=needs_redis)
REDIS_CLUSTER = pytest.param("redis-cluster", marks=needs_redis)


@pytest.fixture(params=["local", REDIS, REDIS_CLUSTER])
async def make(request: pytest.FixtureRequest) -> AsyncIterator[Make]:
    """Makes nodes of one cluster."""
    async with maker(request) as make:
        yield make


@asynccontextmanager
async def maker(request: pytest.FixtureRequest) -> AsyncIterator[Make]:
    if request.param == "local":
        yield LocalCluster
        return
    if request.param == "redis-cluster":
        servers: RedisClusterServers = request.getfixturevalue("redis_cluster")
        servers.flush()
        url = servers.url
    else:
        server: RedisServer = request.getfixturevalue("redis_server")
        with server.client() as client:
            client.flushall()
        url = server.url
    links: list[RedisLink] = []

    def make() -> Cluster:
        links.append(RedisLink(url))
        return RedisCluster(links[-1], secrets.token_hex(4))

    yield make
    for link in links:
        await link.close()


@pytest.fixture
async def node(make: Make) -> AsyncIterator[Cluster]:
    node = make()
    await node.open(Ear())
    yield node
    await node.close()


@pytest.fixture(params=[REDIS, REDIS_CLUSTER])
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Cluster, Ear, Cluster, Ear]]:
    """Two nodes and their watchers, for adapters that have them."""
    async with maker(request) as make:
        first, second, ears = make(), make(), (Ear(), Ear())
        await first.open(ears[0])
        await second.open(ears[1])
        yield first, ears[0], second, ears[1]
        await first.close()
        await second.close()


@pytest.fixture
def servers(request: pytest.FixtureRequest, pair: object) -> list[RedisServer]:
    """What ``pair`` runs on; the first of them has the document a."""
    if request.node.callspec.params["pair"] == "redis":
        return [request.getfixturevalue("redis_server")]
    cluster: RedisClusterServers = request.getfixturevalue("redis_cluster")
    first = cluster.server_of("{a}")
    return [first, *(server for server in cluster.servers if server is not first)]


async def until(check: Callable[[], object], within: float = 20.0) -> None:
    async with asyncio.timeout(within):
        while not check():
            await asyncio.sleep(0.01)


async def test_one_node_alone(node: Cluster) -> None:
    assert node.nodes == 1
    assert node.reachable
    ear = Ear()
    await node.join("a", ear)
    node.tell("a", {"k": "x"})
    node.count({"a": 3})
    node.renew("a")
    assert await node.people(["a", "b"]) == [0, 0], "its own are not among the others'"
    node.leave("a")
    node.leave("a")


async def test_closing_twice_is_closing_once(make: Make) -> None:
    node = make()
    await node.open(Ear())
    await node.close()
    await node.close()


async def test_who_has_joined_hears_in_order_and_nobody_else(pair: tuple[Cluster, Ear, Cluster, Ear]) -> None:
    first, _, second, _ = pair
    ears = {name: Ear() for name in ("a", "b", "{}%7Dä")}
    for name, ear in ears.items():
        await second.join(name, ear)
    for number in range(100):
        first.tell("a", {"k": "count", "number": number})
    first.tell("{}%7Dä", {"k": "odd"})
    await until(lambda: len(ears["a"].messages) == 100 and ears["{}%7Dä"].messages)
    assert [m.body["number"] for m in ears["a"].messages if isinstance(m, Note)] == list(range(100))
    assert {message.node for message in ears["a"].messages} == {first.node}
    assert not ears["b"].messages
    assert await first.listeners("a") == 1
    second.leave("a")
    await until(lambda: True)
    async with asyncio.timeout(30):
        while await first.listeners("a"):
            await asyncio.sleep(0.01)
    first.tell("a", {"k": "late"})
    first.tell("b", {"k": "after"})
    await until(lambda: ears["b"].messages)
    assert len(ears["a"].messages) == 100


async def test_joining_right_after_leaving(pair: tuple[Cluster, Ear, Cluster, Ear]) -> None:
    first, _, second, _ = pair
    for number in range(20):
        ear = Ear()
        await second.join("a", ear)
        first.tell("a", {"k": "n", "number": number})
        await until(lambda heard=ear.messages: heard)
        second.leave("a")


async def test_nodes_know_of_each_other_and_of_their_people(pair: tuple[Cluster, Ear, Cluster, Ear]) -> None:
    first, heard, second, _ = pair
    await until(lambda: first.nodes == second.nodes == 2)
    second.count({"a": 2, "b": 1})
    async with asyncio.timeout(10):
        while await first.people(["a", "b", "c"]) != [2, 1, 0]:
            await asyncio.sleep(0.05)
    await second.close()
    await until(lambda: heard.left == [second.node])
    assert first.nodes == 1
    assert await first.people(["a"]) == [0]


async def test_a_lost_connection_is_told_and_mended(
    pair: tuple[Cluster, Ear, Cluster, Ear], servers: list[RedisServer]
) -> None:
    first, heard, second, _ = pair
    ear = Ear()
    await first.join("a", ear)
    with servers[0].client() as client:
        client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    await until(lambda: heard.missed)
    second.tell("a", {"k": "again"})
    await until(lambda: ear.messages)
    servers[0].pause()
    try:
        await until(lambda: heard.reachable == [False])
        assert not first.reachable
    finally:
        servers[0].go_on()
    await until(lambda: heard.reachable == [False, True])
    assert heard.missed >= 1


async def test_notes_that_were_lost_are_told_of_once_others_go_out(
    pair: tuple[Cluster, Ear, Cluster, Ear], servers: list[RedisServer]
) -> None:
    first, _, second, heard = pair
    ear = Ear()
    await first.join("a", ear)
    second.tell("a", {"k": "before"})  # over the connection that breaks: none is made before it is needed
    await until(lambda: ear.messages)
    for server in servers:
        with server.client() as client:
            client.execute_command("CLIENT", "KILL", "TYPE", "normal")
    second.tell("a", {"k": "lost"})
    await until(lambda: heard.lost == 1)
    second.tell("a", {"k": "again"})
    await until(lambda: len(ear.messages) == 2)
    assert [message.body["k"] for message in ear.messages if isinstance(message, Note)] == ["before", "again"]


async def test_notes_that_were_too_many_are_told_of(
    pair: tuple[Cluster, Ear, Cluster, Ear], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _, second, heard = pair
    monkeypatch.setattr("collab.cluster.redis.MAX_WAITING", 2)
    ear = Ear()
    await first.join("a", ear)
    for number in range(3):
        second.tell("a", {"k": "n", "number": number})
    await until(lambda: heard.lost == 1)
    await until(lambda: len(ear.messages) == 2)
