"""Compaction: the log of a document becomes a snapshot, verified before the log behind it goes."""

from __future__ import annotations

import asyncio

from collab.documents.document import Document
from collab.errors import CollabError
from collab.hub.live_document import LiveDocument
from collab.stores.base import Store

#: logged updates after which compacting pays when a document is put away
COMPACT_ON_UNLOAD = 50


async def compact(live: LiveDocument, store: Store) -> None:
    """Replace the log of ``live`` up to its durable position by a snapshot.

    Edits go on meanwhile: what arrives after the snapshot was taken stays in the log. The snapshot
    is decoded again and compared by state vector and content before the store gets it.

    Raises:
        CollabError: ``storage_unavailable`` where the snapshot does not decode to the same
            document or the store fails; the log stays as it was.
    """
    position = live.log_position
    logged = live.logged_since_snapshot
    state = live.document.encode()
    # Encoded state vectors of equal documents differ: their entries stand in any order.
    expected = (dict(live.document.clocks), live.document.content_hash())
    if await asyncio.to_thread(_read_back, state) != expected:
        raise CollabError("storage_unavailable", "A snapshot did not decode to the document it was made of.")
    await store.compact(live.name, state, position)
    live.logged_since_snapshot -= logged


def _read_back(state: bytes) -> tuple[dict[int, int], str]:
    document = Document.load(state, [])
    return document.clocks, document.content_hash()
