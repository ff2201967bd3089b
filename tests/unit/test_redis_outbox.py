"""The outbox in Redis; the rest is in ``tests/contract/test_outbox.py``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from collab.stores.outbox import TYPES, Delivery, Event
from collab.stores.redis import RedisStore
from collab.stores.redis_link import RedisLink
from collab.stores.redis_outbox import RedisOutbox, as_notes
from tests.support.redis_server import RedisServer, needs_redis

pytestmark = [needs_redis, pytest.mark.slow]


def one(_type: str, _document: str) -> tuple[str, ...]:
    return ("e" * 12,)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"), appendonly=False).start()
    yield server
    server.kill()


@pytest.fixture
async def nodes(server: RedisServer) -> AsyncIterator[list[RedisStore]]:
    with server.client() as client:
        client.flushall()
    stores = [RedisStore(RedisLink(server.url), node=f"n{n}") for n in range(2)]
    for store in stores:
        await store.open()
        await store.outbox.open(frozenset(TYPES))
    yield stores
    for store in stores:
        await store.outbox.close()
        await store.close()


async def test_one_node_has_the_lease_until_it_ends_or_is_given_back(nodes: list[RedisStore]) -> None:
    one, other = (store.outbox for store in nodes)
    assert await one.lease(30.0) and await one.lease(30.0) and not await other.lease(30.0)
    await other.release()
    assert not await other.lease(30.0), "it is not the other's to give back"
    await one.release()
    assert await other.lease(0.2)
    async with asyncio.timeout(20):
        while not await one.lease(30.0):
            await asyncio.sleep(0.05)


async def test_what_was_collected_twice_is_one_delivery(nodes: list[RedisStore]) -> None:
    """Its node died before it was taken off the list of the document."""
    first, second = (store.outbox for store in nodes)
    await first.put([Event("a", "session.joined", 1.0, {"n": n}) for n in range(3)])
    client = first._link.client
    events = await client.lrange(first._link.key("a", "outbox"), 0, -1)
    assert (await first.collect(time.time(), one))[0] == 3
    await client.rpush(first._link.key("a", "outbox"), *events)
    await client.zadd(first.index, {"a": 0})
    assert (await second.collect(time.time(), one))[0] == 3
    (lane,) = await second.due("e" * 12, time.time() + 1, 10, frozenset())
    assert [each.event.data["n"] for each in lane] == [0, 1, 2]
    assert all(isinstance(each, Delivery) for each in lane)


async def test_a_document_without_events_leaves_the_list_after_a_second_look(nodes: list[RedisStore]) -> None:
    outbox = nodes[0].outbox
    await outbox.announce("a{b}")
    now = time.time()
    for at in (now, now + 2, now + 40):
        assert await outbox._link.client.zcard(outbox.index) == 1
        assert await outbox.collect(at, one) == (0, {})
    assert await outbox._link.client.zcard(outbox.index) == 0
    assert not outbox._empty


async def test_what_is_written_at_the_same_time_stays_on_the_list(nodes: list[RedisStore]) -> None:
    outbox = nodes[0].outbox
    await outbox.announce("a")
    now = time.time()
    await outbox.collect(now, one)
    await outbox.collect(now + 2, one)
    await outbox.put([Event("a", "session.joined", now)])
    assert (await outbox.collect(now + 40, one))[0] == 1


async def test_edits_of_every_node_are_told_as_one(nodes: list[RedisStore]) -> None:
    one_, other = nodes
    await one_.append("a", b"one", "ann")
    await other.append("a", b"two", "ben")
    client = one_._link.client
    changing = await client.hgetall(one_._link.key("a", "changing"))
    assert changing[b"updates"] == b"2" and changing[b"p:ann"] == changing[b"p:ben"] == b"1"
    due = await client.zscore(one_.outbox.index, "a")
    assert time.time() - 1 < due < time.time() + 6


def test_nothing_attached_is_no_words() -> None:
    assert as_notes([]) == b""
    assert as_notes([Event("a", "t", 1.0, {"x": None})]) == b'[["t",{"x":null}]]'


def test_without_a_wish_scripts_are_told_nothing() -> None:
    outbox = RedisOutbox(RedisLink("redis://127.0.0.1:1/0"), "n")
    assert outbox.telling() == ""
    outbox.wanted = frozenset({"document.created"})
    assert outbox.telling().isalnum()
    outbox.wanted = frozenset({"document.changed"})
    assert outbox.telling().endswith("+")
