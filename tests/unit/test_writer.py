"""Group commit: what is written at once, what waits for more, and that nothing is lost or reordered."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import threading
import time
import weakref
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from collab.errors import CollabError
from collab.stores.writer import GATHERED, LONGEST_GATHER, PAUSE, Append, Writer


class Log:
    """A writer whose batches are noted; ``hold`` keeps its thread from committing."""

    def __init__(self, path: Path) -> None:
        self.batches: list[list[bytes]] = []
        self.hold = threading.Event()
        self.hold.set()
        self.broken: sqlite3.Error | None = None
        connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        loop = asyncio.get_running_loop()
        self.writer = Writer(loop, connection, self, when_idle=lambda _connection: None)

    waits = False

    def fold(self, connection: sqlite3.Connection) -> None:
        """Everything is in the tables."""

    folded = fold

    def close(self, _connection: sqlite3.Connection) -> None:
        """There is nothing to close."""

    def commit(self, _connection: sqlite3.Connection, batch: list[Append]) -> list[int]:
        self.hold.wait(10)
        if self.broken is not None:
            raise self.broken
        self.batches.append([append.update for append in batch])
        return [int(append.update) for append in batch]

    def put(self, number: int) -> asyncio.Future[int]:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def done(result: int | CollabError) -> None:
            future.set_result(result) if isinstance(result, int) else future.set_exception(result)

        self.writer.put(Append("a", b"%d" % number, None, 0.0, done))
        return future


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[Log]:
    log = Log(tmp_path / "a.db")
    yield log
    log.hold.set()
    log.writer.close()


async def test_the_first_edit_after_quiet_waits_for_nobody(log: Log) -> None:
    first = log.put(1)
    assert log.writer._queue.qsize() <= 1 and not log.writer._waiting, "handed over at once"
    assert await first == 1
    await asyncio.sleep(2 * LONGEST_GATHER)
    log.put(2)
    assert not log.writer._waiting


async def test_what_comes_while_the_disk_is_busy_is_one_batch(log: Log) -> None:
    log.hold.clear()
    futures = [log.put(number) for number in range(1, 101)]
    log.hold.set()
    assert await asyncio.gather(*futures) == list(range(1, 101))
    assert [len(batch) for batch in log.batches] == [1, 99]


async def test_who_sends_one_after_the_other_does_not_wait_for_more(log: Log) -> None:
    for number in range(20):
        future = log.put(number)
        assert not log.writer._waiting, "handed over at once"
        await future
    assert [len(batch) for batch in log.batches] == [1] * 20


async def test_few_edits_wait_for_a_pause_and_many_do_not(log: Log) -> None:
    log.hold.clear()
    busy = [log.put(number) for number in range(3)]
    log.hold.set()
    await asyncio.gather(*busy)
    began = time.monotonic()
    few = [log.put(number) for number in (4, 5)]
    await asyncio.gather(*few)
    assert time.monotonic() - began >= 0.9 * PAUSE
    assert log.batches[2:] == [[b"4", b"5"]]
    many = [log.put(number) for number in range(10, 10 + GATHERED)]
    await asyncio.gather(*many)
    assert [update for batch in log.batches[3:] for update in batch] == [
        b"%d" % number for number in range(10, 10 + GATHERED)
    ]


async def test_nobody_waits_for_a_pause_that_does_not_come(log: Log) -> None:
    await log.put(0)
    stop = asyncio.Event()
    answered: list[int] = []

    async def type_on() -> None:
        number = 1
        while not stop.is_set():
            log.put(number).add_done_callback(lambda future: answered.append(future.result()))
            number += 1
            await asyncio.sleep(PAUSE / 2)

    typing = asyncio.create_task(type_on())
    async with asyncio.timeout(10):
        while len(answered) < 20:
            await asyncio.sleep(0.01)
    stop.set()
    await typing
    assert answered == sorted(answered)


async def test_other_work_comes_behind_what_was_put_before_it(log: Log) -> None:
    await log.put(0)
    waiting = log.put(1)
    seen = await log.writer.run(lambda _connection: list(log.batches), transaction=False)
    assert seen == [[b"0"], [b"1"]]
    assert await waiting == 1


async def test_a_disk_that_fails_is_told_to_each_and_the_next_try_counts(log: Log) -> None:
    log.broken = sqlite3.OperationalError("disk I/O error")
    results = await asyncio.gather(*(log.put(number) for number in range(3)), return_exceptions=True)
    assert [result.code for result in results if isinstance(result, CollabError)] == ["storage_unavailable"] * 3
    log.broken = None
    assert await log.put(7) == 7


async def test_one_update_that_cannot_be_written_costs_only_itself(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = log.commit

    def picky(connection: sqlite3.Connection, batch: list[Append]) -> list[int]:
        if any(append.update == b"13" for append in batch):
            raise sqlite3.DataError("string or blob too big")
        return commit(connection, batch)

    monkeypatch.setattr(log, "commit", picky)
    log.hold.clear()
    futures = [log.put(number) for number in (1, 12, 13, 14)]
    log.hold.set()
    results = await asyncio.gather(*futures, return_exceptions=True)
    assert [result for result in results if isinstance(result, int)] == [1, 12, 14]
    assert isinstance(results[2], CollabError)


async def test_a_fault_of_ours_is_told_and_ends_nothing(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(_connection: sqlite3.Connection, _batch: list[Append]) -> list[int]:
        raise RuntimeError("nobody thought of it")

    with monkeypatch.context() as patched, capture_logs() as lines:
        patched.setattr(log, "commit", faulty)
        results = await asyncio.gather(*(log.put(number) for number in (1, 2)), return_exceptions=True)
    assert [result.code for result in results if isinstance(result, CollabError)] == ["storage_unavailable"] * 2
    assert [(line["event"], line["error"], line["reason"]) for line in lines] == [
        ("the store fails", "RuntimeError", "nobody thought of it")
    ]
    assert await log.put(7) == 7


async def test_a_refusal_does_not_wait_for_the_collector(log: Log) -> None:
    """It leads to the request that was refused, and to its body."""

    def refuse(_connection: sqlite3.Connection) -> None:
        raise CollabError("document_deleted")

    async def refused() -> weakref.ref[CollabError]:
        try:
            await log.writer.run(refuse)
        except CollabError as error:
            return weakref.ref(error)
        raise AssertionError("not refused")

    gc.disable()
    try:
        gone = await refused()
        await log.writer.run(lambda _connection: None)  # the thread has its latest work in hand
        async with asyncio.timeout(30):
            while gone() is not None:
                await asyncio.sleep(0.01)
    finally:
        gc.enable()
