"""What is seen is told, and what is asked is answered."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from collab.errors import CollabError
from collab.stores.memory import MemoryStore
from collab.stores.outbox import TYPES
from collab.types import Identity, Role
from collab.webhooks import deliveries as module
from collab.webhooks.deliveries import Deliveries
from collab.webhooks.endpoints import Endpoint
from tests.support.receiver import SECRET, Receiver


def session(**more: Any) -> Any:
    identity = Identity("ann", "Ann", "red")
    return SimpleNamespace(
        id="s1", identity=identity, role=Role.EDITOR, door="socket.io", **{"dismissed": None, **more}
    )


async def test_people_who_come_and_go_are_told_where_somebody_wants_it() -> None:
    async with Receiver() as receiver:
        store = MemoryStore()
        endpoint = Endpoint(receiver.url, (SECRET,), frozenset(TYPES), ("team/*",))
        deliveries = Deliveries(store.outbox, [endpoint])
        await deliveries.open()
        for name in ("team/a", "private"):
            live: Any = SimpleNamespace(name=name)
            deliveries.joined(live, session())
            deliveries.left(live, session(dismissed="rate_limited"))
        await receiver.until(lambda: receiver.of("session.left"))
        expected = {
            "document": "team/a", "session": "s1", "participant": "ann", "name": "Ann", "agent": False,
            "role": "editor", "door": "socket.io",
        }  # fmt: skip
        assert receiver.of("session.joined")[0]["data"] == expected
        assert receiver.of("session.left")[0]["data"] == {**expected, "reason": "rate_limited"}
        assert len(receiver.taken) == 2
        await deliveries.close()


async def test_the_end_puts_aside_who_is_gone_and_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Receiver() as receiver:
        receiver.trouble = "stall"
        monkeypatch.setattr(module, "PATIENCE", 0.1)
        store = MemoryStore()
        endpoint = Endpoint(receiver.url, (SECRET,))
        deliveries = Deliveries(store.outbox, [endpoint])
        await deliveries.open()
        await store.append("a", b"x")
        await receiver.until(lambda: receiver.came)
        live: Any = SimpleNamespace(name="a")
        deliveries.left(live, session())
        monkeypatch.setattr(store.outbox, "close", lambda: asyncio.sleep(0))
        async with asyncio.timeout(20):
            await deliveries.close()
        rows = store.outbox._connection.execute("SELECT type FROM webhook_events").fetchall()
        assert rows == [("session.left",)]
        assert (await store.outbox.states([endpoint.id], 0.0))[endpoint.id].waiting == 1


async def test_without_endpoints_nothing_is_put_aside() -> None:
    store = MemoryStore()
    deliveries = Deliveries(store.outbox, [])
    await deliveries.open()
    await store.append("a", b"x")
    assert not store.outbox.wanted and deliveries.waiting == (0, 0.0) and await deliveries.states() == {}
    with pytest.raises(CollabError, match="no such endpoint"):
        await deliveries.test("0" * 12)
    await deliveries.close()


async def test_a_store_that_fails_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Receiver() as receiver:
        store = MemoryStore()
        deliveries = Deliveries(store.outbox, [Endpoint(receiver.url, (SECRET,))])
        collect, failures = store.outbox.collect, 3

        async def failing(*words: Any) -> Any:
            nonlocal failures
            failures -= 1
            if failures >= 0:
                raise CollabError("storage_unavailable")
            return await collect(*words)

        monkeypatch.setattr(store.outbox, "collect", failing)
        await deliveries.open()
        await store.append("a", b"x")
        await receiver.until(lambda: receiver.of("document.created"))
        await deliveries.close()


@pytest.mark.parametrize("steps", range(6))
async def test_the_end_comes_whatever_has_just_happened(steps: int) -> None:
    """A news that came in the same moment once swallowed the cancellation, and the end was waited for for ever."""
    store = MemoryStore()
    deliveries = Deliveries(store.outbox, [Endpoint("http://127.0.0.1:9/", (SECRET,))])
    await deliveries.open()
    await asyncio.sleep(2 * module.SHORTEST)
    deliveries._news.set()
    for _ in range(steps):
        await asyncio.sleep(0)
    async with asyncio.timeout(20):
        await deliveries.close()
