"""The log of a SQLite store: the newest rows in a segment, all others in the tables.

A commit in SQLite costs a page of each document in it, twice. So most batches go into the *segment*, a file beside
the database that is only written on at its end: one write of what is new, and one flush. The tables take over what
stands there in one go, in front of anything else that is written to them, so whatever stands in the segment is
younger than all that stands in the tables.
See :mod:`collab.stores.segment` for what is in the file.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence

import structlog

from collab.errors import CollabError
from collab.stores import outbox_tables, sqlite_mark
from collab.stores import sqlite_rows as sql
from collab.stores.failpoints import ARMED, failpoint
from collab.stores.outbox import Event, Outbox
from collab.stores.segment import Segment, create, read
from collab.stores.sqlite_place import Place, Whereabouts
from collab.stores.sqlite_rows import Row
from collab.stores.writer import Append, Writer

#: epochs that have ended, of which copies in this process may know no better yet
ENDED = 100_000

_log = structlog.get_logger("collab.store")


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
        #: the file was taken away from its segment, and no edit was written to it since
        self.lacks_segment = False
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
        self.lacks_segment = sqlite_mark.lacks_segment(connection, path)
        if self.lacks_segment:
            _log.warning(
                "the database file was copied without those beside it: the last edits may be missing",
                path=self._place.path,
            )
        found = read(path, *sql.generation(connection))
        rows, trouble = sql.of_documents(connection, found.rows), found.trouble
        if len(rows) < len(found.rows):
            trouble = trouble or "the database has lost documents that are in it"
        if trouble:
            _log.error("the log may have lost edits: its segment is put aside", reason=trouble, path=_aside(path))
        create(path)  # in front of the mark
        connection.execute("BEGIN IMMEDIATE")
        sql.insert(connection, rows, "INSERT OR IGNORE")
        outbox_tables.note_rows(connection, rows)
        sql.begin_generation(connection)
        sqlite_mark.put(connection)
        failpoint("recover.before_commit")
        connection.execute("COMMIT")
        failpoint("recover.after_commit")
        sqlite_mark.into_the_file(connection)
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
        self.lacks_segment = False
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

    def close(self, connection: sqlite3.Connection) -> None:
        """Let go of the segment, which is removed where the tables have all of it. Idempotent."""
        segment, self._segment = self._segment, None
        if segment is None:
            return
        cleared = True
        if not segment.waits and not self.lacks_segment:  # whoever only looked leaves the file as it was found
            try:
                sqlite_mark.clear(connection)
            except sqlite3.Error:
                cleared = False
        segment.close(remove=cleared)


def trouble(path: str, connection: sqlite3.Connection) -> str:
    """What is wrong with the segment, which somebody may be writing to; ``""``: nothing."""
    while True:
        generation = sql.generation(connection)
        found = read(path, *generation)
        if sql.generation(connection) == generation:
            return found.trouble


def _aside(path: str) -> str:
    """Where a copy of it is, for people to look at."""
    kept = f"{path}.{time.time_ns()}"
    shutil.copy(path, kept)  # with its rights
    return kept
