"""A node and its Redis Cluster start in any order: it waits for every master, and for what each of them knows.

That a cluster says "all is well" is what one master knows. The next one, which may have been started a moment ago, can
still say "the cluster is down" to any command of a start.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ClusterDownError
from structlog.testing import capture_logs

from collab import waiting
from collab.app import create_app
from collab.config import load_settings
from collab.stores.redis_worth import promise_of
from collab.waiting import begin_on_redis
from tests.support.api import http_session
from tests.support.editor import Editor
from tests.support.ports import free_port
from tests.support.redis_cluster import MASTERS, SLOTS, RedisClusterServers
from tests.support.redis_server import needs_redis
from tests.support.server import CollabServer, lines
from tests.support.wire import Client, WebSocketWire

pytestmark = needs_redis

#: seconds until it must be so, however busy the machine is
PATIENCE = 60.0
#: answers of a start between two that are tried: there are 200, and half a second goes into each
STRIDE = int(os.environ.get("COLLAB_TEST_STRIDE", "5"))
#: documents of which each master has some
NAMES = [f"d{number}" for number in range(9)]


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[RedisClusterServers]:
    """Three masters that nobody has started yet."""
    servers = RedisClusterServers(tmp_path)
    yield servers
    servers.kill()


class Waiters:
    """Nodes that were started at one stage of a cluster's coming up each, and wait."""

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self._url = url
        self._http = http
        self.nodes: list[CollabServer] = []
        self._starts: list[asyncio.Future[CollabServer]] = []

    async def add(self, reason: str) -> None:
        """Start one more; returns once it and those before it say that ``reason`` (a pattern) is what they wait for."""
        node = CollabServer(self._url, args=["--redis", self._url, "--log-format", "json"])
        self.nodes.append(node)
        self._starts.append(asyncio.ensure_future(asyncio.to_thread(node.start, PATIENCE)))
        await self.say(reason)

    async def say(self, reason: str) -> None:
        """Return once all of them say so; none of them has ended, or begun."""
        words = re.compile(rf"The server waits for its Redis: (?:{reason})\.")
        for node, start in zip(self.nodes, self._starts, strict=True):
            async with asyncio.timeout(PATIENCE):
                said = ""
                while not words.fullmatch(said):
                    assert not start.done(), start.exception() or "it began while there was no whole cluster"
                    said = await self._readyz(node) or said
                    await asyncio.sleep(0.05)

    async def _readyz(self, node: CollabServer) -> str | None:
        url = f"http://127.0.0.1:{node.port}"
        try:
            async with self._http.get(f"{url}/readyz") as response:
                said = await response.json()
                assert (response.status, said["reasons"][0]["reason"]) == (503, "store"), said
            async with self._http.get(f"{url}/healthz") as response:
                assert response.status == 200
        except aiohttp.ClientConnectionError:
            return None
        return str(said["message"])

    async def begin(self) -> None:
        """All of them begin, and have said once that they waited, and once that they wait no more."""
        await asyncio.gather(*self._starts)
        for node in self.nodes:
            assert [len(lines(node, event)) for event in ("waiting for Redis", "Redis answers")] == [1, 1], (
                node.stderr()
            )
            assert "Traceback" not in node.stderr()
            async with self._http.get(f"{node.url}/readyz") as response:
                assert response.status == 200, await response.text()

    async def type_everywhere(self) -> None:
        """Each has documents of every master."""
        for node in self.nodes:
            for name in NAMES:
                editor = Editor(client := Client(WebSocketWire(node.url, self._http), f"/doc/{name}"))
                await client.connect()
                await editor.sync()
                assert (await editor.type("a"))["durable"]
                await client.close()

    def end(self) -> None:
        for node in self.nodes:
            node.kill()


async def test_a_node_is_started_at_every_stage_of_a_cluster_that_comes_back(servers: RedisClusterServers) -> None:
    await asyncio.to_thread(servers.start)
    first, second, third = (server.port for server in servers.servers)
    down = r"127.0.0.1:\d+: the Redis Cluster is down"
    async with http_session() as http:
        waiters = Waiters(servers.url, http)
        try:
            # The first is the one that the nodes are given: with it, and without it.
            for order in ((0, 1, 2), (2, 1, 0)):
                servers.kill()
                await waiters.add(f"Error 111 connecting to 127.0.0.1:{first}.*")
                await asyncio.to_thread(servers.servers[order[0]].start)
                if order[0] == 0:
                    await waiters.add(f"{down}|Error 111 connecting to 127.0.0.1:({second}|{third}).*")
                else:
                    await waiters.add(f"Error 111 connecting to 127.0.0.1:{first}.*")
                await asyncio.to_thread(servers.servers[1].start)
                if order[0] == 0:
                    await waiters.add(f"{down}|Error 111 connecting to 127.0.0.1:{third}.*")
                else:
                    await waiters.add(f"Error 111 connecting to 127.0.0.1:{first}.*")
                await asyncio.to_thread(servers.servers[order[2]].start)
                await waiters.begin()
                await waiters.type_everywhere()
                waiters.end()
                waiters = Waiters(servers.url, http)
        finally:
            waiters.end()


async def test_a_node_is_started_at_every_stage_of_a_cluster_that_is_made(servers: RedisClusterServers) -> None:
    async with http_session() as http:
        waiters = Waiters(servers.url, http)
        try:
            for number, server in enumerate(servers.servers):
                await asyncio.to_thread(server.start)
                if number == 0:
                    await waiters.add("the Redis Cluster is down: no node has any slots yet")
                await asyncio.to_thread(servers.give_slots, number)
                if number == 0:
                    await waiters.add(f"the Redis Cluster is down: {SLOTS - SLOTS // MASTERS} of {SLOTS} slots .*")
            await waiters.say("the Redis Cluster is down: .* slots have no master")
            await asyncio.to_thread(servers.introduce, 1)
            await waiters.add(f"the Redis Cluster is down: {SLOTS - 2 * SLOTS // MASTERS} of {SLOTS} slots .*")
            await asyncio.to_thread(servers.introduce, 2)
            await waiters.begin()
            await waiters.type_everywhere()
        finally:
            waiters.end()


class Blink:
    """The answer at one place, counted from the first that a start reads, is another one: an outage that is over at
    once, and so finds whatever does not look."""

    def __init__(self, at: int, fault: type[Exception]) -> None:
        self._at = at
        self._fault = fault
        self.read = 0

    async def pass_on(self, connection: Any, read: Any, *args: Any, **options: Any) -> Any:
        answer = await read(connection, *args, **options)
        self.read += 1
        if self.read != self._at:
            return answer
        if self._fault is ConnectionError:
            await connection.disconnect(nowait=True)
        raise self._fault("as the test has it")


@pytest.mark.parametrize(("fault", "first"), [(ClusterDownError, 1), (ConnectionError, 3)])
async def test_no_command_of_a_start_is_without_its_wait(
    servers: RedisClusterServers, monkeypatch: pytest.MonkeyPatch, fault: type[Exception], first: int
) -> None:
    await asyncio.to_thread(servers.start)
    monkeypatch.setattr(waiting, "INTERVAL", 0.01)
    read = AbstractConnection.read_response
    blink = Blink(0, fault)
    monkeypatch.setattr(
        AbstractConnection, "read_response", lambda self, *args, **options: blink.pass_on(self, read, *args, **options)
    )
    settings = load_settings({"port": free_port(), "redis": servers.url}, {})

    async def begin() -> web.AppRunner:
        runner = web.AppRunner(create_app(settings), handle_signals=False)
        await runner.setup()
        return runner

    around = asyncio.all_tasks()
    at, waited = first, 0
    while at == first or blink.read >= at - STRIDE:
        blink = Blink(at, fault)
        with capture_logs() as log:
            runner = await begin_on_redis(settings, asyncio.Event(), begin)
        assert runner is not None
        said = [line["event"] for line in log if line["log_level"] != "debug"]
        began = next(line for line in log if line["event"] == "one node of a cluster")
        assert began["promise"] == promise_of("yes", "everysec"), at
        waits = said.count("waiting for Redis")
        assert waits == said.count("Redis answers") <= 1, said
        waited += waits
        await runner.cleanup()
        assert asyncio.all_tasks() == around, at
        at += STRIDE
    assert waited > 5, "nothing was tried otherwise"
