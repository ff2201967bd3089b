"""Upkeep of open documents: their logs become snapshots, and states of them are kept as versions, when it is time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping

import structlog

from collab.errors import CollabError
from collab.hub.checkpoints import Checkpoints
from collab.hub.compaction import compact, pays, pays_at_the_end
from collab.hub.live_document import LiveDocument
from collab.hub.outage import Outage
from collab.stores.base import SharedStore, Store

#: seconds between two looks at open documents
TIDY_INTERVAL = 0.5
#: documents looked at in one go: with more of them each has its turn less often, and looking costs no more
TIDIED_AT_ONCE = 100
#: seconds for which one node takes on work that the others then leave alone
LEASE = 30.0

_log = structlog.get_logger("collab.hub")


class Upkeep:
    """Looks after the documents that are open.

    Args:
        documents: those, by name.
        checkpoints: when automatic versions are kept.
        compact_every: logged updates after which a document in use is compacted.
        concerns: whether the store may not have a document as it is.
    """

    def __init__(
        self,
        store: Store,
        documents: Mapping[str, LiveDocument],
        checkpoints: Checkpoints,
        compact_every: int,
        outage: Outage,
        concerns: Callable[[str], bool],
    ) -> None:
        self._store = store
        self._documents = documents
        self._checkpoints = checkpoints
        self._compact_every = compact_every
        self._outage = outage
        self._concerns = concerns
        self._compacting: set[str] = set()

    async def tidy(self) -> None:
        """Look at open documents in turns, for ever."""
        turns: deque[str] = deque()  # names: a loop that sleeps would keep its documents in memory
        while True:
            await asyncio.sleep(TIDY_INTERVAL)
            if not turns:
                turns.extend(self._documents)
            for _ in range(min(TIDIED_AT_ONCE, len(turns))):
                await self._tidy_one(turns.popleft())

    async def _tidy_one(self, name: str) -> None:
        live = self._documents.get(name)
        if live is None:
            return
        live.document.forget_encoded()
        if pays(live, self._compact_every):
            await self.compact(live)
        if self._checkpoints.due(live):
            await self._keep_checkpoint(live)

    async def before_the_end(self, live: LiveDocument) -> None:
        """What is due when a document is put away."""
        if self._checkpoints.due(live):
            await self._keep_checkpoint(live)
        if pays_at_the_end(live):
            await self.compact(live)

    async def _keep_checkpoint(self, live: LiveDocument) -> None:
        if self._outage.lasts:
            return
        try:
            if isinstance(self._store, SharedStore):
                if await self._leave_to_others(live, "checkpoint"):
                    return
                await self._checkpoints.recall(live, self._store)  # another node may have kept one
                if not self._checkpoints.due(live):
                    return
            await self._checkpoints.keep(live, self._store)
        except CollabError as error:
            if not _has_gone(live, error):
                _log.error("checkpoint failed", document=live.name, code=error.code)

    async def compact(self, live: LiveDocument) -> None:
        """Make a snapshot of what was logged, unless that is under way or cannot be done now."""
        if live.name in self._compacting or self._concerns(live.name) or live.deleted or self._outage.lasts:
            return
        # A store that takes no edit takes no snapshot: copies of the document would only fill the memory.
        if live.journal.unsaved:
            return
        self._compacting.add(live.name)
        try:
            if not await self._leave_to_others(live, "compaction"):
                await compact(live, self._store)
        except CollabError as error:
            if not _has_gone(live, error):
                _log.error("compaction failed", document=live.name, code=error.code, reason=error.message)
        finally:
            self._compacting.discard(live.name)

    async def _leave_to_others(self, live: LiveDocument, work: str) -> bool:
        """Whether another node does this already; otherwise it is ours for a while."""
        return isinstance(self._store, SharedStore) and not await self._store.lease(live.name, work, LEASE)


def _has_gone(live: LiveDocument, error: CollabError) -> bool:
    """Whether it failed for want of its document only; the store knows of a deletion before its open copy does."""
    return live.deleted or error.code == "document_deleted"
