"""Documents in one SQLite file. An ack means: committed, and the WAL is on disk (fdatasync).

One writer thread takes everything that waits and commits it together (group commit), so that a
thousand edits a second cost some dozens of disk flushes. Reads have a connection of their own.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TypeVar

import structlog

from collab.errors import CollabError
from collab.stores import sqlite_mark, sqlite_trash, sqlite_versions
from collab.stores import sqlite_rows as sql
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
    as_future,
)
from collab.stores.failpoints import failpoint
from collab.stores.sqlite_log import SqliteLog, trouble
from collab.stores.sqlite_outbox import SqliteOutbox
from collab.stores.sqlite_place import Place, Whereabouts
from collab.stores.sqlite_schema import SchemaError, check_is_ours, check_is_recent, connect, prepare
from collab.stores.sqlite_streams import SqliteStreams
from collab.stores.writer import Writer

T = TypeVar("T")

#: seconds between two looks whether the file is still there
LOOK_INTERVAL = 0.5
#: a file that is gone is written anew after so many seconds
PATIENCE = 3.0
#: another file in its place is taken after it has not changed for so many seconds
STILL = 1.0

#: documents of the trash that are looked up in one go
PURGED_AT_ONCE = 100

#: what a check says of a file that was copied while a server had it open, or was killed with it
LACKS_SEGMENT = (
    "the file was copied without those beside it (-wal, -segment), where the last edits stand: they may be missing;"
    " `collab backup` makes whole copies"
)

#: why a file cannot be opened
_FAULTS = (sqlite3.Error, OSError, SchemaError)

_log = structlog.get_logger("collab.store")


class SqliteStore(Store):
    """The embedded store.

    Args:
        path: of the database file; created with mode 0600 if it is new.
        busy_seconds: how long a commit waits for another process's lock before it fails.
        read_only: open for looking only (``collab check`` beside a running server).
    """

    adapter = "sqlite"
    outbox: SqliteOutbox

    def __init__(self, path: str, *, busy_seconds: float = 2.0, read_only: bool = False) -> None:
        self._place = Place(path)
        self._busy_seconds = busy_seconds
        self._read_only = read_only
        self._writer: Writer | None = None
        self._closed = False
        self._reader: sqlite3.Connection | None = None
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="collab-read")
        #: for lists, behind which nobody who opens a document is to wait
        self._browser: sqlite3.Connection | None = None
        self._browsing = ThreadPoolExecutor(1, thread_name_prefix="collab-list")
        self._watching: asyncio.Task[None] | None = None
        #: the file that is open has no name any more
        self._lost = False
        #: what was made of a log up to here was made of that of another file
        self._floor = -1
        self.outbox = SqliteOutbox(self._write, self._browse, self._settle)
        self._log = SqliteLog(self._place, self.outbox)
        self.log = self._log.log  # type: ignore[method-assign]  # not a call more for each edit
        self.streams = SqliteStreams(self._write, self._browse, self._log.owner)

    # -- open and close -------------------------------------------------------------------------

    async def open(self) -> None:
        """Open or create the file, and watch over it.

        Raises:
            CollabError: ``storage_unavailable``: another server has it open, it is not ours, or
                it cannot be read; the message says which.
        """
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._reading, self._open, loop)
        except _FAULTS as error:
            self._place.unlock()
            raise CollabError("storage_unavailable", f"Cannot open {self._place.path}: {error}.") from None
        if not self._read_only:
            self._watching = loop.create_task(self._watch(loop))

    def _open(self, loop: asyncio.AbstractEventLoop) -> None:
        path = self._place.path if self._read_only else self._place.lock()
        if not self._read_only:
            check_is_ours(path)
            connection = connect(path, busy_seconds=self._busy_seconds)
            try:
                prepare(connection)
                self._log.open(connection)
                self.outbox.prepare(connection)
            except BaseException:
                connection.close()
                raise
            path = self._place.path
            self._writer = self._log.writer = Writer(loop, connection, self._log, sql.shrink, path, self.commits)
        self._reader = connect(path, read_only=True, busy_seconds=self._busy_seconds)
        check_is_recent(self._reader)  # the first read makes the files beside it
        self._browser = connect(path, read_only=True, busy_seconds=self._busy_seconds)
        self._place.remember()

    async def close(self) -> None:
        """See :class:`Store`."""
        if self._closed:
            return
        await self.streams.close()
        self._closed = True
        loop = asyncio.get_running_loop()
        if self._watching is not None:
            watching, self._watching = self._watching, None
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            if self._lost or self._place.look() is not Whereabouts.INTACT:
                await self._rescue(loop, patience=0.0)
        if self._writer is not None:
            self._writer.flush()
        await loop.run_in_executor(self._reading, self._let_go)
        self._reading.shutdown(wait=False)
        self._browsing.shutdown(wait=False)
        self._place.unlock()

    def _let_go(self) -> None:
        """Close every connection; the last one, which may write, folds the WAL into the file."""
        reader, self._reader = self._reader, None
        browser, self._browser = self._browser, None
        writer, self._writer = self._writer, None
        self._log.writer = None
        if browser is not None:
            self._browsing.submit(browser.close).result()  # behind a list that is being read
        if reader is not None:
            reader.close()
        if writer is not None:
            writer.close()

    # -- a file that goes away ------------------------------------------------------------------

    async def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        while True:
            await asyncio.sleep(LOOK_INTERVAL)
            if not self._lost and self._place.look() is Whereabouts.INTACT:
                continue
            try:
                await self._rescue(loop, PATIENCE)
            except Exception:
                _log.exception("looking after the database file failed")

    async def _rescue(self, loop: asyncio.AbstractEventLoop, patience: float) -> None:
        """Try to have a file again; until that succeeds, nothing is read, written or acknowledged.

        What was removed or renamed can still be read by whoever has it open: after ``patience`` seconds, in which
        somebody may put another file there, it is written anew. Another file is taken once it stands still.
        """
        if not self._lost:
            self._lost, self._log.writer = True, None
            _log.error("the database file is gone", path=self._place.path, found=self._place.look().value)
        if self._writer is not None:
            with suppress(CollabError):  # wherever the file is now, it is whole
                await self._writer.run(sql.shrink, transaction=False)
            if self._log.waits:
                return  # the tables could not take over, and the segment may have lost its name as well
        self._place.clear()
        try:
            found = await loop.run_in_executor(self._reading, self._go_on, loop, patience)
        except _FAULTS as error:
            if self._place.is_news(str(error)):
                _log.error("the database file cannot be had again", path=self._place.path, reason=str(error))
            return
        if found is not None:
            self._lost = False
            how = "written anew" if found is Whereabouts.GONE else found.value
            _log.warning("there is a database file again", path=self._place.path, found=how)
            self.on_replaced()

    def _go_on(self, loop: asyncio.AbstractEventLoop, patience: float) -> Whereabouts | None:
        found = self._place.look()
        if found is Whereabouts.GONE:
            if not self._place.gone_for(patience):
                return None
            if self._reader is not None:
                self._place.put(self._reader)
        elif found is Whereabouts.REPLACED:
            if not self._place.stands_still(min(patience, STILL)):
                return None
            self._place.check()
        self._place.lock()  # while the old one is open still: it may be all that there is
        with self._place.neighbours_kept():
            self._let_go()
        self._place.unlock_former()
        self._floor = self._log.position
        self._open(loop)
        return found

    # -- writing --------------------------------------------------------------------------------

    def append(
        self, document: str, update: bytes, participant: str | None = None, epoch: str = ""
    ) -> asyncio.Future[int]:
        """See :class:`Store`."""
        return as_future(lambda done: self.log(document, update, participant, done, epoch))

    async def create(self, document: str) -> bool:
        """See :class:`Store`."""
        return await self._write(lambda connection: sql.create(connection, document))

    async def compact(self, document: str, snapshot: bytes, position: int, epoch: str = "") -> None:
        """See :class:`Store`."""

        def compact(connection: sqlite3.Connection) -> None:
            if not self._log.has_ended(epoch) and position > self._floor:
                sql.compact(connection, document, snapshot, position)

        await self._write(compact)
        failpoint("compact.after_commit")
        await self._write(sql.give_space_back, transaction=False)
        failpoint("compact.vacuumed")

    # -- deleting -------------------------------------------------------------------------------

    async def delete(self, document: str, *, keep: bool = False, epoch: str = "") -> bool:
        """See :class:`Store`."""

        def delete(connection: sqlite3.Connection) -> bool:
            ended = sqlite_trash.delete(connection, document, keep=keep)
            # Not before it is true; and before the next batch of appends is looked at.
            for each in filter(None, (ended, epoch)):
                self._log.end(each)
            return ended is not None

        found = await self._write(delete, transaction=False)
        if found and not keep:
            await self._erase()
        return found

    async def trash(
        self, prefix: str = "", limit: int = 100, after: str | None = None, *, since: float = 0.0
    ) -> list[DeletedDocument]:
        """See :class:`Store`."""
        return await self._browse(lambda connection: sqlite_trash.listed(connection, prefix, limit, after, since))

    async def undelete(self, document: str, since: float = 0.0) -> bool:
        """See :class:`Store`."""
        return await self._write(lambda connection: sqlite_trash.undelete(connection, document, since))

    async def purge(self, document: str | None = None, *, before: float = float("inf")) -> int:
        """See :class:`Store`."""
        count = 0
        some = partial(sqlite_trash.purgeable, document=document, before=before, limit=PURGED_AT_ONCE)
        while ids := await self._read(some):
            for id in ids:  # a transaction each, between which others have theirs
                count += await self._write(partial(sqlite_trash.purge, id=id), transaction=False)
        if count:
            await self._erase()
        return count

    async def _erase(self) -> None:
        await sqlite_trash.erase_free_pages(self._write)
        await self._write(self._log.wipe, transaction=False)

    # -- versions -------------------------------------------------------------------------------

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

        def add(connection: sqlite3.Connection) -> Version:
            if self._log.has_ended(epoch):
                raise CollabError("document_deleted")
            return sqlite_versions.add(connection, document, state, position, name, participant, epoch)

        return await self._write(add)

    async def delete_version(self, document: str, id: int) -> bool:
        """See :class:`Store`."""
        deleted = await self._write(lambda connection: sqlite_versions.delete(connection, document, id))
        if deleted:
            await self._write(sql.give_space_back, transaction=False)
        return deleted

    async def versions(self, document: str, limit: int | None = None, before: int | None = None) -> list[Version]:
        """See :class:`Store`."""
        return await self._read(lambda connection: sqlite_versions.listed(connection, document, limit, before))

    async def version_usage(self, document: str, state: bytes | None = None) -> tuple[int, int]:
        """See :class:`Store`."""
        return await self._read(lambda connection: sqlite_versions.usage(connection, document, state))

    async def version(self, document: str, id: int) -> tuple[Version, bytes] | None:
        """See :class:`Store`."""
        return await self._read(lambda connection: sqlite_versions.one(connection, document, id))

    async def _write(self, work: Callable[[sqlite3.Connection], T], *, transaction: bool = True) -> T:
        if self._writer is None or self._lost:
            raise CollabError("storage_unavailable")
        result = await self._writer.run(work, transaction=transaction)
        if self._lost or self._place.look() is not Whereabouts.INTACT:
            raise CollabError("storage_unavailable")
        return result

    # -- reading --------------------------------------------------------------------------------

    async def load(self, document: str) -> StoredDocument | None:
        """See :class:`Store`; damaged log rows, and those behind them, move to the quarantine."""
        await self._settle(document)
        stored, damaged_from = await self._read(lambda connection: sql.load(connection, document))
        if damaged_from and self._writer is not None:
            await self._write(lambda connection: sql.quarantine(connection, document, damaged_from))
        return stored

    async def names(self, prefix: str = "", limit: int = 100, after: str | None = None) -> list[str]:
        """See :class:`Store`."""
        return await self._browse(lambda connection: sql.names(connection, prefix, limit, after))

    async def infos(self, names: Sequence[str]) -> list[DocumentInfo]:
        """See :class:`Store`."""
        await self._settle(*names)
        read = self._read if len(names) == 1 else self._browse
        return await read(lambda connection: sql.infos(connection, names))

    async def usage(self) -> Usage:
        """See :class:`Store`; bytes of the file that hold something."""
        return await self._browse(sql.usage)

    async def history(self, document: str, after: int = 0, limit: int = 1000) -> list[HistoryEntry]:
        """See :class:`Store`."""
        await self._settle(document)
        return await self._browse(lambda connection: sql.history(connection, document, after, limit))

    async def space(self) -> Space:
        """See :class:`Store`."""
        try:
            return await asyncio.to_thread(self._place.space)
        except OSError:
            raise CollabError("storage_unavailable") from None

    async def check(self, deep: bool = False) -> StoreReport:
        """See :class:`Store`."""
        if self._writer is not None:
            await self._write(
                lambda connection: connection.execute("INSERT OR REPLACE INTO probe VALUES (1, ?)", (time.time_ns(),))
            )
        documents, damaged = await self._browse(lambda connection: self._check(connection, deep))
        promise = "an ack means: committed, fdatasync done"
        return StoreReport(self.adapter, self._place.path, promise, documents, damaged)

    def _check(self, connection: sqlite3.Connection, deep: bool) -> tuple[int, dict[str, str]]:
        documents, damaged = sql.check(connection, deep)
        if self._log.lacks_segment:
            damaged["(segment)"] = LACKS_SEGMENT
        elif deep and (words := trouble(self._place.segment, connection)):
            damaged["(segment)"] = words
        return documents, damaged

    async def tables_have_all(self) -> bool:
        """Whether nothing stands in a segment of a server that runs, or was killed: who only reads knows none of it."""
        return not await self._browse(lambda found: sqlite_mark.has_segment(found, self._place.segment))

    async def _settle(self, *documents: str) -> None:
        """Let the tables take over what they lack of ``documents`` (of all, if none is named): they are to be read."""
        if self._log.holds(documents) if documents else self._log.waits:
            await self._write(_nothing)

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await self._run(self._reading, self._reader, work)

    async def _browse(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await self._run(self._browsing, self._browser, work)

    async def _run(
        self, thread: ThreadPoolExecutor, reader: sqlite3.Connection | None, work: Callable[[sqlite3.Connection], T]
    ) -> T:
        if reader is None or self._lost:
            raise CollabError("storage_unavailable")
        try:
            return await asyncio.get_running_loop().run_in_executor(thread, work, reader)
        except sqlite3.Error:
            raise CollabError("storage_unavailable") from None


def _nothing(_connection: sqlite3.Connection) -> None:
    """What is in front of it is what it is for."""
