"""A real Redis Cluster of three masters below two nodes (rules N1 to N9): documents are divided, and nobody notices."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator

import aiohttp
import pytest
import socketio

from tests.support.api import SECRET, Api, http_session, mint, where
from tests.support.crowd import Crowd, same_people
from tests.support.receiver import Receiver
from tests.support.redis_cluster import RedisClusterServers
from tests.support.redis_server import needs_redis
from tests.support.seeds import chosen_seed
from tests.support.server import CollabServer, line, lines
from tests.support.typists import opened, read
from tests.support.wire import Client, WebSocketWire

pytestmark = needs_redis

#: documents of which each master has some
NAMES = [f"d{number}" for number in range(9)]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisClusterServers]:
    """Three masters for the tests of this module."""
    servers = RedisClusterServers(tmp_path_factory.mktemp("redis-cluster")).start()
    assert len({servers.server_of(f"{{{name}}}").port for name in NAMES}) == 3, "the names test nothing otherwise"
    yield servers
    servers.kill()


StartNode = Callable[..., CollabServer]


@pytest.fixture
def start_node(servers: RedisClusterServers) -> Iterator[StartNode]:
    """Start nodes on a cluster that is empty; they end with the test."""
    servers.flush()
    nodes: list[CollabServer] = []

    def start(*args: str) -> CollabServer:
        node = CollabServer(servers.url, args=["--redis", servers.url, "--log-format", "json", *args])
        nodes.append(node)
        return node.start()

    yield start
    for node in nodes:
        node.kill()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with http_session() as session:
        yield session


async def until_read(node: CollabServer, http: aiohttp.ClientSession, name: str, text: str) -> None:
    async with asyncio.timeout(30):
        while (there := await read(node, http, f"/doc/{name}")) != text:
            assert text.startswith(there), there
            await asyncio.sleep(0.05)


async def test_documents_of_all_masters_are_shared_and_outlive_their_nodes(
    start_node: StartNode, http: aiohttp.ClientSession
) -> None:
    one, two = start_node(), start_node()
    assert two.start_line.endswith("store=redis auth=none nodes=2")
    for name in NAMES:
        ada, bob = await opened(one, http, name), await opened(two, http, name)
        assert (await ada.type("from one "))["durable"]
        await bob.wait_for("from one ")
        assert (await bob.type("from two"))["durable"]
        await ada.wait_for("from one from two")
        await same_people([one, two], http, name, count=2)
        await ada.client.close()
        await bob.client.close()
    one.kill()
    assert two.stop() == 0
    assert "Traceback" not in two.stderr()
    await asyncio.to_thread(two.start)
    for name in NAMES:
        await until_read(two, http, name, "from one from two")
    found = (await Api(two, http)("GET", "/documents")).json["documents"]
    assert [each["name"] for each in found] == NAMES


async def test_versions_streams_and_the_trash(start_node: StartNode, http: aiohttp.ClientSession) -> None:
    one, two = start_node(), start_node()
    here, there = Api(one, http), Api(two, http)
    for name in NAMES[:4]:
        editor = await opened(one, http, name)
        await editor.type("kept")
        made = await here("POST", where(name) + "/versions", {"name": "first"})
        assert made.status == 201, made.body
        listed = (await there("GET", where(name) + "/versions")).json["versions"]
        assert "first" in [each["name"] for each in listed]
        published = await there("POST", where(name) + "/streams/log", {"data": 1})
        assert (published.status, published.json["offset"]) == (201, 1)
        events = (await here("GET", where(name) + "/streams/log")).json["events"]
        assert [each["data"] for each in events] == [1]
        await editor.client.close()
        assert (await there("DELETE", where(name))).status == 204
        assert (await here("GET", where(name))).status == 404
    trash = (await here("GET", "/documents?deleted=true")).json["documents"]
    assert [each["name"] for each in trash] == NAMES[:4]
    for name in NAMES[:2]:
        back = await there("POST", where(name) + "/undelete")
        assert back.status == 200, back.body
        await until_read(one, http, name, "kept")
        assert (await here("GET", where(name) + "/streams/log")).json["events"][0]["data"] == 1


async def test_a_node_is_killed_while_people_type(start_node: StartNode, http: aiohttp.ClientSession) -> None:
    nodes = [start_node("--compact-every", "40"), start_node("--compact-every", "40")]
    crowds = [Crowd(nodes, http, name, count=4, seed=chosen_seed() + at) for at, name in enumerate(NAMES[:3])]
    for crowd in crowds:
        await crowd.arrive()
        crowd.begin(10.0)
    await asyncio.sleep(1.5)
    nodes[1].kill()
    for crowd in crowds:
        await crowd.stop()
        crowd.nodes = nodes[:1]
        for typist in crowd.typists[1::2]:
            await typist.connect(nodes[0], http)
        await crowd.agree(30.0)
        await same_people(nodes[:1], http, crowd.name, count=4)


async def test_a_master_is_killed_and_started_again_while_people_type(
    servers: RedisClusterServers, start_node: StartNode, http: aiohttp.ClientSession
) -> None:
    victim = servers.server_of(f"{{{NAMES[0]}}}")
    with victim.client() as client:
        client.config_set("appendfsync", "no")  # with everysec a busy disk makes it hold back what it has answered
    nodes = [start_node(), start_node()]
    crowds = [Crowd(nodes, http, name, count=4, seed=chosen_seed() + at) for at, name in enumerate(NAMES[:3])]
    for crowd in crowds:
        await crowd.arrive()
        crowd.begin(10.0)
    await asyncio.sleep(1.0)
    victim.kill()
    for node in nodes:
        await line(node, "the cluster is out of reach")
        assert (await line(node, "Redis does not answer appends"))["unsaved"] > 0
    before = [len(typist.acknowledged) for typist in crowds[0].typists]
    await asyncio.to_thread(victim.start)
    await asyncio.to_thread(servers.wait)
    for node in nodes:
        await line(node, "the cluster is back")
    deadline = time.monotonic() + 30
    while any(len(typist.acknowledged) <= had for typist, had in zip(crowds[0].typists, before, strict=True)):
        assert time.monotonic() < deadline, "nothing is acknowledged after the outage"
        await asyncio.sleep(0.05)
    for crowd in crowds:
        await crowd.stop()
    for crowd in crowds:
        await crowd.agree(30.0)
        await same_people(nodes, http, crowd.name, count=4)
    assert not any(lines(node, "the log has lost entries: they are written again") for node in nodes)


async def test_slots_move_while_people_type(
    servers: RedisClusterServers, start_node: StartNode, http: aiohttp.ClientSession
) -> None:
    nodes = [start_node(), start_node()]
    crowd = Crowd(nodes, http, NAMES[0], count=4, seed=chosen_seed())
    await crowd.arrive()
    crowd.begin(10.0)
    await asyncio.sleep(1.0)
    tag = f"{{{NAMES[0]}}}"
    before = servers.server_of(tag)
    to = next(server for server in servers.servers if server is not before)
    await asyncio.to_thread(servers.move_slot, tag, to)
    try:
        await asyncio.sleep(1.0)
        await crowd.stop()
        await crowd.agree(30.0)
        await same_people(nodes, http, crowd.name, count=4)
        late = await opened(start_node(), http, NAMES[0])
        assert (await late.type("!"))["durable"]
    finally:
        await asyncio.to_thread(servers.move_slot, tag, before)
    assert (await late.type("?"))["durable"], "and back"
    await crowd.agree(30.0)


async def test_webhooks_and_inboxes(start_node: StartNode, http: aiohttp.ClientSession) -> None:
    async with Receiver() as receiver:
        args = receiver.args(events=["document.created", "stream.published", "document.changed", "document.deleted"])
        one, two = (start_node("--auth", "jwt", "--jwt-secret", SECRET, *args) for _ in range(2))
        ann, bob = Api(one, http, mint("*=admin")), Api(two, http, mint("*=viewer", sub="bob"))
        session = Client(WebSocketWire(two.url, http), "/doc/elsewhere")
        await session.connect({"token": bob.token})
        for number, name in enumerate(NAMES):
            said = await ann("POST", where(name) + "/streams/chat", {"data": {"body": f"@[bob] @[cat] {number}"}})
            assert said.status == 201, said.body
            await session.wait(
                lambda packet, number=number: (
                    packet.type == 2
                    and packet.data[0] == "inbox"
                    and any(each["excerpt"].endswith(f" {number}") for each in packet.data[1]["events"])
                ),
                30,
            )
        page = (await bob("GET", "/inbox")).json
        assert [each["document"] for each in page["events"]] == NAMES
        assert (await bob("POST", "/inbox/read", {"ids": [page["events"][0]["id"]]})).json == {"unread": len(NAMES) - 1}
        assert (await ann("DELETE", where(NAMES[1]) + "?forever=true")).status == 204
        left = (await bob("GET", "/inbox")).json
        assert [each["document"] for each in left["events"]] == [name for name in NAMES if name != NAMES[1]]
        await receiver.until(
            lambda: (
                all(receiver.of("stream.published", name) for name in NAMES)
                and bool(receiver.of("document.deleted", NAMES[1]))
            ),
            60.0,
        )
        assert all(len({each["id"] for each in receiver.of("document.created", name)}) == 1 for name in NAMES)


async def test_an_emit_at_any_master_reaches_clients_and_another_is_taken_when_one_is_gone(
    servers: RedisClusterServers, start_node: StartNode, http: aiohttp.ClientSession
) -> None:
    node = start_node()
    client = Client(WebSocketWire(node.url, http), "/doc/news")
    await client.connect()

    async def emit_until_heard(url: str, name: str) -> None:
        outside = socketio.AsyncRedisManager(url, channel="collab:0:emit", write_only=True)
        async with asyncio.timeout(30):
            while not client.events(name):
                await outside.emit(name, {}, namespace="/doc/news")
                await asyncio.sleep(0.1)
        await outside.redis.aclose()

    for number, server in enumerate(servers.servers):
        await emit_until_heard(server.url, f"from {number}")
    servers.servers[0].kill()  # the one that the node was given
    try:
        await emit_until_heard(servers.servers[2].url, "without the first")
    finally:
        await asyncio.to_thread(servers.servers[0].start)
        await asyncio.to_thread(servers.wait)


async def test_a_master_that_is_full_is_said_to_be(
    servers: RedisClusterServers, start_node: StartNode, http: aiohttp.ClientSession
) -> None:
    node = start_node("--low-space", "0")
    editor = await opened(node, http, NAMES[0])
    await editor.type("a")
    full = servers.server_of(f"{{{NAMES[0]}}}")
    with full.client() as client:
        client.config_set("maxmemory", "1")
        try:
            with pytest.raises(AssertionError, match=r"storage_unavailable|store_full"):
                assert (await editor.type("b")).get("durable"), await editor.type("c")
            refused = await line(node, "Redis refuses appends")
            async with http.get(f"{node.url}/readyz") as response:
                said = await response.json()
        finally:
            client.config_set("maxmemory", "0")
    assert refused["reason"].startswith("Redis is full: command not allowed")
    assert (response.status, said["reasons"][0]["reason"], said["code"]) == (503, "store", "store_full")
    assert said["message"].startswith("Redis is full: command not allowed")
    assert not lines(node, "the cluster is out of reach")


async def test_a_cluster_that_lacks_a_master_is_waited_for(
    servers: RedisClusterServers, start_node: StartNode, http: aiohttp.ClientSession
) -> None:
    node = start_node()
    await (await opened(node, http, NAMES[0])).type("kept")
    node.kill()
    victim = servers.servers[1]
    victim.kill()
    await asyncio.to_thread(servers.wait_for_a_gap)  # before that a node may find all well, and start
    starting = asyncio.create_task(asyncio.to_thread(node.start, 60.0))
    try:
        async with asyncio.timeout(30):
            while not getattr(node, "_errors", None) or not lines(node, "waiting for Redis"):
                await asyncio.sleep(0.05)
    finally:
        await asyncio.to_thread(victim.start)
    await starting
    await until_read(node, http, NAMES[0], "kept")
