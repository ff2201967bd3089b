"""Group commit: one thread that writes, batches what waits, and answers a batch at once."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from collab.errors import CollabError

T = TypeVar("T")

#: updates that one transaction takes at most
MAX_BATCH = 5_000
#: the first edit after quiet is written at once; after a commit the next one waits so many seconds ...
SHORTEST_GATHER = 0.002
#: ... and, while fewer updates wait than are worth a flush, so many at most
LONGEST_GATHER = 0.010
GATHERED = 3
#: seconds without work after which there is time to tidy up
IDLE_AFTER = 3.0


@dataclass(slots=True)
class Append:
    """An update on its way to the log; ``time`` in seconds since the epoch."""

    document: str
    update: bytes
    participant: str | None
    time: float
    future: asyncio.Future[int]


@dataclass(slots=True)
class _Work:
    """Anything else, run in the same order."""

    run: Callable[[sqlite3.Connection], Any]
    transaction: bool
    future: asyncio.Future[Any]


class Writer:
    """The only thread that writes to a SQLite file.

    Args:
        connection: used in the writer's thread only, from here on.
        commit: writes a batch of appends in one transaction and returns their positions; raises
            ``sqlite3.Error``.
        when_idle: called once whenever nothing was to be written for ``IDLE_AFTER`` seconds.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        commit: Callable[[sqlite3.Connection, list[Append]], list[int]],
        when_idle: Callable[[sqlite3.Connection], None],
    ) -> None:
        self._connection = connection
        self._commit = commit
        self._when_idle = when_idle
        self._last_commit = 0.0
        self._queue: SimpleQueue[Append | _Work | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="collab-write", daemon=True)
        self._thread.start()

    def put(self, append: Append) -> None:
        """Hand over an update; its future is resolved in the event loop that made it."""
        self._queue.put(append)

    async def run(self, work: Callable[[sqlite3.Connection], T], *, transaction: bool = True) -> T:
        """Run ``work`` behind everything handed over so far, in a transaction of its own.

        Raises:
            CollabError: ``storage_unavailable``; nothing of the transaction was kept.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.put(_Work(work, transaction, future))
        return await future

    def close(self) -> None:
        """Write what waits, end the thread, close the connection. Blocks."""
        self._queue.put(None)
        self._thread.join()

    # -- in the thread --------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            item = self._next()
            if item is not None:
                self._gather()
            batch: list[Append] = []
            while isinstance(item, Append):
                batch.append(item)
                if len(batch) == MAX_BATCH:
                    break
                try:
                    item = self._queue.get_nowait()
                except Empty:
                    break
            if batch:
                self._append(batch)
            if isinstance(item, _Work):
                self._work(item)
            elif item is None:
                self._connection.close()
                return

    def _gather(self) -> None:
        """Let more come together after a commit, so that one flush serves all of it."""
        while True:
            since = time.monotonic() - self._last_commit
            if since >= LONGEST_GATHER or (since >= SHORTEST_GATHER and self._queue.qsize() >= GATHERED):
                return
            time.sleep(min(SHORTEST_GATHER, LONGEST_GATHER - since))

    def _next(self) -> Append | _Work | None:
        try:
            return self._queue.get(timeout=IDLE_AFTER)
        except Empty:
            with suppress(sqlite3.Error):
                self._when_idle(self._connection)
            return self._queue.get()

    def _append(self, batch: list[Append]) -> None:
        try:
            results: list[int | CollabError] = list(self._commit(self._connection, batch))
        except (sqlite3.Error, OverflowError) as error:
            self._roll_back()
            if len(batch) > 1 and isinstance(error, sqlite3.DataError | OverflowError):
                for append in batch:  # one of them is at fault, not the disk
                    self._append([append])
                return
            failure = CollabError("storage_unavailable")
            results = [failure] * len(batch)
        self._last_commit = time.monotonic()
        answers = list(zip((append.future for append in batch), results, strict=True))
        _call(batch[0].future, _resolve, answers)

    def _work(self, work: _Work) -> None:
        try:
            if work.transaction:
                self._connection.execute("BEGIN IMMEDIATE")
            result: Any = work.run(self._connection)
            if work.transaction:
                self._connection.execute("COMMIT")
        except sqlite3.Error:
            self._roll_back()
            result = CollabError("storage_unavailable")
        except Exception as error:
            self._roll_back()
            result = error
        _call(work.future, _resolve, [(work.future, result)])

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except sqlite3.Error:
                return


def _call(future: asyncio.Future[Any], function: Callable[..., None], *args: Any) -> None:
    try:
        future.get_loop().call_soon_threadsafe(function, *args)
    except RuntimeError:
        return  # the loop is closed: nobody waits any more


def _resolve(answers: list[tuple[asyncio.Future[Any], Any]]) -> None:
    for future, result in answers:
        if future.done():
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
