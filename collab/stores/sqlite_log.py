"""The log of a SQLite store: the newest rows in a segment, all others in the tables.

A commit in SQLite costs a page of each document in it, twice. So most batches go into the *segment*, a file beside
the database that is only written on at its end: one write of what is new, and one flush. The tables take over what
stands there in one go, in front of anything else that is written to them, so whatever stands in the segment is
younger than all that stands in the tables.

Format, numbers little-endian: ``collabsg``, the salt of the database (16 bytes), the *generation* (u64), then records
one behind the other. A record is what one commit wrote: ``C1 4C 4F 47`` (four bytes), the length of its body (u32),
CRC-32 of the body (u32), begun with salt and generation; the body is rows, each of position (u64), document id (u64),
seconds since 1970 (f64), length of the participant plus one (u32; 0: none), length of the update (u32), participant
(UTF-8), update. Every taking over begins a generation, which the database knows, and writes over the file from its
beginning: records of another generation have another checksum and are none. So the end is where no record is, and a
commit that was cut off is none.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import struct
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from collab.errors import CollabError
from collab.stores import outbox_tables
from collab.stores import sqlite_rows as sql
from collab.stores.failpoints import ARMED, failpoint
from collab.stores.outbox import Event, Outbox
from collab.stores.sqlite_place import Place, Whereabouts
from collab.stores.sqlite_rows import Row
from collab.stores.writer import Append, Writer

#: rows that the segment takes at most, and their bytes
MAX_ROWS, MAX_BYTES = 2_000, 1 << 20
#: epochs that have ended, of which copies in this process may know no better yet
ENDED = 100_000

_BEGIN = struct.Struct("<8s16sQ")
_NAME = b"collabsg"
_MAGIC = b"\xc1LOG"
_HEAD = struct.Struct("<4sII")
_FIXED = struct.Struct("<QQdII")

#: macOS has no other
_flush = getattr(os, "fdatasync", os.fsync)

_log = structlog.get_logger("collab.store")


@dataclass(frozen=True, slots=True)
class Found:
    """What a segment holds that the tables lack; ``trouble``: why that is not all there was, in words."""

    rows: list[Row]
    trouble: str = ""


class Segment:
    """The segment of a database that is open, in the thread that writes.

    Args:
        path: of the file; created with mode 0600 if it is new, and its directory flushed. What is in it is erased.
        salt: of the database.
        generation: that begins.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: str, salt: bytes, generation: int) -> None:
        self._path = path
        self._salt = salt
        new = not os.path.lexists(path)
        self._file = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        if new:
            _flush_directory(path)
        self.wipe()
        #: a write failed, and what of it is on disk nobody knows
        self._torn = False
        #: what the tables lack, and the names of its documents; any thread may look
        self.rows: list[Row] = []
        self.documents: set[str] = set()
        self.begin(generation)

    @property
    def waits(self) -> bool:
        """Whether the tables have to take over."""
        return bool(self.rows) or self._torn

    @property
    def takes_more(self) -> bool:
        """Whether the next rows may stand here."""
        return not self._torn and len(self.rows) < MAX_ROWS and self._end < MAX_BYTES

    def append(self, rows: Sequence[Row], documents: Sequence[str]) -> None:
        """Write rows, and return once they are on disk.

        Args:
            documents: the names that they belong to.

        Raises:
            OSError: they are not; the tables have to take them, and over.
        """
        data = record(self._seed, rows)
        if self._end == 0:
            data = _BEGIN.pack(_NAME, self._salt, self._generation) + data
        try:
            written = os.pwrite(self._file, data, self._end)
            while written < len(data):  # a file system that is full takes a part, and says why with the rest
                written += os.pwrite(self._file, data[written:], self._end + written)
            if ARMED:
                failpoint("append.before_commit")
            _flush(self._file)
        except OSError:
            self._torn = True
            raise
        if ARMED:
            failpoint("append.after_commit")
        self._end += len(data)
        self.rows += rows
        self.documents.update(documents)

    def begin(self, generation: int) -> None:
        """The tables have what was here, and ``generation`` begins."""
        self._generation, self._seed = generation, seed(self._salt, generation)
        self._end, self._torn = 0, False
        self.rows, self.documents = [], set()

    def wipe(self) -> None:
        """Erase what stands in the file; only when the tables have it.

        Raises:
            OSError: it still stands there.
        """
        size = os.fstat(self._file).st_size
        if size:
            os.pwrite(self._file, bytes(size), 0)
            _flush(self._file)
            os.ftruncate(self._file, 0)

    def close(self) -> None:
        """Let go of the file, and remove it where the tables have all of it. Idempotent."""
        file, self._file = self._file, -1
        if file < 0:
            return
        with suppress(OSError):  # what stands at its name may be somebody else's, or nothing
            if not self.waits and os.path.samestat(os.fstat(file), os.stat(self._path)):
                os.unlink(self._path)
        os.close(file)


def seed(salt: bytes, generation: int) -> int:
    """What the checksums of a generation begin with."""
    return zlib.crc32(struct.pack("<Q", generation), zlib.crc32(salt))


def record(begin: int, rows: Sequence[Row]) -> bytes:
    """Rows as they stand in the file; ``begin`` is the :func:`seed`."""
    parts: list[bytes] = []
    for document, position, participant, at, update in rows:
        who = b"" if participant is None else participant.encode()
        known = 0 if participant is None else len(who) + 1
        parts += (_FIXED.pack(position, document, at, known, len(update)), who, update)
    body = b"".join(parts)
    return _HEAD.pack(_MAGIC, len(body), zlib.crc32(body, begin)) + body


def read(path: str, salt: bytes, generation: int) -> Found:
    """What a file holds of a generation of the database with this salt; one that is not there holds nothing.

    Raises:
        OSError: it cannot be read.
    """
    found = _read(path, salt, generation)
    # Of what is just being written a reader may have the end without the beginning.
    return _read(path, salt, generation) if found.trouble else found


def _read(path: str, salt: bytes, generation: int) -> Found:
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return Found([])
    if len(data) < _BEGIN.size:
        return Found([])
    name, whose, which = _BEGIN.unpack_from(data)
    if (name, whose) != (_NAME, salt):
        return Found([], "it belongs to another database")
    if which != generation:
        # Older: it was taken over. Newer: so was it, and the database has lost that since.
        return Found([], "the database has lost what came before it" if which > generation else "")
    begin = seed(salt, generation)
    rows: list[Row] = []
    damaged = 0
    expected = at = _BEGIN.size
    while (at := data.find(_MAGIC, at)) >= 0:
        body = _body(data, at, begin)
        if body is None:
            at += 1
            continue
        damaged += at != expected
        rows += _rows(body)
        at = expected = at + _HEAD.size + len(body)
    return Found(rows, f"it is damaged at {damaged} place(s)" if damaged else "")


def _body(data: bytes, at: int, begin: int) -> bytes | None:
    start = at + _HEAD.size
    if start > len(data):
        return None
    _, size, stored = _HEAD.unpack_from(data, at)
    body = data[start : start + size]
    return body if len(body) == size and zlib.crc32(body, begin) == stored else None


def _rows(body: bytes) -> Iterator[Row]:
    at = 0
    while at < len(body):
        position, document, when, known, size = _FIXED.unpack_from(body, at)
        at += _FIXED.size
        participant = None
        if known:
            participant = body[at : at + known - 1].decode()
            at += known - 1
        update = body[at : at + size]
        at += size
        yield document, position, participant, when, update


def _aside(path: str) -> str:
    """Where a copy of it is, for people to look at."""
    kept = f"{path}.{time.time_ns()}"
    shutil.copy(path, kept)  # with its rights
    return kept


def _flush_directory(path: str) -> None:
    directory = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


class SqliteLog:
    """The log of a store that is open.

    Args:
        place: where the file is, beside which the segment stands.
        outbox: what goes with an edit.
    """

    def __init__(self, place: Place, outbox: Outbox) -> None:
        self._place = place
        self._outbox = outbox
        #: where batches are made; None: nothing can be written
        self.writer: Writer | None = None
        self._segment: Segment | None = None
        #: the newest position that was given
        self.position = 0
        #: epoch -> id of the document, and epochs that have ended, oldest first
        self._ids: dict[str, int] = {}
        self._ended: dict[str, None] = {}

    def log(
        self,
        document: str,
        update: bytes,
        participant: str | None,
        done: Callable[[int | CollabError], None],
        epoch: str = "",
    ) -> None:
        """See :class:`collab.stores.base.Store`; in the event loop."""
        if self.writer is None:
            asyncio.get_running_loop().call_soon(done, CollabError("storage_unavailable"))
            return
        notes = self._outbox.notes.pop(document, ()) if self._outbox.notes else ()
        self.writer.put(Append(document, update, participant, time.time(), done, epoch, notes))

    def open(self, connection: sqlite3.Connection) -> None:
        """Let the tables take over what a server that ended left behind, and begin a segment.

        Raises:
            OSError, sqlite3.Error: that is not possible; nothing is lost.
        """
        path = self._place.segment
        found = read(path, *sql.generation(connection))
        rows, trouble = sql.of_documents(connection, found.rows), found.trouble
        if len(rows) < len(found.rows):
            trouble = trouble or "the database has lost documents that are in it"
        if trouble:
            _log.error("the log may have lost edits: its segment is put aside", reason=trouble, path=_aside(path))
        connection.execute("BEGIN IMMEDIATE")
        sql.insert(connection, rows, "INSERT OR IGNORE")
        outbox_tables.note_rows(connection, rows)
        sql.begin_generation(connection)
        failpoint("recover.before_commit")
        connection.execute("COMMIT")
        failpoint("recover.after_commit")
        self._segment = Segment(path, *sql.generation(connection))
        # Positions rise, also where an older file took the place of a newer one.
        self.position = max(self.position, sql.last_position(connection))
        self._ids.clear()

    def commit(self, connection: sqlite3.Connection, appends: list[Append]) -> list[int | CollabError]:
        """Make a batch durable; its positions, or why one of them was refused.

        Raises:
            sqlite3.Error: nothing of it can be relied on.
        """
        fresh: dict[tuple[str, str], int] = {}
        rows, refused = self._rows(connection, appends, fresh)
        notes = [append.notes for append in appends if append.notes]
        if rows and (fresh or notes or not self._stand_in_segment(rows, appends)):
            self._put_into_tables(connection, rows, notes)
            self._ids |= {epoch: id for (_, epoch), id in fresh.items() if epoch}
        first, self.position = self.position + 1, self.position + len(rows)
        if self._place.look() is not Whereabouts.INTACT:
            raise sqlite3.OperationalError("the database file is gone")
        if not refused:
            return list(range(first, self.position + 1))
        positions = iter(range(first, self.position + 1))
        return [CollabError("document_deleted") if at in refused else next(positions) for at in range(len(appends))]

    def _rows(
        self, connection: sqlite3.Connection, appends: list[Append], fresh: dict[tuple[str, str], int]
    ) -> tuple[list[Row], set[int]]:
        """The rows of a batch, and which of it are refused.

        Args:
            fresh: is given the ids that were not known here, in a transaction that has begun then.
        """
        position = self.position
        rows = []
        refused: set[int] = set()
        for at, append in enumerate(appends):
            id = self._ids.get(append.epoch) or fresh.get((append.document, append.epoch))
            if id is None:
                if append.epoch in self._ended:
                    refused.add(at)
                    continue
                if not connection.in_transaction:
                    connection.execute("BEGIN IMMEDIATE")
                id = sql.document_id(connection, append.document, append.time, append.epoch)
                fresh[append.document, append.epoch] = id
            position += 1
            rows.append((id, position, append.participant, append.time, append.update))
        return rows, refused

    def _stand_in_segment(self, rows: list[Row], appends: list[Append]) -> bool:
        segment = self._segment
        if segment is None or not segment.takes_more:
            return False
        try:
            segment.append(rows, [append.document for append in appends])
        except OSError:
            return False  # the tables will say what is wrong, or do without
        return True

    def _put_into_tables(self, connection: sqlite3.Connection, rows: list[Row], notes: list[Sequence[Event]]) -> None:
        if not connection.in_transaction:
            connection.execute("BEGIN IMMEDIATE")
        self.fold(connection)
        sql.insert(connection, rows)
        for some in notes:
            outbox_tables.put(connection, some)
        if ARMED:
            failpoint("append.before_commit")
        connection.execute("COMMIT")
        if ARMED:
            failpoint("append.after_commit")
        self.folded(connection)

    # -- taking over ----------------------------------------------------------------------------

    def holds(self, documents: Iterable[str]) -> bool:
        """Whether the tables lack something of one of these documents; in any thread."""
        segment = self._segment
        return segment is not None and not segment.documents.isdisjoint(documents)

    @property
    def waits(self) -> bool:
        """Whether the tables lack something; in any thread."""
        return self._segment is not None and self._segment.waits

    def fold(self, connection: sqlite3.Connection) -> None:
        """Let the tables take over, in the caller's transaction; :meth:`folded` once that is committed."""
        segment = self._segment
        if segment is not None and segment.waits:
            sql.insert(connection, segment.rows)
            sql.begin_generation(connection)
            if ARMED:
                failpoint("fold.before_commit")

    def folded(self, connection: sqlite3.Connection) -> None:
        """The tables have taken over."""
        segment = self._segment
        if segment is not None and segment.waits:
            if ARMED:
                failpoint("fold.after_commit")
            segment.begin(sql.generation(connection)[1])

    def wipe(self, _connection: sqlite3.Connection) -> None:
        """Erase what the tables have taken over, so that what is deleted for good is nowhere.

        Raises:
            sqlite3.Error: it cannot be erased.
        """
        if self._segment is not None and not self._segment.waits:
            try:
                self._segment.wipe()
            except OSError as error:
                raise sqlite3.OperationalError(f"the segment cannot be erased: {error}") from None

    # -- lives of documents ---------------------------------------------------------------------

    def owner(self, connection: sqlite3.Connection, document: str, epoch: str, now: float) -> int | None:
        """The id of a document in its life ``epoch``; None: that has ended."""
        if epoch in self._ended:
            return None
        return self._ids.get(epoch) or sql.document_id(connection, document, now, epoch)

    def end(self, epoch: str) -> None:
        """Refuse whatever still comes for this life of a document."""
        self._ids.pop(epoch, None)
        self._ended[epoch] = None
        while len(self._ended) > ENDED:
            del self._ended[next(iter(self._ended))]

    def has_ended(self, epoch: str) -> bool:
        """Whether that life of a document has ended, as far as this process has seen."""
        return epoch in self._ended

    def close(self) -> None:
        """Let go of the segment. Idempotent."""
        segment, self._segment = self._segment, None
        if segment is not None:
            segment.close()


def trouble(path: str, connection: sqlite3.Connection) -> str:
    """What is wrong with the segment, which somebody may be writing to; ``""``: nothing."""
    while True:
        generation = sql.generation(connection)
        found = read(path, *generation)
        if sql.generation(connection) == generation:
            return found.trouble
