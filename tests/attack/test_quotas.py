"""What is kept has bounds: versions, logs, documents, bytes of the store and of a participant (rules Q1 to Q3)."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pycrdt import Doc, Text

from collab.client import connect
from collab.hub import quotas
from tests.support.api import JWT, Api, mint, where
from tests.support.editor import Editor
from tests.support.wire import Client, WebSocketWire
from tests.wire.conftest import Serve

MIB = 2**20


@pytest.fixture(autouse=True)
def look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quotas, "LOOK_INTERVAL", 0.05)


def noise(size: int, seed: int) -> str:
    return random.Random(seed).randbytes(size // 2).hex()


def update_of(text: str) -> bytes:
    doc: Doc[Text] = Doc()
    doc.get("body", type=Text).insert(0, text)
    return doc.get_update()


def on_disk(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


async def keep(api: Api, name: str = "x") -> Any:
    return await api("POST", where("notes") + "/versions", {"name": name})


async def test_equal_versions_cost_one(serve: Serve, tmp_path: Path) -> None:
    """517 versions of a 3 MiB document were 1.5 GiB."""
    api = await serve({"store": f"sqlite:///{tmp_path}/store.db", "rate_updates": 10**6})
    assert (await api("POST", where("notes") + "/update", data=update_of(noise(MIB, 1)))).status == 200
    for answer in await asyncio.gather(*(keep(api) for _ in range(60))):
        assert answer.status == 201
    assert on_disk(tmp_path) < 12 * MIB, "60 versions of 1 MiB"


async def test_versions_are_bounded_and_can_be_deleted(serve: Serve) -> None:
    api = await serve({"max_version_bytes": "1MiB", "max_versions": 5, "rate_updates": 10**6})
    for seed in range(3):
        await api("POST", where("notes") + "/update", data=update_of(noise(300_000, seed)))
        answer = await keep(api, f"{seed}")
    assert (answer.status, answer.code, answer.json["of"]) == (413, "document_too_large", "versions")
    assert (await api("DELETE", where("notes") + "/versions/1")).status == 204
    assert (await api("DELETE", where("notes") + "/versions/2")).status == 204
    assert (await keep(api)).status == 201
    for _ in range(4):
        assert (await keep(api)).status == 201
    assert (await keep(api)).code == "document_too_large", "five are as many as there may be"


async def test_checkpoints_give_way_to_versions_that_people_keep(serve: Serve) -> None:
    api = await serve({"max_version_bytes": "1MiB", "rate_updates": 10**6})
    hub = api.server.hub
    for seed in range(3):
        await api("POST", where("notes") + "/update", data=update_of(noise(200_000, seed)))
        if seed < 2:
            await hub.checkpoints.keep(await hub.live("notes"), hub.store)
    assert (await keep(api)).status == 201
    versions = (await api("GET", where("notes") + "/versions")).json["versions"]
    assert [version["name"] for version in versions] == ["x", None], "the oldest went"
    _, size = await hub.store.version_usage("notes")
    assert size <= MIB


async def test_a_log_is_compacted_by_bytes(serve: Serve, tmp_path: Path) -> None:
    """80 updates left a 34-byte document with a log of 124 MiB."""
    api = await serve({"store": f"sqlite:///{tmp_path}/store.db", "rate_updates": 10**6, "rate_bytes": "1GiB"})
    doc: Doc[Text] = Doc()
    body = doc.get("body", type=Text)
    for seed in range(40):
        before = doc.get_state()
        body.insert(0, noise(MIB, seed))
        await api("POST", where("notes") + "/update", data=doc.get_update(before))
        before = doc.get_state()
        del body[0 : len(body)]
        await api("POST", where("notes") + "/update", data=doc.get_update(before))
    async with asyncio.timeout(30):
        while (info := await api.server.hub.store.info("notes")) is None or info.size > 8 * MIB:
            await asyncio.sleep(0.05)
    assert on_disk(tmp_path) < 64 * MIB, "40 MiB came, and were deleted again; the WAL shrinks when it is quiet"


async def test_a_store_has_a_largest_number_of_documents(serve: Serve, http: aiohttp.ClientSession) -> None:
    api = await serve({"max_documents": 3})
    for name in ("a", "b"):
        assert (await api("PUT", where(name))).status == 201
    assert (await api.edit("c", {"op": "text.insert", "path": "/body", "index": 0, "text": "x"})).status == 200
    for refused in (
        await api("PUT", where("d")),
        await api.edit("d", {"op": "text.insert", "path": "/body", "index": 0, "text": "x"}),
        await api("POST", where("d") + "/update", data=update_of("x")),
    ):
        assert (refused.status, refused.code, refused.json["of"]) == (507, "store_full", "documents")
    client = Client(WebSocketWire(api.server.url, http), "/doc/d")
    await client.connect()
    ack = await client.call("sync-update", update_of("x"))
    assert (ack["error"]["code"], ack["error"]["retryable"]) == ("store_full", True)
    assert (await api("PUT", where("a"))).status == 200, "it is there"
    assert await api.write("a", "and can be edited")
    assert (await api("DELETE", where("b"))).status == 204
    assert (await client.call("sync-update", update_of("x")))["ok"] is True
    await client.close()
    assert (await api("GET", where("d"))).status == 200


async def test_a_full_store_takes_nothing_more_and_says_so(
    serve: Serve, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    api = await serve({
        "store": f"sqlite:///{tmp_path}/store.db", "max_store_bytes": "4MiB", "rate_updates": 10**6, "rate_bytes": "1GiB",
    })  # fmt: skip
    editor = Editor(Client(WebSocketWire(api.server.url, http), "/doc/small"))
    await editor.client.connect()
    await editor.sync()
    await api.write("small", "here before")
    for seed in range(12):
        answer = await api("POST", where(f"large {seed}") + "/update", data=update_of(noise(MIB, seed)))
        if answer.status != 200:
            break
        await asyncio.sleep(0.2)
    assert (answer.status, answer.code, answer.json["of"]) == (507, "store_full", "bytes")
    notice = await editor.client.event("notice")
    assert (notice["code"], notice["retryable"]) == ("store_full", True)
    assert on_disk(tmp_path) < 16 * MIB
    more = await api.edit("small", {"op": "text.insert", "path": "/body", "index": 0, "text": "more"})
    assert more.code == "store_full"
    assert (await keep(api.as_(None))).status in (404, 507)
    less = await api.edit("small", {"op": "text.delete", "path": "/body", "index": 0, "length": 5})
    assert less.status == 200, "deleting works"
    assert (await api("DELETE", where("large 0") + "?forever=true")).status == 204
    assert (await api("DELETE", where("large 1") + "?forever=true")).status == 204
    async with asyncio.timeout(20):
        while not any(each.get("resolved") for each in editor.client.events("notice")):
            await asyncio.sleep(0.02)
    assert await api.write("small", "room again")
    await editor.client.close()


async def test_a_participant_makes_so_many_documents_an_hour(serve: Serve) -> None:
    """2,001 documents were made in 8 s."""
    api = await serve({**JWT, "participant_documents": 5})
    ann, bob, admin = (
        api.as_(mint(f"*={role}", sub=sub)) for sub, role in (("ann", "editor"), ("bob", "editor"), ("root", "admin"))
    )
    for number in range(3):
        assert (await ann("PUT", where(f"put {number}"))).status == 201
    for number in range(2):
        assert (await ann("POST", where(f"post {number}") + "/update", data=update_of("x"))).status == 200
    for refused in (await ann("PUT", where("more")), await ann("POST", where("more") + "/update", data=update_of("x"))):
        assert (refused.status, refused.code) == (429, "rate_limited")
        assert (refused.json["scope"], refused.json["of"]) == ("participant", "documents an hour")
        assert refused.json["retry_after"] > 100
    assert (await ann("POST", where("put 0") + "/update", data=update_of("x"))).status == 200, "but edits them"
    assert (await bob("PUT", where("more"))).status == 201
    for number in range(7):
        assert (await admin("PUT", where(f"admin {number}"))).status == 201


async def test_a_participant_adds_so_many_bytes_an_hour(serve: Serve, http: aiohttp.ClientSession) -> None:
    api = await serve({**JWT, "participant_bytes": "1MiB", "rate_updates": 10**6, "rate_bytes": "1GiB"})
    token = mint("*=editor", sub="ann")
    ann, bob = api.as_(token), api.as_(mint("*=editor", sub="bob"))
    client = Client(WebSocketWire(api.server.url, http), "/doc/notes")
    await client.connect({"token": token})
    for seed in range(3):
        ack = await client.call("sync-update", update_of(noise(300_000, seed)))
        assert ack["ok"] is True
    assert (await ann("POST", where("other") + "/update", data=update_of(noise(300_000, 9)))).status == 200
    ack = await client.call("sync-update", update_of("x"))
    assert (ack["error"]["code"], ack["error"]["scope"]) == ("rate_limited", "participant")
    assert (await keep(ann)).code == "rate_limited"
    assert await bob.write("notes", "others go on")
    await client.close()


async def test_a_client_keeps_what_there_is_no_room_for_and_saves_it_later(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotas, "RETRY", 0.2)
    api = await serve({"max_documents": 1})
    await api("PUT", where("a"))
    async with connect(api.server.url, "notes") as session:
        session.doc.get("body", type=Text).insert(0, "kept")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await session.saved()
        assert session.unsaved
        assert (await api("DELETE", where("a"))).status == 204
        async with asyncio.timeout(30):
            await session.saved()
    assert await api.read("notes") == "kept"
