"""A document with everything that a store keeps of it, in no store's own form: what moves from one store to another."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Protocol

from collab.documents.document import Document
from collab.errors import CollabError
from collab.stores.base import HistoryEntry, Store, Version
from collab.stores.inbox import InboxEntry
from collab.stores.streams import StreamEvent

#: names, and entries of a history, that are read at a time
_PAGE = 500


@dataclass(frozen=True, slots=True)
class KeptStream:
    """A stream: the offset of the newest event that it ever had, and those that are kept, oldest first."""

    name: str
    last: int
    events: list[StreamEvent]


@dataclass(frozen=True, slots=True)
class Whole:
    """One document.

    Attributes:
        state: as :meth:`Document.snapshot` has it, up to and including ``position``; None: nothing was ever in it.
        created_at, updated_at: seconds since the epoch.
        versions: oldest first, each with its state.
        streams: by their names; not the keys under which their events were published.
        inbox: what participants have of it in their inboxes, by id.
    """

    name: str
    state: bytes | None
    position: int
    created_at: float
    updated_at: float
    history: list[HistoryEntry]
    versions: list[tuple[Version, bytes]]
    streams: list[KeptStream] = field(default_factory=list)
    inbox: list[tuple[str, InboxEntry]] = field(default_factory=list)

    @property
    def content_hash(self) -> str:
        """SHA-256 (hex) of its content."""
        return Document.load(self.state, []).content_hash()


class Target(Protocol):
    """A store that is given whole documents, while nobody else has it open."""

    async def put(self, whole: Whole) -> None:
        """Write one that is not in it yet; durable once it returns, all of it or nothing."""

    async def close(self) -> None:
        """Let go of it."""


async def names(store: Store) -> AsyncIterator[str]:
    """Every document's name, in their order."""
    after: str | None = None
    while found := await store.names(limit=_PAGE, after=after):
        for name in found:
            yield name
        after = found[-1]


async def read(store: Store, name: str) -> Whole | None:
    """A document with all that is kept of it; None where it is gone.

    Raises:
        CollabError: ``storage_unavailable`` where something of it is damaged, or the medium fails.
    """
    found = await store.load(name)
    if found is None:
        return None
    if found.damage:
        raise CollabError("storage_unavailable", f"{name} is damaged: {'; '.join(found.damage)}.")
    state = found.snapshot
    if found.tail:
        state = Document.load(found.snapshot, found.tail).snapshot()
    history: list[HistoryEntry] = []
    while more := await store.history(name, after=history[-1].last if history else 0, limit=_PAGE):
        history += more
    versions = []
    for version in reversed(await store.versions(name)):
        kept = await store.version(name, version.id)
        if kept is not None:
            versions.append(kept)
    streams = [await _stream(store, name, stream) for stream in await store.streams.names(name)]
    inbox = await store.inbox.of_document(name)
    return Whole(name, state, found.position, found.created_at, found.updated_at, history, versions, streams, inbox)


async def _stream(store: Store, document: str, name: str) -> KeptStream:
    found = await store.streams.read(document, name, 0, _PAGE)
    events = found.events
    while events and events[-1].offset < found.last:
        found = await store.streams.read(document, name, events[-1].offset, _PAGE)
        if not found.events:
            break
        events += found.events
    return KeptStream(name, found.last, events)
