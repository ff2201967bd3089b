"""What the admin page shows is what there is."""

from __future__ import annotations

import time
from typing import Any

import orjson
import pytest
from pycrdt import Doc, Text

from collab.content.workers import Workers
from collab.doors.http.admin.overview import MOST_DOCUMENTS, Overview
from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.hub.journal import nobody_waits
from collab.hub.live_document import DocumentLimits
from collab.observe.concerns import Concerns
from collab.observe.gauges import Gauges
from collab.observe.headroom import Headroom
from collab.observe.loop import LoopLag
from collab.observe.memory_use import MemoryUse
from collab.observe.recent import LINES, note_line
from collab.observe.space import SpaceWatch
from collab.stores.base import DeletedDocument
from collab.stores.memory import MemoryStore
from collab.webhooks.deliveries import Deliveries
from collab.webhooks.endpoints import Endpoint
from tests.support.peers import Peer
from tests.support.receiver import SECRET, Receiver


def typed(text: str) -> bytes:
    doc: Doc = Doc()
    doc["body"] = Text(text)
    return doc.get_update()


def looking(hub: Hub, workers: Workers, node: str | None, deliveries: Deliveries | None = None) -> Overview:
    gauges, headroom = Gauges(hub, workers, "none", time.monotonic), Headroom(hub, MemoryUse([]))
    concerns = Concerns(hub, SpaceWatch(hub, gauges, None), headroom, None)
    return Overview(
        hub, gauges, workers, LoopLag(), node, "none", concerns, deliveries or Deliveries(hub.store.outbox, [])
    )


async def test_the_busiest_documents_the_people_and_the_latest_faults() -> None:
    hub, workers = Hub(MemoryStore(), DocumentLimits()), Workers()
    await hub.start()
    overview = looking(hub, workers, "n-1")
    for number in range(MOST_DOCUMENTS + 5):
        await hub.live(f"quiet-{number}")
    busy = await hub.live("busy")
    ann = Peer(name="Ann")
    busy.join(ann.session)
    await overview.look()
    busy.apply(typed("hello"), nobody_waits, session=ann.session, participant="ann")
    LINES.clear()
    note_line(None, "error", {"level": "error", "event": "the store fails", "errno": "ENOSPC", "at": float("nan")})
    shown: dict[str, Any] = orjson.loads(orjson.dumps(await overview.look()))
    assert (shown["now"]["documents"], shown["now"]["sessions"]) == (MOST_DOCUMENTS + 6, 1)
    assert len(shown["documents"]) == MOST_DOCUMENTS
    first = shown["documents"][0]
    assert (first["name"], first["sessions"], first["edits"] > 0) == ("busy", 1, True)
    (person,) = shown["people"]
    assert (person["name"], person["document"], person["door"], person["role"]) == ("Ann", "busy", "test", "editor")
    assert person["session"] == ann.session.id
    assert (shown["recent"][0]["event"], shown["recent"][0]["fields"]["errno"]) == ("the store fails", "ENOSPC")
    assert shown["about"]["node"] == "n-1"
    assert (shown["concerns"], shown["largest"][0]["name"]) == ([], "busy")
    assert shown["process"]["memory"] > 10**6
    await hub.close()


class Silent(MemoryStore):
    """Says nothing about its trash once it is told to."""

    silent = False

    async def trash(
        self, prefix: str = "", limit: int = 100, after: str | None = None, *, since: float = 0.0
    ) -> list[DeletedDocument]:
        if self.silent:
            raise CollabError("storage_unavailable")
        return await super().trash(prefix, limit, after, since=since)


async def test_what_can_be_brought_back_is_listed_as_long_as_it_is_known() -> None:
    store, workers = Silent(), Workers()
    hub = Hub(store, DocumentLimits(), trash_keep=60)
    await hub.start()
    overview = looking(hub, workers, None)
    assert (await overview.look())["trash"] == []
    live = await hub.live("plan")
    live.apply(typed("hello"), nobody_waits, session=None, participant="ann")
    await live.journal.drain(5)
    await hub.delete("plan")
    for store.silent in (False, True):
        (row,) = (await overview.look())["trash"]
        assert (row["name"], row["size"] > 0, row["ago"] < 60) == ("plan", True, True)
    await hub.close()


async def test_who_reads_slowly_stands_first() -> None:
    hub, workers = Hub(MemoryStore(), DocumentLimits()), Workers()
    await hub.start()
    overview = looking(hub, workers, None)
    await hub.live("a")
    live = await hub.live("z")
    quick, slow = Peer(name="Quick"), Peer(name="Slow")
    for peer in (quick, slow):
        live.join(peer.session)
        live.answer_step_1(peer.session, b"\0")
    slow.clogged, slow.waiting_bytes = True, 7
    live._fan_out.fall_behind([slow.session])
    shown = await overview.look()
    assert [row["name"] for row in shown["documents"]] == ["z", "a"]
    assert [(row["name"], row["state"], row["waiting"]) for row in shown["people"]] == [
        ("Slow", "behind", 7),
        ("Quick", "live", 0),
    ]
    assert shown["now"]["behind"] == 1
    await hub.close()


async def test_who_is_told_stands_there_as_long_as_it_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Receiver() as receiver:
        store, workers = MemoryStore(), Workers()
        hub = Hub(store, DocumentLimits())
        url = receiver.url.replace("//", "//ann:secret@")
        some = frozenset({"document.created"})
        deliveries = Deliveries(
            store.outbox, [Endpoint(url, (SECRET,), some, ("team/*",)), Endpoint(url + "/all", (SECRET,))]
        )
        overview = looking(hub, workers, None, deliveries)
        await hub.start()
        await deliveries.open()
        receiver.trouble = 410
        first, _ = deliveries.lanes.values()
        assert (await deliveries.test(first.endpoint.id)).status == 410
        await store.outbox.disable(first.endpoint.id, time.time() - 7)
        await store.create("team/a")
        await receiver.until(lambda: any(each["type"] == "document.created" for each in receiver.came))

        async def silent(*_words: Any) -> Any:
            raise CollabError("storage_unavailable")

        for _ in range(2):
            shown: list[dict[str, Any]] = orjson.loads(orjson.dumps((await overview.look())["webhooks"]))
            told, all_ = shown
            assert (told["url"], told["events"], told["documents"]) == (receiver.url, ["document.created"], ["team/*"])
            assert told["disabled"] in (7, 8) and "secret" not in str(shown)
            assert told["answer"]["words"] == "HTTP 410: it wants nothing any more" and not told["answer"]["ok"]
            assert (all_["events"], all_["documents"], all_["waiting"]) == ([], ["*"], 1)
            monkeypatch.setattr(store.outbox, "states", silent)
        await deliveries.close()
        await hub.close()
