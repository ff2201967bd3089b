"""Updates go to everybody but their authors, paced by what that costs; who cannot follow gets one diff later."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
from pycrdt import Doc, Text

from collab.documents.document import Document
from collab.hub import fan_out
from collab.hub.fan_out import FanOut, Pacer
from collab.hub.session import Session, State
from tests.support.peers import NotingEncoder, Peer

STALL = 0.2


class Room:
    """A document with a fan-out, and an author whose edits go through it."""

    def __init__(self) -> None:
        self.document = Document()
        self.welcomed: list[Session] = []
        self.fan_out = FanOut(self.document, self.welcomed.append, stall_timeout=STALL)
        self.doc: Doc[Text] = Doc()
        self.text = self.doc.get("body", type=Text)

    def enter(self) -> Peer:
        peer = Peer()
        peer.session.move(State.LIVE)
        self.fan_out.enter(peer.session)
        return peer

    def type(self, letters: str, origin: Peer | None = None, *, plain: bool = True) -> bytes:
        before = self.doc.get_state()
        self.text.insert(len(self.text), letters)
        update = self.doc.get_update(before)
        self.document.apply(update)
        self.fan_out.add(update, None if origin is None else origin.session.id, plain=plain)
        return update


@pytest.fixture
async def room() -> Room:
    return Room()


def seen(*updates: bytes) -> str:
    """The text that somebody has who got these."""
    doc: Doc[Text] = Doc()
    text = doc.get("body", type=Text)
    for update in updates:
        doc.apply_update(update)
    return str(text)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.002)


# -- pace -----------------------------------------------------------------------------------------


async def test_the_first_request_after_quiet_is_served_in_the_same_turn() -> None:
    served: list[str] = []
    pacer = Pacer(lambda: served.append("flush"))
    pacer.request()
    pacer.request()
    assert served == []
    await asyncio.sleep(0)
    assert served == ["flush"], "asking twice before it ran is asking once"


async def test_a_costly_flush_is_followed_by_a_rest_in_proportion() -> None:
    began: list[float] = []

    def flush() -> None:
        began.append(time.perf_counter())
        time.sleep(0.002)  # work, not waiting

    pacer = Pacer(flush)
    pacer.request()
    await until(lambda: began)
    pacer.request()
    await until(lambda: len(began) == 2)
    assert began[1] - began[0] >= 0.002 * fan_out.COST_FACTOR * 0.9


async def test_what_was_requested_can_be_had_at_once_or_not_at_all() -> None:
    served: list[str] = []
    pacer = Pacer(lambda: served.append("flush"), min_wait=60.0)
    pacer.flush_now()
    assert served == [], "nobody asked"
    pacer.request()
    pacer.flush_now()
    assert served == ["flush"]
    pacer.request()
    pacer.cancel()
    pacer.flush_now()
    pacer.request()
    pacer.close()
    await asyncio.sleep(0)
    assert served == ["flush"]


# -- to whom --------------------------------------------------------------------------------------


async def test_an_update_goes_to_everybody_but_its_author(room: Room) -> None:
    author, reader = room.enter(), room.enter()
    update = room.type("a", author)
    room.fan_out.flush()
    assert (author.updates(), reader.updates()) == ([], [update])


async def test_typing_that_gathered_is_merged_and_authors_get_only_what_others_wrote(room: Room) -> None:
    ann, bob, reader = room.enter(), room.enter(), room.enter()
    for author, letter in ((ann, "a"), (bob, "b"), (ann, "c")):
        room.type(letter, author)
    room.fan_out.flush()
    assert len(reader.updates()) == 1
    assert seen(*reader.updates()) == "abc"
    everything = room.doc.get_update()
    for author in (ann, bob):
        assert seen(everything, *author.updates()) == "abc"


async def test_what_is_not_plain_is_sent_as_it_came(room: Room) -> None:
    reader = room.enter()
    updates = [room.type("a", plain=False), room.type("b", plain=False)]
    room.fan_out.flush()
    assert reader.updates() == updates


async def test_who_has_left_gets_nothing_more(room: Room) -> None:
    reader = room.enter()
    room.fan_out.leave(reader.session)
    room.fan_out.leave(reader.session)
    room.type("a")
    room.fan_out.flush()
    assert reader.got == []


@pytest.mark.parametrize("updates", [1, 2])
async def test_a_wire_without_a_word_for_updates_is_sent_none(
    room: Room, monkeypatch: pytest.MonkeyPatch, updates: int
) -> None:
    monkeypatch.setattr(NotingEncoder, "update", lambda _self, _update: None)
    monkeypatch.setattr(NotingEncoder, "updates", lambda _self, _updates: ())
    reader = room.enter()
    for _ in range(updates):
        room.type("a")
    room.fan_out.flush()
    assert reader.got == []


async def test_after_the_end_nobody_hears_anything(room: Room) -> None:
    reader = room.enter()
    room.type("a")
    room.fan_out.close()
    room.type("b")
    await asyncio.sleep(0.02)
    assert reader.got == []


# -- slow readers (S1) ----------------------------------------------------------------------------


async def test_who_falls_behind_gets_one_diff_once_it_has_drained(room: Room) -> None:
    slow, quick = room.enter(), room.enter()
    slow.clogged, slow.waiting_bytes = True, 1000
    room.type("a")
    room.fan_out.flush()
    assert slow.session.state is State.BEHIND
    assert slow.kinds() == ["update", "notice"], "it is told"
    for letter in "bcd":
        room.type(letter)
        room.fan_out.flush()
    assert slow.kinds() == ["update", "notice"], "and nothing is queued for it"
    slow.clogged = False
    await until(lambda: room.welcomed)
    assert slow.session.state is State.LIVE
    assert seen(*slow.updates()) == "abcd"
    assert len(slow.updates()) == 2
    room.type("e")
    room.fan_out.flush()
    assert seen(*slow.updates()) == seen(*quick.updates()) == "abcde"


@pytest.mark.slow
async def test_who_takes_nothing_is_cut_and_who_takes_a_little_is_not(room: Room) -> None:
    stuck, slow = room.enter(), room.enter()
    for peer in (stuck, slow):
        peer.clogged, peer.waiting_bytes = True, 10_000
    room.type("a")
    room.fan_out.flush()
    deadline = time.monotonic() + 10
    while not stuck.was_cut:
        slow.waiting_bytes -= 1
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)
    assert not slow.was_cut
    room.fan_out.close()
