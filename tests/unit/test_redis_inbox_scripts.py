"""What goes into an inbox on another node than its document: once, behind what is there, and not without end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from collab.stores.redis_inbox_scripts import DELIVER
from collab.stores.redis_link import RedisLink
from collab.stores.redis_scripts import BEYOND
from tests.support.redis_server import RedisServer, needs_redis

pytestmark = needs_redis
KEY = "collab:inbox:bob"


@pytest.fixture
async def link(tmp_path: Path) -> AsyncIterator[RedisLink]:
    server = RedisServer(tmp_path, appendonly=False).start()
    link = RedisLink(server.url)
    yield link
    await link.close()
    server.kill()


async def deliver(link: RedisLink, id: int, which: bytes, keep: int = 100) -> int:
    return int(await link.run(DELIVER, [KEY], id, which, b"12.5 mention {}", keep, 60))


async def entries(link: RedisLink) -> dict[bytes, bytes]:
    client: Any = link.client
    found: dict[bytes, bytes] = await client.hgetall(KEY)
    return found


async def test_each_once_under_the_id_that_it_got_first(link: RedisLink) -> None:
    assert await deliver(link, 3, b"life 7 ") == 3
    assert await deliver(link, 4, b"life 7 ") == 3
    assert await deliver(link, 4, b"life 70 ") == 4
    assert await entries(link) == {b"3": b"0 life 7 12.5 mention {}", b"4": b"0 life 70 12.5 mention {}"}
    assert 0 < await link.client.ttl(KEY) <= 60


async def test_what_was_read_meanwhile_is_known_all_the_same(link: RedisLink) -> None:
    await deliver(link, 3, b"life 7 ")
    await link.client.hset(KEY, "3", b"1 life 7 12.5 mention {}")
    assert await deliver(link, 4, b"life 7 ") == 3


async def test_nothing_goes_in_front_of_what_may_have_been_told(link: RedisLink) -> None:
    assert await deliver(link, 9, b"life 1 ") == 9
    assert await deliver(link, 8, b"life 2 ") == 0
    assert await deliver(link, 10, b"life 2 ") == 10


async def test_the_oldest_go(link: RedisLink) -> None:
    for id in range(1, 5 + BEYOND + 2):
        await deliver(link, id, b"life %d " % id, keep=5)
    assert sorted(map(int, await entries(link))) == list(range(BEYOND + 2, BEYOND + 7))
