"""Budgets that many have together: who floods waits, who does not never does (rule S2)."""

from __future__ import annotations

import heapq

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collab.hub.limits import CUT_AFTER, RATE_REQUESTS, TELL_AFTER, Budget, SharedLimits
from collab.hub.shares import BURST_SECONDS, GRACE, Pool, Pools, Share
from tests.support.examples import examples

RATE = 100.0


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def crowd(clock: Clock, pool: Pool, rates: list[float], seconds: float) -> tuple[list[int], list[float]]:
    """Let one sender per rate send to ``pool``, each waiting as told; how often each sent, how long each waited."""
    budgets = [
        Budget(updates_per_second=RATE, bytes_per_second=1e6, awareness_per_second=60, clock=clock) for _ in rates
    ]
    shares = [(Share(pool),) for _ in rates]
    pool.add(len(rates))
    sent, waited = [0] * len(rates), [0.0] * len(rates)
    due = [(clock.now + number / len(rates) / rate, number) for number, rate in enumerate(rates)]
    heapq.heapify(due)
    end = clock.now + seconds
    while due[0][0] < end:
        clock.now, number = heapq.heappop(due)
        wait = budgets[number].spend("updates", 50, shares[number])
        sent[number] += 1
        waited[number] += wait
        heapq.heappush(due, (clock.now + max(wait, 1 / rates[number]), number))
    return sent, waited


@pytest.mark.parametrize("floods", [1, 5, 40])
@pytest.mark.slow
def test_floods_starve_nobody(floods: int) -> None:
    clock = Clock()
    pool = Pool("document", 5.0, now=clock.now)
    honest = [3.0] * 20
    sent, waited = crowd(clock, pool, [*honest, *[1000.0] * floods], 60.0)
    assert waited[: len(honest)] == [0.0] * len(honest)
    assert all(count >= 3 * 60 - 1 for count in sent[: len(honest)])
    # Together they send what the pool allows, and not much less.
    allowed = 5.0 * RATE * (60 + BURST_SECONDS)
    assert sum(sent) <= allowed * 1.3
    assert sum(sent) >= min(allowed, RATE * floods * 60 + 3 * 60 * 20) * 0.8
    # Each flood as much as another.
    flooding = sent[len(honest) :]
    assert max(flooding) < 2.5 * min(flooding) + RATE


@settings(deadline=None, max_examples=examples(25))
@given(st.lists(st.floats(0.5, 200.0), min_size=6, max_size=30))
def test_whoever_sends_less_than_a_fair_share_never_waits(rates: list[float]) -> None:
    clock = Clock()
    pool = Pool("address", 5.0, now=clock.now)
    _, waited = crowd(clock, pool, rates, 10.0)
    fair = 5.0 * RATE / len(rates)
    assert all(wait == 0.0 for rate, wait in zip(rates, waited, strict=True) if rate < 0.9 * fair)


def test_few_members_are_not_counted() -> None:
    clock = Clock()
    pool = Pool("participant", 5.0, now=clock.now)
    sent, _ = crowd(clock, pool, [50.0] * 5, 10.0)
    assert not pool.crowded
    assert sum(sent) == pytest.approx(2500, abs=10)
    pool.add(1)
    assert pool.crowded
    pool.add(-1)
    assert not pool.crowded


def test_only_its_kinds_count() -> None:
    pool = Pool("document", 1.0, frozenset({"updates"}), now=0.0)
    share = Share(pool)
    assert [share.spend("awareness", 10.0, 0.0) for _ in range(10)] == [0.0] * 10
    assert share.spend("updates", 10.0, 0.0) > 0


def test_pools_that_nobody_needs_are_forgotten() -> None:
    clock = Clock()
    pools = Pools("address", 2.0, clock)
    for number in range(1000):
        pools.leave(str(number), pools.join(str(number)))
    assert len(pools) == 1000
    clock.now += GRACE + 0.1
    kept = pools.join("kept")
    assert len(pools) == 1
    again = pools.join("kept")
    assert again.pool is kept.pool
    pools.leave("kept", kept)
    clock.now += 2 * GRACE
    pools.of("other")
    assert len(pools) == 2
    assert pools.join("kept").pool is kept.pool, "there is a member left"


def test_coming_back_resets_nothing() -> None:
    clock = Clock()
    pools = Pools("participant", 2.0, clock)
    waited = 0.0
    for _ in range(200):  # a connection for each burst
        share = pools.join("ann")
        budget = Budget(updates_per_second=RATE, bytes_per_second=1e6, awareness_per_second=60, clock=clock)
        for _ in range(int(RATE)):
            wait = budget.spend("updates", 0, (share,))
            clock.now += wait
            waited += wait
        pools.leave("ann", share)
        clock.now += 0.01
    assert 200 / 2 * 0.8 < waited < 200 / 2, "200 seconds of one connection's updates, at twice its rate"


def test_a_flood_of_a_crowd_is_told_which_limit_it_is_and_cut() -> None:
    clock = Clock()
    pool = Pool("document", 2.0, now=clock.now)
    pool.add(4)
    budget = Budget(updates_per_second=RATE, bytes_per_second=1e6, awareness_per_second=60, clock=clock)
    others, share = [(Share(pool),) for _ in range(3)], (Share(pool),)
    other_budgets = [
        Budget(updates_per_second=RATE, bytes_per_second=1e6, awareness_per_second=60, clock=clock) for _ in others
    ]
    began = clock.now
    told: list[float] = []
    while not budget.must_cut():
        assert clock.now - began < 2 * CUT_AFTER
        for each, theirs in zip(other_budgets, others, strict=True):
            each.spend("updates", 0, theirs)
        wait = budget.spend("updates", 0, share)
        if budget.must_tell():
            told.append(clock.now - began)
            error = budget.error(wait)
        clock.now += max(wait, 1 / RATE)
    assert told[0] >= TELL_AFTER
    assert (error.code, error.detail) == ("rate_limited", {"limit": 200.0, "scope": "document", "of": "updates"})
    assert "200 updates a second of one document" in error.message


@pytest.mark.parametrize(
    ("kind", "size", "limit"),
    [("updates", 0, 10.0), ("awareness", 0, 5.0), ("requests", 0, RATE_REQUESTS), ("updates", 1500, 1000.0)],
)
def test_an_error_names_the_limit_of_the_connection(kind: str, size: int, limit: float) -> None:
    clock = Clock()
    budget = Budget(updates_per_second=10.0, bytes_per_second=1000.0, awareness_per_second=5.0, clock=clock)
    for _ in range(1000):
        wait = budget.spend(kind, size)
        if wait:
            break
    error = budget.error(wait)
    assert error.detail == {"limit": limit, "scope": "connection", "of": "bytes" if size else kind}


def test_a_flood_of_large_updates_is_told_and_cut_too() -> None:
    """Each is followed by a wait of its own, which is no pause of the sender's."""
    clock = Clock()
    budget = Budget(updates_per_second=200.0, bytes_per_second=2**21, awareness_per_second=60.0, clock=clock)
    began, told = clock.now, 0
    while not budget.must_cut():
        assert clock.now - began < 2 * CUT_AFTER, "never cut"
        clock.now += budget.spend("updates", 2**22)
        told += budget.must_tell()
    assert told > 3


def test_what_doors_count_together() -> None:
    class Settings:
        max_connections_per_ip, rate_participant, rate_address, max_document_bytes = 2, 3, 4, 5

    shared = SharedLimits(Settings)
    assert shared.participants.of("ann").factor == 3
    assert shared.addresses.of("192.0.2.1").scope == "address"
    assert shared.participants.of("ann") is shared.participants.of("ann")
