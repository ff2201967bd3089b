"""Messages larger than an edit: few come in at a time, in turn, and who stops sending makes room."""

from __future__ import annotations

import asyncio

import pytest

from collab.hub import bulk as bulk_module
from collab.hub.bulk import PACE, Bulk, Turn

pytestmark = pytest.mark.asyncio


class Room:
    """Turns, and whose connections were cut."""

    def __init__(self, at_once: int = 2) -> None:
        self.bulk = Bulk(1000, at_once)
        self.cut: list[int] = []

    def turns(self, count: int) -> list[Turn]:
        return [self.bulk.turn(lambda number=number: self.cut.append(number)) for number in range(count)]  # type: ignore[misc]


def granted(turns: list[Turn]) -> list[int]:
    return [number for number, turn in enumerate(turns) if turn.granted]


async def test_as_many_as_there_is_room_for_come_in_and_others_in_their_turn() -> None:
    turns = Room().turns(5)
    assert granted(turns) == [0, 1]
    turns[1].release()
    assert granted(turns[2:]) == [0]
    turns[0].release()
    turns[2].release()
    assert granted(turns[3:]) == [0, 1]


async def test_releasing_twice_makes_no_room_for_two() -> None:
    turns = Room(1).turns(4)
    for _ in range(3):
        turns[0].release()
    assert granted(turns[1:]) == [0]


async def test_who_gives_up_while_waiting_is_passed_over() -> None:
    turns = Room(1).turns(3)
    turns[1].release()
    turns[0].release()
    assert turns[2].granted
    assert not turns[1].granted
    turns[2].release()
    assert Room(1).turns(1)[0].granted


async def test_waiting_ends_with_the_grant() -> None:
    turns = Room(1).turns(2)
    async with asyncio.timeout(5):
        await turns[0].wait()
    waiting = asyncio.create_task(turns[1].wait())
    await asyncio.sleep(0.01)
    assert not waiting.done()
    turns[0].release()
    async with asyncio.timeout(5):
        await waiting


@pytest.mark.slow
async def test_who_sends_next_to_nothing_is_cut_if_others_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_module, "PATIENCE", 0.2)
    room = Room(3)
    slow, complete, lively, waiting = room.turns(4)
    complete.complete()

    async def go_on() -> None:
        while True:
            lively.heard(PACE)
            slow.heard(1)
            await asyncio.sleep(0.01)

    going = asyncio.create_task(go_on())
    async with asyncio.timeout(10):
        await waiting.wait()
    going.cancel()
    assert room.cut == [0], "not the one that is complete, nor the one that gets on"
    assert waiting.granted


async def test_nobody_is_cut_while_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_module, "PATIENCE", 0.01)
    room = Room(2)
    (slow, _) = room.turns(2)
    await asyncio.sleep(0.05)
    async with asyncio.timeout(5):
        await slow.wait()
    assert room.cut == []


async def test_bytes_count_together_until_they_are_a_pace() -> None:
    (turn,) = Room().turns(1)
    before = turn.heard_at
    await asyncio.sleep(0.01)
    turn.heard(PACE - 1)
    assert turn.heard_at == before
    turn.heard(1)
    assert turn.heard_at > before
    assert Room().bulk.most == 1000
