"""What a session does beside listening ends with it, and its failures end nothing."""

from __future__ import annotations

import asyncio
import logging

import pytest

from collab.client.errands import Errands
from collab.client.unreachable import Disconnected


async def test_what_fails_is_logged_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    errands, done = Errands("notes"), asyncio.Event()

    async def fails() -> None:
        raise ValueError("broken")

    async def is_cut() -> None:
        raise Disconnected("gone")

    async def works() -> None:
        done.set()

    with caplog.at_level(logging.ERROR, "collab.client"):
        for errand in (fails(), is_cut(), works()):
            errands.run(errand)
        await asyncio.wait_for(done.wait(), 5)
        await asyncio.sleep(0)
    assert [record.getMessage() for record in caplog.records] == ["a task of 'notes' failed"]
    assert caplog.records[0].exc_info is not None


async def test_all_end_together() -> None:
    errands, ended = Errands("notes"), list[int]()

    async def waits(number: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(number)

    for number in range(3):
        errands.run(waits(number))
    await asyncio.sleep(0)
    errands.cancel()
    async with asyncio.timeout(5):
        while len(ended) < 3:
            await asyncio.sleep(0)
    assert sorted(ended) == [0, 1, 2]
