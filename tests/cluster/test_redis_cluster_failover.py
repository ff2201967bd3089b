"""A master of a Redis Cluster is gone for good, and its replica takes its place: an outage like any other, and no more."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.support.api import http_session
from tests.support.crowd import Crowd, same_people
from tests.support.redis_cluster import RedisClusterServers
from tests.support.redis_server import needs_redis
from tests.support.seeds import chosen_seed
from tests.support.server import CollabServer, line, lines

pytestmark = needs_redis


@pytest.mark.parametrize("victim", [0, 1], ids=["whose address the nodes have", "another one"])
async def test_a_replica_takes_over_while_people_type(tmp_path: Path, victim: int) -> None:
    servers = RedisClusterServers(tmp_path)
    nodes: list[CollabServer] = []
    try:
        await asyncio.to_thread(servers.start)
        replica = await asyncio.to_thread(servers.add_replica, victim)
        gone = servers.servers[victim]
        owned = [name for name in (f"d{number}" for number in range(20)) if servers.server_of(f"{{{name}}}") is gone]
        other = next(name for name in (f"d{number}" for number in range(20)) if name not in owned)
        nodes = [CollabServer(servers.url, args=["--redis", servers.url, "--log-format", "json"]) for _ in range(2)]
        await asyncio.gather(*(asyncio.to_thread(node.start, 60.0) for node in nodes))
        async with http_session() as http:
            crowds = [
                Crowd(nodes, http, name, count=4, seed=chosen_seed() + at) for at, name in enumerate((owned[0], other))
            ]
            for crowd in crowds:
                await crowd.arrive()
                crowd.begin(10.0)
            await asyncio.sleep(1.0)
            gone.kill()
            for node in nodes:
                await line(node, "the cluster is out of reach", within=60.0)
            before = [len(typist.acknowledged) for typist in crowds[0].typists]
            for node in nodes:
                await line(node, "the cluster is back", within=60.0)
            async with asyncio.timeout(60.0):
                while any(
                    len(typist.acknowledged) <= had for typist, had in zip(crowds[0].typists, before, strict=True)
                ):
                    await asyncio.sleep(0.05)
            with replica.client() as client:
                assert client.role()[0] == b"master"
                assert client.exists(f"collab:{{{owned[0]}}}:log")
            # The one that was gone is a replica of the other now, and knows nothing of what was written meanwhile.
            await asyncio.to_thread(gone.start)
            deadline = time.monotonic() + 60.0
            with gone.client() as client:
                while client.role()[0] != b"slave":
                    assert time.monotonic() < deadline
                    await asyncio.sleep(0.05)
            for crowd in crowds:
                await crowd.stop()
            for crowd in crowds:
                await crowd.agree(60.0)
                await same_people(nodes, http, crowd.name, count=4)
        assert not any("Traceback" in node.stderr() for node in nodes)
        assert all(len(lines(node, "the cluster is out of reach")) == 1 for node in nodes)
    finally:
        for node in nodes:
            node.kill()
        servers.kill()
