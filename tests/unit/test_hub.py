"""The hub: a document is opened once, put away only when nothing is left to do, and the end loses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.hub.live_document import DocumentLimits, LiveDocument
from collab.hub.observer import Observer
from collab.stores.base import StoredDocument
from collab.stores.memory import MemoryStore
from tests.support.documents import typed
from tests.support.peers import Peer


class SlowStore(MemoryStore):
    """Loads, and says that something is on disk, when the test lets it; counts what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.may_load = asyncio.Event()
        self.may_load.set()
        self.fail: Exception | None = None
        self.holds_acks = False
        self.opened = 0
        self.held: list[Callable[[], None]] = []

    async def open(self) -> None:
        self.opened += 1

    async def load(self, document: str) -> StoredDocument | None:
        self.loads.append(document)
        await self.may_load.wait()
        if self.fail is not None:
            raise self.fail
        return await super().load(document)

    def log(self, document: str, update: bytes, participant: str | None, done: Any, epoch: str = "") -> None:
        def told(result: int | CollabError) -> None:
            if self.holds_acks:
                self.held.append(lambda: done(result))
            else:
                done(result)

        super().log(document, update, participant, told, epoch)


class Notes(Observer):
    """What the hub told its observer."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def opened(self, live: LiveDocument, seconds: float) -> None:
        self.told.append(f"opened {live.name}")

    def closed(self, live: LiveDocument) -> None:
        self.told.append(f"closed {live.name}")


@pytest.fixture
async def store() -> SlowStore:
    return SlowStore()


@pytest.fixture
async def notes() -> Notes:
    return Notes()


@pytest.fixture
async def hub(store: SlowStore, notes: Notes) -> AsyncIterator[Hub]:
    hub = Hub(store, DocumentLimits(), idle_timeout=0.0, observer=notes, trash_keep=60.0)
    await hub.start()
    yield hub
    await hub.close()


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.001)


async def turns(count: int = 20) -> None:
    """Let everything that is due happen."""
    for _ in range(count):
        await asyncio.sleep(0)


def refused(code: str) -> Any:
    return pytest.raises(CollabError, check=lambda error: error.code == code)


async def test_it_starts_once_however_many_ask(store: SlowStore) -> None:
    hub = Hub(store, DocumentLimits())
    await asyncio.gather(*(hub.start() for _ in range(5)))
    assert store.opened == 1
    await hub.close()


async def test_a_document_is_opened_once_however_many_ask(hub: Hub, store: SlowStore, notes: Notes) -> None:
    store.may_load.clear()
    asking = [asyncio.create_task(hub.join("notes", Peer().session)) for _ in range(20)]
    await turns()
    store.may_load.set()
    found = await asyncio.gather(*asking)
    assert len(set(map(id, found))) == 1
    assert store.loads == ["notes"]
    assert len(found[0].sessions) == 20
    assert notes.told == ["opened notes"]


async def test_who_gives_up_does_not_cost_the_others_their_document(hub: Hub, store: SlowStore) -> None:
    store.may_load.clear()
    first, second = asyncio.create_task(hub.live("notes")), asyncio.create_task(hub.live("notes"))
    await turns()
    first.cancel()
    await turns()
    store.may_load.set()
    assert (await second).name == "notes"
    assert store.loads == ["notes"]


async def test_a_store_that_fails_is_told_to_all_and_asked_again_by_the_next(hub: Hub, store: SlowStore) -> None:
    store.fail = CollabError("storage_unavailable")
    answers = await asyncio.gather(*(hub.live("notes") for _ in range(3)), return_exceptions=True)
    assert answers == [store.fail] * 3
    assert hub.documents == {}
    store.fail = None
    assert (await hub.live("notes")).name == "notes"


@pytest.mark.parametrize("name", ["", "a,b", "../x", "a" * 201, " a", "a\0"])
async def test_names_that_no_document_can_have_do_not_reach_the_store(hub: Hub, store: SlowStore, name: str) -> None:
    with refused("invalid_document"):
        await hub.live(name)
    assert store.loads == []


async def test_a_document_in_quarantine_is_not_opened_but_stays_open_where_it_is(hub: Hub, store: SlowStore) -> None:
    class Quarantine:
        def __contains__(self, name: object) -> bool:
            return name in ("bad", "open")

    live = await hub.join("open", Peer().session)
    hub.quarantine = Quarantine()  # type: ignore[assignment]
    with refused("storage_unavailable") as error:
        await hub.live("bad")
    assert error.value.retry_after == 60
    assert await hub.live("open") is live
    assert store.loads == ["open"]


async def test_a_document_goes_once_its_last_session_has_left_and_all_is_saved(
    hub: Hub, store: SlowStore, notes: Notes
) -> None:
    store.holds_acks = True
    ann, ben = Peer(), Peer()
    live = await hub.join("notes", ann.session)
    live.join(ben.session)
    live.apply(typed("x")[0], lambda _result: None, session=ann.session, participant="ann")
    live.leave(ann.session)
    await asyncio.sleep(0.02)
    assert hub.documents == {"notes": live}, "somebody is in it"
    live.leave(ben.session)
    await asyncio.sleep(0.02)
    assert hub.documents == {"notes": live}, "something is on its way to the disk"
    store.holds_acks = False
    for done in store.held:
        done()
    await until(lambda: not hub.documents)
    assert notes.told == ["opened notes", "closed notes"]
    again = await hub.live("notes")
    assert again is not live
    assert again.document.state_vector() == live.document.state_vector()


async def test_who_comes_while_a_document_is_put_away_keeps_it(hub: Hub) -> None:
    live = await hub.live("notes")
    hub.upkeep.before_the_end = (  # type: ignore[method-assign]
        lambda live: hub.join("notes", ann.session)  # type: ignore[assignment,return-value]
    )
    ann = Peer()
    await hub.put_away(live)
    assert hub.documents == {"notes": live}
    assert list(live.sessions) == [ann.session.id]


async def test_what_nobody_joined_goes_too(hub: Hub) -> None:
    await hub.live("notes")
    await until(lambda: not hub.documents)


async def test_a_deleted_document_sends_everybody_away_and_its_name_begins_anew(hub: Hub, notes: Notes) -> None:
    ann = Peer()
    live = await hub.join("notes", ann.session)
    live.apply(typed("x")[0], lambda _result: None, session=None, participant=None)
    assert await hub.delete("notes")
    assert (hub.documents, live.deleted, ann.session.dismissed) == ({}, True, "document_deleted")
    assert notes.told == ["opened notes", "closed notes"]
    again = await hub.live("notes")
    assert again.epoch != live.epoch
    assert again.document.clocks == {}
    assert not await hub.delete("unknown")
    assert not await hub.undelete("unknown")


async def test_what_is_deleted_comes_back_unless_it_was_for_good(hub: Hub) -> None:
    for forever in (False, True):
        live = await hub.live("notes")
        live.apply(typed("x")[0], lambda _result: None, session=None, participant=None)
        await live.journal.drain(5)
        assert await hub.delete("notes", forever=forever)
        assert [each.name for each in await hub.trash()] == ([] if forever else ["notes"])
        assert await hub.undelete("notes") is not forever
    assert hub.trash_keep == 60.0


async def test_an_outage_of_the_cluster_closes_what_needs_it(hub: Hub) -> None:
    hub.cluster_changed(False)
    try:
        for work in (hub.delete("notes"), hub.undelete("notes")):
            with refused("cluster_degraded"):
                await work
        live = await hub.live("notes")
        await asyncio.sleep(0.02)
        assert hub.documents == {"notes": live}, "it could not be opened again"
    finally:
        hub.cluster_changed(True)
    assert not await hub.delete("unknown")


async def test_draining_refuses_newcomers_keeps_who_is_there_and_says_what_was_saved(
    hub: Hub, store: SlowStore
) -> None:
    ann = Peer()
    live = await hub.join("notes", ann.session)
    store.holds_acks = True
    live.apply(typed("x")[0], lambda _result: None, session=ann.session, participant=None)
    hub.announce_drain(3.0)
    assert ("notice", "draining") in ann.got
    assert not await hub.drain(0.01), "it is not on disk"
    for name in ("notes", "other"):
        with refused("draining"):
            await hub.live(name)
    assert hub.documents == {"notes": live}
    assert list(live.sessions) == [ann.session.id]
    store.holds_acks = False
    for done in store.held:
        done()
    assert await hub.drain(5.0)


async def test_people_are_counted_in_what_is_open(hub: Hub) -> None:
    live = await hub.join("a", Peer().session)
    live.join(Peer().session)
    await hub.join("b", Peer().session)
    assert await hub.people(["b", "a", "nobody"]) == [1, 2, 0]
    assert await hub.people([]) == []
    assert await hub.gathering("a") is live
    assert await hub.gathering("nobody") is None
    assert "nobody" not in hub.documents, "looking opens nothing"


async def test_closing_lets_go_of_everything_also_of_what_is_being_opened(
    hub: Hub, store: SlowStore, notes: Notes
) -> None:
    await hub.join("a", Peer().session)
    store.may_load.clear()
    opening = asyncio.create_task(hub.live("b"))
    await turns()
    await hub.close()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert hub.documents == {}
    assert notes.told == ["opened a", "closed a"]
    with refused("draining"):
        await hub.live("a")
