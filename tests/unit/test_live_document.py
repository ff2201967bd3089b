"""What a live document does when the CRDT breaks in the middle of an edit."""

from __future__ import annotations

import asyncio

import pytest

from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.hub.journal import nobody_waits
from collab.hub.live_document import DocumentLimits
from collab.stores.memory import MemoryStore


def letter(clock: int) -> bytes:
    """An update with one letter in `body`."""
    return b"\x01\x01\x05" + bytes((clock,)) + b"\x04\x01\x04body\x01x\x00"


async def test_a_broken_document_is_read_again_from_the_log() -> None:
    hub = Hub(MemoryStore(), DocumentLimits())
    await hub.start()
    live = await hub.live("a")
    for clock in range(3):
        live.apply(letter(clock), nobody_waits, session=None, participant=None)
    broken, expected = live.document, live.document.content_hash()
    broken.poisoned = True
    with pytest.raises(CollabError) as caught:
        live.apply(letter(3), nobody_waits, session=None, participant=None)
    assert caught.value.code == "storage_unavailable"
    async with asyncio.timeout(5):
        while live.document is broken:
            await asyncio.sleep(0.01)
    assert live.document.content_hash() == expected
    live.apply(letter(3), nobody_waits, session=None, participant=None)
    assert live.document.clocks == {5: 4}
    await hub.close()


async def test_a_deleted_document_takes_no_edits() -> None:
    hub = Hub(MemoryStore(), DocumentLimits())
    await hub.start()
    live = await hub.live("a")
    live.apply(letter(0), nobody_waits, session=None, participant=None)
    assert await hub.delete("a")
    with pytest.raises(CollabError) as caught:
        live.apply(letter(1), nobody_waits, session=None, participant=None)
    assert caught.value.code == "document_deleted"
    assert await hub.store.load("a") is None
    await hub.close()
