"""Group commit: one thread that writes, batches what waits, and answers a batch at once."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Protocol, TypeVar

import structlog

from collab.errors import CollabError
from collab.incidents import Incident
from collab.metrics import COMMIT, COMMIT_ROWS, STORE_ERRORS
from collab.stores.commits import Commits, Trace
from collab.stores.outbox import Event

T = TypeVar("T")

#: seconds: people feel it if a commit takes longer
SLOW_COMMIT = 0.5
_ERRNOS = {
    "SQLITE_FULL": "ENOSPC", "SQLITE_IOERR": "EIO", "SQLITE_READONLY": "EROFS", "SQLITE_CANTOPEN": "ENOENT",
    "SQLITE_NOMEM": "ENOMEM", "SQLITE_PERM": "EACCES",
}  # fmt: skip

#: an edit is at fault (too large, letters that are none), and not the store
_OF_ONE_EDIT = (sqlite3.DataError, OverflowError, UnicodeError)

#: updates that one transaction takes at most
MAX_BATCH = 5_000
#: seconds from a commit to the next one at least; the first edit after quiet is written at once
SHORTEST_GATHER = 0.002
#: seconds without a new update, after which even a few are written
PAUSE = 0.012
#: seconds that an update waits for others at most
LONGEST_GATHER = 0.050
#: updates that are worth a commit if they came within ``QUICK``; twice as many are in any case
GATHERED = 6
#: seconds: see ``GATHERED``
QUICK = 0.010
#: seconds from an answer to the next edit, within which somebody sends one after the other and is not held up
REPLY = 0.005
#: seconds without work after which there is time to tidy up
IDLE_AFTER = 3.0


_log = structlog.get_logger("collab.store")


def error_name(error: BaseException) -> str:
    """SQLite's own word for what went wrong, such as ``SQLITE_FULL``."""
    return getattr(error, "sqlite_errorname", None) or type(error).__name__


def errno_of(error: BaseException) -> str | None:
    """The errno behind it, as far as SQLite's word tells; it keeps the number to itself."""
    word = error_name(error)
    return next((name for known, name in _ERRNOS.items() if word.startswith(known)), None)


def _free(path: str) -> int | None:
    try:
        system = os.statvfs(os.path.dirname(os.path.abspath(path)))
    except OSError:
        return None
    return system.f_bavail * system.f_frsize


@dataclass(slots=True)
class Append:
    """An update on its way to the log.

    ``time`` in seconds since 1970; ``done`` is called in the event loop with the position or the error; ``epoch``
    is that of the copy which has it; ``notes`` go into the outbox with it; ``trace`` is for who hears of commits.
    """

    document: str
    update: bytes
    participant: str | None
    time: float
    done: Callable[[int | CollabError], None]
    epoch: str = ""
    notes: Sequence[Event] = ()
    trace: Trace = None


@dataclass(slots=True)
class _Work:
    """Anything else, run in the same order."""

    run: Callable[[sqlite3.Connection], Any]
    transaction: bool
    future: asyncio.Future[Any]


class Log(Protocol):
    """What becomes of appends; in the writer's thread. Raises ``sqlite3.Error``."""

    def commit(self, connection: sqlite3.Connection, appends: list[Append]) -> Sequence[int | CollabError]:
        """Make a batch durable; its positions, or why one of them was refused."""

    def fold(self, connection: sqlite3.Connection) -> None:
        """Let the tables take over, in the transaction that has begun."""

    def folded(self, connection: sqlite3.Connection) -> None:
        """That is committed."""

    @property
    def waits(self) -> bool:
        """Whether the tables lack something."""

    def close(self, connection: sqlite3.Connection) -> None:
        """Nothing comes any more."""


class Writer:
    """The only thread that writes to a SQLite file.

    Args:
        loop: whose thread hands work over, and is answered.
        connection: used in the writer's thread only, from here on.
        log: makes batches of appends durable, and lets the tables take over what it did not put there.
        when_idle: called once whenever nothing was to be written for ``IDLE_AFTER`` seconds.
        path: of the file, for the log.
        commits: who hears of each batch; None: nobody.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        connection: sqlite3.Connection,
        log: Log,
        when_idle: Callable[[sqlite3.Connection], None],
        path: str = "",
        commits: Commits | None = None,
    ) -> None:
        self._path = path
        self._commits = commits
        self._trouble = Incident(_log, "the store fails", "the store works again")
        self._connection = connection
        self._log = log
        self._when_idle = when_idle
        # In the event loop: what waits, since when, and whether a batch is on its way.
        self._loop = loop
        self._waiting: list[Append] = []
        self._first_at = self._latest_at = 0.0
        self._committed_at = -LONGEST_GATHER
        self._under_way = 0
        self._answered = 0
        self._timer: asyncio.TimerHandle | None = None
        self._queue: SimpleQueue[list[Append] | _Work | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="collab-write", daemon=True)
        self._thread.start()

    # -- in the event loop ----------------------------------------------------------------------

    def put(self, append: Append) -> None:
        """Hand over an update."""
        if self._commits is not None:
            append.trace = self._commits.current()
        now = self._latest_at = self._loop.time()
        if not self._waiting:
            self._first_at = now
        self._waiting.append(append)
        if self._under_way:
            return  # whoever comes back from the disk looks after it
        since = now - self._committed_at
        if since >= LONGEST_GATHER or (self._answered == 1 and since < REPLY):
            self.flush()
        elif self._enough(now):
            self._gather()
        elif self._timer is None:
            self._timer = self._loop.call_later(PAUSE, self._gather)

    def _gather(self) -> None:
        """Hand over what waits, or look again when it is time; one flush serves all of it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._under_way or not self._waiting:
            return
        now = self._loop.time()
        due = self._first_at + LONGEST_GATHER
        if self._enough(now):
            due = min(due, self._committed_at + SHORTEST_GATHER)
        elif self._latest_at == self._first_at or now - self._latest_at >= PAUSE:
            due = min(due, self._latest_at + PAUSE)
        # Otherwise they keep coming: no use in looking again before it is time.
        if now >= due or now - self._committed_at >= LONGEST_GATHER:
            self.flush()
        else:
            self._timer = self._loop.call_later(due - now, self._gather)

    def _enough(self, now: float) -> bool:
        count = len(self._waiting)
        return count >= GATHERED and (now - self._first_at <= QUICK or count >= 2 * GATHERED)

    def flush(self) -> None:
        """Hand over what waits, now."""
        waiting, self._waiting = self._waiting, []
        if 0 < len(waiting) <= MAX_BATCH:
            self._under_way += 1
            self._queue.put(waiting)
            return
        for first in range(0, len(waiting), MAX_BATCH):
            self._under_way += 1
            self._queue.put(waiting[first : first + MAX_BATCH])

    def _answer(self, batch: list[Append], results: list[int | CollabError]) -> None:
        self._under_way -= 1
        self._answered = len(batch)
        self._committed_at = self._loop.time()
        for append, result in zip(batch, results, strict=True):
            try:
                append.done(result)
            except Exception as error:  # the others still have to hear of theirs
                self._loop.call_exception_handler({"message": "an append's done failed", "exception": error})
        if self._waiting or self._timer is not None:
            self._gather()

    async def run(self, work: Callable[[sqlite3.Connection], T], *, transaction: bool = True) -> T:
        """Run ``work`` behind everything handed over so far, in a transaction of its own.

        Raises:
            CollabError: ``storage_unavailable``; nothing of the transaction was kept.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.flush()
        self._queue.put(_Work(work, transaction, future))
        try:
            return await future
        finally:
            del future  # it has the error, which has this frame: a circle

    def close(self) -> None:
        """Write what was handed over, end the thread, close the connection. Blocks."""
        self._queue.put(None)
        self._thread.join()

    # -- in the thread --------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            item = self._next()
            if isinstance(item, _Work):
                self._work(item)
            elif item is None:
                self._end()
                return
            else:
                self._call(self._answer, item, self._append(item))

    def _next(self) -> list[Append] | _Work | None:
        try:
            return self._queue.get(timeout=IDLE_AFTER)
        except Empty:
            with suppress(Exception):  # tidying up: what a commit needs, a commit says
                self._take_over()
                self._when_idle(self._connection)
            return self._queue.get()

    def _end(self) -> None:
        try:
            self._take_over()
        except Exception as error:
            self._fails(error, 0)  # it stands in the segment, for whoever opens it next
        self._log.close(self._connection)
        self._connection.close()

    def _take_over(self) -> None:
        """Let the tables have everything, in a transaction of its own."""
        if not self._log.waits:
            return
        try:
            self._transaction(lambda _connection: None)
        except BaseException:
            self._roll_back()
            raise

    def _transaction(self, run: Callable[[sqlite3.Connection], T]) -> T:
        """Run something behind all edits, which the tables have after that."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._log.fold(self._connection)
        result = run(self._connection)
        self._connection.execute("COMMIT")
        self._log.folded(self._connection)
        return result

    def _append(self, batch: list[Append]) -> list[int | CollabError]:
        began = time.perf_counter()
        try:
            positions = self._log.commit(self._connection, batch)
            took = time.perf_counter() - began
            COMMIT.observe(took)
            COMMIT_ROWS.observe(len(batch))
            if self._commits is not None:
                self._commits.committed([append.trace for append in batch], took, None)
            if took > SLOW_COMMIT:
                _log.warning("a commit was slow", seconds=round(took, 3), rows=len(batch), path=self._path)
            self._trouble.end(path=self._path)
            return list(positions)
        except Exception as error:  # whatever it is: if this thread ends, nothing is saved any more
            self._fails(error, len(batch))
            self._roll_back()
            if self._commits is not None:
                traces = [append.trace for append in batch]
                self._commits.committed(traces, time.perf_counter() - began, error_name(error))
            if len(batch) > 1 and isinstance(error, _OF_ONE_EDIT):
                # One of them is at fault, not the disk.
                return [self._append([append])[0] for append in batch]
            return [CollabError("storage_unavailable")] * len(batch)

    def _fails(self, error: Exception, unsaved: int) -> None:
        STORE_ERRORS.add(error_name(error))
        if isinstance(error, _OF_ONE_EDIT):
            return
        self._trouble.begin(
            error=error_name(error), errno=errno_of(error), reason=str(error)[:200], path=self._path,
            free_bytes=_free(self._path), unsaved=unsaved,
        )  # fmt: skip

    def _work(self, work: _Work) -> None:
        try:
            result: Any
            if work.transaction:
                result = self._transaction(work.run)
            else:
                self._take_over()
                result = work.run(self._connection)
        except sqlite3.Error as error:
            self._fails(error, 0)
            self._roll_back()
            result = CollabError("storage_unavailable")
        except CollabError as error:
            self._roll_back()
            result = error.with_traceback(None)  # which leads here, and here is the error: a circle
        except Exception as error:
            self._roll_back()
            result = error
        self._call(_resolve, work.future, result)

    def _call(self, function: Callable[..., None], *args: Any) -> None:
        """Call ``function`` in the event loop."""
        try:
            self._loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            return  # the loop is closed: nobody waits any more

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except sqlite3.Error:
                return  # what went wrong before it has been said; the next transaction fails if this one lasts


def _resolve(future: asyncio.Future[Any], result: Any) -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
