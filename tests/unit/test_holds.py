"""What a reader waits for: one thing after the other, and nothing is left over."""

from __future__ import annotations

import asyncio
import gc
import warnings

import pytest

from collab.doors.holds import InTurn, let_go


class Waits:
    """Coroutines that note when they ran."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.opens = asyncio.Event()

    async def one(self, name: str) -> None:
        await self.opens.wait()
        self.ran.append(name)


async def test_one_after_the_other() -> None:
    waits = Waits()
    waits.opens.set()
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    done.set_result(None)
    await InTurn(InTurn(waits.one("a"), done), waits.one("b"))
    assert waits.ran == ["a", "b"]


@pytest.mark.parametrize("how", ["closed", "cancelled", "failed"])
async def test_what_was_not_begun_is_closed(how: str) -> None:
    waits = Waits()

    async def fails() -> None:
        raise ZeroDivisionError

    first = fails() if how == "failed" else waits.one("first")
    hold = InTurn(InTurn(first, waits.one("second")), waits.one("third"))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        if how == "closed":
            let_go(hold)
        else:
            task = asyncio.ensure_future(hold)
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        del hold, first
        gc.collect()
    assert [str(each.message) for each in told] == []
    assert waits.ran == []


async def test_a_future_goes_on() -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    let_go(InTurn(future))
    assert not future.cancelled()
