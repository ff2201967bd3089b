"""The lives of a name: deleting a document, bringing it back, and emptying the trash.

While a life ends or begins again, nobody opens the name: a copy is of one life or of the next. What a copy of the
life that has ended still has on its way to the log is refused by the store, which knows epochs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import structlog

from collab.errors import CollabError
from collab.hub.live_document import LiveDocument
from collab.stores.base import DeletedDocument, SharedStore, Store

#: seconds between two looks for what has been in the trash for long enough
SWEEP_INTERVAL = 60.0
#: seconds that the first edits of a document, which give a shared log its epoch, may take to get there
_FIRST_EDITS = 5.0

_log = structlog.get_logger("collab.hub")


class Lives:
    """Ends and renews the lives of names.

    Args:
        documents: those that are open, by name.
        opening: those that are being opened.
        dismiss: takes an open document out of them and sends everybody in it away.
        keep: seconds for which a deleted document can be brought back; 0: not at all.
    """

    def __init__(
        self,
        store: Store,
        documents: Mapping[str, LiveDocument],
        opening: Mapping[str, asyncio.Task[None]],
        dismiss: Callable[[str], None],
        keep: float,
    ) -> None:
        self._store = store
        self._documents = documents
        self._opening = opening
        self._dismiss = dismiss
        self.keep = keep
        self._closed: dict[str, asyncio.Future[None]] = {}

    def closed(self, name: str) -> asyncio.Future[None] | None:
        """What whoever wants to open ``name`` has to wait for, if anything."""
        return self._closed.get(name)

    @asynccontextmanager
    async def _alone(self, name: str) -> AsyncIterator[LiveDocument | None]:
        """Nobody opens ``name`` meanwhile; gives the document if it is open."""
        while (closed := self._closed.get(name)) is not None:
            await asyncio.shield(closed)
        closed = self._closed[name] = asyncio.get_running_loop().create_future()
        try:
            opening = self._opening.get(name)
            if opening is not None:
                await asyncio.wait([opening])
            yield self._documents.get(name)
        finally:
            del self._closed[name]
            closed.set_result(None)

    async def delete(self, name: str, *, forever: bool) -> bool:
        """See :meth:`collab.hub.hub.Hub.delete`."""
        keep = self.keep > 0 and not forever
        async with self._alone(name) as live:
            if live is not None and not live.epoch:
                await live.journal.drain(_FIRST_EDITS)
            # People go on until it is done; if it fails, nothing has happened.
            found = await self._store.delete(name, keep=keep, epoch=live.epoch if live is not None else "")
            self._dismiss(name)
            if forever:
                found = bool(await self._store.purge(name)) or found
        _log.info("document deleted", document=name, forever=not keep)
        return found or live is not None

    async def undelete(self, name: str) -> bool:
        """See :meth:`collab.hub.hub.Hub.undelete`."""
        async with self._alone(name) as live:
            if live is not None and live.document.clocks:
                # The store need not have it yet.
                there = await self.trash(name, 1, None)
                if not there or there[0].name != name:
                    return False
                raise CollabError("document_exists")
            found = await self._store.undelete(name, self.since())
            if found and live is not None and live.ledger is None:
                # Somebody has the name open, and nothing in it: a shared log tells its followers by itself.
                stored = await self._store.load(name)
                if stored is not None and live.take_logged(stored.snapshot, stored.tail):
                    live.journal.reached(stored.position)
                live.streams.catch_up()
        if found:
            _log.info("document brought back", document=name)
        return found

    async def trash(self, prefix: str, limit: int, after: str | None) -> list[DeletedDocument]:
        """What can be brought back, by name."""
        return await self._store.trash(prefix, limit, after, since=self.since())

    def since(self) -> float:
        """What was deleted earlier cannot be brought back any more."""
        return time.time() - self.keep

    async def sweep(self) -> None:
        """Empty the trash, and the streams, of what has been there for long enough, for ever."""
        while True:
            await asyncio.sleep(SWEEP_INTERVAL)
            try:
                if not isinstance(self._store, SharedStore) or await self._store.lease("", "trash", SWEEP_INTERVAL):
                    await self._store.purge(before=self.since())
                    await self._store.streams.sweep()
            except CollabError as error:
                _log.info("the trash cannot be emptied now", code=error.code)
