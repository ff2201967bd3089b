"""What is kept because somebody asks for it, as far as quotas allow: documents that are made, and named versions."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from collab.errors import CollabError
from collab.hub.checkpoints import Checkpoints
from collab.hub.live_document import LiveDocument
from collab.hub.quotas import Quotas
from collab.stores.base import Store, Version


class Keeping:
    """Makes documents and versions.

    Args:
        documents: those that are open, by name.
        checkpoints: automatic versions, which give way to named ones.
    """

    def __init__(
        self, store: Store, documents: Mapping[str, LiveDocument], quotas: Quotas, checkpoints: Checkpoints
    ) -> None:
        self._store = store
        self._documents = documents
        self._quotas = quotas
        self._checkpoints = checkpoints

    async def create(self, name: str, owner: Hashable | None = None) -> bool:
        """Create an empty document; False if it exists already.

        Args:
            owner: whose quota it is from; None: nobody's.

        Raises:
            CollabError: ``store_full``, ``rate_limited``, ``storage_unavailable``.
        """
        if await self._store.info(name) is None:
            await self._quotas.check_new(owner)
        created = await self._store.create(name)
        if created:
            live = self._documents.get(name)
            if live is not None:
                live.stored = True
            self._quotas.made(owner)
        return created

    async def version(
        self, live: LiveDocument, name: str, participant: str | None, owner: Hashable | None = None
    ) -> Version:
        """Keep the present state of a document under a name; ``owner`` as in :meth:`create`.

        Raises:
            CollabError: ``store_full``, ``rate_limited``, ``document_too_large``, ``document_deleted``,
                ``storage_unavailable``.
        """
        async with live.version_turn:  # or several would find the same room
            state, position = live.document.encode(), live.journal.position
            size = await self._quotas.room_for_version(live.name, state, owner)
            if size and not await self._checkpoints.give_way(live.name, self._store, size):
                raise self._quotas.too_many_versions()
            version = await self._store.add_version(live.name, state, position, name, participant, live.epoch)
        live.stored = True
        if owner is not None:
            self._quotas.brought(owner, version.size)
        return version

    def tell_full(self, full: bool) -> None:
        """Tell everybody that the store is full, or no longer."""
        for live in list(self._documents.values()):
            if full:
                live.notify(self._quotas.store_full())
            else:
                live.notify(CollabError("store_full", "The server has room again."), resolved=True)
