"""Edits by request: computed on a copy, applied to the life that they belong to, answered when they are on disk."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from pycrdt import Doc, Text

from collab.content.editing import edit
from collab.doors.http import content as module
from collab.doors.http.answers import content_tag
from collab.doors.http.content import ContentRoutes
from collab.doors.http.lookup import Lookup
from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.hub.live_document import DocumentLimits, LiveDocument
from collab.stores.memory import MemoryStore
from tests.support.calls import Inline, ann, call, json_of
from tests.support.documents import typed

MOST = 1000
INSERT = [{"op": "text.insert", "path": "/body", "index": 0, "text": "x"}]


class Store(MemoryStore):
    """Says what the test wants of appends: waits for the gate, then fails in turn with ``faults``."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[CollabError] = []
        self.holds = False
        self.held: list[Callable[[], None]] = []

    def log(self, document: str, update: bytes, participant: str | None, done: Any, epoch: str = "") -> None:
        if self.faults:
            fault = self.faults.pop(0)
            asyncio.get_running_loop().call_soon(done, fault)
        elif self.holds:
            self.held.append(lambda: super(Store, self).log(document, update, participant, done, epoch))
        else:
            super().log(document, update, participant, done, epoch)


class House:
    def __init__(self) -> None:
        self.store = Store()
        self.hub = Hub(self.store, DocumentLimits())
        self.workers = Inline()
        self.routes = ContentRoutes(Lookup(self.hub), self.workers, MOST)

    async def live(self) -> LiveDocument:
        return await self.hub.live("notes")

    async def edit(self, **more: Any) -> Any:
        return await self.routes.edit(call(who=ann("*=editor")), edit, INSERT, **more)

    def text(self) -> str:
        doc: Doc[Any] = Doc()
        doc.apply_update(self.hub.documents["notes"].document.encode())
        return str(doc.get("body", type=Text))


@pytest.fixture
async def house(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setattr(module, "SAVE_PATIENCE", 0.05)
    house = House()
    await house.hub.start()
    yield house
    await house.hub.close()


async def refusal(asking: Any) -> CollabError:
    with pytest.raises(CollabError) as refused:
        await asking
    return refused.value


async def test_an_edit_is_answered_with_its_position_and_logged_under_its_author(house: House) -> None:
    for position in (1, 2):
        answer = await house.edit()
        assert json_of(answer) == {"position": position}
        assert answer.headers["Collab-Position"] == str(position)
    assert house.text() == "xx"
    assert {entry.participant for entry in await house.store.history("notes")} == {"ann"}


async def test_what_others_do_while_it_is_computed_merges_with_it(house: House) -> None:
    live = await house.live()
    house.workers.before = lambda: live.apply(typed("theirs")[0], lambda _r: None, session=None, participant=None)
    await house.edit()
    assert sorted(house.text()) == sorted("xtheirs")


async def test_an_edit_that_lost_its_ground_is_computed_anew_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = await house.live()
    apply, tries = live.apply, []

    def failing(*args: Any, **more: Any) -> Any:
        tries.append(args)
        if len(tries) <= failures:
            raise CollabError("missing_dependencies")
        return apply(*args, **more)

    monkeypatch.setattr(live, "apply", failing)
    failures = 1
    assert json_of(await house.edit()) == {"position": 1}
    tries, failures = [], 2
    error = await refusal(house.edit())
    assert (error.code, len(tries)) == ("missing_dependencies", 2)
    assert "state_vector" in error.detail, "whoever sent it learns what the document has"


async def test_an_edit_for_another_life_is_refused(house: House) -> None:
    before = await house.live()
    await house.edit()
    await house.hub.delete("notes")
    assert (await refusal(house.edit(of=before))).code == "document_deleted"
    again = await house.live()
    assert again.epoch != before.epoch
    assert again.document.clocks == {}
    assert json_of(await house.edit(of=again))["position"] > 0
    before.deleted = False  # as of one that was put away before, and heard of nothing
    assert (await refusal(house.edit(of=before))).code == "document_deleted"


async def test_an_edit_of_who_may_no_more_by_then_is_refused(house: House) -> None:
    who = ann("*=editor", expires_at=time.time() - 1)
    for asking in (
        house.routes.edit(call(who=who), edit, INSERT),
        house.routes.post_update(call(who=who, body=typed("x")[0])),
    ):
        assert (await refusal(asking)).code == "token_expired"
    assert "notes" not in house.hub.documents or house.text() == ""


async def test_a_store_that_fails_for_a_moment_is_waited_for(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAVE_PATIENCE", 10.0)
    await house.live()
    house.store.faults = [CollabError("storage_unavailable")]
    assert json_of(await house.edit()) == {"position": 1}
    assert house.text() == "x", "once"


async def test_a_store_that_fails_for_longer_is_told_with_the_edit_kept(house: House) -> None:
    await house.live()
    house.store.faults = [CollabError("storage_unavailable")]
    house.store.holds = True
    error = await refusal(house.edit())
    assert (error.code, error.detail["kept"]) == ("storage_unavailable", True)
    assert house.text() == "x", "others see it"
    house.store.holds = False
    for done in house.store.held:
        done()
    assert await house.hub.documents["notes"].journal.drain(10)


async def test_an_outage_of_the_cluster_is_told_with_the_edit_kept(house: House) -> None:
    await house.live()
    house.store.holds = True
    house.hub.outage.begin()
    error = await refusal(house.edit())
    assert (error.code, error.detail, error.retry_after) == ("cluster_degraded", {"kept": True}, 1)
    house.hub.outage.end()
    for done in house.store.held:
        done()


async def test_a_store_that_is_slow_is_waited_for(house: House) -> None:
    await house.live()
    house.store.holds = True
    editing = asyncio.create_task(house.edit())
    await asyncio.sleep(0.1)
    assert not editing.done(), "patience is for an outage, not for a disk"
    for done in house.store.held:
        done()
    assert json_of(await editing) == {"position": 1}


async def test_who_goes_away_does_not_take_the_edit_with_them(house: House) -> None:
    await house.live()
    house.store.holds = True
    editing = asyncio.create_task(house.edit())
    await asyncio.sleep(0.02)
    editing.cancel()
    await asyncio.gather(editing, return_exceptions=True)
    for done in house.store.held:
        done()
    live = await house.live()
    assert await live.journal.drain(10)
    assert house.text() == "x"


@pytest.mark.parametrize(
    "update", [b"", b"\xff", b"\1\2\3", typed("a", "b")[1]], ids=["nothing", "byte", "bytes", "leans"]
)
async def test_updates_that_are_none_change_nothing(house: House, update: bytes) -> None:
    error = await refusal(house.routes.post_update(call(body=update)))
    assert error.code in ("invalid_update", "missing_dependencies")
    assert house.text() == ""


async def test_a_state_vector_that_is_none_is_named(house: House) -> None:
    await house.edit()
    error = await refusal(house.routes.get_update(call(state_vector=b"\xff\xff")))
    assert (error.code, error.detail) == ("invalid_payload", {"path": "state_vector"})


async def test_a_tag_is_given_only_to_what_is_on_disk_and_changes_with_it(house: House) -> None:
    live = await house.live()
    tags = [content_tag(live, "json", None)]
    await house.edit()
    tags.append(content_tag(live, "json", None))
    tags += [content_tag(live, "text", None), content_tag(live, "json", "/body")]
    assert len(set(tags)) == 4 and None not in tags
    house.store.holds = True
    live.apply(typed("y")[0], lambda _r: None, session=None, participant=None)
    assert content_tag(live, "json", None) is None
    for done in house.store.held:
        done()


async def test_a_raw_state_takes_no_worker(house: House) -> None:
    house.workers.before = lambda: pytest.fail("a worker was asked")
    assert await house.routes.rendered(b"state", None, "update") == b"state"


@pytest.mark.parametrize("asking", ["get_content", "get_update"])
async def test_reading_creates_nothing(house: House, asking: str) -> None:
    error = await refusal(getattr(house.routes, asking)(call(format="json", path=None)))
    assert error.code == "not_found"
    assert house.hub.documents == {}
