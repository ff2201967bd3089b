"""The store that forgets: what the contract of stores leaves open, and how its answers are shared."""

from __future__ import annotations

import asyncio

from collab.stores.base import DocumentInfo
from collab.stores.memory import MemoryStore


async def test_an_append_is_acknowledged_at_once_with_positions_of_all_documents() -> None:
    store = MemoryStore()
    futures = [store.append(name, b"x", "ann") for name in ("a", "b", "a")]
    assert [future.done() and future.result() for future in futures] == [1, 2, 3]
    kept = await store.load("a")
    assert kept is not None
    assert (kept.tail, kept.position, kept.snapshot) == ([b"x", b"x"], 3, None)


async def test_documents_outlive_its_opening_and_closing_but_not_the_object() -> None:
    store = MemoryStore()
    await store.open()
    await store.append("a", b"x")
    await store.close()
    await store.open()
    assert await store.load("a") is not None
    assert await MemoryStore().load("a") is None


async def test_what_was_loaded_is_not_what_is_kept() -> None:
    """Whoever appends to it changes no log."""
    store = MemoryStore()
    await store.append("a", b"x")
    kept = await store.load("a")
    assert kept is not None
    kept.tail.append(b"y")
    again = await store.load("a")
    assert again is not None
    assert again.tail == [b"x"]


async def test_a_snapshot_that_came_too_late_changes_nothing() -> None:
    store = MemoryStore()
    for _ in range(4):
        await store.append("a", b"x", "ann")
    await store.compact("a", b"newer", 3)
    await store.compact("a", b"older", 2)
    await store.compact("a", b"the same", 3)
    await store.compact("nobody's", b"x", 3)
    kept = await store.load("a")
    assert kept is not None
    assert (kept.snapshot, kept.snapshot_position, kept.tail, kept.position) == (b"newer", 3, [b"x"], 4)
    assert await store.load("nobody's") is None
    (entry,) = await store.history("a")
    assert (entry.first, entry.last, entry.updates, entry.size) == (1, 4, 4, 4)


async def test_numbers_are_not_given_twice() -> None:
    store = MemoryStore()
    await store.append("a", b"x")
    first = await store.add_version("a", b"state", 1, "one", "ann")
    await store.delete("a")
    assert await store.append("a", b"x") == 2
    assert (await store.add_version("a", b"state", 2, None, None)).id > first.id
    assert await store.version("a", first.id) is None


async def test_sizes_are_those_of_what_is_kept() -> None:
    store = MemoryStore()
    await store.append("a", b"xyz")
    await store.append("a", b"xy")
    await store.compact("a", b"state", 1)
    (info,) = await store.documents()
    assert isinstance(info, DocumentInfo)
    assert info.size == len(b"state") + len(b"xy") == (await store.space()).taken
    assert info.created_at <= info.updated_at
    assert (await store.space()).free is None, "nobody knows"


async def test_its_promise_says_that_it_forgets() -> None:
    store = MemoryStore()
    await store.create("a")
    report = await store.check(deep=True)
    assert (report.adapter, report.documents, report.damaged) == ("memory", 1, {})
    assert "in memory" in report.promise
    await asyncio.gather(*(store.create(f"b{number}") for number in range(150)))
    assert (await store.space()).taken == 0
