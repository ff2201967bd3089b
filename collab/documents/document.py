"""A CRDT document that foreign updates cannot harm: pycrdt behind the structural scan."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pycrdt

from collab.documents.costs import Costs
from collab.documents.ids import Ids
from collab.documents.normal_form import content_hash
from collab.documents.order import in_order
from collab.documents.outlook import mended, outlook
from collab.errors import CollabError
from collab.protocol.codec import EMPTY_UPDATE, DecodeError, read_state_vector, write_state_vector
from collab.protocol.deletions import all_in, read_deletions
from collab.protocol.dependencies import TakenInPart, what_integrates
from collab.protocol.disguise import disguise, undisguise
from collab.protocol.findings import Scan
from collab.protocol.keystroke import read_keystroke
from collab.protocol.known import Known
from collab.protocol.mending import mend
from collab.protocol.pieces import new_bytes
from collab.protocol.scan import astral, scan
from collab.protocol.snapshots import marked, unmarked

#: characters that typing brings at once, if it is known which structs are map entries
_MOST_TYPED = 127
#: bytes of a document that may be loaded again without being asked
_CHEAP = 64 * 1024


class Document:
    """One document: a ``pycrdt.Doc`` and a mirror of its state vector. No I/O, no sessions.

    Attributes:
        clocks: client id -> clock, the same as the CRDT's state vector.
        known: the same, and what the document holds behind gaps.
        size: the encoded size in bytes; between two :meth:`measure` an upper estimate.
        poisoned: the CRDT failed in the middle of an edit; the owner has to load it again.
        plain: the update applied last was plain typing, which may be merged with other such updates.
        taken: this update, as the log and others may be given it; empty bytes where it added nothing.
        gapped: it left a gap that had not been there.
        filled: it brought something of what was missing in a gap.
    """

    def __init__(self) -> None:
        self._doc: pycrdt.Doc[Any] = pycrdt.Doc()
        self.known = Known()
        self.clocks = self.known.clocks
        self._behind = self.known.behind
        self.size = len(EMPTY_UPDATE)
        self.poisoned = self.plain = False
        self.taken = b""
        self.gapped = self.filled = False
        self._kept: bytes | None = None
        self._disguised = False
        self._containers: Ids | None = Ids()
        self._keyed: Ids | None = Ids()
        self._is_entry: Callable[[int, int], bool] | None = None
        self._most_typed = _MOST_TYPED
        self._pairs: set[tuple[int, int]] = set()
        self._costs = Costs()

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
                document._take_snapshot(snapshot)
            # One transaction each, as when they came: what a hostile update leaves depends on it.
            for update in tail:
                document._replay(update)
            document._check_clocks()
            document._kept = None
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
            raise CollabError("storage_unavailable", "The stored document cannot be read.") from None
        document.size = max(len(EMPTY_UPDATE), len(snapshot or b"") + sum(map(len, tail)))
        document._costs.loaded(time.thread_time() - began, document.size)
        return document

    def _take_snapshot(self, snapshot: bytes) -> None:
        """Begin with a state; one that this class has not marked is looked at like any other update."""
        state = unmarked(snapshot)
        if state is None:
            found = scan(snapshot, {}, None, is_keyed=lambda _client, _clock: False, strict=True, know_all=True)
            self._integrate(self._for_library(mended(snapshot, found), found))
            self._pairs = {pair for pair in found.pairs if pair not in found.parted}
            self.known.add(found.runs)
        else:
            self._doc.apply_update(state)
            if astral(state):
                self._pairs = set(scan(state, {}).pairs)
            self.clocks |= read_state_vector(self._doc.get_state())

    def _replay(self, update: bytes) -> None:
        """Apply what is in the log, whatever it is: it was let in once."""
        typed = None if self._pairs else read_keystroke(update, self.clocks, self._is_entry, self._most_typed)
        if typed is not None and typed[0] not in self._behind:
            self._doc.apply_update(update)
            self._kept = None
            self.clocks[typed[0]] = typed[1]
            return
        scanned = partial(
            scan, is_keyed=self._is_keyed, strict=True, pairs=self._pairs, know_all=self._keyed is not None
        )
        try:
            try:
                found = scanned(update, self.clocks)
                if not self._behind.keys().isdisjoint(found.ends):
                    raise CollabError("missing_dependencies")
            except CollabError as error:
                if error.code != "missing_dependencies":
                    raise
                update = what_integrates(update, self.known)[0]
                found = scanned(update, self.clocks, settled=True)
        except CollabError:
            self._doc.apply_update(update)
            self._learn()
            return
        if found.parted:
            self._part(found.parted)
        self._integrate(self._for_library(mended(update, found), found))
        self._note(found)

    def _learn(self) -> None:
        """Take clocks and surrogate pairs from the CRDT."""
        self._kept = None
        found = scan(self.encode(), {})
        self._know(Known())
        self.known.add(found.runs)
        self._pairs = set(found.pairs)

    def _know(self, known: Known) -> None:
        self.known, self.clocks, self._behind = known, known.clocks, known.behind

    def _check_clocks(self) -> None:
        """What was loaded is what the CRDT has; where it is not, the CRDT decides."""
        if self._vector() != self.clocks:
            self._learn()

    def _vector(self) -> dict[int, int]:
        """The state vector of the CRDT, which names clients with nothing but a gap in front, too."""
        return {client: clock for client, clock in read_state_vector(self._doc.get_state()).items() if clock}

    def apply(
        self,
        update: bytes,
        may_part: Callable[[], bool] = lambda: True,
        most: int | None = None,
        *,
        in_part: bool = False,
    ) -> bool:
        """Apply a foreign update; what others may be given of it is :attr:`taken` afterwards.

        Args:
            update: Yjs v1.
            may_part: asked before an update is applied that puts something between the halves of a
                surrogate pair, which costs as much as loading the document.
            most: changes that are applied at once (None: however many).
            in_part: of an update that needs something unknown, what can be integrated is applied; otherwise
                all of it or nothing.

        Returns:
            Whether it added anything that the document did not have.

        Raises:
            CollabError: ``invalid_update``; ``rate_limited`` where ``may_part`` says no;
                ``document_too_large`` where there are too many sub-documents; ``storage_unavailable``
                while the document is poisoned. The document is unchanged then.
            TakenInPart: ``missing_dependencies``, with what is missing, and what has been applied.
            ManyChanges: there are more than ``most`` changes.
        """
        if self.poisoned:
            raise CollabError("storage_unavailable", "The document is being loaded again.", retry_after=1)
        typed = None if self._pairs else read_keystroke(update, self.clocks, self._is_entry, self._most_typed)
        if typed is not None and self._behind and typed[0] in self._behind:
            typed = None
        self.plain = typed is not None
        if typed is not None:
            client, end, loose = typed
            if loose:
                self._costs.integrate(self._integrate, update, 1)
            else:
                self._integrate(update)
            self.clocks[client] = end
            self.size += len(update)
            self.taken = update
            return True
        self.taken = b""
        self.gapped = self.filled = False
        strict, all_known = self._is_entry is not None, self._keyed is not None
        try:
            found = scan(update, self.clocks, self._is_container, self._pairs, most, self._is_keyed, strict, all_known)
        except CollabError as error:
            if error.code != "missing_dependencies":
                raise
            return self._apply_in_part(update, may_part, most, in_part)
        if self._behind and not self._behind.keys().isdisjoint(found.ends):
            return self._apply_in_part(update, may_part, most, in_part)
        return self._apply_scanned(update, found, may_part)

    def _apply_in_part(
        self, update: bytes, may_part: Callable[[], bool], most: int | None, although_missing: bool
    ) -> bool:
        """Apply what builds on nothing unknown, with gaps between."""
        part, missing = what_integrates(update, self.known, most)
        added = False
        if part != EMPTY_UPDATE and (although_missing or not missing):
            found = scan(
                part, self.clocks, self._is_container, self._pairs, most, self._is_keyed, True, True, settled=True
            )  # fmt: skip
            before = sum(map(len, self._behind.values()))
            added = self._apply_scanned(part, found, may_part)
            self.gapped = sum(map(len, self._behind.values())) > before
        if missing:
            raise TakenInPart(missing, self.taken)
        return added

    def _apply_scanned(self, update: bytes, found: Scan, may_part: Callable[[], bool]) -> bool:
        if found.subdocuments:
            self._costs.add_subdocuments(found.subdocuments, lambda: scan(self.encode(), {}).subdocuments)
        if found.parted:
            if not may_part():
                raise CollabError("rate_limited", retry_after=1)
            self._part(found.parted)
        update = mended(update, found)
        inside = self._for_library(update, found)
        if found.runs:
            self._check_order(inside, found, may_part)
        if not found.new:
            # What parted a pair has to be in the log, even if it says nothing else.
            added = (found.deletes and self._apply_deletes(inside)) or bool(found.parted)
            self.taken = update if added else b""
            return added
        if found.loose:
            self._costs.integrate(self._integrate, inside, found.loose)
        else:
            self._integrate(inside)
        self._note(found)
        if (found.entangled or found.runs) and self._vector() != self.clocks:
            self.poisoned = True
            raise CollabError("missing_dependencies")
        self.size += len(update)
        self.taken = update
        return True

    def _check_order(self, update: bytes, found: Scan, may: Callable[[], bool]) -> None:
        """Raise ``invalid_update`` where a gap is filled with what can only have been made later."""
        known = self.known
        if not any(begin < known.end(client) for client, begin, _ in found.runs):
            return
        self.filled = True
        if self.size > _CHEAP and not may():
            raise CollabError("rate_limited", retry_after=1)
        after = known.copy()
        after.add(found.runs)
        if not in_order(self._inside(), update, after):
            raise CollabError("invalid_update", "This edit is damaged: it leans on what came later.")

    def _note(self, found: Scan) -> None:
        clocks = self.clocks
        if found.runs:
            self.known.add(found.runs)
        else:
            for client, end in found.ends.items():
                if end > clocks.get(client, 0):
                    clocks[client] = end
        if found.pairs:
            self._pairs.update(pair for pair in found.pairs if pair not in found.parted)
        if self._containers is not None:
            self._containers.add(found.containers)
        if self._keyed is not None and found.keyed:
            self._keyed.add(found.keyed)
            self._is_entry = self._keyed.hold

    def _for_library(self, update: bytes, found: Scan) -> bytes:
        """``update`` as it is given to the CRDT library."""
        if not found.foreign:
            return update
        self._disguised = True
        return disguise(update)

    def check(self, most: int) -> Callable[[bytes], tuple[bytes, CollabError | None]]:
        """A function that tells of an update what :meth:`apply` would take, and what it would raise.

        It may run in another thread. It raises where nothing of the update may be applied.

        Args:
            most: bytes that the document may have; ``document_too_large`` where an update adds too many.
        """
        containers, keyed = self._structure()
        return outlook(self.known.copy(), set(self._pairs), containers, keyed, most - self.size, most)

    def new_bytes(self, update: bytes) -> int:
        """Bytes of what ``update`` would add; raises ``invalid_update`` where it is none."""
        try:
            return new_bytes(update, self.known)
        except (ValueError, IndexError):
            raise CollabError("invalid_update") from None

    def _part(self, pairs: set[tuple[int, int]]) -> None:
        """Replace the halves of surrogate pairs in the document."""
        known = pairs & self._pairs
        if known:
            doc: pycrdt.Doc[Any] = pycrdt.Doc()
            doc.apply_update(mend(self._inside(), pairs=known))
            self._doc = doc
            self._kept = None
            self._pairs -= known

    def _is_container(self, client: int, clock: int) -> bool:
        """Whether a struct of this document may have children; reads the document once to know."""
        return self._structure()[0].hold(client, clock)

    def _is_keyed(self, client: int, clock: int) -> bool:
        """Whether a struct of this document is a map entry; reads the document once to know."""
        return self._structure()[1].hold(client, clock)

    def _structure(self) -> tuple[Ids, Ids]:
        if self._containers is None or self._keyed is None:
            found = scan(self.encode(), {})
            self._containers, self._keyed = Ids(), Ids()
            self._containers.add(found.containers)
            self._keyed.add(found.keyed)
            self._is_entry = self._keyed.hold if found.keyed else None
            self._most_typed = _MOST_TYPED
        return self._containers, self._keyed

    def _integrate(self, update: bytes) -> None:
        self._kept = None
        core: Any = self._doc._doc
        try:
            # `apply_update` of pycrdt's own, without its context managers, which cost half as much as the work.
            transaction = core.create_transaction()
            try:
                core.apply_update(transaction, update)
                transaction.commit()
            finally:
                transaction.drop()
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
            # pycrdt's PanicException is a BaseException, and the document may be half changed.
            self.poisoned = True
            raise CollabError("invalid_update") from None

    def _apply_deletes(self, update: bytes) -> bool:
        """Yjs sends its whole delete set with every resync; most often it says nothing new."""
        kept = self._kept
        changes: list[bytes] = []
        subscription = self._doc.observe(lambda event: changes.append(event.delete_set))
        try:
            self._integrate(update)
        finally:
            self._doc.unobserve(subscription)
        if not any(change != b"\0" for change in changes):
            self._kept = kept
            return False
        self.size += len(update)
        return True

    def adds(self, update: bytes) -> bool:
        """Whether ``update``, an answer to our step 1, says anything new; it is not applied."""
        try:
            if self._behind:  # whoever knows what is behind a gap sends it again
                update, missing = what_integrates(update, self.known)
                if missing:
                    return True
            deleted = read_deletions(update)
            return not all_in(deleted, read_deletions(self._doc.get_update(self._doc.get_state())))
        except DecodeError:
            return True

    def state_vector(self) -> bytes:
        """The state vector, Yjs v1."""
        return self._doc.get_state()

    def diff(self, state_vector: bytes | None) -> bytes:
        """What a peer with ``state_vector`` lacks (None: everything), as a Yjs v1 update.

        Raises:
            CollabError: ``invalid_payload`` for a state vector that cannot be read.
        """
        clocks = read_state_vector(state_vector) if state_vector is not None else {}
        if not clocks:
            return self.encode()
        if self._behind and not self._behind.keys().isdisjoint(clocks):
            # The library has nothing for who knows all up to a gap: those clients are sent as to who knows nothing.
            clocks = {client: clock for client, clock in clocks.items() if client not in self._behind}
            state_vector = write_state_vector(clocks)
        missing = self._doc.get_update(state_vector)
        return undisguise(missing) if self._disguised else missing

    def encode(self) -> bytes:
        """The whole document as one Yjs v1 update."""
        state = self._inside()
        return undisguise(state) if self._disguised else state

    def snapshot(self) -> bytes:
        """The same for our own store, with a mark that lets :meth:`load` trust it."""
        return self.encode() if self._disguised or self._behind else marked(self._inside())

    def _inside(self) -> bytes:
        """The whole document as it is inside the CRDT library."""
        state = self._kept
        if state is None:
            state = self._kept = self._doc.get_update()
            self.size = len(state)
        return state

    def forget_encoded(self) -> None:
        """Let go of what :meth:`encode` keeps for whoever asks before the next edit."""
        self._kept = None

    def measure(self) -> int:
        """The exact encoded size in bytes."""
        return len(self._inside())

    def content_hash(self) -> str:
        """SHA-256 (hex) of the content; equal for replicas that hold the same."""
        return content_hash(self._inside(), undisguise if self._disguised else None)
