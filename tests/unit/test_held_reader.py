"""A reader that waits while it is told to, and is not taken for silent meanwhile."""

from __future__ import annotations

import asyncio
import inspect

import pytest

from collab.doors.websocket.held_reader import HeldReader


async def test_a_reader_that_nobody_holds_reads_on() -> None:
    reader = HeldReader()
    async with asyncio.timeout(5):
        await reader.await_hold()
    assert not reader.may_be_unread


async def test_it_waits_for_what_holds_it_also_for_what_comes_meanwhile() -> None:
    reader = HeldReader()
    first, second = asyncio.Event(), asyncio.Event()
    reader.hold = first.wait()
    waiting = asyncio.create_task(reader.await_hold())
    await asyncio.sleep(0)
    reader.hold = second.wait()
    first.set()
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiting.done()
    second.set()
    async with asyncio.timeout(5):
        await waiting
    assert reader.hold is None


async def test_what_was_sent_meanwhile_may_be_unread_for_a_while() -> None:
    reader = HeldReader()
    reader.grace = 0.05
    gate = asyncio.Event()
    reader.hold = gate.wait()
    waiting = asyncio.create_task(reader.await_hold())
    await asyncio.sleep(0)
    assert reader.may_be_unread, "as long as it is held"
    gate.set()
    await waiting
    assert reader.may_be_unread, "and for its grace"
    async with asyncio.timeout(5):
        while reader.may_be_unread:
            await asyncio.sleep(0.005)


async def test_the_grace_begins_when_the_wait_fails_too() -> None:
    reader = HeldReader()

    async def fail() -> None:
        raise ValueError

    reader.hold = fail()
    with pytest.raises(ValueError):  # noqa: PT011
        await reader.await_hold()
    assert reader.may_be_unread
    assert reader.grace < 1000


async def test_a_closed_reader_waits_for_nothing() -> None:
    reader = HeldReader()
    reader.closed = True
    began = False

    async def wait() -> None:
        nonlocal began
        began = True

    coroutine = wait()
    reader.hold = coroutine
    await reader.await_hold()
    assert not began
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED, "it was closed, so that nobody is warned of it"
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    reader.hold = future
    async with asyncio.timeout(5):
        await reader.await_hold()
