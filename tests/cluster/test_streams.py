"""Streams across nodes: kill -9 of nodes, and a Redis that is started again (rules T1 to T6, N1).

Longer by hand: COLLAB_TEST_ROUNDS=20 COLLAB_TEST_PEOPLE=100.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections.abc import Callable

import aiohttp
import pytest

from collab.client import Backoff, Session, StreamEvent, connect
from tests.cluster.conftest import StartNginx, StartNode
from tests.support.redis_server import RedisServer
from tests.support.seeds import chosen_seed
from tests.support.server import CollabServer

ROUNDS = int(os.environ.get("COLLAB_TEST_ROUNDS", "2"))
PEOPLE = int(os.environ.get("COLLAB_TEST_PEOPLE", "6"))


class Person:
    """Publishes into a stream and follows it, on whatever node is there; goes to another when theirs is gone.

    Args:
        site: where a proxy is that finds a node that is there: one session for all the time.
    """

    def __init__(self, name: str, nodes: list[CollabServer], rng: random.Random, site: str | None) -> None:
        self.name = name
        self.site = site
        self.nodes = nodes
        self.rng = rng
        self.heard: list[StreamEvent] = []
        self.acknowledged: dict[str, int] = {}
        self._sent = 0
        self._unanswered: str | None = None
        self._task: asyncio.Task[None] | None = None
        self.talking = asyncio.Event()

    def arrive(self) -> None:
        self._task = asyncio.create_task(self._live())

    async def leave(self) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _live(self) -> None:
        while True:
            node = self.rng.choice(self.nodes)
            with contextlib.suppress(ConnectionError, TimeoutError):
                async with connect(
                    self.site or node.url, "talk", user={"name": self.name}, open_timeout=5.0, backoff=Backoff(0.05, 0.2),
                    connect_timeout=2.0, close_timeout=0.1,
                ) as session:  # fmt: skip
                    await self._stay(session, node)

    async def _stay(self, session: Session, node: CollabServer) -> None:
        """Until the node is gone."""
        listening = asyncio.create_task(self._listen(session))
        talking = asyncio.create_task(self._talk(session))
        try:
            while self.site or node in self.nodes:
                await asyncio.sleep(0.02)
        finally:
            for task in (listening, talking):
                task.cancel()
            await asyncio.gather(listening, talking, return_exceptions=True)

    async def _listen(self, session: Session) -> None:
        after = self.heard[-1].offset if self.heard else 0
        async for event in session.stream("chat").events(after):
            self.heard.append(event)

    async def _talk(self, session: Session) -> None:
        while True:
            await self.talking.wait()
            if self._unanswered is None:
                self._unanswered = f"{self.name} {self._sent}"
                self._sent += 1
            # Whoever has moved to another node says again what was not answered, under the same key.
            said = self._unanswered
            self.acknowledged[said] = await session.stream("chat").publish(said, key=said)
            self._unanswered = None
            await asyncio.sleep(self.rng.uniform(0.0, 0.02))


async def until(condition: Callable[[], bool], within: float = 60.0) -> None:
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("behind_nginx", [False, True])
@pytest.mark.timeout(90 + 40 * ROUNDS + PEOPLE)
async def test_everybody_has_every_event_once_and_in_order(
    start_node: StartNode,
    start_nginx: StartNginx,
    redis_server: RedisServer,
    http: aiohttp.ClientSession,
    behind_nginx: bool,
) -> None:
    seed = chosen_seed()
    rng = random.Random(seed)
    flags = ("--trusted-proxies", "127.0.0.1") if behind_nginx else ()
    servers = [start_node(args=["--node-name", name, *flags]) for name in "abc"]
    site = start_nginx(dict(zip("abc", servers, strict=True))).url if behind_nginx else None
    nodes = list(servers)
    people = [Person(f"p{number}", nodes, random.Random(rng.random()), site) for number in range(PEOPLE)]
    for person in people:
        person.arrive()
        person.talking.set()

    def acknowledged() -> int:
        return sum(len(person.acknowledged) for person in people)

    async def more(count: int) -> None:
        target = acknowledged() + count
        await until(lambda: acknowledged() >= target)

    await more(60)
    for round in range(ROUNDS if not behind_nginx else (ROUNDS + 1) // 2):
        victim = rng.choice(servers)
        victim.kill()
        nodes.remove(victim)
        await more(60)
        redis_server.kill()
        await asyncio.sleep(rng.uniform(0.1, 0.6))
        await asyncio.to_thread(redis_server.start)
        await more(60)
        await asyncio.to_thread(victim.start)
        nodes.append(victim)
        print(f"round {round}: {acknowledged()} events are acknowledged")
    for person in people:
        person.talking.clear()
    await until(lambda: all(person._unanswered is None for person in people))
    last = max(offset for person in people for offset in person.acknowledged.values())
    await until(lambda: all(person.heard and person.heard[-1].offset >= last for person in people))
    everything = {said: offset for person in people for said, offset in person.acknowledged.items()}
    for person in people:
        assert [event.offset for event in person.heard] == list(range(1, last + 1)), person.name
        assert {event.data: event.offset for event in person.heard} == everything, "nothing lost, nothing twice"
        for other in people:
            theirs = [event.data for event in person.heard if event.sender["name"] == other.name]
            assert theirs == [f"{other.name} {number}" for number in range(len(theirs))], "in the order of their sender"
    where = f"{nodes[0].url}/api/v1/documents/talk/streams/chat"
    before = people[0].heard[-1].offset
    headers = {"Idempotency-Key": "again and again"}
    offsets = set()
    for node in [*nodes, *nodes]:
        async with http.post(where.replace(nodes[0].url, node.url), json={"data": "once"}, headers=headers) as answer:
            offsets.add((await answer.json())["offset"])
    assert offsets == {before + 1}, "one event, whichever node is asked"
    await until(lambda: all(person.heard[-1].offset == before + 1 for person in people))
    for person in people:
        await person.leave()
