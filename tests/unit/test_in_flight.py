"""What comes in is bounded, the oldest goes on, and whoever stops in the middle is cut for those who wait."""

from __future__ import annotations

import asyncio
import weakref

import pytest

from collab.hub import in_flight as module
from collab.hub.in_flight import InFlight, Load

A, B = "192.0.2.1", "192.0.2.2"


class Room:
    """Room for 100 bytes of an address and 200 in all; ``cut`` are those that were cut."""

    def __init__(self) -> None:
        self.cut: list[str] = []
        self.room = InFlight(100, 200)

    def load(self, address: str, size: int = 0) -> Load:
        load = self.room.load(address, lambda: self.cut.append(address))
        if size:
            self.take(load, size)
        return load

    def take(self, load: Load, size: int) -> bool:
        """Whether ``load`` may go on behind so many bytes more."""
        wait = load.grow(size)
        if wait is not None:
            wait.close()  # type: ignore[attr-defined]
        return wait is None


@pytest.fixture
async def room() -> Room:
    return Room()


async def test_nothing_waits_while_there_is_room(room: Room) -> None:
    assert all(room.take(room.load(address), 100) for address in (A, B))
    assert room.room.size == 200


async def test_of_one_address_the_oldest_goes_on(room: Room) -> None:
    first, second = room.load(A, 60), room.load(A)
    assert not room.take(second, 60)
    assert room.take(first, 1000)
    assert room.take(room.load(B), 50) is False, "the oldest takes it all"
    first.release()
    assert room.room.may_grow(second) and room.room.size == 110


async def test_in_all_the_oldest_goes_on(room: Room) -> None:
    loads = [room.load(f"192.0.2.{number}", 90) for number in range(3)]
    assert [room.room.may_grow(load) for load in loads] == [True, False, False]
    loads[0].release()
    assert all(room.room.may_grow(load) for load in loads[1:])


async def test_what_has_no_bytes_yet_is_not_the_oldest(room: Room) -> None:
    empty = room.load(A)
    first = room.load(A, 90)
    assert room.take(first, 50)
    empty.release()
    assert room.room.size == 140


async def test_releasing_twice_is_releasing_once(room: Room) -> None:
    load = room.load(A, 50)
    load.release()
    load.release()
    assert room.take(load, 10) and room.room.size == 0, "it is over"


async def test_what_is_over_leads_nowhere(room: Room) -> None:
    """A request has its load, and the load cuts the request: both would wait for the collector."""

    class Request:
        def cut(self) -> None: ...

    request = Request()
    gone = weakref.ref(request)
    load = room.room.load(A, request.cut)
    load.release()
    del request
    assert gone() is None
    load.cut()


async def test_who_waits_goes_on_when_there_is_room(room: Room) -> None:
    first, second = room.load(A, 90), room.load(A)
    wait = second.grow(90)
    assert wait is not None
    waiting = asyncio.ensure_future(wait)
    await asyncio.sleep(0.01)
    assert not waiting.done()
    first.release()
    await asyncio.wait_for(waiting, 5)


async def test_who_stops_in_the_middle_is_cut_for_those_who_wait(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    room.load(A, 90)
    second = room.load(A)
    wait = second.grow(90)
    assert wait is not None
    await asyncio.wait_for(wait, 5)
    assert room.cut == [A] and room.room.size == 90


@pytest.mark.slow
async def test_who_is_complete_is_not_to_blame(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.1)
    first, second = room.load(A, 90), room.load(A)
    first.complete()
    wait = second.grow(90)
    assert wait is not None
    waiting = asyncio.ensure_future(wait)
    await asyncio.sleep(0.5)
    assert not waiting.done() and not room.cut
    first.release()
    await asyncio.wait_for(waiting, 5)
