"""Many commands in one go, to one Redis and to the masters of a Redis Cluster."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.exceptions import MovedError, ResponseError

from collab.stores.redis_nodes import FAILURES, Nodes
from collab.stores.redis_pipe import Pipe, Unanswered
from collab.stores.redis_scripts import HEARTBEAT
from tests.support.redis_cluster import RedisClusterServers
from tests.support.redis_server import RedisServer, needs_redis

pytestmark = needs_redis

KEYS = [f"k{number}" for number in range(12)]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisClusterServers]:
    servers = RedisClusterServers(tmp_path_factory.mktemp("redis-cluster")).start()
    yield servers
    servers.kill()


@pytest.fixture
async def pipe(servers: RedisClusterServers) -> AsyncIterator[Pipe]:
    servers.flush()
    pipe = Pipe(Nodes(servers.url))
    yield pipe
    await pipe.drop()


async def test_answers_come_in_the_order_of_the_commands(pipe: Pipe) -> None:
    written = await pipe.run([["SET", key, at] for at, key in enumerate(KEYS)])
    assert written == [b"OK"] * len(KEYS)
    read = await pipe.run([*(["GET", key] for key in KEYS), ["PING"], ["HGET", KEYS[0], "a"]])
    assert read[:-1] == [*(b"%d" % at for at in range(len(KEYS))), b"PONG"]
    assert isinstance(read[-1], ResponseError), "refused, and nothing else is"


async def test_scripts_are_known_on_every_master_also_after_they_forgot(
    pipe: Pipe, servers: RedisClusterServers
) -> None:
    for _ in range(2):
        assert await pipe.run([(HEARTBEAT, (1, key, "me", 5)) for key in KEYS]) == [[b"me"]] * len(KEYS)
        for server in servers.servers:
            with server.client() as client:
                client.script_flush()


async def test_a_slot_that_has_moved_is_found(pipe: Pipe) -> None:
    await pipe.run([["SET", key, at] for at, key in enumerate(KEYS)])
    nodes = pipe._nodes
    nodes._owners = [nodes.masters[0]] * len(nodes._owners)
    assert await pipe.run([["GET", key] for key in KEYS]) == [b"%d" % at for at in range(len(KEYS))]
    assert not nodes.settled, "the whole is asked for at the next turn"


async def test_a_key_on_its_way_is_found_where_it_is(pipe: Pipe, servers: RedisClusterServers) -> None:
    await pipe.run([["SET", "{k}a", 1], ["SET", "{k}b", 2]])
    before = servers.server_of("k")
    to = next(server for server in servers.servers if server is not before)
    seen = []
    async for _ in servers.moving("k", to):
        seen.append(await pipe.run([["GET", "{k}a"], ["GET", "{k}b"]]))
    assert (seen, len(seen) > 2) == ([[b"1", b"2"]] * len(seen), True)
    servers.move_slot("k", before)


async def test_a_master_that_is_gone_takes_only_its_own(pipe: Pipe, servers: RedisClusterServers) -> None:
    await pipe.run([["SET", key, at] for at, key in enumerate(KEYS)])
    victim = servers.server_of(KEYS[0])
    theirs = [servers.server_of(key) is victim for key in KEYS]
    victim.kill()
    try:
        answers = await pipe.run_what_goes([["GET", key] for key in KEYS])
        assert [isinstance(answer, Unanswered) for answer in answers] == theirs
        with pytest.raises(FAILURES):
            await pipe.run([["GET", key] for key in KEYS])
    finally:
        victim.start()
        servers.wait()
    assert await pipe.run([["GET", key] for key in KEYS]) == [b"%d" % at for at in range(len(KEYS))]


async def test_one_redis_has_one_connection(tmp_path: Path) -> None:
    server = RedisServer(tmp_path, appendonly=False).start()
    try:
        pipe = Pipe(Nodes(server.url))
        assert await pipe.run([["SET", "a", 1], ["GET", "a"]]) == [b"OK", b"1"]
        assert list(pipe._lines) == [None]
        server.kill()
        with pytest.raises(FAILURES):
            await pipe.run([["GET", "a"]])
        await pipe.drop()
    finally:
        server.kill()


async def test_whoever_is_sent_in_a_circle_gives_up(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    await pipe.run([["PING"]])
    nodes = pipe._nodes
    wrong = next(each for each in nodes.masters if each != nodes.of("a"))
    monkeypatch.setattr(nodes, "of_command", lambda _command: wrong)
    monkeypatch.setattr(nodes, "moved", lambda _error, _asked: wrong)
    (answer,) = await pipe.run_what_goes([["GET", "a"]])
    assert isinstance(answer, Unanswered) and isinstance(answer.fault, MovedError)
