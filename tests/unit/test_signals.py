"""Waiting for conditions wakes when something changed; every listener of a stream gets everything, or what adds up to it."""

from __future__ import annotations

import asyncio
import gc

import pytest

from collab.client.signals import Changes, Stream


async def test_a_condition_that_holds_is_not_waited_for() -> None:
    await Changes().until(lambda: True)


async def test_everybody_who_waits_looks_again_when_something_changed() -> None:
    changes, values = Changes(), [0]
    waits = [asyncio.create_task(changes.until(lambda goal=goal: values[0] >= goal)) for goal in (1, 2)]
    await asyncio.sleep(0)
    for value, done in ((1, [True, False]), (2, [True, True])):
        values[0] = value
        changes.tell()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert [wait.done() for wait in waits] == done


async def test_a_condition_may_end_the_wait_with_an_error() -> None:
    changes = Changes()

    def condition() -> bool:
        raise ValueError("it is over")

    with pytest.raises(ValueError, match="over"):
        await changes.until(condition)


async def test_a_wait_that_was_given_up_leaves_nothing_behind() -> None:
    changes = Changes()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await changes.until(lambda: False)
    assert changes._waiting == set()
    changes.tell()


async def test_every_listener_gets_every_item_from_when_it_began() -> None:
    stream: Stream[int] = Stream()
    early = stream.listen()
    stream.put(1)
    late = stream.listen()
    stream.put(2)
    stream.end()
    assert [item async for item in early] == [1, 2]
    assert [item async for item in late] == [2]


async def test_who_falls_behind_loses_the_oldest_or_gets_several_as_one() -> None:
    dropping: Stream[int] = Stream(backlog=2)
    joining: Stream[int] = Stream(backlog=2, join=lambda one, other: one + other)
    listeners = dropping.listen(), joining.listen()
    for stream in (dropping, joining):
        for item in (1, 10, 100, 1000):
            stream.put(item)
        stream.end()
    assert [item async for item in listeners[0]] == [100, 1000]
    assert [item async for item in listeners[1]] == [1, 1110]


async def test_an_error_comes_after_what_was_said_before() -> None:
    stream: Stream[int] = Stream()
    listener = stream.listen()
    stream.put(1)
    stream.end(RuntimeError("gone"))
    assert await anext(listener) == 1
    with pytest.raises(RuntimeError, match="gone"):
        await anext(listener)


@pytest.mark.slow
async def test_a_listener_that_is_given_up_costs_nothing() -> None:
    stream: Stream[int] = Stream()
    listener = stream.listen()
    stream.put(1)
    assert await anext(listener) == 1
    del listener
    async with asyncio.timeout(10):
        while stream._listeners:  # the event loop closes what was collected
            gc.collect()
            await asyncio.sleep(0.001)
