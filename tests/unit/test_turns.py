"""Turns at the workers: one at a time for each owner, and first for whoever has had least (rule S7)."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.content.turns import COSTLY, HALF_LIFE, MAX_REMEMBERED, MAX_WAITING, Turns
from collab.errors import CollabError


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


class Jobs:
    """Jobs that run until they are told to end; ``order`` is in which they began."""

    def __init__(self, slots: int) -> None:
        self.clock = Clock()
        self.turns = Turns(slots, self.clock)
        self.order: list[str] = []
        self.running: dict[asyncio.Task[None], asyncio.Event] = {}

    def ask(self, owner: str) -> asyncio.Task[None]:
        end = asyncio.Event()

        async def job() -> None:
            async with self.turns.turn(owner):
                self.order.append(owner)
                await end.wait()

        task = asyncio.create_task(job())
        self.running[task] = end
        return task

    async def end(self, task: asyncio.Task[None], after: float = 1.0) -> None:
        self.clock.now += after
        self.running.pop(task).set()
        await task
        await settle()


async def test_an_owner_has_one_job_at_a_time_whatever_is_free() -> None:
    jobs = Jobs(slots=2)
    first = jobs.ask("ann")
    jobs.ask("ann")
    await settle()
    assert jobs.order == ["ann"]
    jobs.ask("ben")
    await settle()
    assert jobs.order == ["ann", "ben"]
    await jobs.end(first, after=COSTLY / 2)
    assert jobs.order == ["ann", "ben", "ann"]
    for task in jobs.running:
        task.cancel()


async def test_who_asks_once_does_not_wait_behind_whoever_asks_twenty_times() -> None:
    jobs = Jobs(slots=1)
    restores = [jobs.ask("ann") for _ in range(20)]
    await settle()
    jobs.ask("ben")
    await settle()
    await jobs.end(restores[0])
    assert jobs.order == ["ann", "ben"], "at most one job of the other stands before it"
    for task in jobs.running:
        task.cancel()


async def test_what_a_job_cost_counts_and_is_forgotten() -> None:
    jobs = Jobs(slots=1)
    await settle()
    for owner, seconds in (("dear", 5.0), ("cheap", 0.1)):
        task = jobs.ask(owner)
        await settle()
        await jobs.end(task, after=seconds)
    blocker = jobs.ask("other")
    await settle()
    jobs.ask("dear")
    await settle()
    jobs.ask("cheap")
    await settle()
    await jobs.end(blocker)
    assert jobs.order[-1] == "cheap", "it came later, and has had less"
    jobs.clock.now += 20 * HALF_LIFE
    for task in jobs.running:
        task.cancel()


async def test_too_many_that_wait_are_refused() -> None:
    jobs = Jobs(slots=1)
    tasks = [jobs.ask("ann") for _ in range(MAX_WAITING + 1)]
    await settle()
    with pytest.raises(CollabError) as refused:
        await jobs.ask("ann")
    assert (refused.value.code, refused.value.retry_after is not None) == ("rate_limited", True)
    jobs.ask("ben")
    await settle()
    for task in tasks:
        task.cancel()


async def test_who_gives_up_while_waiting_takes_no_slot_along() -> None:
    jobs = Jobs(slots=1)
    first = jobs.ask("ann")
    await settle()
    waiting = jobs.ask("ben")
    await settle()
    waiting.cancel()
    await settle()
    jobs.ask("cleo")
    await settle()
    await jobs.end(first)
    assert jobs.order == ["ann", "cleo"]
    for task in jobs.running:
        task.cancel()


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["ask", "end", "cancel"])), max_size=60))
def test_slots_are_neither_lost_nor_made(steps: list[tuple[str, str]]) -> None:
    async def run() -> None:
        jobs = Jobs(slots=2)
        for owner, step in steps:
            tasks = list(jobs.running)
            if step == "ask":
                jobs.ask(owner)
            elif tasks and step == "end":
                jobs.clock.now += 0.5
                jobs.running.pop(tasks[0]).set()
            elif tasks:
                jobs.running.pop(tasks[-1])
                tasks[-1].cancel()
            await settle()
        for end in jobs.running.values():
            end.set()
        await asyncio.gather(*jobs.running, return_exceptions=True)
        jobs.order.clear()
        fresh = [jobs.ask(owner) for owner in ("x", "y", "z")]
        await settle()
        assert len(jobs.order) == 2, "both slots are there again, and no third one"
        for task in fresh:
            jobs.running[task].set()
        await asyncio.gather(*fresh)

    asyncio.run(run())


async def test_nobody_is_remembered_for_ever() -> None:
    turns = Turns(2, Clock())
    for number in range(3 * MAX_REMEMBERED):
        async with turns.turn(number):
            pass
    assert len(turns._owners) <= MAX_REMEMBERED + 1


async def test_the_last_free_slot_is_kept_for_those_who_ask_for_little() -> None:
    jobs = Jobs(slots=2)
    for costly in ("evil", "evil too"):
        task = jobs.ask(costly)
        await settle()
        await jobs.end(task, after=3 * COSTLY)
    jobs.order.clear()
    first, second = jobs.ask("evil"), jobs.ask("evil too")
    await settle()
    assert len(jobs.order) == 1, "one of them waits"
    honest = jobs.ask("ann")
    await settle()
    assert jobs.order[1:] == ["ann"], "who came last has a slot at once"
    await jobs.end(honest, after=0.01)
    assert len(jobs.order) == 2, "and leaves it free"
    running, waits = (first, second) if jobs.order[0] == "evil" else (second, first)
    await jobs.end(running)
    assert len(jobs.order) == 3
    await jobs.end(waits)


async def test_a_costly_owner_has_the_only_slot_there_is() -> None:
    jobs = Jobs(slots=1)
    for _ in range(2):
        task = jobs.ask("ann")
        await settle()
        await jobs.end(task, after=10 * COSTLY)
    assert jobs.order == ["ann", "ann"]
