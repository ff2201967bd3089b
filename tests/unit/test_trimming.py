"""Memory is given back when most of what was there has gone, and once."""

from __future__ import annotations

import asyncio

import pytest

from collab.observe import trimming
from collab.observe.trimming import Trimming


@pytest.mark.parametrize(
    ("counts", "due"),
    [
        ([100, 100, 60, 51, 50, 50, 20, 0], [5, 7, 8]),
        ([10, 0, 5, 0], []),
        ([100, 0, 0, 100, 0], [2, 5]),
    ],
)
def test_it_is_due_when_half_of_the_most_has_gone(counts: list[int], due: list[int]) -> None:
    left = iter(counts)
    looks = Trimming(lambda: next(left), None)
    assert [number for number, _ in enumerate(counts, 1) if looks.due()] == due


async def test_it_looks_again_and_again_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trimming, "INTERVAL", 0.001)
    trimmed = asyncio.Event()
    loop = asyncio.get_running_loop()
    busy = 100

    def trim() -> None:
        loop.call_soon_threadsafe(trimmed.set)

    def count() -> int:
        nonlocal looked
        looked += 1
        return busy

    looked = 0
    looks = Trimming(count, trim)
    looks.open()
    async with asyncio.timeout(5):
        while looked < 5:
            await asyncio.sleep(0.001)
    assert not trimmed.is_set()
    busy = 0
    await asyncio.wait_for(trimmed.wait(), 5)
    await looks.close()
    await looks.close()
