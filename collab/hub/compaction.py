"""Compaction: the log of a document becomes a snapshot, verified before the log behind it goes."""

from __future__ import annotations

import asyncio
import time

from collab.documents.document import Document
from collab.errors import CollabError
from collab.hub.live_document import LiveDocument
from collab.metrics import COMPACTION, COMPACTION_FAILURES
from collab.protocol.known import Known
from collab.stores.base import Store

#: logged updates after which compacting pays when a document is put away
COMPACT_ON_UNLOAD = 50
#: logged bytes after which compacting pays, if the last snapshot has no more: then the log takes little more room than
#: the document, and compacting writes about as much as people did
COMPACT_BYTES = 4 * 2**20
#: when a document is put away
COMPACT_BYTES_ON_UNLOAD = 64 * 1024


def pays(live: LiveDocument, compact_every: int) -> bool:
    """Whether the log of a document in use has grown enough, in updates or in bytes."""
    return live.logged_since_snapshot >= compact_every or live.logged_bytes >= max(COMPACT_BYTES, live.snapshot_bytes)


def pays_at_the_end(live: LiveDocument) -> bool:
    """The same, of a document that is put away."""
    grown = live.logged_bytes >= max(COMPACT_BYTES_ON_UNLOAD, live.snapshot_bytes)
    return live.logged_since_snapshot > 0 and (grown or live.logged_since_snapshot >= COMPACT_ON_UNLOAD)


async def compact(live: LiveDocument, store: Store) -> None:
    """Replace the log of ``live`` up to its durable position by a snapshot.

    Edits go on meanwhile: what arrives after the snapshot was taken stays in the log. The snapshot
    is decoded again and compared by state vector and content before the store gets it.

    Raises:
        CollabError: ``storage_unavailable`` where the snapshot does not decode to the same
            document or the store fails; the log stays as it was.
    """
    began = time.perf_counter()
    try:
        await _compact(live, store)
    except CollabError:
        COMPACTION_FAILURES.add()
        raise
    COMPACTION.observe(time.perf_counter() - began)


async def _compact(live: LiveDocument, store: Store) -> None:
    position = live.log_position
    logged, logged_bytes = live.logged_since_snapshot, live.logged_bytes
    state = live.document.snapshot()
    # Encoded state vectors of equal documents differ: their entries stand in any order.
    expected = (live.document.known.copy(), live.document.content_hash())
    if await asyncio.to_thread(_read_back, state) != expected:
        raise CollabError("storage_unavailable", "A snapshot did not decode to the document it was made of.")
    await store.compact(live.name, state, position, live.epoch)
    live.snapshot_bytes = len(state)
    # With a shared log its bell may have been heard before.
    live.logged_since_snapshot = max(0, live.logged_since_snapshot - logged)
    live.logged_bytes = max(0, live.logged_bytes - logged_bytes)


def _read_back(state: bytes) -> tuple[Known, str]:
    document = Document.load(state, [])
    return document.known, document.content_hash()
