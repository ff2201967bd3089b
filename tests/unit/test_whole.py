"""A document is read with all that its store keeps, in whatever store it is."""

from __future__ import annotations

import pytest

from collab.documents.document import Document
from collab.errors import CollabError
from collab.stores import whole
from collab.stores.base import StoredDocument
from collab.stores.memory import MemoryStore
from tests.support.documents import typed


@pytest.fixture
async def store() -> MemoryStore:
    store = MemoryStore()
    await store.open()
    return store


async def test_what_is_in_the_log_and_the_snapshot_is_one_state(store: MemoryStore) -> None:
    updates = typed("one ", "two ", "three")
    for update in updates[:2]:
        position = await store.append("notes", update, "ann")
    await store.compact("notes", Document.load(None, updates[:2]).snapshot(), position)
    await store.append("notes", updates[2], "ben")
    await store.add_version("notes", updates[0], 1, "first", "ann")
    await store.add_version("notes", updates[0], 2, None, None)
    found = await whole.read(store, "notes")
    assert found is not None
    assert found.content_hash == Document.load(None, updates).content_hash()
    assert [(entry.participant, entry.updates) for entry in found.history] == [("ann", 2), ("ben", 1)]
    assert [(version.name, state) for version, state in found.versions] == [("first", updates[0]), (None, updates[0])]
    assert found.position == found.history[-1].last


async def test_an_empty_document_is_one_too(store: MemoryStore) -> None:
    await store.create("empty")
    found = await whole.read(store, "empty")
    assert found is not None and found.state is None
    assert found.content_hash == Document().content_hash()
    assert await whole.read(store, "nothing") is None


async def test_names_come_in_pages(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole, "_PAGE", 2)
    for name in "abcde":
        await store.create(name)
    assert [name async for name in whole.names(store)] == list("abcde")


async def test_damage_is_not_moved(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    async def damaged(_name: str) -> StoredDocument:
        return StoredDocument(None, 0, [], 1, 0.0, 0.0, ("its log",))

    monkeypatch.setattr(store, "load", damaged)
    with pytest.raises(CollabError, match="notes is damaged: its log"):
        await whole.read(store, "notes")
