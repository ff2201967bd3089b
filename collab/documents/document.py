"""A CRDT document that foreign updates cannot harm: pycrdt behind the structural scan."""

from __future__ import annotations

import hashlib
import time
from bisect import bisect_right, insort
from collections.abc import Callable, Sequence
from typing import Any

import pycrdt

from collab.errors import CollabError
from collab.protocol.codec import EMPTY_UPDATE, MAX_CLOCK, read_state_vector
from collab.protocol.keystroke import read_keystroke
from collab.protocol.scan import astral, in_order, part, scan

#: the Yjs v1 update that holds nothing
#: merging is quadratic in the number of updates: more than these are merged by a fresh document
_MERGE_PAIRWISE = 64
#: rounds through a fresh document after which an encoding counts as normal
_TURNS = 4
#: characters that typing brings at once, where it is known which structs are map entries
_MOST_TYPED = 127
#: seconds of CPU that a document may cost because of structs whose place has to be looked for ...
MAX_TANGLE = 0.5
#: ... of which each may take so many without being counted, and each byte of a document that is loaded
_LOOSE_SECONDS = 20e-6
_LOAD_SECONDS_PER_BYTE = 0.2e-6
#: so many are looked at closely after one that took longer
_WATCHED = 50
#: sub-documents in one document: the CRDT library takes 1 KB and 30 us for each, whatever it holds
MAX_SUBDOCUMENTS = 2000


class Document:
    """One document: a ``pycrdt.Doc`` and a mirror of its state vector. No I/O, no sessions.

    Attributes:
        clocks: client id -> clock, the same as the CRDT's state vector.
        size: the encoded size in bytes; between two :meth:`measure` an upper estimate.
        poisoned: the CRDT failed in the middle of an edit; the owner has to load it again.
        plain: the update applied last was plain typing, which may be merged with other such updates.
    """

    def __init__(self) -> None:
        self._doc: pycrdt.Doc[Any] = pycrdt.Doc()
        self.clocks: dict[int, int] = {}
        self.size = len(EMPTY_UPDATE)
        self.poisoned = False
        self.plain = False
        self._encoded: bytes | None = None
        self._containers: _Ids | None = _Ids()
        self._keyed: _Ids | None = _Ids()
        self._is_entry: Callable[[int, int], bool] | None = None
        self._most_typed = _MOST_TYPED
        self._pairs: set[tuple[int, int]] = set()
        self._subdocuments: int | None = None
        self._tangle = 0.0
        self._watched = 0

    @classmethod
    def load(cls, snapshot: bytes | None, tail: Sequence[bytes]) -> Document:
        """A document from our own store: a snapshot and the updates logged behind it.

        Raises:
            CollabError: ``storage_unavailable`` where something in it cannot be decoded.
        """
        document = cls()
        document._containers = document._keyed = None  # read where somebody needs to know
        document._most_typed = 1
        began = time.thread_time()
        try:
            if snapshot is not None:
                document._doc.apply_update(snapshot)
            # One transaction each, as when they came: what a hostile update leaves depends on it.
            if astral(snapshot or b"") or any(map(astral, tail)):
                document._learn()
                for update in tail:
                    document._load_again(update)
            else:
                for update in tail:
                    document._doc.apply_update(update)
                document.clocks = read_state_vector(document._doc.get_state())
            document._encoded = None
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
            raise CollabError("storage_unavailable", "The stored document cannot be read.") from None
        document.size = max(len(EMPTY_UPDATE), len(snapshot or b"") + sum(map(len, tail)))
        document._tangle = max(0.0, time.thread_time() - began - _LOAD_SECONDS_PER_BYTE * document.size)
        return document

    def _learn(self) -> None:
        """Take clocks and surrogate pairs from the CRDT."""
        self.clocks = read_state_vector(self._doc.get_state())
        state = self._doc.get_update()
        self._pairs = set(scan(state, {}).pairs) if astral(state) else set()

    def _load_again(self, update: bytes) -> None:
        try:
            self.apply(update)
        except CollabError:
            if self.poisoned:
                raise
            self._doc.apply_update(update)
            self._learn()

    def apply(
        self, update: bytes, may_part: Callable[[], bool] = lambda: True, most: int | None = None
    ) -> bool:
        """Apply a foreign update, completely or not at all.

        Args:
            update: Yjs v1.
            may_part: asked before an update is applied that puts something between the halves of a
                surrogate pair, which costs as much as loading the document.
            most: changes that are applied at once (None: however many).

        Returns:
            Whether it added anything that the document did not have.

        Raises:
            CollabError: ``invalid_update``, ``missing_dependencies``; ``rate_limited`` where
                ``may_part`` says no; ``document_too_large`` where there are too many sub-documents;
                ``storage_unavailable`` while the document is poisoned.
            ManyChanges: there are more than ``most`` changes.
        """
        if self.poisoned:
            raise CollabError("storage_unavailable", "The document is being loaded again.", retry_after=1)
        typed = None if self._pairs else read_keystroke(update, self.clocks, self._is_entry, self._most_typed)
        self.plain = typed is not None
        if typed is not None:
            client, end, loose = typed
            if loose:
                self._integrate_loose(update, 1)
            else:
                self._integrate(update)
            self.clocks[client] = end
            self.size += len(update)
            return True
        strict, know_all = self._is_entry is not None, self._keyed is not None
        found = scan(
            update, self.clocks, self._is_container, self._pairs, most, self._is_keyed, strict, know_all
        )
        if found.subdocuments:
            self._count_subdocuments(found.subdocuments)
        if found.parted:
            if not may_part():
                raise CollabError("rate_limited", retry_after=1)
            update = self._part(update, found.parted)
        if not found.new:
            # What parted a pair has to be in the log, even if it says nothing else.
            return (found.deletes and self._apply_deletes(update)) or bool(found.parted)
        if found.loose:
            self._integrate_loose(update, found.loose)
        else:
            self._integrate(update)
        clocks = self.clocks
        for client, end in found.ends.items():
            if end > clocks.get(client, 0):
                clocks[client] = end
        if found.entangled and read_state_vector(self._doc.get_state()) != clocks:
            self.poisoned = True
            raise CollabError("missing_dependencies")
        if self._containers is not None:
            self._containers.add(found.containers)
        if self._keyed is not None and found.keyed:
            self._keyed.add(found.keyed)
            self._is_entry = self._keyed.hold
        if found.pairs:
            self._pairs.update(pair for pair in found.pairs if pair not in found.parted)
        self.size += len(update)
        return True

    def check(self) -> Callable[[bytes], None]:
        """A function that raises what :meth:`apply` would raise of an update; it may run in another thread."""
        clocks, pairs = dict(self.clocks), set(self._pairs)
        containers, keyed = self._structure()

        def check(update: bytes) -> None:
            scan(update, clocks, containers.hold, pairs, None, keyed.hold, True, True)

        return check

    def _count_subdocuments(self, more: int) -> None:
        """Nobody but their own editors reads sub-documents; the server keeps them as any other content."""
        if self._subdocuments is None:
            self._subdocuments = scan(self.encode(), {}).subdocuments
        if self._subdocuments + more > MAX_SUBDOCUMENTS:
            raise CollabError(
                "document_too_large",
                f"A document may hold {MAX_SUBDOCUMENTS} sub-documents.",
                detail={"limit": MAX_SUBDOCUMENTS, "scope": "document"},
            )
        self._subdocuments += more

    def _part(self, update: bytes, pairs: set[tuple[int, int]]) -> bytes:
        """Replace the halves of ``pairs`` in the document; returns ``update`` with the same done to it."""
        known = pairs & self._pairs
        if known:
            doc: pycrdt.Doc[Any] = pycrdt.Doc()
            doc.apply_update(part(self.encode(), {}, known))
            self._doc = doc
            self._encoded = None
            self._pairs -= known
        return part(update, self.clocks, pairs)

    def _is_container(self, client: int, clock: int) -> bool:
        """Whether a struct of this document may have children; reads the document once to know."""
        return self._structure()[0].hold(client, clock)

    def _is_keyed(self, client: int, clock: int) -> bool:
        """Whether a struct of this document is a map entry; likewise."""
        return self._structure()[1].hold(client, clock)

    def _structure(self) -> tuple[_Ids, _Ids]:
        if self._containers is None or self._keyed is None:
            found = scan(self.encode(), {})
            self._containers, self._keyed = _Ids(), _Ids()
            self._containers.add(found.containers)
            self._keyed.add(found.keyed)
            self._is_entry = self._keyed.hold if found.keyed else None
            self._most_typed = _MOST_TYPED
        return self._containers, self._keyed

    def _integrate(self, update: bytes) -> None:
        self._encoded = None
        try:
            _apply(self._doc, update)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
            # pycrdt's PanicException is a BaseException, and the document may be half changed.
            self.poisoned = True
            raise CollabError("invalid_update") from None

    def _integrate_loose(self, update: bytes, loose: int) -> None:
        """Integrate structs whose place the CRDT has to look for, and bound what that costs in all.

        A document of n such structs takes time that grows with n squared, to build and whenever it is loaded.
        """
        if self._tangle > MAX_TANGLE:
            raise CollabError(
                "document_too_large",
                "This document has become too costly to edit in this way.",
                detail={"limit": MAX_TANGLE, "scope": "document"},
            )
        # The wall's clock is cheap; the one that others on this machine do not disturb is a system call.
        clock = time.thread_time if self._watched else time.perf_counter
        began = clock()
        self._integrate(update)
        took = clock() - began
        if took > _LOOSE_SECONDS * (loose + 4):
            if self._watched:
                self._tangle += took
            self._watched = _WATCHED
        elif self._watched:
            self._watched -= 1

    def _apply_deletes(self, update: bytes) -> bool:
        """Yjs sends its whole delete set with every resync; most often it says nothing new."""
        encoded = self._encoded
        changes: list[bytes] = []
        subscription = self._doc.observe(lambda event: changes.append(event.delete_set))
        try:
            self._integrate(update)
        finally:
            self._doc.unobserve(subscription)
        if not any(change != b"\0" for change in changes):
            self._encoded = encoded
            return False
        self.size += len(update)
        return True

    def state_vector(self) -> bytes:
        """The state vector, Yjs v1."""
        return self._doc.get_state()

    def diff(self, state_vector: bytes | None) -> bytes:
        """What a peer with ``state_vector`` lacks (None: everything), as a Yjs v1 update.

        Raises:
            CollabError: ``invalid_payload`` for a state vector that cannot be read.
        """
        if state_vector is None:
            return self.encode()
        if read_state_vector(state_vector):
            return self._doc.get_update(state_vector)
        return self.encode()

    def encode(self) -> bytes:
        """The whole document as one Yjs v1 update."""
        state = self._encoded
        if state is None:
            state = self._encoded = self._doc.get_update()
            self.size = len(state)
        return state

    def forget_encoded(self) -> None:
        """Let go of what :meth:`encode` keeps for whoever asks before the next edit."""
        self._encoded = None

    def measure(self) -> int:
        """The exact encoded size in bytes."""
        return len(self.encode())

    def content_hash(self) -> str:
        """SHA-256 (hex) of the content; equal for replicas that hold the same.

        How runs are split depends on the order in which edits arrived, so the encoding is taken
        through fresh documents until it stays the same, or swings between two forms.
        """
        before, state = b"", in_order(self.encode())
        for _ in range(_TURNS):
            before, state = state, in_order(_written_again(state))
            if before == state:
                break
        return hashlib.sha256(min(before, state)).hexdigest()


def _apply(doc: pycrdt.Doc[Any], update: bytes) -> None:
    """``doc.apply_update`` without its context managers, which cost half as much as the work."""
    core: Any = doc._doc
    transaction = core.create_transaction()
    try:
        core.apply_update(transaction, update)
        transaction.commit()
    finally:
        transaction.drop()


def _written_again(state: bytes) -> bytes:
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc.apply_update(state)
    return doc.get_update()


class _Ids:
    """A set of ids of structs: (client, clock)."""

    __slots__ = ("_ids", "_ranges")

    def __init__(self) -> None:
        self._ids: set[tuple[int, int]] = set()
        self._ranges: dict[int, list[tuple[int, int]]] = {}

    def add(self, containers: Sequence[tuple[int, int, int]]) -> None:
        for client, clock, length in containers:
            if length == 1:
                self._ids.add((client, clock))
            else:
                insort(self._ranges.setdefault(client, []), (clock, clock + length))

    def hold(self, client: int, clock: int) -> bool:
        if (client, clock) in self._ids:
            return True
        ranges = self._ranges.get(client, ())
        at = bisect_right(ranges, (clock, MAX_CLOCK + 1)) - 1
        return at >= 0 and ranges[at][0] <= clock < ranges[at][1]


def merge(updates: Sequence[bytes]) -> bytes:
    """One update that holds all of ``updates`` (Yjs v1, each of them scanned before)."""
    if len(updates) <= _MERGE_PAIRWISE:
        return pycrdt.merge_updates(*updates)
    merged = [
        pycrdt.merge_updates(*updates[first : first + _MERGE_PAIRWISE])
        for first in range(0, len(updates), _MERGE_PAIRWISE)
    ]
    return merge(merged)
