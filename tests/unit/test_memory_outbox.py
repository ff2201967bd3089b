"""The outbox of a store in memory; the rest is in ``tests/contract/test_outbox.py``."""

from __future__ import annotations

from collab.stores.memory_outbox import MOST_WAITING, MemoryOutbox


async def test_it_is_smaller_and_hears_nothing_before_it_is_opened() -> None:
    outbox = MemoryOutbox()
    outbox.tell("a", "document.created")
    outbox.edited("a", 1, 5, "ann")
    outbox.ended("a", forever=True)
    outbox.published("a", "chat", 1, b"{}")
    await outbox.open(frozenset({"document.created"}))
    outbox.tell("b", "document.created")
    outbox.edited("b", 1, 5, "ann")
    assert (await outbox.collect(1e12, lambda _type, _document: ("e",)))[0] == 1
    assert outbox.most_waiting == MOST_WAITING < 100_000
    await outbox.close()
    await outbox.close()
