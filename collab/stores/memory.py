"""The store that forgets: for tests, demos and embedding. An ack means "in memory"."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from collab.stores.base import DocumentInfo, HistoryEntry, Store, StoredDocument, StoreReport, Version
from collab.stores.history import beyond, summed


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
    snapshot: bytes | None = None
    snapshot_position: int = 0
    log: list[_Entry] = field(default_factory=list)
    history: list[HistoryEntry] = field(default_factory=list)
    versions: dict[int, tuple[Version, bytes]] = field(default_factory=dict)


class MemoryStore(Store):
    """Documents in a dictionary; gone with the process."""

    adapter = "memory"

    def __init__(self) -> None:
        self._documents: dict[str, _Document] = {}
        self._position = 0
        self._version = 0

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
            kept.snapshot, kept.snapshot_position, tail, position, kept.created_at, kept.updated_at
        )

    async def create(self, document: str) -> bool:
        """See :class:`Store`."""
        if document in self._documents:
            return False
        self._create(document)
        return True

    def _create(self, document: str) -> _Document:
        now = time.time()
        kept = self._documents[document] = _Document(now, now)
        return kept

    def append(
        self, document: str, update: bytes, participant: str | None = None
    ) -> asyncio.Future[int]:
        """See :class:`Store`."""
        kept = self._documents.get(document) or self._create(document)
        self._position += 1
        kept.updated_at = time.time()
        kept.log.append(_Entry(self._position, update, participant, kept.updated_at))
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        future.set_result(self._position)
        return future

    async def compact(self, document: str, snapshot: bytes, position: int) -> None:
        """See :class:`Store`."""
        kept = self._documents.get(document)
        if kept is None or position <= kept.snapshot_position:
            return
        kept.history = summed(
            kept.history + [_as_history(entry) for entry in kept.log if entry.position <= position]
        )
        kept.log = [entry for entry in kept.log if entry.position > position]
        kept.snapshot, kept.snapshot_position = snapshot, position

    async def delete(self, document: str) -> bool:
        """See :class:`Store`."""
        return self._documents.pop(document, None) is not None

    async def documents(
        self, prefix: str = "", limit: int = 100, after: str | None = None
    ) -> list[DocumentInfo]:
        """See :class:`Store`."""
        names = sorted(
            name
            for name in self._documents
            if name.startswith(prefix) and (after is None or name > after)
        )
        infos = []
        for name in names[:limit]:
            kept = self._documents[name]
            size = len(kept.snapshot or b"") + sum(len(entry.update) for entry in kept.log)
            infos.append(DocumentInfo(name, size, kept.created_at, kept.updated_at))
        return infos

    async def history(self, document: str, after: int = 0, limit: int = 1000) -> list[HistoryEntry]:
        """See :class:`Store`."""
        kept = self._documents.get(document)
        if kept is None:
            return []
        return beyond(kept.history + [_as_history(entry) for entry in kept.log], after, limit)

    async def add_version(
        self, document: str, state: bytes, position: int, name: str | None, participant: str | None
    ) -> Version:
        """See :class:`Store`."""
        kept = self._documents.get(document) or self._create(document)
        self._version += 1
        version = Version(self._version, name, participant, position, len(state), time.time())
        kept.versions[version.id] = (version, state)
        return version

    async def versions(self, document: str) -> list[Version]:
        """See :class:`Store`."""
        kept = self._documents.get(document)
        return [] if kept is None else [version for version, _ in reversed(kept.versions.values())]

    async def version(self, document: str, id: int) -> tuple[Version, bytes] | None:
        """See :class:`Store`."""
        kept = self._documents.get(document)
        return None if kept is None else kept.versions.get(id)

    async def delete_version(self, document: str, id: int) -> bool:
        """See :class:`Store`."""
        kept = self._documents.get(document)
        return kept is not None and kept.versions.pop(id, None) is not None

    async def check(self, deep: bool = False) -> StoreReport:
        """See :class:`Store`."""
        return StoreReport(
            self.adapter, "memory", "an ack means: in memory of this process", len(self._documents)
        )


def _as_history(entry: _Entry) -> HistoryEntry:
    at, when = entry.position, entry.time
    return HistoryEntry(at, at, entry.participant, 1, len(entry.update), when, when)
