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
    """

    def __init__(self, interval: float, keep: int) -> None:
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
        versions = await store.versions(live.name)
        if versions:
            live.checkpoint_position = versions[0].position
            live.checkpoint_at = time.monotonic() - max(0.0, time.time() - versions[0].created_at)
        else:
            live.checkpoint_at = -self._interval

    def due(self, live: LiveDocument) -> bool:
        """Whether ``live`` was edited since its last checkpoint, and that is long enough ago."""
        if not self._interval or not self._keep or live.deleted:
            return False
        edited = live.journal.position > live.checkpoint_position
        return edited and time.monotonic() - live.checkpoint_at >= self._interval

    async def keep(self, live: LiveDocument, store: Store) -> None:
        """Keep the present state of ``live`` as a version without a name, and forget the oldest.

        Raises:
            CollabError: ``storage_unavailable``.
        """
        position = live.journal.position
        live.checkpoint_at = time.monotonic()
        await store.add_version(live.name, live.document.encode(), position, None, None)
        live.checkpoint_position = position
        automatic = [version for version in await store.versions(live.name) if version.name is None]
        for version in automatic[self._keep :]:
            await store.delete_version(live.name, version.id)
