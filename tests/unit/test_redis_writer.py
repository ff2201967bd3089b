"""Group commit into Redis: order, repetition under one number, and whose log it is, with a Redis that the test plays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import structlog
from redis.exceptions import OutOfMemoryError, ResponseError

from collab.documents.ledger import Ledger
from collab.errors import CollabError
from collab.stores import redis_writer as module
from collab.stores.redis_link import RedisLink
from collab.stores.redis_outbox import RedisOutbox
from collab.stores.redis_pipe import Unanswered
from collab.stores.redis_scripts import APPEND
from collab.stores.redis_writer import MAX_BATCH, MAX_BATCH_BYTES, RedisWriter

#: what stands in front of the updates in the words of the script, and where in them
EPOCH, FLOOR, NUMBER, HEAD = 6, 8, 9, 14


class Pipe:
    """Carries out appends in memory; ``faults``: what to do instead, in turn: raise, or answer so."""

    def __init__(self) -> None:
        self.runs: list[list[tuple[Any, ...]]] = []
        self.names: list[str] = []
        self.faults: list[Any] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.logs: dict[str, list[bytes]] = {}
        self.done: dict[str, int] = {}
        self.lost_answers = 0

    async def run(self, commands: list[Any]) -> list[Any]:
        await self.gate.wait()
        appends = [
            words for script, words in (each for each in commands if isinstance(each, tuple)) if script is APPEND
        ]
        self.runs.append([tuple(words) for words in appends])
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, Exception) and not isinstance(fault, ResponseError):
            raise fault
        answers = [self._append(words) if fault is None else fault for words in appends]
        if self.lost_answers:
            self.lost_answers -= 1
            raise ConnectionError("lost")
        self.names += [str(each[3]) for each in commands if isinstance(each, list) and each[0] == b"ZADD"]
        return answers + [1] * (len(commands) - len(appends))

    def _append(self, words: list[Any]) -> list[Any]:
        log = self.logs.setdefault(str(words[2]), [])
        before = self.done.get(str(words[3]))
        if before != words[NUMBER]:
            self.done[str(words[3])] = words[NUMBER]
            log += words[HEAD + 1 :: 2]
        updates = len(words[HEAD + 1 :: 2])
        return [b"ok", b"e1", len(log) - updates + 1, len(log), b""]

    async def drop(self) -> None:
        return


class House:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pipe = Pipe()
        self.health: list[bool] = []
        link = RedisLink("redis://127.0.0.1:9/0")
        monkeypatch.setattr(link, "pipe", lambda: self.pipe)
        monkeypatch.setattr(module, "FIRST_RETRY", 0.001)
        self.writer = RedisWriter(link, "node", self.health.append, RedisOutbox(link, "node"))

    def append(self, update: bytes, document: str = "a", epoch: str = "e1") -> asyncio.Future[int]:
        return self.writer.append(document, update, "ann", epoch)

    def log(self, document: str = "a") -> list[bytes]:
        return self.pipe.logs.get(f"collab:{{{document}}}:log", [])


@pytest.fixture
async def house(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    house = House(monkeypatch)
    yield house
    house.pipe.gate.set()
    await house.writer.close(0.1)


async def code_of(future: asyncio.Future[int]) -> str:
    with pytest.raises(CollabError) as failed:
        async with asyncio.timeout(20):
            await future
    return failed.value.code


async def all_of(futures: list[asyncio.Future[int]]) -> list[int]:
    async with asyncio.timeout(20):
        return list(await asyncio.gather(*futures))


async def test_what_gathers_while_one_is_under_way_goes_together_and_in_order(house: House) -> None:
    house.pipe.gate.clear()
    futures = [house.append(b"0")]
    await asyncio.sleep(0.005)
    futures += [house.append(b"%d" % number) for number in range(1, 50)]
    other = house.append(b"x", "b")
    house.pipe.gate.set()
    assert await all_of(futures) == list(range(1, 51))
    assert await other == 1
    assert [sum(len(words) - HEAD for words in run) // 2 for run in house.pipe.runs] == [1, 50]
    assert house.log() == [b"%d" % number for number in range(50)]
    assert sorted(house.pipe.names) == ["a", "b"], "a name is listed once"


async def test_a_batch_is_bounded_in_number_and_bytes(house: House) -> None:
    house.pipe.gate.clear()
    first = house.append(b"")
    await asyncio.sleep(0.005)
    many = [house.append(b"x") for _ in range(MAX_BATCH + 1)]
    large = [house.append(bytes(MAX_BATCH_BYTES), "b") for _ in range(3)]
    house.pipe.gate.set()
    await all_of([first, *many, *large])
    sizes = [(len(words) - HEAD) // 2 for run in house.pipe.runs for words in run]
    assert max(sizes) == MAX_BATCH
    assert sum(sizes) == MAX_BATCH + 5
    assert all(sum(map(len, words[HEAD + 1 :: 2])) <= 2 * MAX_BATCH_BYTES for run in house.pipe.runs for words in run)


async def test_what_got_no_answer_is_repeated_as_it_was_and_is_in_the_log_once(house: House) -> None:
    house.pipe.lost_answers = 2
    futures = [house.append(b"1"), house.append(b"2")]
    await asyncio.sleep(0)
    futures.append(house.append(b"3"))
    assert await all_of(futures) == [1, 2, 3]
    assert house.log() == [b"1", b"2", b"3"]
    numbers = [words[NUMBER] for run in house.pipe.runs for words in run]
    assert len(set(numbers[:3])) == 1, "under one number"
    assert house.health[:3] == [False, False, True]


@pytest.mark.parametrize("fault", [ConnectionError("x"), TimeoutError(), OSError(), EOFError()])
async def test_while_redis_is_away_appends_wait(house: House, fault: Exception) -> None:
    house.pipe.faults = [fault] * 3
    assert await all_of([house.append(b"1")]) == [1]
    assert house.health == [False] * 3 + [True]


async def test_what_is_refused_fails_with_all_behind_it_and_other_documents_do_not(house: House) -> None:
    house.pipe.gate.clear()
    first = house.append(b"1")
    await asyncio.sleep(0.005)
    house.pipe.faults = [ResponseError("OOM")]
    behind = house.append(b"2")
    house.pipe.gate.set()
    assert await code_of(first) == await code_of(behind) == "storage_unavailable"
    assert await all_of([house.append(b"3"), house.append(b"x", "b")]) == [1, 1]
    assert house.log() == [b"3"]
    assert house.health[-1], "it answers"


async def test_a_deleted_document_takes_nothing_and_its_copy_hears_of_it(house: House) -> None:
    strays: list[str] = []
    house.writer.follow("a", Ledger("e1", 0), lambda: strays.append("a"))
    house.pipe.faults = [[b"deleted"]]
    assert await code_of(house.append(b"1")) == "document_deleted"
    assert strays == ["a"]


async def test_an_append_to_another_log_waits_until_the_copy_is_in_line_and_the_seed_goes_first(house: House) -> None:
    strays: list[str] = []
    house.writer.follow("a", Ledger("e1", 0), lambda: strays.append("a"))
    house.pipe.faults = [[b"changed"]]
    futures = [house.append(b"1"), house.append(b"2")]
    async with asyncio.timeout(20):
        while not strays:
            await asyncio.sleep(0.001)
    futures.append(house.append(b"3"))
    await asyncio.sleep(0.01)
    assert len(house.pipe.runs) == 1, "held"
    house.writer.resume("a", b"seed")
    await all_of(futures)
    assert house.log() == [b"seed", b"1", b"2", b"3"]


async def test_a_copy_that_is_gone_writes_to_its_own_log_or_to_none(house: House) -> None:
    ledger = Ledger("e7", 3)
    house.pipe.gate.clear()
    house.writer.follow("a", ledger, lambda: None)
    first = house.append(b"1", epoch="")
    house.writer.unfollow("a")
    house.pipe.faults = [[b"changed"]]
    house.pipe.gate.set()
    assert await code_of(first) == "storage_unavailable"
    assert {words[EPOCH] for run in house.pipe.runs for words in run} == {"e7"}
    assert house.writer._lanes == {}, "nothing is kept of who is gone"


async def test_what_waited_for_a_deleted_document_is_told_at_once(house: House) -> None:
    house.pipe.gate.clear()
    house.writer.follow("a", Ledger("e1", 0), lambda: None)
    futures = [house.append(b"1"), house.append(b"2")]
    await asyncio.sleep(0.005)
    futures.append(house.append(b"3"))
    house.writer.unfollow("a", deleted=True)
    assert [await code_of(future) for future in futures] == ["document_deleted"] * 3
    house.writer.unfollow("unknown")


async def test_a_copy_learns_where_its_log_ends(house: House) -> None:
    ledger = Ledger("e1", 0)
    house.writer.follow("a", ledger, lambda: None)
    await all_of([house.append(b"1"), house.append(b"2")])
    assert (ledger.log, ledger.floor) == ("e1", 2)
    await all_of([house.append(b"3")])
    assert house.pipe.runs[-1][0][FLOOR] == 2, "and says so with the next"


async def test_closing_finishes_what_can_be_and_fails_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(monkeypatch)
    done = house.append(b"1")
    await house.writer.close(5.0)
    assert await done == 1
    assert await code_of(house.append(b"2")) == "storage_unavailable"
    house = House(monkeypatch)
    house.pipe.gate.clear()
    stuck = house.append(b"1")
    await house.writer.close(0.02)
    assert await code_of(stuck) == "storage_unavailable"


async def test_who_is_not_asked_for_has_no_name_and_an_empty_name_is_one(house: House) -> None:
    for who in (None, "", "ann"):
        async with asyncio.timeout(20):
            await house.writer.append("a", b"x", who, "e1")
    assert [words[HEAD] for run in house.pipe.runs for words in run] == ["", "=", "=ann"]


@pytest.mark.parametrize("strange", [1, b"OK", [], [b"ok"], [b"ok", b"e1", b"x", b"y", b""], [b"what?"]], ids=repr)
async def test_an_answer_that_is_none_is_no_answer(house: House, strange: Any) -> None:
    """The batch is sent again, as if the connection had broken, and it is said."""
    house.pipe.faults = [strange, strange]
    with structlog.testing.capture_logs() as lines:
        assert await all_of([house.append(b"1"), house.append(b"2", "b")]) == [1, 1]
    assert house.health[:3] == [False, False, True]
    events = [line["event"] for line in lines if line["log_level"] == "error"]
    assert events == ["Redis does not answer appends"]
    assert await house.append(b"3") == 2


async def test_a_fault_beside_one_document_fails_that_one_only(house: House) -> None:
    class Faulty(Ledger):
        def was_logged(self, epoch: str, last: int) -> None:
            raise ZeroDivisionError

    house.writer.follow("a", Faulty("e1", 0), lambda: None)
    with structlog.testing.capture_logs() as lines:
        first, other = house.append(b"1"), house.append(b"1", "b")
        assert await code_of(first) == "storage_unavailable"
        assert await all_of([other]) == [1]
    assert "an append was answered, and then something failed" in [line["event"] for line in lines]
    house.writer.unfollow("a")
    assert await all_of([house.append(b"2")]) == [2]


async def test_the_writer_outlives_its_own_faults(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    faults = [True]
    monkeypatch.setattr(module, "LAST_RETRY", 0.01)
    on_health = house.writer._on_health
    monkeypatch.setattr(house.writer, "_on_health", lambda well: 1 / 0 if faults and faults.pop() else on_health(well))
    with structlog.testing.capture_logs() as lines:
        assert await all_of([house.append(b"1")]) == [1]
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["appends failed"]
    assert await all_of([house.append(b"2")]) == [2]


class Masters(Pipe):
    """What is on several nodes: ``gone`` and ``full`` are the first words of keys that get no answer, or a refusal."""

    def __init__(self) -> None:
        super().__init__()
        self.gone: set[str] = set()
        self.full: set[str] = set()

    async def run_what_goes(self, commands: list[Any]) -> list[Any]:
        answers: list[Any] = []
        for command in commands:
            key = str(command[1][1] if isinstance(command, tuple) else command[1])
            if any(key.startswith(each) for each in self.gone):
                answers.append(Unanswered(ConnectionError("gone")))
            elif any(key.startswith(each) for each in self.full):
                answers.append(OutOfMemoryError("full"))
            else:
                answers += await self.run([command])
        return answers


@pytest.fixture
async def masters(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setattr(f"{__name__}.Pipe", Masters)
    house = House(monkeypatch)
    house.writer._link.nodes.divided = True
    yield house
    await house.writer.close(0.1)


async def test_of_several_masters_those_that_answer_go_on(masters: House) -> None:
    pipe = masters.pipe
    assert isinstance(pipe, Masters)
    pipe.gone = {"collab:{a}"}
    waits, goes = masters.append(b"1"), masters.append(b"1", "b")
    assert await goes == 1
    later = [masters.append(b"2"), masters.append(b"2", "b")]
    assert await later[1] == 2
    assert (waits.done(), later[0].done(), masters.health[-1]) == (False, False, False)
    pipe.gone = set()
    assert await all_of([waits, later[0]]) == [1, 2]
    assert masters.log() == [b"1", b"2"], "once"
    async with asyncio.timeout(20):
        while not masters.health[-1]:
            await asyncio.sleep(0.001)


async def test_nothing_is_logged_that_is_not_listed(masters: House) -> None:
    """The list is on another node than the document."""
    pipe = masters.pipe
    assert isinstance(pipe, Masters)
    masters.writer.follow("known", Ledger(), lambda: None)
    assert await masters.append(b"1", "known") == 1
    pipe.gone = {"collab:names"}
    waits = masters.append(b"1")
    assert await masters.append(b"2", "known") == 2
    assert (masters.log(), waits.done()) == ([], False)
    pipe.gone = set()
    assert (await waits, pipe.names) == (1, ["known", "a"])
    pipe.full = {"collab:names"}
    assert await code_of(masters.append(b"1", "new")) == "storage_unavailable"
    assert masters.log("new") == []
    pipe.full = set()
    assert await masters.append(b"1", "new") == 1
    assert pipe.names[-1] == "new"
