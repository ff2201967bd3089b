"""Who is here goes out at display rate, the newest state of each, in the words of each wire."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from collab.hub.presence_feed import PRESENCE_INTERVAL, PresenceFeed
from collab.hub.session import Session, State
from tests.support.peers import Peer


class Room:
    """A document in which people only look at each other."""

    def __init__(self) -> None:
        self.sessions: dict[str, Session] = {}
        self.behind: list[Session] = []
        self.feed = PresenceFeed("notes", self.sessions, self.behind.extend)

    def enter(self, *, json_presence: bool = True) -> Peer:
        peer = Peer(json_presence=json_presence)
        peer.session.move(State.LIVE)
        self.sessions[peer.session.id] = peer.session
        self.feed.join(peer.session)
        self.feed.greet(peer.session)
        return peer


@pytest.fixture
async def room() -> Room:
    return Room()


def changes(peer: Peer, kind: str) -> list[Any]:
    """The entries of one kind in all presence events that somebody got."""
    return [entry for each, content in peer.got if each == "presence" for entry in content[kind]]


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.002)


@pytest.mark.slow
async def test_cursors_go_out_at_display_rate_and_the_newest_value_wins(room: Room) -> None:
    """P6."""
    ann, bob = room.enter(), room.enter()
    room.feed.flush()
    bob.got.clear()
    began, last = time.perf_counter(), -1
    while time.perf_counter() - began < 10 * PRESENCE_INTERVAL:
        last += 1
        room.feed.set_cursor(ann.session, last)
        await asyncio.sleep(0)
    took = time.perf_counter() - began
    await until(lambda: (found := changes(bob, "updated")) and found[-1]["state"] == {"cursor": last})
    told = len(changes(bob, "updated"))
    assert told <= took / PRESENCE_INTERVAL + 2, "never more often, however fast somebody moves"
    assert told < last


async def test_the_first_news_is_everybody_and_later_ones_are_changes(room: Room) -> None:
    ann = room.enter()
    room.feed.flush()
    bob = room.enter()
    assert {entry["session"] for entry in changes(bob, "joined")} == {ann.session.id, bob.session.id}
    room.feed.flush()
    assert [entry["session"] for entry in changes(ann, "joined")].count(bob.session.id) == 1
    del room.sessions[bob.session.id]
    room.feed.leave(bob.session)
    room.feed.flush()
    assert [entry["session"] for entry in changes(ann, "left")] == [bob.session.id]


async def test_each_wire_gets_its_own_words(room: Room) -> None:
    person, editor = room.enter(), room.enter(json_presence=False)
    room.feed.flush()
    person.got.clear()
    editor.got.clear()
    room.feed.show(person.session, {"mood": "busy"})
    room.feed.flush()
    assert editor.kinds() == ["awareness"]
    assert b'"mood":"busy"' in editor.got[0][1].replace(b" ", b"")
    assert set(person.kinds()) <= {"presence"}


async def test_a_broadcast_reaches_the_others_and_nobody_who_is_behind(room: Room) -> None:
    ann, bob, slow = room.enter(), room.enter(), room.enter()
    slow.session.move(State.BEHIND)
    room.feed.broadcast(ann.session, "wave", {"to": "all"})
    assert ("broadcast", ("wave", {"to": "all"}, ann.session.id)) in bob.got
    assert "broadcast" not in ann.kinds() + slow.kinds()


async def test_who_cannot_take_it_falls_behind_and_hears_later_who_left(room: Room) -> None:
    ann, bob, slow = room.enter(), room.enter(), room.enter()
    slow.clogged = True
    room.feed.show(ann.session, {"a": 1})
    room.feed.flush()
    assert slow.session in room.behind
    slow.session.move(State.BEHIND)
    del room.sessions[bob.session.id]
    room.feed.leave(bob.session)
    room.feed.flush()
    slow.got.clear()
    room.feed.greet_again(slow.session)
    assert [entry["session"] for entry in changes(slow, "left")] == [bob.session.id]
