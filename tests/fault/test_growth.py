"""Loading and storing cost grow with the document, not with its history.

All 259,778 keystrokes: COLLAB_TEST_KEYSTROKES=259778.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import time
from pathlib import Path

import pytest
from pycrdt import Doc

from collab.hub.hub import Hub
from collab.hub.journal import nobody_waits
from collab.hub.live_document import DocumentLimits
from collab.stores.sqlite import SqliteStore
from tests.support.replay import DATA, keystrokes

KEYSTROKES = int(os.environ.get("COLLAB_TEST_KEYSTROKES", "30000"))
COMPACT_EVERY = 5000


@pytest.mark.timeout(300)
async def test_a_document_of_many_keystrokes_stays_small_and_opens_fast(tmp_path: Path) -> None:
    trace = json.loads(gzip.decompress((DATA / "automerge-paper.json.gz").read_bytes()))
    trace["txns"] = trace["txns"][:KEYSTROKES]
    hub = Hub(SqliteStore(f"{tmp_path}/a.db"), DocumentLimits(), idle_timeout=3600, compact_every=COMPACT_EVERY)
    await hub.start()
    live = await hub.live("paper")
    for number, (update, _) in enumerate(keystrokes(trace, Doc(), 1)):
        live.apply(update, nobody_waits, session=None, participant="ada")
        if number % 500 == 0:
            await live.journal.drain(30)
    assert await live.journal.drain(30)
    while live.logged_since_snapshot >= COMPACT_EVERY:
        await asyncio.sleep(0.05)
    async with asyncio.timeout(20):
        while (tmp_path / "a.db-wal").stat().st_size > 0:
            await asyncio.sleep(0.1)
    files = sum(path.stat().st_size for path in tmp_path.iterdir())
    encoded = live.document.measure()
    expected = live.document.content_hash()
    await hub.close()
    hub = Hub(SqliteStore(f"{tmp_path}/a.db"), DocumentLimits())
    await hub.start()
    began = time.perf_counter()
    live = await hub.live("paper")
    opened = time.perf_counter() - began
    print(f"{KEYSTROKES} keystrokes: {encoded} bytes encoded, {files} in files, opened in {opened * 1000:.0f} ms")
    assert live.document.content_hash() == expected
    stored = await hub.store.load("paper")
    assert stored is not None
    assert len(stored.tail) < COMPACT_EVERY + 1000
    history = await hub.store.history("paper")
    assert sum(entry.updates for entry in history) == len(trace["txns"])
    assert {entry.participant for entry in history} == {"ada"}
    if KEYSTROKES >= 200_000:
        assert files <= 3 * encoded
    await hub.close()
