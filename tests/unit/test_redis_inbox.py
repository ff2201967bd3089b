"""Inboxes in Redis: one entry whatever answers are lost, a bell for each, and an end for what nobody comes for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from collab.errors import CollabError
from collab.protocol.bells import Note, decode
from collab.protocol.mentions import mail_in
from collab.protocol.stream_events import body_of
from collab.stores.inbox import InboxEntry, InboxLog
from collab.stores.redis import RedisStore
from collab.stores.redis_inbox import _entries, value_of
from collab.stores.redis_link import RedisLink
from tests.support.redis_cluster import RedisClusterServers
from tests.support.redis_server import RedisServer, needs_redis

pytestmark = needs_redis


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RedisServer]:
    server = RedisServer(tmp_path, appendonly=False).start()
    yield server
    server.kill()


@pytest.fixture
async def store(server: RedisServer) -> AsyncIterator[RedisStore]:
    store = RedisStore(RedisLink(server.url), node="n1")
    await store.open()
    yield store
    await store.close()


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisClusterServers]:
    servers = RedisClusterServers(tmp_path_factory.mktemp("redis-cluster")).start()
    yield servers
    servers.kill()


def said(text: str, **more: Any) -> bytes:
    return body_of("message", {"body": text, **more}, {"participant": "ann", "name": "Ann", "agent": False})


async def test_an_answer_that_is_lost_makes_no_second_entry_and_each_has_a_bell(
    store: RedisStore, server: RedisServer
) -> None:
    with server.client() as client:
        listening = client.pubsub()
        listening.subscribe(RedisLink(server.url).channel(InboxLog.CHANNEL))
        pipe: Any = store.streams._pipe  # type: ignore[attr-defined]
        run, lost = pipe.run, []

        async def lose(commands: Any) -> Any:
            answers = await run(commands)
            if len(lost) < 3:
                lost.append(answers)
                raise ConnectionError("cut")
            return answers

        pipe.run = lose
        body = said('@[bob "b"] @[cat]', reply_to=1)
        await store.streams.publish("a", "chat", body, mail=mail_in("chat", body))
        assert len(lost) == 3
        entries = [(await store.inbox.read(whose)) for whose in ('bob "b"', "cat")]
        assert [len(each) for each in entries] == [1, 1]
        heard = []
        async with asyncio.timeout(10):
            while len(heard) < 2:
                message = await asyncio.to_thread(listening.get_message, ignore_subscribe_messages=True, timeout=0.1)
                heard += [message["data"]] if message else []
        listening.close()
        assert [decode(data) for data in heard] == [
            Note("n1", {"participant": whose, "id": each[0].id})
            for whose, each in zip(('bob "b"', "cat"), entries, strict=True)
        ]
        assert 0 < client.ttl("collab:inbox:cat") <= 90 * 86_400, "what nobody comes for goes by itself"


def test_an_entry_is_read_as_it_was_written() -> None:
    data = b'{"from":{"participant":null,"name":"A B"},"excerpt":"@[bob] x"}'
    entry = InboxEntry(7, "reply", "a b", "chat", 3, 1_000.25, True, data)
    assert _entries({b"7": value_of(entry, "life")}) == [(b"life", entry)]


@pytest.mark.parametrize("lost", range(5))
async def test_in_a_redis_cluster_whoever_got_no_answer_has_each_entry_once(
    servers: RedisClusterServers, monkeypatch: pytest.MonkeyPatch, lost: int
) -> None:
    """Whichever answer of the steps is the one that is lost."""
    servers.flush()
    store = RedisStore(RedisLink(servers.url), node="n1")
    await store.open()
    try:
        pipe: Any = store.streams._pipe  # type: ignore[attr-defined]
        run, runs = pipe.run, 0

        async def lose(commands: Any) -> Any:
            nonlocal runs
            answers = await run(commands)
            runs += 1
            if runs == lost + 1:
                raise ConnectionError("cut")
            return answers

        pipe.run = lose
        body = said("@[bob] @[cat]")
        published = await store.streams.publish("a", "chat", body, mail=mail_in("chat", body))
        assert published.offset == 1
        assert runs > lost
        inboxes = [await store.inbox.read(whose) for whose in ("bob", "cat")]
        assert [[(each.document, each.offset, each.type) for each in inbox] for inbox in inboxes] == [
            [("a", 1, "mention")]
        ] * 2
        assert len({inbox[0].id for inbox in inboxes}) == 2
        keys = [key for server in servers.servers for key in _keys(server)]
        assert not [key for key in keys if b"stream-mail" in key], "nothing is left to be done"
    finally:
        await store.close()


async def test_in_a_redis_cluster_what_is_left_is_seen_to_by_who_publishes_again(
    servers: RedisClusterServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers.flush()
    monkeypatch.setattr("collab.stores.redis_streams.PATIENCE", 0.0)
    store = RedisStore(RedisLink(servers.url), node="n1")
    await store.open()
    try:
        body = said("@[bob]")
        inbox: Any = store.inbox
        deliver = inbox.deliver

        async def fail(*_words: Any) -> None:
            raise ConnectionError("the master of inboxes is gone")

        inbox.deliver = fail
        with pytest.raises(CollabError, match="storage_unavailable"):
            await store.streams.publish("a", "chat", body, key="k", mail=mail_in("chat", body))
        assert await store.inbox.read("bob") == []
        inbox.deliver = deliver
        again = await store.streams.publish("a", "chat", body, key="k", mail=mail_in("chat", body))
        assert (again.offset, again.fresh) == (1, False)
        assert [entry.offset for entry in await store.inbox.read("bob")] == [1]
        await store.inbox.mark("bob", [each.id for each in await store.inbox.read("bob")])
        await store.streams.publish("a", "chat", body, key="k", mail=mail_in("chat", body))
        assert [entry.read for entry in await store.inbox.read("bob")] == [True]
    finally:
        await store.close()


def _keys(server: RedisServer) -> list[bytes]:
    with server.client() as client:
        return list(client.scan_iter("*"))
