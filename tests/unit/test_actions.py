"""What an administrator does from the page is done, told in words, and noted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from pycrdt import Doc, Text
from structlog.testing import capture_logs

from collab.doors.http.admin.actions import Actions
from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.hub.journal import nobody_waits
from collab.hub.live_document import DocumentLimits
from collab.stores.memory import MemoryStore
from collab.webhooks.deliveries import Deliveries
from collab.webhooks.endpoints import Endpoint
from tests.support.peers import Peer
from tests.support.receiver import SECRET, SOON, Receiver


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    hub = Hub(MemoryStore(), DocumentLimits())
    await hub.start()
    yield hub
    await hub.close()


async def test_somebody_is_disconnected_and_that_is_noted(hub: Hub) -> None:
    live, ann = await hub.live("plan"), Peer(name="Ann")
    live.join(ann.session)
    with capture_logs() as log:
        words = await Actions(hub, Deliveries(hub.store.outbox, [])).do(
            {"action": "disconnect", "document": "plan", "session": ann.session.id}, "root"
        )
    assert words == "Ann was disconnected."
    assert ann.session.dismissed == "forbidden"
    (line,) = [line for line in log if line["event"] == "an administrator did something"]
    assert (line["by"], line["action"], line["document"], line["session"]) == (
        "root", "disconnect", "plan", ann.session.id,
    )  # fmt: skip


async def test_a_document_is_put_away_once_nobody_is_in_it(hub: Hub) -> None:
    live, ann, actions = await hub.live("plan"), Peer(), Actions(hub, Deliveries(hub.store.outbox, []))
    live.join(ann.session)
    with pytest.raises(CollabError, match="People are in this document"):
        await actions.do({"action": "unload", "document": "plan"}, "root")
    live.leave(ann.session)
    await actions.do({"action": "unload", "document": "plan"}, "root")
    assert "plan" not in hub.documents


async def test_a_log_becomes_a_snapshot(hub: Hub) -> None:
    live = await hub.live("plan")
    doc: Doc = Doc()
    doc["body"] = Text("hello")
    live.apply(doc.get_update(), nobody_waits, session=None, participant="ann")
    await live.journal.drain(5)
    assert "1 logged edits" in await Actions(hub, Deliveries(hub.store.outbox, [])).do(
        {"action": "compact", "document": "plan"}, "root"
    )
    stored = await hub.store.load("plan")
    assert stored is not None
    assert (stored.snapshot is not None, stored.tail) == (True, [])


async def test_a_deleted_document_comes_back() -> None:
    hub = Hub(MemoryStore(), DocumentLimits(), trash_keep=60)
    await hub.start()
    doc: Doc = Doc()
    doc["body"] = Text("hello")
    live = await hub.live("plan")
    live.apply(doc.get_update(), nobody_waits, session=None, participant="ann")
    await live.journal.drain(5)
    await hub.delete("plan")
    actions = Actions(hub, Deliveries(hub.store.outbox, []))
    assert "“plan” is back" in await actions.do({"action": "undelete", "document": "plan"}, "root")
    assert (await hub.store.info("plan")) is not None
    with pytest.raises(CollabError, match="not in the trash"):
        await actions.do({"action": "undelete", "document": "plan"}, "root")
    await hub.close()


async def test_the_store_is_checked(hub: Hub) -> None:
    assert "an ack means" in await Actions(hub, Deliveries(hub.store.outbox, [])).do({"action": "check"}, "root")


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (None, "invalid_payload"), ([], "invalid_payload"), ({}, "invalid_payload"), ({"action": []}, "invalid_payload"),
        ({"action": "__init__"}, "invalid_payload"), ({"action": "compact"}, "not_found"),
        ({"action": "disconnect", "document": "gone", "session": "x"}, "not_found"),
        ({"action": "unload", "document": ["a"]}, "not_found"),
    ],
)  # fmt: skip
async def test_what_makes_no_sense_is_refused(hub: Hub, wanted: object, code: str) -> None:
    with pytest.raises(CollabError) as caught:
        await Actions(hub, Deliveries(hub.store.outbox, [])).do(wanted, "root")
    assert caught.value.code == code


async def test_webhooks_are_tested_and_enabled_again(hub: Hub) -> None:
    async with Receiver() as receiver:
        deliveries = Deliveries(hub.store.outbox, [Endpoint(receiver.url, (SECRET,))])
        await deliveries.open()
        actions, (id,) = Actions(hub, deliveries), deliveries.lanes
        with capture_logs() as log:
            assert "arrived" in await actions.do({"action": "webhook-test", "endpoint": id}, "root")
        assert [line["endpoint"] for line in log if line["event"] == "an administrator did something"] == [id]
        receiver.trouble = 410
        assert "did not arrive" in await actions.do({"action": "webhook-test", "endpoint": id}, "root")
        await hub.store.create("plan")
        async with asyncio.timeout(SOON):
            while not deliveries.lanes[id].disabled:
                await asyncio.sleep(0.02)
        receiver.trouble = None
        assert "is told what waits" in await actions.do({"action": "webhook-retry", "endpoint": id}, "root")
        await receiver.until(lambda: receiver.of("document.created", "plan"))
        with pytest.raises(CollabError, match="no such endpoint"):
            await actions.do({"action": "webhook-retry", "endpoint": "0" * 12}, "root")
        await deliveries.close()
