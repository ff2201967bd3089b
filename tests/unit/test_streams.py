"""Publications go one batch after the other, and each is told what became of it."""

from __future__ import annotations

import asyncio

import pytest

from collab.errors import CollabError
from collab.stores.streams import MAX_BATCH, Batches, Publication, Published


def publication(body: bytes = b"") -> Publication:
    return Publication("a", "chat", body, None, "")


async def test_what_gathers_goes_with_the_next() -> None:
    sizes: list[int] = []
    last = 0

    async def write(batch: list[Publication]) -> list[Published | CollabError]:
        nonlocal last
        sizes.append(len(batch))
        await asyncio.sleep(0)
        last += len(batch)
        return [Published(last - len(batch) + at + 1, 0.0, fresh=True) for at in range(len(batch))]

    batches = Batches(write)
    first = batches.put(publication())
    await asyncio.sleep(0)
    rest = [batches.put(publication()) for _ in range(MAX_BATCH + 5)]
    await batches.drain()
    assert [(await each).offset for each in (first, *rest)] == list(range(1, MAX_BATCH + 7))
    assert sizes == [1, MAX_BATCH, 5]


async def test_a_batch_that_fails_is_told_and_the_next_one_goes() -> None:
    async def write(batch: list[Publication]) -> list[Published | CollabError]:
        if batch[0].body == b"bad":
            raise CollabError("storage_unavailable")
        return [Published(1, 0.0, fresh=True), *[CollabError("document_deleted")] * (len(batch) - 1)]

    batches = Batches(write)
    bad = batches.put(publication(b"bad"))
    with pytest.raises(CollabError, match="storage_unavailable"):
        await bad
    good, deleted = batches.put(publication()), batches.put(publication())
    assert (await good).offset == 1
    with pytest.raises(CollabError, match="document_deleted"):
        await deleted


async def test_nobody_waits_for_ever_for_what_was_given_up() -> None:
    async def write(batch: list[Publication]) -> list[Published | CollabError]:
        raise RuntimeError("a fault of ours")

    batches = Batches(write)
    one, other = batches.put(publication()), batches.put(publication())
    for each in (one, other):
        with pytest.raises(CollabError, match="storage_unavailable"):
            await each
    await asyncio.sleep(0)
    with pytest.raises(CollabError):
        await batches.put(publication())
