"""Two hubs of one cluster in this process, whose copies and bells are tampered with (rule N8 and the comparison of copies)."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Callable
from typing import Any

import pycrdt
import pytest

from collab.cluster.redis import RedisCluster
from collab.documents.document import Document
from collab.hub.hub import Hub
from collab.hub.journal import nobody_waits
from collab.hub.live_document import DocumentLimits, LiveDocument
from collab.protocol.bells import Bell, Message
from collab.stores.redis import RedisStore
from collab.stores.redis_link import RedisLink
from tests.support.redis_server import RedisServer


def node(url: str) -> Hub:
    link = RedisLink(url)
    cluster = RedisCluster(link, secrets.token_hex(4))
    store = RedisStore(link, node=cluster.node, on_health=cluster.log_answered)
    return Hub(store, DocumentLimits(), cluster=cluster, idle_timeout=600)


@pytest.fixture
async def hubs(redis_server: RedisServer) -> AsyncIterator[list[Hub]]:
    hubs = [node(redis_server.url) for _ in range(2)]
    for hub in hubs:
        await hub.start()
    yield hubs
    for hub in hubs:
        await hub.close()


class Author:
    """Somebody who types into one copy."""

    def __init__(self, live: LiveDocument, client: int) -> None:
        self.live = live
        self.doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=client)
        self.text = self.doc.get("body", type=pycrdt.Text)

    def type(self, words: str) -> None:
        before = self.doc.get_state()
        self.text.insert(0, words)
        self.live.apply(self.doc.get_update(before), nobody_waits, session=None, participant="author")


async def until(check: Callable[[], bool], words: str, within: float = 30.0) -> None:
    async with asyncio.timeout(within):
        while not check():
            await asyncio.sleep(0.02)


def same(lives: list[LiveDocument]) -> bool:
    return lives[0].document.clocks == lives[1].document.clocks and len(
        {live.document.content_hash() for live in lives}
    ) == 1  # fmt: skip


async def opened(hubs: list[Hub]) -> list[LiveDocument]:
    lives = [await hub.live("doc") for hub in hubs]
    authors = [Author(live, 100 + number) for number, live in enumerate(lives)]
    for number in range(10):
        for author in authors:
            author.type(f"{number} ")
    await until(lambda: same(lives) and all(live.settled for live in lives), "not the same to begin with")
    await until(lambda: all(live.journal.position == live.log_position for live in lives), "bells are on their way")
    return lives


async def test_a_copy_that_lacks_something_is_found_out(hubs: list[Hub]) -> None:
    lives = await opened(hubs)
    expected = lives[0].document.content_hash()
    lives[1].document = Document()
    hubs[1]._followers["doc"].compare()
    await until(lambda: same(lives), "the copy stayed as it was")
    assert lives[1].document.content_hash() == expected


async def test_a_copy_with_other_content_at_the_same_clocks_is_found_out(hubs: list[Hub]) -> None:
    lives = await opened(hubs)
    expected = lives[0].document.content_hash()
    other: pycrdt.Doc[Any] = pycrdt.Doc(client_id=100)
    text = other.get("body", type=pycrdt.Text)
    for number in range(10):
        text.insert(0, f"{9 - number} ")
    forged = Document()
    forged.apply(other.get_update())
    second: pycrdt.Doc[Any] = pycrdt.Doc(client_id=101)
    text = second.get("body", type=pycrdt.Text)
    for number in range(10):
        text.insert(0, f"{9 - number} ")
    forged.apply(second.get_update())
    assert forged.clocks == lives[1].document.clocks
    assert forged.content_hash() != expected
    lives[1].document = forged
    hubs[0]._followers["doc"].compare()
    await until(lambda: same(lives), "the copy stayed as it was")
    assert lives[1].document.content_hash() == expected


async def test_a_copy_that_has_more_than_the_log_writes_it_there(hubs: list[Hub]) -> None:
    lives = await opened(hubs)
    more: pycrdt.Doc[Any] = pycrdt.Doc(client_id=7)
    more.get("body", type=pycrdt.Text).insert(0, "never logged ")
    lives[1].document.apply(more.get_update())
    hubs[0]._followers["doc"].compare()
    await until(lambda: same(lives) and 7 in lives[0].document.clocks, "it stayed with one of them")
    stored = await hubs[0].store.load("doc")
    assert stored is not None
    assert 7 in Document.load(stored.snapshot, stored.tail).clocks


@pytest.mark.parametrize("seed", range(3))
async def test_bells_may_be_lost_doubled_and_late(hubs: list[Hub], seed: int) -> None:
    lives = [await hub.live("doc") for hub in hubs]
    rng = random.Random(seed)

    def tamper(hear: Callable[[Message], None]) -> Callable[[Message], None]:
        def tampered(message: Message) -> None:
            if isinstance(message, Bell):
                loop, luck = asyncio.get_running_loop(), rng.random()
                if luck < 0.2:
                    return
                if luck < 0.4:
                    loop.call_later(rng.random() / 5, hear, message)
                    return
                if luck < 0.5:
                    hear(message)
            hear(message)

        return tampered

    for hub in hubs:
        follower = hub._followers["doc"]
        follower.hear = tamper(follower.hear)  # type: ignore[assignment, method-assign]
    authors = [Author(live, 100 + number) for number, live in enumerate(lives)]
    for number in range(100):
        rng.choice(authors).type(f"{number} ")
        await asyncio.sleep(rng.random() / 50)
    await until(lambda: same(lives) and all(live.settled for live in lives), "not converged")
    await until(lambda: lives[0].log_position == lives[1].log_position == 100, "positions differ")
