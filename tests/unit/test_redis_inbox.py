"""Inboxes in Redis: one entry whatever answers are lost, a bell for each, and an end for what nobody comes for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from collab.protocol.bells import Note, decode
from collab.protocol.mentions import mail_in
from collab.protocol.stream_events import body_of
from collab.stores.inbox import InboxEntry, InboxLog
from collab.stores.redis import RedisStore
from collab.stores.redis_inbox import _entries, value_of
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
    store = RedisStore(RedisLink(server.url), node="n1")
    await store.open()
    yield store
    await store.close()


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
