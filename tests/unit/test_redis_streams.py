"""Streams in Redis: an answer that is lost makes no second event, and what is too old goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from collab.errors import CollabError
from collab.stores import redis_streams
from collab.stores.redis import RedisStore
from collab.stores.redis_link import RedisLink
from collab.stores.streams import StreamBounds
from tests.support.redis_server import RedisServer, needs_redis

pytestmark = needs_redis


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RedisServer]:
    server = RedisServer(tmp_path, appendonly=False).start()
    yield server
    server.kill()


@pytest.fixture
async def store(server: RedisServer) -> AsyncIterator[RedisStore]:
    store = RedisStore(RedisLink(server.url))
    await store.open()
    yield store
    await store.close()


async def test_an_answer_that_is_lost_makes_no_second_event(store: RedisStore) -> None:
    pipe: Any = store.streams._pipe  # type: ignore[attr-defined]
    run, lost = pipe.run, []

    async def lose(commands: Any) -> Any:
        answers = await run(commands)
        if len(lost) < 2:
            lost.append(answers)
            raise ConnectionError("cut")
        return answers

    pipe.run = lose
    offsets = [(await each).offset for each in [store.streams.publish("a", "chat", b"%d" % at) for at in range(3)]]
    assert (offsets, len(lost)) == ([1, 2, 3], 2)
    assert [event.body for event in (await store.streams.read("a", "chat")).events] == [b"0", b"1", b"2"]


async def test_nobody_waits_for_ever_for_a_redis_that_is_gone(
    store: RedisStore, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_streams, "PATIENCE", 0.0)
    server.kill()
    with pytest.raises(CollabError, match="storage_unavailable"):
        await store.streams.publish("a", "chat", b"1")


async def test_what_is_refused_is_told(store: RedisStore, server: RedisServer) -> None:
    with server.client() as client:
        client.config_set("min-replicas-to-write", "1")
        with pytest.raises(CollabError, match="storage_unavailable"):
            await store.streams.publish("a", "chat", b"1")
        client.config_set("min-replicas-to-write", "0")
    assert (await store.streams.publish("a", "chat", b"1")).offset == 1


async def test_what_is_not_kept_is_gone(store: RedisStore, server: RedisServer) -> None:
    store.streams.bounds = StreamBounds(keep=3)
    await asyncio.gather(*(store.streams.publish("a", "chat", b"%d" % at) for at in range(10)))
    with server.client() as client:
        assert sorted(client.hkeys("collab:{a}:events")) == [b"chat:10", b"chat:8", b"chat:9"]
        store.streams.bounds = StreamBounds(keep_for=-1.0)
        await store.streams.publish("a", "chat", b"new")
        assert client.hkeys("collab:{a}:events") == [b"chat:11"]
        keys = [key for key in client.keys("*") if b"stream-key" in key]
        assert keys and all(0 < client.ttl(key) <= 86_400 for key in keys)
