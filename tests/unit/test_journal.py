"""Every edit is acknowledged once, and only when it is in the log; what the log cannot take is kept and tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from collab.errors import CollabError
from collab.hub import journal as module
from collab.hub.journal import Done, Journal, nobody_waits
from collab.stores.memory import MemoryStore

BOUND = 100


class Disk(MemoryStore):
    """A store whose answers the test gives: each append waits until it is told how it went."""

    def __init__(self) -> None:
        super().__init__()
        self.position = 0
        self.asked: list[tuple[bytes, Done]] = []
        self.broken = False

    def log(self, document: str, update: bytes, participant: str | None, done: Done, epoch: str = "") -> None:
        self.asked.append((update, done))

    def append(
        self, document: str, update: bytes, participant: str | None = None, epoch: str = ""
    ) -> asyncio.Future[int]:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if self.broken:
            future.set_exception(CollabError("storage_unavailable"))
        else:
            self.position += 1
            future.set_result(self.position)
        return future

    def answer(self, result: int | CollabError | None = None) -> None:
        """Answer the oldest append: with the next position, or as told."""
        _, done = self.asked.pop(0)
        if result is None:
            self.position += 1
            result = self.position
        done(result)


class Told:
    """What a journal said to whom."""

    def __init__(self) -> None:
        self.results: list[int | CollabError] = []
        self.trouble: list[bool] = []
        self.saved: list[int] = []

    def codes(self) -> list[int | str]:
        return [result if isinstance(result, int) else result.code for result in self.results]


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def journal(disk: Disk, told: Told, monkeypatch: pytest.MonkeyPatch) -> Journal:
    monkeypatch.setattr(module, "_FIRST_RETRY", 0.01)
    return Journal(
        disk, "notes", 0, max_unsaved_bytes=BOUND, on_trouble=told.trouble.append, on_saved=told.saved.append
    )


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.002)


async def test_an_ack_leaves_when_the_log_has_it_and_not_before(journal: Journal, disk: Disk, told: Told) -> None:
    """D1."""
    journal.append(b"a", "ann", told.results.append)
    assert (told.results, journal.clean) == ([], False)
    disk.answer()
    assert (told.results, told.saved, journal.position, journal.clean) == ([1], [1], 1, True)


async def test_what_repeats_something_waits_for_what_it_repeats(journal: Journal, disk: Disk, told: Told) -> None:
    """D2."""
    journal.append(b"a", None, nobody_waits)
    journal.append(b"b", None, nobody_waits)
    journal.when_durable(told.results.append)
    disk.answer()
    assert told.results == []
    journal.append(b"c", None, nobody_waits)
    disk.answer()
    assert told.results == [2], "it does not wait for what came later"
    disk.answer()
    journal.when_durable(told.results.append)
    assert told.results == [2, 3]


async def test_what_cannot_be_saved_is_kept_and_appended_until_it_is(journal: Journal, disk: Disk, told: Told) -> None:
    """D5."""
    disk.broken = True
    journal.append(b"a", "ann", told.results.append)
    disk.answer(CollabError("storage_unavailable"))
    journal.append(b"b", "bob", told.results.append)
    journal.when_durable(told.results.append)
    assert told.codes() == ["storage_unavailable"] * 3
    assert (journal.unsaved, told.trouble) == ([b"a", b"b"], [True])
    assert disk.asked == [], "later ones wait behind it, so that their order stays"
    disk.broken = False
    await until(lambda: told.trouble == [True, False])
    assert (journal.unsaved, journal.clean, journal.position) == ([], True, 2)
    journal.append(b"c", None, told.results.append)
    disk.answer()
    assert told.results[-1] == 3


async def test_past_the_bound_edits_are_refused_before_they_are_applied(journal: Journal, disk: Disk) -> None:
    disk.broken = True
    journal.append(b"x" * BOUND, None, nobody_waits)
    disk.answer(CollabError("storage_unavailable"))
    journal.check_room()
    journal.append(b"y", None, nobody_waits)
    with pytest.raises(CollabError, match="save") as refused:
        journal.check_room()
    assert refused.value.code == "storage_unavailable"
    journal.close()


async def test_a_store_that_does_not_answer_counts_as_one_that_fails(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.append(b"x", None, nobody_waits)
    journal.check_room()
    monkeypatch.setattr(module, "_STUCK", -1.0)
    with pytest.raises(CollabError):
        journal.check_room()


async def test_edits_of_a_deleted_document_are_not_tried_again(journal: Journal, disk: Disk, told: Told) -> None:
    journal.append(b"a", None, told.results.append)
    disk.answer(CollabError("document_deleted"))
    assert (told.codes(), journal.clean, told.trouble) == (["document_deleted"], True, [])


async def test_draining_waits_for_the_log_and_not_for_ever(journal: Journal, disk: Disk) -> None:
    assert await journal.drain(0)
    journal.append(b"a", None, nobody_waits)
    assert not await journal.drain(0.01)
    draining = asyncio.create_task(journal.drain(10))
    await asyncio.sleep(0)
    disk.answer()
    assert await draining


async def test_it_is_quiet_when_nothing_is_on_its_way(journal: Journal, disk: Disk) -> None:
    journal.append(b"a", None, nobody_waits)
    quiet = asyncio.create_task(journal.quiet())
    await asyncio.sleep(0.02)
    assert not quiet.done()
    disk.broken = True
    disk.answer(CollabError("storage_unavailable"))
    await quiet
    assert journal.unsaved == [b"a"]
    journal.close()


async def test_after_the_end_nobody_is_told(journal: Journal, disk: Disk, told: Told) -> None:
    journal.append(b"a", None, nobody_waits)
    journal.close()
    disk.answer()
    assert (told.trouble, told.saved) == ([], [])


async def test_positions_never_fall(journal: Journal) -> None:
    """D6."""
    journal.reached(5)
    journal.reached(3)
    assert journal.position == 5
