"""What an ack is worth is looked at again and again, and a change is said once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from collab.observe import promise
from collab.observe.promise import PromiseWatch
from collab.stores.redis import RedisStore
from collab.stores.redis_link import RedisLink
from tests.support.redis_server import RedisServer, needs_redis

pytestmark = needs_redis


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:
    monkeypatch.setattr(promise, "INTERVAL", 0.02)
    server = RedisServer(tmp_path).start()
    yield server
    server.kill()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"appendonly": "no"}, "in the memory of Redis"),
        ({"maxmemory": "1gb", "maxmemory-policy": "allkeys-lru"}, "throws documents away"),
    ],
)
@pytest.mark.slow
async def test_a_redis_that_is_told_otherwise_is_noticed(
    server: RedisServer, changed: dict[str, str], words: str
) -> None:
    store = RedisStore(RedisLink(server.url))
    await store.open()
    watch = PromiseWatch(store)

    async def until(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.01)

    with capture_logs() as log, server.client() as client:
        assert "in the log of Redis" in await watch.open()
        before = {key: client.config_get(key)[key] for key in changed}
        for key, value in changed.items():
            client.config_set(key, value)
        await until(lambda: not watch.kept)
        server.pause()  # out of reach: what was known stands
        server.go_on()
        for key, value in before.items():
            client.config_set(key, value)
        await until(lambda: watch.kept)
    await watch.close()
    await store.close()
    assert [line["event"] for line in log] == [
        "an ack is worth something else than at the start", "an ack is worth what it was",
    ]  # fmt: skip
    assert words in log[0]["promise"] and words not in log[0]["before"]
