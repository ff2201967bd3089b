"""Where the store had to begin with another file: open documents are written to it again, and take what it holds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog

from collab.documents.document import Document
from collab.errors import CollabError
from collab.hub.journal import nobody_waits
from collab.hub.live_document import LiveDocument
from collab.protocol.codec import EMPTY_UPDATE
from collab.stores.base import Store

#: seconds between two attempts
_RETRY = 0.5

_log = structlog.get_logger("collab.hub")


class Anew:
    """Watches for another file in a store's place.

    Args:
        documents: those that are open, by name.
    """

    def __init__(self, store: Store, documents: Mapping[str, LiveDocument]) -> None:
        self._store = store
        self._documents = documents
        self._waiting: dict[str, LiveDocument] = {}
        self._task: asyncio.Task[None] | None = None
        store.on_replaced = self._begin

    def concerns(self, document: str) -> bool:
        """Whether the store may not have a document as it is: its log is no ground for a snapshot then."""
        return document in self._waiting

    def close(self) -> None:
        """Give up what is left."""
        if self._task is not None:
            self._task.cancel()

    def _begin(self) -> None:
        self._waiting |= self._documents
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._bring_in_line())

    async def _bring_in_line(self) -> None:
        while self._waiting:
            name = next(iter(self._waiting))
            try:
                await _write_again(self._waiting[name], self._store)
                self._waiting[name].streams.catch_up()  # whoever is ahead of what another file has goes on behind that
            except Exception:
                _log.exception("a document could not be written again", document=name)
            del self._waiting[name]


async def _write_again(live: LiveDocument, store: Store) -> None:
    """Bring a document and its log together: each gets what only the other has."""
    while not live.deleted:
        try:
            await live.journal.quiet()
            stored = await store.load(live.name)
            if stored is None or live.take_logged(stored.snapshot, stored.tail):
                break
        except CollabError as error:
            _log.info("the log cannot be read now", document=live.name, code=error.code)
        await asyncio.sleep(_RETRY)
    else:
        return
    theirs = Document() if stored is None else Document.load(stored.snapshot, stored.tail)
    missing = live.document.diff(theirs.state_vector())
    # Deletions are in every difference, and state vectors do not show them.
    if theirs.known != live.document.known or (
        missing != EMPTY_UPDATE and theirs.content_hash() != live.document.content_hash()
    ):
        live.journal.append(missing, None, nobody_waits)
        live.logged_since_snapshot += 1
