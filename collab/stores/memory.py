"""The store that forgets: for tests, demos and embedding. An ack means "in memory"."""

from __future__ import annotations

import asyncio
import hashlib
import time
from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass, field

from collab.errors import CollabError
from collab.stores.base import (
    DeletedDocument,
    DocumentInfo,
    HistoryEntry,
    Space,
    Store,
    StoredDocument,
    StoreReport,
    Usage,
    Version,
    fresh_epoch,
)
from collab.stores.history import beyond, summed
from collab.stores.inbox import InboxEntry
from collab.stores.memory_inbox import MemoryInbox
from collab.stores.memory_outbox import MemoryOutbox
from collab.stores.memory_streams import MemoryStream, MemoryStreams


@dataclass(slots=True)
class _Entry:
    position: int
    update: bytes
    participant: str | None
    time: float


@dataclass(slots=True)
class _Document:
    created_at: float
    updated_at: float
    epoch: str
    deleted_at: float = 0.0
    snapshot: bytes | None = None
    snapshot_position: int = 0
    log: list[_Entry] = field(default_factory=list)
    history: list[HistoryEntry] = field(default_factory=list)
    #: each with the key of its state
    versions: dict[int, tuple[Version, bytes]] = field(default_factory=dict)
    states: dict[bytes, bytes] = field(default_factory=dict)
    streams: dict[str, MemoryStream] = field(default_factory=dict)
    #: whose inboxes have which entries of it, the oldest first
    inbox: dict[str, list[InboxEntry]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return len(self.snapshot or b"") + sum(len(entry.update) for entry in self.log)


class MemoryStore(Store):
    """Documents in a dictionary; gone with the process."""

    adapter = "memory"
    outbox: MemoryOutbox

    def __init__(self) -> None:
        self._documents: dict[str, _Document] = {}
        self._names: list[str] = []
        self._trash: dict[str, list[_Document]] = {}
        self._ended: set[str] = set()
        self._position = 0
        self._version = 0
        self.outbox = MemoryOutbox()
        self.streams = MemoryStreams(
            self._streams_of, MemoryInbox(self._inboxes, lambda name: self._documents[name].inbox), self.outbox
        )

    async def open(self) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Nothing to do: documents live as long as the object."""

    async def load(self, document: str) -> StoredDocument | None:
        """See :class:`Store`."""
        kept = self._documents.get(document)
        if kept is None:
            return None
        position = kept.log[-1].position if kept.log else kept.snapshot_position
        tail = [entry.update for entry in kept.log]
        return StoredDocument(
            kept.snapshot, kept.snapshot_position, tail, position, kept.created_at, kept.updated_at, epoch=kept.epoch
        )

    async def create(self, document: str) -> bool:
        """See :class:`Store`."""
        if document in self._documents:
            return False
        self._create(document)
        return True

    def _create(self, document: str, epoch: str = "") -> _Document:
        now = time.time()
        kept = self._documents[document] = _Document(now, now, epoch or fresh_epoch())
        insort(self._names, document)
        self.outbox.tell(document, "document.created")
        return kept

    def _streams_of(self, document: str, epoch: str | None) -> dict[str, MemoryStream] | None:
        if epoch in self._ended:
            raise CollabError("document_deleted")
        kept = self._documents.get(document)
        if kept is None and epoch is not None:
            kept = self._create(document, epoch)
        return None if kept is None else kept.streams

    def _inboxes(self) -> dict[str, dict[str, list[InboxEntry]]]:
        return {name: kept.inbox for name, kept in self._documents.items() if kept.inbox}

    def append(
        self, document: str, update: bytes, participant: str | None = None, epoch: str = ""
    ) -> asyncio.Future[int]:
        """See :class:`Store`."""
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if epoch in self._ended:
            future.set_exception(CollabError("document_deleted"))
            return future
        kept = self._documents.get(document) or self._create(document, epoch)
        self._position += 1
        kept.updated_at = time.time()
        kept.log.append(_Entry(self._position, update, participant, kept.updated_at))
        self.outbox.edited(document, self._position, len(update), participant)
        future.set_result(self._position)
        return future

    async def compact(self, document: str, snapshot: bytes, position: int, epoch: str = "") -> None:
        """See :class:`Store`."""
        kept = self._documents.get(document)
        if kept is None or position <= kept.snapshot_position or epoch in self._ended:
            return
        kept.history = summed(kept.history + [_as_history(entry) for entry in kept.log if entry.position <= position])
        kept.log = [entry for entry in kept.log if entry.position > position]
        kept.snapshot, kept.snapshot_position = snapshot, position

    # -- deleting -------------------------------------------------------------------------------

    async def delete(self, document: str, *, keep: bool = False, epoch: str = "") -> bool:
        """See :class:`Store`."""
        kept = self._documents.pop(document, None)
        if epoch:
            self._ended.add(epoch)
        if kept is None:
            return False
        del self._names[bisect_left(self._names, document)]
        self._ended.add(kept.epoch)
        self.outbox.ended(document, forever=not keep)
        if keep:
            kept.deleted_at = time.time()
            self._trash.setdefault(document, []).append(kept)
        return True

    async def trash(
        self, prefix: str = "", limit: int = 100, after: str | None = None, *, since: float = 0.0
    ) -> list[DeletedDocument]:
        """See :class:`Store`."""
        found = []
        for name in sorted(self._trash):
            last = self._trash[name][-1]
            if name.startswith(prefix) and (after is None or name > after) and last.deleted_at >= since:
                found.append(DeletedDocument(name, last.size, last.created_at, last.updated_at, last.deleted_at))
        return found[:limit]

    async def undelete(self, document: str, since: float = 0.0) -> bool:
        """See :class:`Store`."""
        lives = self._trash.get(document, [])
        if not lives or lives[-1].deleted_at < since:
            return False
        if document in self._documents:
            raise CollabError("document_exists")
        kept = self._documents[document] = lives.pop()
        kept.epoch = fresh_epoch()
        insort(self._names, document)
        self.outbox.tell(document, "document.created", undeleted=True)
        if not lives:
            del self._trash[document]
        return True

    async def purge(self, document: str | None = None, *, before: float = float("inf")) -> int:
        """See :class:`Store`."""
        count = 0
        for name in list(self._trash) if document is None else [document]:
            lives = self._trash.pop(name, [])
            staying = [life for life in lives if life.deleted_at >= before]
            count += len(lives) - len(staying)
            if staying:
                self._trash[name] = staying
        return count

    # -- looking --------------------------------------------------------------------------------

    async def names(self, prefix: str = "", limit: int = 100, after: str | None = None) -> list[str]:
        """See :class:`Store`."""
        first = bisect_left(self._names, prefix)
        if after is not None:
            first = max(first, bisect_right(self._names, after))
        return [name for name in self._names[first : first + limit] if name.startswith(prefix)]

    async def infos(self, names: Sequence[str]) -> list[DocumentInfo]:
        """See :class:`Store`."""
        known = [(name, self._documents[name]) for name in names if name in self._documents]
        return [DocumentInfo(name, kept.size, kept.created_at, kept.updated_at) for name, kept in known]

    async def usage(self) -> Usage:
        """See :class:`Store`."""
        everything = [*self._documents.values(), *(life for lives in self._trash.values() for life in lives)]
        states = sum(len(state) for kept in everything for state in kept.states.values())
        streams = sum(
            len(event.body) for kept in everything for stream in kept.streams.values() for event in stream.events
        )
        return Usage(len(self._documents), streams + states + sum(kept.size for kept in everything))

    async def history(self, document: str, after: int = 0, limit: int = 1000) -> list[HistoryEntry]:
        """See :class:`Store`."""
        kept = self._documents.get(document)
        if kept is None:
            return []
        return beyond(kept.history + [_as_history(entry) for entry in kept.log], after, limit)

    async def add_version(
        self,
        document: str,
        state: bytes,
        position: int,
        name: str | None,
        participant: str | None,
        epoch: str = "",
    ) -> Version:
        """See :class:`Store`."""
        if epoch in self._ended:
            raise CollabError("document_deleted")
        kept = self._documents.get(document) or self._create(document, epoch)
        self._version += 1
        version = Version(self._version, name, participant, position, len(state), time.time())
        digest = hashlib.blake2b(state).digest()
        kept.states.setdefault(digest, state)
        kept.versions[version.id] = (version, digest)
        self.outbox.kept(document, version)
        return version

    async def versions(self, document: str, limit: int | None = None, before: int | None = None) -> list[Version]:
        """See :class:`Store`."""
        kept = self._documents.get(document)
        found = [] if kept is None else [version for version, _ in reversed(kept.versions.values())]
        return [version for version in found if before is None or version.id < before][:limit]

    async def version_usage(self, document: str, state: bytes | None = None) -> tuple[int, int]:
        """See :class:`Store`."""
        kept = self._documents.get(document)
        states = set() if kept is None else set(kept.states.values())
        if state is not None:
            states.add(state)
        return 0 if kept is None else len(kept.versions), sum(map(len, states))

    async def version(self, document: str, id: int) -> tuple[Version, bytes] | None:
        """See :class:`Store`."""
        kept = self._documents.get(document)
        if kept is None or id not in kept.versions:
            return None
        version, digest = kept.versions[id]
        return version, kept.states[digest]

    async def delete_version(self, document: str, id: int) -> bool:
        """See :class:`Store`."""
        kept = self._documents.get(document)
        if kept is None or id not in kept.versions:
            return False
        _, digest = kept.versions.pop(id)
        if not any(other == digest for _, other in kept.versions.values()):
            del kept.states[digest]
        return True

    async def space(self) -> Space:
        """See :class:`Store`."""
        return Space(sum(info.size for info in await self.documents(limit=len(self._documents))))

    async def check(self, deep: bool = False) -> StoreReport:
        """See :class:`Store`."""
        return StoreReport(self.adapter, "memory", "an ack means: in memory of this process", len(self._documents))


def _as_history(entry: _Entry) -> HistoryEntry:
    at, when = entry.position, entry.time
    return HistoryEntry(at, at, entry.participant, 1, len(entry.update), when, when)
