"""A connection that listens, and is made again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from collab.cluster.redis_ear import Ear
from collab.stores.redis_link import RedisLink
from collab.stores.redis_nodes import FAILURES
from tests.support.redis_server import RedisServer, needs_redis


class Heard:
    def __init__(self, link: RedisLink) -> None:
        self.channels: list[bytes] = [b"a"]
        self.messages: list[Any] = []
        self.returns = 0
        self.reports: list[tuple[bool, bool]] = []
        self.ear = Ear(link, None, lambda: self.channels, self.hear, self.returned, self.report)

    def hear(self, message: Any) -> None:
        if message[0] == b"message":
            self.messages.append(message[2])
            if message[2] == b"fault":
                raise ValueError("whoever takes it")

    def returned(self) -> None:
        self.returns += 1

    def report(self, well: bool, why: str) -> None:
        self.reports.append((well, bool(why)))


async def until(check: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not check():
            await asyncio.sleep(0.01)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RedisServer]:
    server = RedisServer(tmp_path, appendonly=False).start()
    yield server
    server.kill()


@pytest.fixture
async def heard(server: RedisServer) -> AsyncIterator[Heard]:
    link = RedisLink(server.url)
    heard = Heard(link)
    await heard.ear.open()
    yield heard
    await heard.ear.close()
    await heard.ear.close()
    await link.close()


@needs_redis
async def test_it_hears_its_channels_and_those_that_are_added(heard: Heard, server: RedisServer) -> None:
    with server.client() as client:
        client.publish("a", "fault")
        client.publish("b", "for nobody")
        await heard.ear.command(b"SUBSCRIBE", b"b")
        await until(lambda: client.publish("b", "1"))
        await until(lambda: heard.messages[-1:] == [b"1"])
    assert heard.messages[0] == b"fault"
    assert b"for nobody" not in heard.messages


@needs_redis
async def test_it_is_made_again_with_the_channels_of_then(heard: Heard, server: RedisServer) -> None:
    heard.channels = [b"%d" % number for number in range(1200)]
    with server.client() as client:
        client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        await until(lambda: heard.returns == 1)
        assert client.publish("1199", "again") == 1
        await until(lambda: heard.messages == [b"again"])
        assert client.publish("a", "not any more") == 0
    assert heard.reports == [(False, True), (True, False)]


@needs_redis
async def test_a_redis_that_is_silent_is_left_and_told(heard: Heard, server: RedisServer) -> None:
    server.pause()
    await until(lambda: heard.reports)
    assert heard.reports[0] == (False, True)
    server.go_on()
    await until(lambda: heard.returns)
    assert heard.reports[-1] == (True, False)


async def test_without_a_redis_it_does_not_open() -> None:
    heard = Heard(RedisLink("redis://127.0.0.1:9/0"))
    with pytest.raises(FAILURES):
        await heard.ear.open()
    with pytest.raises(ConnectionError):
        await heard.ear.command(b"PING")
    await heard.ear.close()
