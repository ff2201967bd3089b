"""A Redis is given whole documents, and read by a store as if they had been made there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from collab.errors import CollabError
from collab.protocol.mentions import mail_in
from collab.protocol.stream_events import body_of
from collab.stores import whole
from collab.stores.redis import RedisStore
from collab.stores.redis_link import RedisLink
from collab.stores.redis_target import RedisTarget
from collab.stores.streams import EVERYTHING
from tests.support.documents import typed, whole_document
from tests.support.redis_server import RedisServer, needs_redis

pytestmark = needs_redis


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    server = RedisServer(tmp_path, appendonly=False).start()
    yield server.url
    server.kill()


async def test_what_is_put_is_there_and_goes_on(url: str) -> None:
    given = whole_document("notes", position=7)
    target = await RedisTarget.open(url)
    await target.put(given)
    await target.put(whole_document("empty", state=None, position=0))
    await target.close()
    store = RedisStore(RedisLink(url))
    await store.open()
    store.streams.bounds = EVERYTHING
    found = await whole.read(store, "notes")
    assert found is not None
    assert (found.state, found.position, found.history) == (given.state, 7, given.history)
    assert (found.created_at, found.updated_at) == (given.created_at, given.updated_at)
    assert (found.streams, found.inbox) == (given.streams, given.inbox)
    assert (await store.streams.publish("notes", "chat", b"{}")).offset == 8
    assert (await store.streams.publish("notes", "x", b"{}")).offset == 4
    body = body_of("message", {"body": "@[bob]"}, {"participant": None, "name": "A", "agent": False})
    await store.streams.publish("notes", "chat", body, mail=mail_in("chat", body))
    assert [entry.id for entry in await store.inbox.read("bob")] == [10, 17, 19], "ids go on"
    assert [(v.id, v.name, v.participant, v.position, v.created_at, s) for v, s in found.versions] == [
        (id, v.name, v.participant, v.position, v.created_at, s) for id, (v, s) in enumerate(given.versions, 1)
    ]
    assert await store.append("notes", typed("more")[0]) == 8
    assert (await store.add_version("notes", b"state", 8, "next", None)).id == 3
    assert [info.name for info in await store.documents()] == ["empty", "notes"]
    await store.close()
    with pytest.raises(CollabError, match="holds documents already"):
        await RedisTarget.open(url)
