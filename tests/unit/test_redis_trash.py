"""The list of the trash and the keys in it are two steps: between them nothing is lost, and nothing stays for ever."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from collab.protocol.mentions import mail_in
from collab.protocol.stream_events import body_of
from collab.stores.redis import RedisStore
from collab.stores.redis_link import RedisLink
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


async def test_an_entry_without_keys_is_harmless_and_goes(store: RedisStore, server: RedisServer) -> None:
    await store.append("a", b"1")
    with server.client() as client:
        client.zadd("collab:trash", {"a\n0000000000001\nlong-ago": 0, "b\n9999999999999\njust-now": 0})
        assert await store.trash() == []
        assert not await store.undelete("a")
        assert await store.purge() == 0
        assert client.zrange("collab:trash", 0, -1) == [b"b\n9999999999999\njust-now"]
    assert await store.load("a") is not None


async def tell(store: RedisStore) -> None:
    body = body_of("message", {"body": "@[bob] secret"}, {"participant": None, "name": "Ann", "agent": False})
    await store.streams.publish("a", "chat", body, mail=mail_in("chat", body))


async def test_nothing_stays_of_what_is_deleted_for_good(store: RedisStore, server: RedisServer) -> None:
    for _ in range(2):
        position = await store.append("a", b"secret", "ada")
        await store.compact("a", b"secret", position)
        await store.append("a", b"secret")
        await store.add_version("a", b"secret", position, "secret", "ada")
        await tell(store)
        await store.delete("a", keep=True)
    await store.append("a", b"secret")
    await tell(store)
    await store.delete("a")
    assert await store.purge("a") == 2
    with server.client() as client:
        left = {key for key in client.keys("*") if not key.startswith((b"collab:probe", b"collab:{ "))}
        # That this life has ended is remembered for a week; and the last batch of a node, which holds no content.
        assert left <= {b"collab:{a}:meta", b"collab:inbox"} | {
            key for key in left if b":batch:" in key or b":stream-key:" in key
        }
        assert b"secret" not in b"".join(client.hgetall("collab:{a}:meta").values())
