"""The store port: where documents live when nobody has them open.

A store keeps, per document, a snapshot and a log of updates behind it. Appends of all documents
are committed together (group commit); the future of an append resolves only once its bytes are
on disk (or wherever the adapter promises). Order is by position, never by a clock.

Every adapter passes ``tests/contract/test_store.py``.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from collab.documents.ledger import Ledger
from collab.errors import CollabError


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """What :meth:`Store.load` found.

    ``snapshot`` is a Yjs v1 update that holds everything up to and including
    ``snapshot_position`` (None: no snapshot yet); ``tail`` are the logged updates after it, in
    order; ``position`` is the last position of the document (0: nothing was ever appended).
    Times are seconds since the epoch. ``damage`` says in words what had to be left out because
    its checksum did not match (empty: nothing).
    """

    snapshot: bytes | None
    snapshot_position: int
    tail: list[bytes]
    position: int
    created_at: float
    updated_at: float
    damage: tuple[str, ...] = ()
    #: of a shared store: the incarnation of the log that positions belong to
    epoch: str = ""


@dataclass(frozen=True, slots=True)
class LogSlice:
    """What :meth:`SharedStore.read` found behind a position.

    ``snapshot`` is given where the log no longer reaches back to that position; ``updates`` follow
    it. ``epoch`` is ``""`` where the store has no such document; ``deleted`` are the epochs of
    documents with this name that were deleted for good. ``complete``: nothing follows ``position``.
    """

    epoch: str
    position: int
    snapshot: bytes | None
    snapshot_position: int
    updates: list[bytes]
    complete: bool
    deleted: tuple[str, ...]
    created_at: float
    updated_at: float


@dataclass(frozen=True, slots=True)
class Mark:
    """Where the log of a document ends; fields as in :class:`LogSlice`."""

    epoch: str
    position: int
    deleted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """One row of a listing: sizes in bytes, times in seconds since the epoch."""

    name: str
    size: int
    created_at: float
    updated_at: float


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """Who changed how much, when: updates of one participant in one span of time, summed up.

    ``first`` and ``last`` are positions; ``started_at``/``ended_at`` seconds since the epoch.
    """

    first: int
    last: int
    participant: str | None
    updates: int
    size: int
    started_at: float
    ended_at: float


@dataclass(frozen=True, slots=True)
class Version:
    """A kept state of a document. ``name`` is None for an automatic checkpoint."""

    id: int
    name: str | None
    participant: str | None
    position: int
    size: int
    created_at: float


@dataclass(frozen=True, slots=True)
class StoreReport:
    """What :meth:`Store.check` found out; ``promise`` says what an ack means on this store."""

    adapter: str
    location: str
    promise: str
    documents: int
    damaged: dict[str, str] = field(default_factory=dict)


class Store(ABC):
    """Where documents live. Methods raise ``storage_unavailable`` when the medium fails.

    Raises (all methods): CollabError ``storage_unavailable``.
    """

    #: the word that stands in the start line: ``memory``, ``sqlite``, ``redis``
    adapter: str

    @abstractmethod
    async def open(self) -> None:
        """Make the store ready; creates what is missing."""

    @abstractmethod
    async def close(self) -> None:
        """Finish every append under way, then let go of the medium. Idempotent."""

    @abstractmethod
    async def load(self, document: str) -> StoredDocument | None:
        """Snapshot and log tail of a document; None if it was never created."""

    @abstractmethod
    async def create(self, document: str) -> bool:
        """Create an empty document; False if it exists already."""

    @abstractmethod
    def append(
        self, document: str, update: bytes, participant: str | None = None
    ) -> asyncio.Future[int]:
        """Log ``update``; the result is its position, and arrives once it is durable.

        Creates the document if it is new. Positions of one document rise strictly in the order
        of the calls. If the future fails (``storage_unavailable``), nothing of that update was
        kept and the caller may append it again.
        """

    def log(
        self, document: str, update: bytes, participant: str | None, done: Callable[[int | CollabError], None]
    ) -> None:
        """:meth:`append` without a future: ``done`` is called once, later, with the position or the error."""

        def appended(future: asyncio.Future[int]) -> None:
            error = CollabError("storage_unavailable") if future.cancelled() else future.exception()
            if error is None:
                done(future.result())
            else:
                done(error if isinstance(error, CollabError) else CollabError("storage_unavailable"))

        self.append(document, update, participant).add_done_callback(appended)

    @abstractmethod
    async def compact(self, document: str, snapshot: bytes, position: int) -> None:
        """Make ``snapshot`` stand for everything up to and including ``position``.

        The caller has verified that ``snapshot`` decodes. One transaction: a crash in the middle
        leaves either the old or the new state. What the log knew of participants stays in the
        history. A ``position`` at or below the present snapshot's does nothing.
        """

    @abstractmethod
    async def delete(self, document: str) -> bool:
        """Delete a document with its log, snapshot, versions and history; False if unknown."""

    @abstractmethod
    async def documents(
        self, prefix: str = "", limit: int = 100, after: str | None = None
    ) -> list[DocumentInfo]:
        """Documents whose name begins with ``prefix``, by name, those behind ``after`` only."""

    @abstractmethod
    async def history(self, document: str, after: int = 0, limit: int = 1000) -> list[HistoryEntry]:
        """Entries whose ``last`` position is beyond ``after``, oldest first."""

    @abstractmethod
    async def add_version(
        self, document: str, state: bytes, position: int, name: str | None, participant: str | None
    ) -> Version:
        """Keep ``state`` (Yjs v1) as a version; durable when it returns."""

    @abstractmethod
    async def versions(self, document: str) -> list[Version]:
        """All versions of a document, newest first."""

    @abstractmethod
    async def version(self, document: str, id: int) -> tuple[Version, bytes] | None:
        """One version with its state, or None."""

    @abstractmethod
    async def delete_version(self, document: str, id: int) -> bool:
        """Forget a version (retention of checkpoints); False if unknown."""

    @abstractmethod
    async def check(self, deep: bool = False) -> StoreReport:
        """Write and read back a probe; with ``deep`` verify every checksum."""


class SharedStore(Store):
    """A store that several nodes write to at once; what one appends, the others read.

    Whoever keeps a copy of a document follows it: its ledger says which log the copy belongs to,
    and appends are accepted by that log only. Where the log turns out to be another one, or to have
    lost entries, the document's appends stop, ``on_stray`` is called, and :meth:`resume` lets them
    go on once the copy was brought in line.
    """

    @abstractmethod
    def follow(self, document: str, ledger: Ledger, on_stray: Callable[[], None]) -> None:
        """Keep a document's appends to the log that ``ledger`` names."""

    @abstractmethod
    def unfollow(self, document: str) -> None:
        """The copy is gone."""

    @abstractmethod
    def resume(self, document: str, seed: bytes | None) -> None:
        """Let appends go on, in front of them ``seed``: what the copy holds and the log lacks."""

    @abstractmethod
    async def read(self, document: str, after: int) -> LogSlice:
        """What the log holds beyond position ``after``; read again where it is not complete."""

    @abstractmethod
    async def probe(self, documents: Sequence[str]) -> list[Mark]:
        """Where the logs of ``documents`` end, in their order."""

    @abstractmethod
    async def renew(self, document: str, epoch: str, floor: int) -> None:
        """Give a log of ``epoch`` that has lost entries a new epoch; positions go on beyond ``floor``."""

    @abstractmethod
    async def lease(self, document: str, purpose: str, seconds: float) -> bool:
        """Take on work that one node at a time does; False while another has it."""
