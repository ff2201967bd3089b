"""Checkpoints: automatic versions of documents in use, spaced and bounded in number."""

from __future__ import annotations

import time

from collab.hub.live_document import LiveDocument
from collab.stores.base import Store


class Checkpoints:
    """Decides when a version is kept automatically, and which ones go.

    Args:
        interval: seconds between two checkpoints of a document that is being edited (0: none).
        keep: checkpoints per document; older ones are forgotten. Named versions stay.
        max_bytes: of all versions of a document; checkpoints give way. None: no bound.
    """

    def __init__(self, interval: float, keep: int, max_bytes: int | None = None) -> None:
        self._max_bytes = max_bytes
        self._interval = interval
        self._keep = keep

    async def recall(self, live: LiveDocument, store: Store) -> None:
        """Find out when the last version of a document that was just opened was kept.

        Raises:
            CollabError: ``storage_unavailable``.
        """
        live.checkpoint_position = 0
        if not self._interval or live.journal.position == 0:
            return
        versions = await store.versions(live.name, limit=1)
        if versions:
            live.checkpoint_position = versions[0].position
            live.checkpoint_at = time.monotonic() - max(0.0, time.time() - versions[0].created_at)
        else:
            live.checkpoint_at = -self._interval

    def due(self, live: LiveDocument) -> bool:
        """Whether ``live`` was edited since its last checkpoint, and that is long enough ago.

        Edited since it was opened, too: whoever only reads a document makes no version of it.
        """
        if not self._interval or not self._keep or live.deleted:
            return False
        edited = live.journal.position > max(live.checkpoint_position, live.opened_position)
        return edited and time.monotonic() - live.checkpoint_at >= self._interval

    async def keep(self, live: LiveDocument, store: Store) -> None:
        """Keep the present state of ``live`` as a version without a name, and forget the oldest.

        Raises:
            CollabError: ``storage_unavailable``.
        """
        position, state = live.journal.position, live.document.encode()
        live.checkpoint_at = time.monotonic()
        if self._max_bytes is not None:
            _, taken = await store.version_usage(live.name, state)
            over = taken - self._max_bytes
            if over > 0 and not await self.give_way(live.name, store, over):
                live.checkpoint_position = position
                return
        await store.add_version(live.name, state, position, None, None, live.epoch)
        live.checkpoint_position = position
        automatic = [version for version in await store.versions(live.name) if version.name is None]
        for version in automatic[self._keep :]:
            await store.delete_version(live.name, version.id)

    async def give_way(self, document: str, store: Store, size: int) -> bool:
        """Forget the oldest checkpoints of a document until ``size`` bytes are free; False where all do not do.

        Raises:
            CollabError: ``storage_unavailable``.
        """
        automatic = [version for version in await store.versions(document) if version.name is None]
        if sum(version.size for version in automatic) < size:
            return False
        _, before = await store.version_usage(document)
        for version in reversed(automatic):
            await store.delete_version(document, version.id)
            _, now = await store.version_usage(document)
            if before - now >= size:
                return True
        return False
