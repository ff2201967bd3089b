"""What a store and a participant may add: counted as it comes, given back evenly."""

from __future__ import annotations

import asyncio

import pytest

from collab.errors import CollabError
from collab.hub import quotas as module
from collab.hub.quotas import QuotaLimits, Quotas
from collab.stores.base import Usage
from collab.stores.memory import MemoryStore


class Sized(MemoryStore):
    """Says of itself what it is told to."""

    def __init__(self, documents: int, size: int) -> None:
        super().__init__()
        self.told: Usage | None = Usage(documents, size)

    async def usage(self) -> Usage:
        if self.told is None:
            raise CollabError("storage_unavailable")
        return self.told


async def test_documents_are_counted_on_between_two_looks() -> None:
    quotas = Quotas(Sized(1, 0), QuotaLimits(max_documents=2))
    await quotas.check_new(None)
    quotas.made(None)
    with pytest.raises(CollabError, match="store_full"):
        quotas.check_edit(None, new=True)
    quotas.check_edit(None, new=False)


async def test_whoever_is_told_hears_of_each_change_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_INTERVAL", 0.001)
    store = Sized(0, 10)
    quotas = Quotas(store, QuotaLimits(max_store_bytes=10))
    told: list[bool] = []
    watching = asyncio.create_task(quotas.watch(told.append))
    async with asyncio.timeout(10):
        while not told:
            await asyncio.sleep(0.001)
        with pytest.raises(CollabError, match="store_full"):
            quotas.check_edit(None, new=False)
        store.told = None
        await asyncio.sleep(0.01)
        assert quotas.full, "as long as nobody knows better"
        store.told = Usage(0, 9)
        while len(told) < 2:
            await asyncio.sleep(0.001)
    assert told == [True, False]
    watching.cancel()


async def test_without_bounds_nobody_looks() -> None:
    await Quotas(Sized(0, 0), QuotaLimits()).watch(lambda _full: None)


async def test_what_was_used_comes_back_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("collab.hub.quotas.time.monotonic", lambda: now)
    quotas = Quotas(MemoryStore(), QuotaLimits(participant_bytes=3600, participant_documents=10))
    quotas.brought("ann", 3599)
    quotas.check_edit("ann", new=True)
    quotas.brought("ann", 60)
    with pytest.raises(CollabError, match="rate_limited") as refused:
        quotas.check_edit("ann", new=False)
    assert refused.value.retry_after == 60.0
    quotas.check_edit("bob", new=False)
    now += 61
    quotas.check_edit("ann", new=False)
    assert not quotas.exhausted


async def test_who_used_least_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KNOWN", 10)
    quotas = Quotas(MemoryStore(), QuotaLimits(participant_bytes=100))
    quotas.brought("much", 200)
    for number in range(30):
        quotas.brought(number, 1)
    with pytest.raises(CollabError, match="rate_limited"):
        quotas.check_edit("much", new=False)
