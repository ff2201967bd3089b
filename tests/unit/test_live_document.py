"""Who is sent what, and what a live document does when the CRDT breaks in the middle of an edit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.documents.merging import merge
from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.hub.journal import nobody_waits
from collab.hub.live_document import DocumentLimits, LiveDocument
from collab.hub.outlets import Lane
from collab.hub.session import Session
from collab.protocol.awareness import AwarenessEntry, decode_awareness
from collab.stores.memory import MemoryStore
from collab.types import Identity, Role


def letter(clock: int) -> bytes:
    """An update with one letter in `body`."""
    return b"\x01\x01\x05" + bytes((clock,)) + b"\x04\x01\x04body\x01x\x00"


async def test_a_broken_document_is_read_again_from_the_log() -> None:
    hub = Hub(MemoryStore(), DocumentLimits())
    await hub.start()
    live = await hub.live("a")
    for clock in range(3):
        live.apply(letter(clock), nobody_waits, session=None, participant=None)
    broken, expected = live.document, live.document.content_hash()
    broken.poisoned = True
    with pytest.raises(CollabError) as caught:
        live.apply(letter(3), nobody_waits, session=None, participant=None)
    assert caught.value.code == "storage_unavailable"
    async with asyncio.timeout(5):
        while live.document is broken:
            await asyncio.sleep(0.01)
    assert live.document.content_hash() == expected
    live.apply(letter(3), nobody_waits, session=None, participant=None)
    assert live.document.clocks == {5: 4}
    await hub.close()


async def test_a_deleted_document_takes_no_edits() -> None:
    hub = Hub(MemoryStore(), DocumentLimits())
    await hub.start()
    live = await hub.live("a")
    live.apply(letter(0), nobody_waits, session=None, participant=None)
    assert await hub.delete("a")
    with pytest.raises(CollabError) as caught:
        live.apply(letter(1), nobody_waits, session=None, participant=None)
    assert caught.value.code == "document_deleted"
    assert await hub.store.load("a") is None
    await hub.close()


async def shown_clocks(hub: Hub) -> dict[int, int]:
    """Two people come, show something, and leave; returns their clocks as others saw them, once all is put away."""
    live = await hub.live("a")
    people = [Reader(live), Reader(live)]
    for client, person in enumerate(people):
        live.people.announce(person.session, [AwarenessEntry(client, 1, "{}")])
    clocks = {entry.client: entry.clock for entry in decode_awareness(live.people.presence.awareness() or b"")}
    for person in people:
        live.leave(person.session)
    async with asyncio.timeout(5):
        while "a" in hub.documents:
            await asyncio.sleep(0.01)
    return clocks


async def test_people_who_were_away_until_the_document_was_put_away_see_each_other_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub = Hub(MemoryStore(), DocumentLimits(), idle_timeout=0.0)
    await hub.start()
    before = await shown_clocks(hub)
    later = time.time() + 40
    monkeypatch.setattr("collab.hub.hub.time.time", lambda: later)
    after = await shown_clocks(hub)
    assert before.keys() == after.keys() == {0, 1}
    assert all(after[client] > before[client] for client in (0, 1)), "Yjs ignores a clock that it knows"
    await hub.close()


class Reader:
    """A session that notes what it is written, through an encoder that changes nothing."""

    transport = "websocket"

    def __init__(self, live: LiveDocument, *, json_presence: bool = False) -> None:
        self.got: list[bytes] = []
        #: who is here, by what it was told
        self.people: dict[str, Any] = {}
        self.session = Session(
            Identity(None, "Ann", "#000000"), Role.EDITOR, ENCODER, self,
            door="test", json_presence=json_presence, max_client_ids=4,
            request_sync=lambda _vector: None, on_dismiss=lambda _error: None,
        )  # fmt: skip
        live.join(self.session)

    def write(self, frames: object) -> bool:
        if isinstance(frames, bytes):
            self.got.append(frames)
        if isinstance(frames, dict):
            self.take(**frames)
        return False

    def take(self, joined: list[Any], updated: list[Any], left: list[Any]) -> None:
        for entry in joined:
            assert entry["session"] not in self.people, "joined twice"
            self.people[entry["session"]] = entry
        for entry in updated:
            assert entry["session"] in self.people, "updated, but never joined"
            self.people[entry["session"]] = entry
        for entry in left:
            del self.people[entry["session"]]

    clogged = False
    waiting_bytes = 0

    def cut(self) -> None: ...


class PlainEncoder:
    """Writes updates as they are, and nothing else."""

    door = "test"

    def update(self, update: bytes) -> bytes:
        return update

    def updates(self, updates: Sequence[bytes]) -> Sequence[bytes]:
        return updates

    def awareness(self, update: bytes) -> None: ...
    def presence(self, change: object) -> object:
        return change

    def broadcast(self, event: str, data: object, sender: str) -> None: ...
    def stream(self, json: bytes, offset: int) -> None: ...
    def inbox(self, json: bytes) -> None: ...
    def notice(self, notice: object) -> None: ...

    def lane(self) -> Lane:
        return Lane()


ENCODER = PlainEncoder()


def typed(client: int, clock: int, *, behind: int | None = None) -> bytes:
    """One letter behind the one before it, or behind ``behind`` of the same client."""
    left = clock - 1 if behind is None else behind
    return b"\x01\x01" + bytes((client, clock, 0x84, client, left)) + b"\x01y\x00"


async def test_typing_is_merged_and_everything_else_stays_as_it_came() -> None:
    hub = Hub(MemoryStore(), DocumentLimits())
    await hub.start()
    live = await hub.live("a")
    live.apply(letter(0), nobody_waits, session=None, participant=None)
    live.flush()
    ann, ben = Reader(live), Reader(live)
    overlapping = b"\x01\x02\x05\x02" + b"\x84\x05\x01\x01y" + b"\x84\x05\x02\x01y" + b"\x00"  # 5:2 is known by then
    for update, origin in (
        (typed(5, 1), ann), (typed(5, 2), ann), (overlapping, ben), (typed(5, 4), ann), (typed(5, 5), None),
    ):  # fmt: skip
        live.apply(update, nobody_waits, session=origin.session if origin is not None else None, participant=None)
    live.flush()
    assert len(ben.got) == 2, "two runs of typing, not the edit of one's own between them"
    assert len(ann.got) == 2, "the edit of the other, and what was merged of both"
    assert ann.got[0] == overlapping
    assert ann.got[1] == ben.got[1] == merge([typed(5, 4), typed(5, 5)])
    assert ben.got[0] == merge([typed(5, 1), typed(5, 2)])
    await hub.close()


async def test_who_leaves_is_sent_nothing_more_and_who_comes_is() -> None:
    hub = Hub(MemoryStore(), DocumentLimits())
    await hub.start()
    live = await hub.live("a")
    ann, ben = Reader(live), Reader(live)
    live.apply(letter(0), nobody_waits, session=None, participant=None)
    live.flush()
    live.leave(ann.session)
    cleo = Reader(live)
    live.apply(typed(5, 1), nobody_waits, session=None, participant=None)
    live.flush()
    assert (len(ann.got), len(ben.got), len(cleo.got)) == (1, 2, 1)
    await hub.close()


@given(st.lists(st.tuples(st.sampled_from(["join", "leave", "show", "flush"]), st.integers(0, 4)), max_size=40))
def test_who_is_greeted_in_the_middle_of_a_change_is_told_everything_once(steps: list[tuple[str, int]]) -> None:
    async def play() -> None:
        hub = Hub(MemoryStore(), DocumentLimits())
        await hub.start()
        live = await hub.live("a")
        people: dict[int, Reader] = {}
        for number, (step, who) in enumerate(steps):
            person = people.get(who)
            if step == "join" and person is None:
                people[who] = Reader(live, json_presence=True)
                live.greet(people[who].session)
            elif step == "leave" and person is not None:
                live.leave(people.pop(who).session)
            elif step == "show" and person is not None:
                live.people.show(person.session, {"n": number})
            elif step == "flush":
                live.flush()
        live.flush()
        here = {entry["session"]: entry for entry in live.people.presence.everybody()}
        for person in people.values():
            others = {name: entry for name, entry in person.people.items() if name != person.session.id}
            assert others == {name: entry for name, entry in here.items() if name != person.session.id}
        await hub.close()

    asyncio.run(play())


@pytest.mark.slow
async def test_a_client_that_never_renews_is_gone_for_those_present_and_for_newcomers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rule P8: one rule for everybody, that of y-protocols."""
    monkeypatch.setattr("collab.hub.presence_feed.OUTDATED", 0.2)
    hub = Hub(MemoryStore(), DocumentLimits())
    await hub.start()
    live = await hub.live("a")
    silent, lively, watcher = Reader(live), Reader(live), Reader(live, json_presence=True)
    live.people.announce(silent.session, [AwarenessEntry(1, 1, '{"v":1}')])
    live.people.greet(watcher.session)
    clock = 0
    async with asyncio.timeout(10):
        while watcher.people[silent.session.id]["state"] is not None:
            clock += 1
            live.people.announce(lively.session, [AwarenessEntry(2, clock, '{"v":1}')])
            await asyncio.sleep(0.03)
    newcomer = Reader(live, json_presence=True)
    live.people.greet(newcomer.session)
    assert newcomer.people[silent.session.id]["state"] is None, "it is here, and shows nothing"
    shown = {entry.client for entry in decode_awareness(live.people.presence.awareness() or b"")}
    assert shown == {2, watcher.session.client_id, newcomer.session.client_id}
    live.people.announce(silent.session, [AwarenessEntry(1, 2, '{"v":2}')])
    async with asyncio.timeout(10):
        while watcher.people[silent.session.id]["state"] != {"v": 2}:
            await asyncio.sleep(0.01)
    await hub.close()
