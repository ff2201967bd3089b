"""Deliveries to one endpoint: each document's in order, whatever the receiver does (K4 to K6)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from collab.stores.memory_outbox import MemoryOutbox
from collab.stores.outbox import TYPES, Event
from collab.webhooks import backoff, lanes
from collab.webhooks.endpoints import Endpoint
from collab.webhooks.lanes import AT_ONCE, Lanes
from collab.webhooks.sender import Sender
from tests.support.receiver import SECRET, SOON, Receiver


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "PAUSES", (0.05,))


class Work:
    """An outbox, the lanes of one endpoint, and what keeps them going."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.outbox = MemoryOutbox()
        endpoint = Endpoint(receiver.url, (SECRET,))
        self.may_send = True
        self.lanes = Lanes(self.outbox, endpoint, lambda: self.may_send, lambda: None, Sender(endpoint, timeout=15.0))
        self.id = endpoint.id

    async def put(self, *events: tuple[str, int]) -> None:
        found = [Event(document, "session.joined", time.time(), {"n": n}) for document, n in events]
        await self.outbox.put(found)
        await self.outbox.collect(time.time(), lambda _type, _document: (self.id,))

    async def until(self, condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(SOON):
            while not condition():
                await self.lanes.work(time.time())
                await asyncio.sleep(0.01)

    async def waiting(self) -> int:
        return (await self.outbox.states([self.id], 0.0))[self.id].waiting


@pytest.fixture
async def work() -> AsyncIterator[Work]:
    async with Receiver() as receiver:
        work = Work(receiver)
        await work.outbox.open(frozenset(TYPES))
        yield work
        receiver.trouble = None
        await work.lanes.close(0.0)
        await work.outbox.close()


async def test_a_document_waits_for_its_own_failure_and_others_do_not(work: Work) -> None:
    failing = True
    work.receiver.refuse = lambda message: failing and message["data"] == {"document": "a", "n": 1}
    await work.put(*((document, n) for n in range(4) for document in "abc"))
    await work.until(lambda: len(work.receiver.taken) == 9)
    assert [each["data"]["n"] for each in work.receiver.of("session.joined", "a")] == [0]
    await work.until(lambda: len([m for m in work.receiver.came if m["data"] == {"document": "a", "n": 1}]) >= 3)
    failing = False
    await work.until(lambda: len(work.receiver.taken) == 12)
    for document in "abc":
        assert [each["data"]["n"] for each in work.receiver.of("session.joined", document)] == [0, 1, 2, 3]
    tries = [each["id"] for each in work.receiver.came if each["data"] == {"document": "a", "n": 1}]
    assert len(set(tries)) == 1 and len(tries) >= 4, "the same message, however often"
    await work.lanes.work(time.time())
    assert await work.waiting() == 0


async def test_410_ends_it_until_somebody_says_so(work: Work) -> None:
    work.receiver.trouble = 410
    await work.put(*((f"d{n}", 0) for n in range(3)))
    await work.until(lambda: work.lanes.disabled)
    came = len(work.receiver.came)
    work.receiver.trouble = None
    await work.put(("new", 0))
    for _ in range(5):
        await work.lanes.work(time.time() + 1000)
        await asyncio.sleep(0.01)
    assert len(work.receiver.came) == came <= 3 and not work.receiver.taken
    assert (await work.outbox.states([work.id], 0.0))[work.id].disabled_at is not None
    assert await work.outbox.retry(work.id, time.time()) == 0, "nothing had failed for good"
    work.lanes.disabled = False
    await work.until(lambda: len(work.receiver.taken) == 4)


async def test_a_receiver_that_stalls_has_few_at_a_time(work: Work) -> None:
    work.receiver.trouble = "stall"
    await work.put(*((f"d{n}", 0) for n in range(3 * AT_ONCE)))
    await work.until(lambda: len(work.receiver.came) == AT_ONCE)
    await work.lanes.work(time.time() + 100)
    await asyncio.sleep(0.05)
    assert len(work.receiver.came) == AT_ONCE
    await work.lanes.close(0.0)
    assert await work.waiting() == 3 * AT_ONCE


async def test_after_three_days_it_has_failed_for_good_and_the_next_goes(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backoff, "GIVE_UP", 0.2)
    work.receiver.refuse = lambda message: message["data"]["n"] == 0
    await work.put(("a", 0), ("a", 1))
    await work.until(lambda: work.receiver.taken)
    await work.lanes.work(time.time())
    (failed,) = await work.outbox.deliveries(work.id, failed=True, limit=10)
    assert (failed.event.data["n"], failed.reason) == (0, "HTTP 500")


async def test_once_a_receiver_is_back_nothing_waits_for_hours(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "PAUSES", (0.1, 0.1, 10_000.0))
    monkeypatch.setattr(lanes, "CALM", 0.0)
    work.receiver.trouble = 503
    await work.put(*((f"d{n}", 0) for n in range(6)))
    await work.until(lambda: len(work.receiver.came) >= 18)
    work.receiver.trouble = None
    await work.put(("new", 0))
    await work.until(lambda: len(work.receiver.taken) == 7)


async def test_what_cannot_be_written_holds_nothing_up(work: Work) -> None:
    await work.outbox.put([Event("a", "document.changed", 1.0, {"of": "another version"})])
    await work.put(("a", 1))
    await work.until(lambda: work.receiver.taken)
    await work.lanes.work(time.time())
    (failed,) = await work.outbox.deliveries(work.id, failed=True, limit=10)
    assert failed.reason == "it cannot be written"


async def test_who_has_no_lease_sends_nothing(work: Work) -> None:
    work.may_send = False
    await work.put(("a", 0))
    await work.lanes.work(time.time() + 1)
    await asyncio.sleep(0.02)
    assert not work.receiver.came
    assert (await work.lanes.test()).result == "ok", "a test is sent whoever has it"
