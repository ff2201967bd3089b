"""Compaction: what is checked before the log goes."""

from __future__ import annotations

import random
from typing import Any

import pycrdt

from collab.hub.compaction import compact
from collab.hub.hub import Hub
from collab.hub.journal import nobody_waits
from collab.hub.live_document import DocumentLimits
from collab.stores.memory import MemoryStore


async def test_a_document_of_many_people_is_compacted() -> None:
    """Their clocks stand in any order in an encoded state vector."""
    rng = random.Random(4)
    for _ in range(20):
        hub = Hub(MemoryStore(), DocumentLimits())
        await hub.start()
        live = await hub.live("a")
        for _ in range(20):
            doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=rng.getrandbits(32))
            doc.apply_update(live.document.encode())
            text = doc.get("body", type=pycrdt.Text)
            before = doc.get_state()
            text.insert(rng.randint(0, len(text)), "abc")
            live.apply(doc.get_update(before), nobody_waits, session=None, participant=None)
        await live.journal.drain(5.0)
        await compact(live, hub.store)
        stored = await hub.store.load("a")
        assert stored is not None
        assert stored.tail == []
        assert live.logged_since_snapshot == 0
        await hub.close()
