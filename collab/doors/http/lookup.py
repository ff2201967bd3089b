"""What is behind the name of a document, for requests."""

from __future__ import annotations

from collab.content.workers import Workers
from collab.documents.salvage import salvage
from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.hub.live_document import LiveDocument
from collab.stores.base import DocumentInfo
from collab.types import Role


class Lookup:
    """Finds documents.

    Args:
        hub: where they are.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def live(self, document: str) -> LiveDocument:
        """The open document; raises as :meth:`Hub.live`, and ``document_deleted``."""
        live = await self._hub.live(document)
        if live.deleted:
            raise CollabError("document_deleted")
        if live.document.poisoned:
            raise CollabError("storage_unavailable", "The document is being loaded again.", retry_after=1)
        return live

    async def salvaged(self, document: str, role: Role | None, workers: Workers) -> bytes | None:
        """What a document in quarantine holds, for administrators; None: it is not there.

        Raises:
            CollabError: ``internal`` where it ends the worker process, too.
        """
        if document not in self._hub.quarantine or role is not Role.ADMIN:
            return None
        stored = await self._hub.store.load(document)
        if stored is None:
            raise no_document()
        return await workers.run(salvage, stored.snapshot, stored.tail)

    def opened(self, document: str) -> LiveDocument | None:
        """The document, if somebody has it open or it holds something."""
        live = self._hub.documents.get(document)
        if live is None or not (live.sessions or live.document.clocks):
            return None
        return live

    async def require(self, document: str) -> None:
        """Raise ``not_found`` for a document that nobody ever created; reading does not create one."""
        if self.opened(document) is None and await self.stored(document) is None:
            raise no_document()

    async def stored(self, document: str) -> DocumentInfo | None:
        """What the store knows of it; None: nothing."""
        return await self._hub.store.info(document)


def no_document() -> CollabError:
    """``not_found``, of a document."""
    return CollabError("not_found", "This document does not exist.")
