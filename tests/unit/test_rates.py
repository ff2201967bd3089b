"""How much one address may ask of the HTTP API: first it waits, then it is told."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from collab.doors.http import rates as rates_module
from collab.doors.http.rates import MAX_ADDRESSES, PATIENCE, Rate, Rates
from collab.errors import CollabError
from collab.hub import limits
from collab.hub.limits import BURST_SECONDS
from collab.hub.shares import Pool


class Clock:
    """Time passes only for those who sleep."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(rates_module, "asyncio", SimpleNamespace(sleep=clock.sleep))
    monkeypatch.setattr(rates_module, "time", SimpleNamespace(monotonic=clock.monotonic))
    bucket = limits.Bucket
    monkeypatch.setattr(rates_module, "Bucket", lambda rate: bucket(rate, clock=clock.monotonic))
    return clock


async def refusal(asking: Any) -> CollabError:
    with pytest.raises(CollabError) as refused:
        await asking
    assert refused.value.code == "rate_limited"
    return refused.value


async def test_who_asks_one_after_the_other_is_slowed_down_to_the_rate(clock: Clock) -> None:
    rate = Rate(10.0, 1e9)
    for _ in range(100):
        await rate.wait()
    assert clock.now - 1000.0 == pytest.approx(100 / 10.0 - BURST_SECONDS, abs=0.2)
    assert max(clock.slept) <= 0.2


async def test_who_does_not_wait_is_told_for_how_long_it_would_have_to(clock: Clock) -> None:
    rate = Rate(10.0, 1e9)
    waiting = [rate.wait() for _ in range(200)]
    refused = []
    for asking in waiting:
        now = clock.now
        try:
            await asking
        except CollabError as error:
            refused.append(error)
        clock.now = now  # all at the same moment
    assert len(refused) == 200 - 10 * (BURST_SECONDS + PATIENCE) - 1
    error = refused[0]
    assert error.detail == {"limit": 10.0, "scope": "address", "of": "requests"}
    assert error.retry_after is not None
    clock.now += error.retry_after + 0.1
    await rate.wait()


async def test_bytes_count_for_the_next_request(clock: Clock) -> None:
    rate = Rate(1000.0, 100.0)
    rate.spend_bytes(300)
    assert clock.slept == []
    await rate.wait()
    assert clock.slept == [pytest.approx(1.0)]
    rate.spend_bytes(100_000)
    error = await refusal(rate.wait())
    assert (error.detail["of"], error.detail["limit"]) == ("bytes", 100.0)
    assert "bytes a second of one address" in error.message


async def test_what_is_shared_with_others_is_counted_once_for_each_pool(clock: Clock) -> None:
    rate, document, refused = Rate(10.0, 1000.0), Pool("document", 2.0, now=clock.now), None
    for _ in range(2000):
        now = clock.now
        try:
            await rate.share(document)
        except CollabError as error:
            refused = error
            break
        clock.now = now  # all at the same moment
    assert refused is not None
    assert refused.detail == {"limit": 20.0, "scope": "document", "of": "requests"}
    assert clock.slept and max(clock.slept) <= PATIENCE
    clock.slept.clear()
    await rate.share(Pool("document", 2.0, now=clock.now))
    assert clock.slept == []


async def test_an_edit_weighs_what_it_has_in_bytes(clock: Clock) -> None:
    async def most(size: int) -> int:
        rate, pool = Rate(1000.0, 100.0), Pool("document", 1.0, now=clock.now)
        for count in range(10_000):
            before = len(clock.slept)
            try:
                await rate.share(pool, size)
            except CollabError:
                return count
            if len(clock.slept) > before:
                return count
        return 10_000

    assert await most(100) < await most(0) / 10


def test_each_address_has_its_own_and_those_that_were_here_last_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates_module, "MAX_ADDRESSES", 100)
    rates = Rates(10.0, 10.0)
    first = rates.of("a")
    assert rates.of("a") is first
    assert rates.of("b") is not first
    for number in range(100):
        rates.of(str(number))
        rates.of("a")
    assert rates.of("a") is first
    assert len(rates._rates) == 100 < MAX_ADDRESSES


async def test_a_wait_is_a_wait() -> None:
    """With the clock of this machine."""
    rate = Rate(50.0, 1e9)
    began = asyncio.get_running_loop().time()
    for _ in range(int(50 * BURST_SECONDS) + 5):
        await rate.wait()
    assert asyncio.get_running_loop().time() - began > 0.05
