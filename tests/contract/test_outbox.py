"""What every outbox does: nothing happens without being told, each document's in order, each once if all is well.

Rules K1, K2, K7 and K8.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from collab.stores.base import Store
from collab.stores.outbox import LONGEST, QUIET, TYPES, Delivery, Event, Settled
from tests.contract.test_store import make, redis_cluster, redis_url, store

__all__ = ("make", "redis_cluster", "redis_url", "store")  # fixtures

ONE, TWO = "a" * 12, "b" * 12
LATER = QUIET + 1.0


@pytest.fixture
async def telling(store: Store) -> Store:
    await store.outbox.open(frozenset(TYPES))
    return store


def both(_type: str, _document: str) -> Sequence[str]:
    return (ONE, TWO)


def one(_type: str, _document: str) -> Sequence[str]:
    return (ONE,)


async def collect(store: Store, match: Any = one, *, after: float = 0.0) -> int:
    """Collect everything, as somebody would who looks ``after`` seconds from now."""
    count = 0
    while found := (await store.outbox.collect(time.time() + after, match))[0]:
        count += found
    return count


async def taken(store: Store, endpoint: str = ONE, *, busy: frozenset[str] = frozenset()) -> list[Delivery]:
    """Take everything that is due, and settle it."""
    found: list[Delivery] = []
    while lanes := await store.outbox.due(endpoint, time.time() + 60, 10, busy):
        for lane in lanes:
            found += lane
            await store.outbox.settle([Settled(each, "ok", time.time()) for each in lane])
    return found


def types(deliveries: Sequence[Delivery]) -> list[str]:
    return [each.event.type for each in deliveries]


async def age(store: Store, seconds: float) -> None:
    """Let so much time have gone by since the edits that are not told yet."""
    outbox: Any = store.outbox
    if store.adapter == "redis":
        async with outbox._link.asking() as client:
            keys = [key for node in client.masters() async for key in node.scan_iter("collab:{*}:changing")]
            for key in keys:
                for field in ("first", "last"):
                    await client.hset(key, field, float(await client.hget(key, field)) - seconds)
            for name, score in await client.zrange(outbox.index, 0, -1, withscores=True):
                await client.zadd(outbox.index, {name: score - seconds})
    else:
        statement = "UPDATE webhook_edits SET first_at = first_at - ?, last_at = last_at - ?"

        def run(connection: Any) -> None:
            connection.execute(statement, (seconds, seconds))

        if store.adapter == "memory":
            run(outbox._connection)
        else:
            await outbox._write(run)


async def test_everything_that_happens_is_told_in_order(telling: Store) -> None:
    store = telling
    await store.create("made")
    position = await store.append("notes", b"one", "ann")
    await store.append("notes", b"three", "ben")
    position = await store.append("notes", b"four", "ann")
    version = await store.add_version("notes", b"state", position, "first", "ann")
    await store.streams.publish("notes", "chat", b'{"event":"message","data":"h\\u00e9","from":{}}')
    await store.delete("notes", keep=True)
    await store.undelete("notes")
    await store.delete("notes")
    await collect(store)
    told = await taken(store)
    assert types([each for each in told if each.event.document == "made"]) == ["document.created"]
    notes = [each.event for each in told if each.event.document == "notes"]
    assert [each.type for each in notes] == [
        "document.created", "version.created", "stream.published", "document.changed", "document.deleted",
        "document.created", "document.deleted",
    ]  # fmt: skip
    created, kept, published, changed, deleted, again, gone = (each.data for each in notes)
    assert (bool(created.get("undeleted")), bool(again["undeleted"])) == (False, True)
    assert (kept["version"], kept["name"], kept["author"], kept["position"]) == (version.id, "first", "ann", position)
    assert (published["stream"], published["offset"]) == ("chat", 1)
    assert orjson.loads(published["body"])["data"] == "hé"
    assert (changed["position"], changed["updates"], changed["bytes"]) == (position, 3, 12)
    assert sorted(map(tuple, changed["authors"])) == [("ann", 2), ("ben", 1)]
    assert (bool(deleted["forever"]), bool(gone["forever"])) == (False, True)
    assert len({each.id for each in told}) == len(told)
    assert abs(notes[0].at - time.time()) < 60


async def test_edits_are_told_once_the_document_is_quiet_or_was_edited_for_long(telling: Store) -> None:
    store = telling
    for _ in range(3):
        await store.append("notes", b"x", "ann")
    await collect(store)
    assert types(await taken(store)) == ["document.created"]
    await age(store, QUIET - 2.0)
    await store.append("notes", b"x", "ann")
    await collect(store, after=LATER if store.adapter == "redis" else 0.0)  # Redis looks at its own clock
    assert await taken(store) == []
    await age(store, QUIET + 1.0)
    await collect(store, after=1.0)
    (told,) = await taken(store)
    assert (told.event.type, told.event.data["updates"]) == ("document.changed", 4)
    await store.append("notes", b"x", "ann")
    await age(store, LONGEST + 1.0)
    await store.append("notes", b"x", "ben")
    await collect(store, after=LONGEST)
    (told,) = await taken(store)
    assert told.event.data["updates"] == 2
    await collect(store, after=LONGEST)
    assert await taken(store) == []


async def test_a_lane_waits_for_its_first_and_no_other_does(telling: Store) -> None:
    store, now = telling, time.time()
    events = [Event(name, "session.joined", now, {"n": n}) for n in range(3) for name in ("a", "b")]
    await store.outbox.put(events)
    await collect(store, both)
    lanes = {lane[0].event.document: lane for lane in await store.outbox.due(ONE, time.time() + 1, 10, frozenset())}
    assert [each.event.data["n"] for each in lanes["a"]] == [0, 1, 2]
    assert [lane[0].event.document for lane in await store.outbox.due(ONE, now + 60, 10, frozenset("a"))] == ["b"]
    first = lanes["a"][0]
    await store.outbox.settle([Settled(first, "retry", now, now + 100, "HTTP 500")])
    assert {each.event.document for each in await taken(store)} == {"b"}
    waiting = await store.outbox.deliveries(ONE, failed=False, limit=10)
    assert next((each.id, each.attempts, each.reason) for each in waiting) == (first.id, 1, "HTTP 500")
    assert len(waiting) == 3 and waiting[1].due is None and waiting[0].due == pytest.approx(now + 100, abs=0.01)
    (lane,) = await store.outbox.due(ONE, now + 101, 10, frozenset())
    assert (lane[0].id, lane[0].attempts, lane[0].since) == (first.id, 1, pytest.approx(now, abs=0.01))
    await store.outbox.hurry(ONE, time.time())
    assert [each.event.data["n"] for each in await taken(store)] == [0, 1, 2]
    assert [each.event.data["n"] for each in await taken(store, TWO) if each.event.document == "a"] == [0, 1, 2]
    states = await store.outbox.states([ONE, TWO, "c"], time.time())
    assert [(states[each].waiting, states[each].oldest) for each in states] == [(0, None)] * 3


async def test_what_failed_for_good_is_kept_and_can_be_sent_again(telling: Store) -> None:
    store, now = telling, time.time()
    await store.outbox.put([Event("a", "session.joined", now, {"n": n}) for n in range(4)])
    await collect(store)
    (lane,) = await store.outbox.due(ONE, now + 60, 10, frozenset())
    await store.outbox.settle([Settled(each, "failed", now + n, reason="HTTP 404") for n, each in enumerate(lane[:3])])
    await store.outbox.disable(ONE, now)
    state = (await store.outbox.states([ONE], now))[ONE]
    assert (state.waiting, state.failed, state.disabled_at) == (1, 3, pytest.approx(now, abs=0.01))
    failed = await store.outbox.deliveries(ONE, failed=True, limit=10)
    assert [each.id for each in failed] == [each.id for each in reversed(lane[:3])]
    assert {each.reason for each in failed} == {"HTTP 404"}
    assert await store.outbox.retry(ONE, time.time(), [lane[1].id, "unknown"]) == 1
    state = (await store.outbox.states([ONE], now))[ONE]
    assert (state.waiting, state.failed, state.disabled_at) == (2, 2, None)
    assert [each.id for each in await taken(store)] == [lane[1].id, lane[3].id]
    assert await store.outbox.retry(ONE, time.time()) == 2
    assert [each.id for each in await taken(store)] == [lane[0].id, lane[2].id]


async def test_what_waits_has_a_bound(telling: Store) -> None:
    store, now = telling, time.time()
    store.outbox.most_waiting = 5
    await store.outbox.put([Event(f"d{n}", "session.joined", now) for n in range(8)])
    assert (await store.outbox.collect(time.time(), one))[1] == {ONE: 3}
    assert len(await taken(store)) == 5


async def test_what_nobody_wants_is_not_kept(store: Store) -> None:
    await store.append("before", b"x")
    await store.outbox.open(frozenset({"document.deleted"}))
    await store.append("notes", b"x")
    await store.delete("before")
    await collect(store, lambda type, _document: (ONE,) if type == "document.deleted" else (), after=LONGEST)
    assert types(await taken(store)) == ["document.deleted"]


async def test_what_is_attached_goes_with_the_next_edit_of_its_document(telling: Store) -> None:
    store = telling
    restored = Event("notes", "version.restored", time.time(), {"version": 7, "name": None, "author": "ann"})
    store.outbox.attach(restored)
    await store.append("other", b"x")
    await asyncio.gather(*(store.append("notes", b"x", "ann") for _ in range(3)))
    assert not store.outbox.detach(restored)
    await collect(store)
    told = [each.event for each in await taken(store) if each.event.document == "notes"]
    assert [each.type for each in told] == ["document.created", "version.restored"] or [each.type for each in told] == [
        "version.restored",
        "document.created",
    ]
    (data,) = [each.data for each in told if each.type == "version.restored"]
    assert (data["version"], data["name"], data["author"]) == (7, None, "ann")
    store.outbox.attach(restored)
    assert store.outbox.detach(restored) and not store.outbox.notes


async def test_one_node_delivers(telling: Store) -> None:
    assert await telling.outbox.lease(30.0)
    assert await telling.outbox.lease(30.0)
    await telling.outbox.release()
    await telling.outbox.close()
