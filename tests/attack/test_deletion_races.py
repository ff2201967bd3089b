"""Deleting beside every other writer: what was deleted does not come back, and what was accepted afterwards is not lost (rules D14, D15).

A pair of writers each, from a seed. Longer by hand: ``COLLAB_TEST_ROUNDS=1000``, ``COLLAB_TEST_SEED=...``.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
from pycrdt import Doc, Text

from collab.documents.document import Document
from collab.hub.hub import Hub
from collab.hub.journal import nobody_waits
from tests.support.api import Answer, Api, where
from tests.support.redis_server import RedisServer, needs_redis
from tests.wire.conftest import Serve

ROUNDS = int(os.environ.get("COLLAB_TEST_ROUNDS", "12"))
SECRET = "what was deleted"
pytestmark = pytest.mark.timeout(120 + 2 * ROUNDS)

Writer = Callable[[Api, str, str], Awaitable[Answer]]


def made(text: str) -> bytes:
    """The update of somebody who writes ``text`` into a document that they have never seen."""
    doc: Doc[Text] = Doc()
    doc.get("body", type=Text).insert(0, text)
    return doc.get_update()


async def patch(api: Api, name: str, word: str) -> Answer:
    return await api.edit(name, {"op": "text.insert", "path": "/body", "index": 0, "text": word})


async def update(api: Api, name: str, word: str) -> Answer:
    return await api("POST", where(name) + "/update", data=made(word))


async def version(api: Api, name: str, word: str) -> Answer:
    return await api("POST", where(name) + "/versions", {"name": word})


async def restore(api: Api, name: str, word: str) -> Answer:
    return await api("POST", f"{where(name)}/versions/{await newest_version(api, name)}/restore")


async def newest_version(api: Api, name: str) -> int:
    answer = await api("GET", where(name) + "/versions")
    versions = answer.json["versions"] if answer.status == 200 else []
    return int(versions[0]["id"]) if versions else 1


async def create(api: Api, name: str, word: str) -> Answer:
    return await api("PUT", where(name))


async def look(api: Api, name: str, word: str) -> Answer:
    return await api("GET", where(name) + "/content?format=text&path=/body")


async def upkeep(api: Api, name: str, word: str) -> Answer:
    """Compaction and checkpoint, which nobody asks for."""
    hub: Hub = api.server.hub
    live = hub.documents.get(name)
    if live is not None:
        await hub.upkeep.compact(live)
        await hub.upkeep._keep_checkpoint(live)
    return Answer(200, {}, b"")


async def delete_again(api: Api, name: str, word: str) -> Answer:
    return await api("DELETE", where(name))


async def bring_back(api: Api, name: str, word: str) -> Answer:
    """Only from the trash, and there it is not what was deleted for good."""
    return await api("POST", where(name) + "/undelete")


WRITERS: list[Writer] = [patch, update, version, restore, create, look, upkeep, delete_again, bring_back]
#: what of a writer has to be there if it was accepted
LEAVES_WORDS = (patch, update)


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=needs_redis)])
async def nodes(
    request: pytest.FixtureRequest, serve: Serve, tmp_path: Path, http: aiohttp.ClientSession
) -> AsyncIterator[tuple[Api, Api]]:
    """Two ways to one store: of SQLite they are the same server, of Redis two nodes."""
    settings = {"idle_timeout": "3600s", "checkpoint_interval": "0.001s", "rate_updates": 10**6, "rate_bytes": "1GB"}
    if request.param == "sqlite":
        api = await serve({**settings, "store": f"sqlite:///{tmp_path}/store.db"})
        yield api, api
        return
    server = RedisServer(tmp_path, appendonly=False).start()
    try:
        yield await serve({**settings, "store": server.url}), await serve({**settings, "store": server.url})
    finally:
        server.kill()


@pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: writer.__name__)
async def test_deleting_for_good_beside(nodes: tuple[Api, Api], writer: Writer) -> None:
    seed = int(os.environ.get("COLLAB_TEST_SEED", time.time_ns() % 10**9))
    print(f"seed {seed}")
    rng = random.Random(seed)
    for number in range(ROUNDS):
        await one_round(nodes, writer, f"doomed {number}", rng)


async def one_round(nodes: tuple[Api, Api], writer: Writer, name: str, rng: random.Random) -> None:
    here, there = nodes
    assert (await here.edit(name, {"op": "text.insert", "path": "/body", "index": 0, "text": SECRET})).status == 200
    assert (await version(here, name, "before")).status == 201
    assert SECRET in (await there.read(name))  # open on both
    deleted_at = float("inf")
    accepted: list[tuple[str, float]] = []

    async def write() -> None:
        for at in range(4):
            word, began = f"<{at}>", time.monotonic()
            answer = await writer(there, name, word)
            assert answer.status < 500, answer.body
            if answer.status < 300:
                accepted.append((word, began))
            await asyncio.sleep(rng.random() * 0.004)

    async def delete() -> None:
        nonlocal deleted_at
        await asyncio.sleep(rng.random() * 0.03)
        answer = await here("DELETE", where(name) + "?forever=true")
        assert answer.status in (204, 404), answer.body
        deleted_at = time.monotonic()

    await asyncio.gather(write(), delete())
    while (answer := await patch(there, name, "<after>")).status == 410:
        await asyncio.sleep(0.005)  # the other node has not heard of it yet, and says so
    assert answer.status == 200
    text = await there.read(name)
    if not (writer is restore and SECRET not in text):
        assert SECRET not in text, "it came back"
    if writer is not delete_again:
        expected = [word for word, began in accepted if began > deleted_at] if writer in LEAVES_WORDS else []
        missing = [word for word in [*expected, "<after>"] if word not in text]
        assert not missing, f"accepted after the deletion, and lost: {missing}"
    for each in (await there("GET", where(name) + "/versions")).json["versions"]:
        state = await there("GET", f"{where(name)}/versions/{each['id']}?format=text")
        assert SECRET.encode() not in state.body
    assert (await here("GET", "/documents?deleted=true")).json["documents"] == []
    await the_store_agrees(there, name, text)


async def the_store_agrees(api: Api, name: str, text: str) -> None:
    """What is on the screen is in the store, and nothing else."""
    live = await api.server.hub.live(name)
    await live.journal.drain(5.0)
    stored = await api.server.hub.store.load(name)
    assert stored is not None
    doc: Doc[Text] = Doc()
    doc.apply_update(Document.load(stored.snapshot, stored.tail).encode())
    assert str(doc.get("body", type=Text)) == text


async def test_what_a_copy_still_has_to_say_dies_with_its_document(nodes: tuple[Api, Api]) -> None:
    """Edits on their way to the log, a snapshot and a version of a life that has ended, beside the next one."""
    here, there = nodes
    await here.write("notes", SECRET)
    old = await there.server.hub.live("notes")
    assert (await here("DELETE", where("notes"))).status == 204
    await here.write("notes", "anew")
    store = there.server.hub.store
    store.append("notes", made(SECRET), None, old.epoch).add_done_callback(lambda future: future.exception())
    await store.compact("notes", old.document.encode(), 10**6, old.epoch)
    with pytest.raises(Exception, match="document_deleted"):
        await store.add_version("notes", old.document.encode(), 1, "old", None, old.epoch)
    old.journal.append(made(SECRET), None, nobody_waits)
    await old.journal.drain(5.0)
    assert await here.read("notes") == "anew"
    stored = await store.load("notes")
    assert stored is not None
    assert b"deleted" not in b"".join([stored.snapshot or b"", *stored.tail])


async def test_what_comes_back_is_seen_by_who_has_the_name_open_elsewhere(nodes: tuple[Api, Api]) -> None:
    here, there = nodes
    await here.write("notes", "dear")
    assert (await here("DELETE", where("notes"))).status == 204
    live = await there.server.hub.live("notes")
    assert not live.document.clocks
    assert (await here("POST", where("notes") + "/undelete")).status == 200
    async with asyncio.timeout(10):
        while not live.document.clocks:
            await asyncio.sleep(0.01)
    position = await there.write("notes", "dear friends")
    assert await here.read("notes") == "dear friends"
    assert (await here("GET", where("notes") + "/history")).json["history"][-1]["last"] == position
