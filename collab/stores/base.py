"""The store port: where documents live when nobody has them open.

A store keeps, per document, a snapshot and a log of updates behind it. Appends of all documents
are committed together (group commit); the future of an append resolves only once its bytes are
on disk (or wherever the adapter promises). Order is by position, never by a clock.

A name may be deleted and made anew. Each such life has an *epoch*, which :meth:`Store.load` tells and every write
of a copy names: a copy of a life that has ended can change nothing any more (``document_deleted``).

Every adapter passes ``tests/contract/test_store.py``.
"""

from __future__ import annotations

import asyncio
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from collab.documents.ledger import Ledger
from collab.errors import CollabError
from collab.stores.commits import Commits
from collab.stores.inbox import InboxLog
from collab.stores.outbox import Outbox
from collab.stores.streams import StreamLog


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
    #: which life of the name this is; of a shared store: which log positions belong to
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
    """Where the log of a document ends; fields as in :class:`LogSlice`. ``events``: of its streams, ever."""

    epoch: str
    position: int
    deleted: tuple[str, ...]
    events: int = 0


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """One row of a listing: sizes in bytes, times in seconds since the epoch."""

    name: str
    size: int
    created_at: float
    updated_at: float


@dataclass(frozen=True, slots=True)
class DeletedDocument:
    """What lies in the trash under a name, the latest of it; fields as in :class:`DocumentInfo`."""

    name: str
    size: int
    created_at: float
    updated_at: float
    deleted_at: float


@dataclass(frozen=True, slots=True)
class Usage:
    """What a store holds: documents that are not in the trash, and bytes in all."""

    documents: int
    size: int


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
class Space:
    """Bytes that a store takes, and how many more it may take; None where nobody knows."""

    taken: int
    free: int | None = None


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
    #: the streams of the documents; they live and end with them
    streams: StreamLog
    #: what other systems are to be told of
    outbox: Outbox
    #: who hears of commits; put here before the store is opened
    commits: Commits | None = None
    #: called once the medium was another one, or may have lost entries: what is open is to be written to it again
    on_replaced: Callable[[], None] = staticmethod(lambda: None)

    @property
    def inbox(self) -> InboxLog:
        """The inboxes of participants, in which streams write."""
        return self.streams.inbox

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
        self, document: str, update: bytes, participant: str | None = None, epoch: str = ""
    ) -> asyncio.Future[int]:
        """Log ``update``; the result is its position, and arrives once it is durable.

        Creates the document if it is new. Positions of one document rise strictly in the order
        of the calls. If the future fails with ``storage_unavailable``, nothing of that update was
        kept and the caller may append it again.

        Args:
            epoch: of the copy that it was applied to; ``""``: of none. ``document_deleted`` if that life of the
                document has ended. A shared store knows it from the ledger that it follows.
        """

    def log(
        self,
        document: str,
        update: bytes,
        participant: str | None,
        done: Callable[[int | CollabError], None],
        epoch: str = "",
    ) -> None:
        """:meth:`append` without a future: ``done`` is called once, later, with the position or the error."""

        def appended(future: asyncio.Future[int]) -> None:
            error = CollabError("storage_unavailable") if future.cancelled() else future.exception()
            if error is None:
                done(future.result())
            else:
                done(error if isinstance(error, CollabError) else CollabError("storage_unavailable"))

        self.append(document, update, participant, epoch).add_done_callback(appended)

    @abstractmethod
    async def compact(self, document: str, snapshot: bytes, position: int, epoch: str = "") -> None:
        """Make ``snapshot`` stand for everything up to and including ``position``.

        The caller has verified that ``snapshot`` decodes. One transaction: a crash in the middle
        leaves either the old or the new state. What the log knew of participants stays in the
        history. A ``position`` at or below the present snapshot's does nothing, nor does an epoch that has ended.
        """

    # -- deleting -------------------------------------------------------------------------------

    @abstractmethod
    async def delete(self, document: str, *, keep: bool = False, epoch: str = "") -> bool:
        """End the life of a document, with its log, snapshot, versions and history; False if unknown.

        Args:
            keep: in the trash, from where :meth:`undelete` brings it back; otherwise nothing stays.
            epoch: of a copy that is open, whose writes on the way are refused even if none has arrived so far.
        """

    @abstractmethod
    async def trash(
        self, prefix: str = "", limit: int = 100, after: str | None = None, *, since: float = 0.0
    ) -> list[DeletedDocument]:
        """What lies in the trash since no earlier than ``since``, by name; of each name the latest."""

    @abstractmethod
    async def undelete(self, document: str, since: float = 0.0) -> bool:
        """Bring back what was deleted last under this name, not before ``since``, in a new epoch; False: nothing.

        Raises:
            CollabError: ``document_exists`` where the name has been made anew.
        """

    @abstractmethod
    async def purge(self, document: str | None = None, *, before: float = float("inf")) -> int:
        """Empty the trash for good, of one name or of all; returns how many were in it.

        Args:
            before: only what was deleted earlier.
        """

    # -- looking --------------------------------------------------------------------------------

    @abstractmethod
    async def names(self, prefix: str = "", limit: int = 100, after: str | None = None) -> list[str]:
        """Names that begin with ``prefix``, in their order, those behind ``after`` only.

        The work is bounded by ``limit``. A document of which nothing is left may be among them.
        """

    @abstractmethod
    async def infos(self, names: Sequence[str]) -> list[DocumentInfo]:
        """What is known of each of ``names``, in their order; those that are no documents are left out."""

    async def info(self, document: str) -> DocumentInfo | None:
        """What is known of a document; None if it was never created."""
        found = await self.infos([document])
        return found[0] if found else None

    async def documents(self, prefix: str = "", limit: int = 100, after: str | None = None) -> list[DocumentInfo]:
        """Documents whose name begins with ``prefix``, by name, those behind ``after`` only."""
        found: list[DocumentInfo] = []
        while len(found) < limit:
            names = await self.names(prefix, limit, after)
            found += await self.infos(names)
            if len(names) < limit:
                break
            after = names[-1]
        return found[:limit]

    @abstractmethod
    async def usage(self) -> Usage:
        """How much the store holds; cheap."""

    @abstractmethod
    async def history(self, document: str, after: int = 0, limit: int = 1000) -> list[HistoryEntry]:
        """Entries whose ``last`` position is beyond ``after``, oldest first."""

    @abstractmethod
    async def add_version(
        self,
        document: str,
        state: bytes,
        position: int,
        name: str | None,
        participant: str | None,
        epoch: str = "",
    ) -> Version:
        """Keep ``state`` (Yjs v1) as a version; durable when it returns. Equal states of a document are kept once.

        Raises:
            CollabError: ``document_deleted`` for an epoch that has ended.
        """

    @abstractmethod
    async def versions(self, document: str, limit: int | None = None, before: int | None = None) -> list[Version]:
        """Versions of a document, newest first: all, or at most ``limit`` with ids below ``before``."""

    @abstractmethod
    async def version_usage(self, document: str, state: bytes | None = None) -> tuple[int, int]:
        """How many versions a document has, and the bytes of their states, equal ones counted once.

        Args:
            state: count this one as well, if no version has it.
        """

    @abstractmethod
    async def version(self, document: str, id: int) -> tuple[Version, bytes] | None:
        """One version with its state, or None."""

    @abstractmethod
    async def delete_version(self, document: str, id: int) -> bool:
        """Forget a version, and its state if no other version has the same; False if unknown."""

    @abstractmethod
    async def space(self) -> Space:
        """How much room it takes, and how much is left."""

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
    def unfollow(self, document: str, *, deleted: bool = False) -> None:
        """The copy is gone; with ``deleted``, so is what it still wanted to append."""

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


def as_future(start: Callable[[Callable[[int | CollabError], None]], None]) -> asyncio.Future[int]:
    """The result of what calls back."""
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def done(result: int | CollabError) -> None:
        if future.done():
            return
        if isinstance(result, int):
            future.set_result(result)
        else:
            future.set_exception(result)

    start(done)
    return future


def fresh_epoch() -> str:
    """A name for a life of a document that nobody has used before."""
    return secrets.token_hex(8)


def beyond_prefix(prefix: str) -> str | None:
    """The least text, by code points, that is behind everything that begins with ``prefix``; None: there is none."""
    while prefix:
        last = ord(prefix[-1]) + 1
        if 0xD800 <= last < 0xE000:  # halves of pairs are no characters
            last = 0xE000
        if last <= 0x10FFFF:
            return prefix[:-1] + chr(last)
        prefix = prefix[:-1]
    return None
