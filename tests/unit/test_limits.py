"""Budgets with a clock that only the test moves (rules S2, S3)."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.errors import CODES, CollabError
from collab.hub.limits import (
    BURST_SECONDS,
    CUT_AFTER,
    FORGIVENESS,
    MAX_STRIKES,
    RATE_REQUESTS,
    TELL_AFTER,
    Bucket,
    Budget,
    ConnectionCounter,
    Strikes,
)

STEP = st.floats(0.0, 5.0)
AMOUNT = st.floats(0.0, 500.0)


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def budget_on(clock: Clock, rate: float = 10.0) -> Budget:
    return Budget(updates_per_second=rate, bytes_per_second=1000.0, awareness_per_second=5.0, clock=clock)


# -- buckets ----------------------------------------------------------------------------------------


def test_a_burst_is_free_and_what_follows_is_paid_with_time(clock: Clock) -> None:
    bucket = Bucket(10.0, burst=2.0, clock=clock)
    assert [bucket.spend(1.0) for _ in range(20)] == [0.0] * 20
    assert bucket.spend(1.0) == pytest.approx(0.1)
    assert bucket.spend(1.0) == pytest.approx(0.2)
    clock.now += 0.2
    assert bucket.spend(0.0) == pytest.approx(0.0)
    assert bucket.spend(5.0) == pytest.approx(0.5)


def test_a_quiet_sender_saves_up_no_more_than_the_burst(clock: Clock) -> None:
    bucket = Bucket(10.0, burst=2.0, clock=clock)
    clock.now += 3600.0
    assert bucket.spend(20.0) == 0.0
    assert bucket.spend(1.0) == pytest.approx(0.1)


def test_one_large_amount_passes_and_is_paid_afterwards(clock: Clock) -> None:
    assert Bucket(10.0, burst=2.0, clock=clock).spend(1020.0) == pytest.approx(100.0)


@given(
    rate=st.floats(0.5, 1e6),
    burst=st.floats(0.1, 10.0),
    sends=st.lists(st.tuples(STEP, AMOUNT), min_size=1, max_size=60),
)
def test_whoever_waits_as_told_sends_no_more_than_the_rate_and_the_burst(
    rate: float, burst: float, sends: list[tuple[float, float]]
) -> None:
    clock = Clock()
    bucket = Bucket(rate, burst, clock)
    history: list[tuple[float, float]] = []
    for pause, amount in sends:
        clock.now += pause
        history.append((clock.now, amount))
        clock.now += bucket.spend(amount)
    # In every window, not only since the beginning: what was sent before its last amount was in credit.
    for first in range(len(history)):
        for last in range(first, len(history)):
            seconds = history[last][0] - history[first][0]
            sent = sum(amount for _, amount in history[first:last])
            assert sent <= rate * (seconds + burst) * (1 + 1e-6) + 1e-3


@given(rate=st.floats(0.5, 1e4), sends=st.lists(st.tuples(STEP, AMOUNT), max_size=60))
def test_the_wait_is_what_it_takes_to_be_out_of_debt(rate: float, sends: list[tuple[float, float]]) -> None:
    clock = Clock()
    bucket = Bucket(rate, clock=clock)
    for pause, amount in sends:
        clock.now += pause
        wait = bucket.spend(amount)
        assert wait >= 0.0
        if wait:
            clock.now += wait / 2
            assert bucket.spend(0.0) == pytest.approx(wait / 2, abs=1e-3)
            clock.now += wait / 2
            assert bucket.spend(0.0) == pytest.approx(0.0, abs=1e-3)


@given(rate=st.floats(1.0, 1e4), steps=st.lists(st.floats(0.001, 1.0), max_size=40))
def test_below_the_rate_nobody_ever_waits(rate: float, steps: list[float]) -> None:
    clock = Clock()
    bucket = Bucket(rate, clock=clock)
    for step in steps:
        clock.now += step
        assert bucket.spend(rate * step * 0.999) == 0.0


# -- budgets ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "rate"), [("updates", 10.0), ("awareness", 5.0), ("requests", RATE_REQUESTS)])
def test_each_kind_has_a_rate_of_its_own(clock: Clock, kind: str, rate: float) -> None:
    budget = budget_on(clock)
    free = round(rate * BURST_SECONDS)
    assert [budget.spend(kind, 0) for _ in range(free)] == [0.0] * free
    assert budget.spend(kind, 0) == pytest.approx(1 / rate)
    for other in {"updates", "awareness", "requests"} - {kind}:
        assert budget.spend(other, 0) == 0.0


@pytest.mark.parametrize("kind", ["updates", "awareness", "requests"])
def test_bytes_count_whatever_they_are(clock: Clock, kind: str) -> None:
    budget = budget_on(clock)
    assert budget.spend(kind, round(1000 * BURST_SECONDS)) == 0.0
    assert budget.spend("updates", 500) == pytest.approx(0.5)


def test_the_longer_wait_counts(clock: Clock) -> None:
    budget = budget_on(clock)
    for _ in range(30):
        wait = budget.spend("updates", 100)
    assert wait == pytest.approx(1.0)
    assert budget.spend("updates", 5000) == pytest.approx(6.0)


def flood(budget: Budget, clock: Clock, seconds: float) -> tuple[list[float], float | None]:
    """Send without a pause, reading as slowly as told; when it was told, and when it was cut."""
    began = clock.now
    told = []
    while clock.now - began < seconds:
        wait = budget.spend("updates", 0)
        if wait:
            if budget.must_cut():
                return told, clock.now - began
            if budget.must_tell():
                told.append(clock.now - began)
        clock.now += wait
    return told, None


def test_a_flood_is_slowed_then_told_then_cut(clock: Clock) -> None:
    budget = budget_on(clock)
    told, cut = flood(budget, clock, 3600.0)
    assert TELL_AFTER <= told[0] <= TELL_AFTER + 1, "first it is only slowed down"
    assert all(later - earlier >= TELL_AFTER for earlier, later in pairwise(told)), "not with every event"
    assert cut == pytest.approx(CUT_AFTER, abs=1.0)
    assert len(told) <= CUT_AFTER / TELL_AFTER


def test_a_pause_forgives(clock: Clock) -> None:
    budget = budget_on(clock)
    for _ in range(10):
        told, cut = flood(budget, clock, CUT_AFTER * 0.9)
        assert told
        assert cut is None
        clock.now += 1.0
        assert budget.spend("updates", 0) == 0.0
        assert not budget.must_tell()
        assert not budget.must_cut()


def test_a_short_burst_over_the_rate_is_never_told(clock: Clock) -> None:
    budget = budget_on(clock)
    for _ in range(30):
        assert flood(budget, clock, TELL_AFTER * 0.9) == ([], None)
        clock.now += 5.0


def test_an_event_of_another_kind_does_not_hide_a_flood(clock: Clock) -> None:
    budget = budget_on(clock)
    began = clock.now
    while not budget.must_cut():
        assert clock.now - began < 2 * CUT_AFTER, "never cut"
        clock.now += budget.spend("updates", 0)
        budget.spend("awareness" if int(clock.now) % 2 else "requests", 0)


@pytest.mark.parametrize(("seconds", "cut"), [(0.9 * CUT_AFTER, False), (1.1 * CUT_AFTER, True)])
def test_who_asks_for_more_at_once_than_it_may_in_that_time_is_cut_at_once(
    clock: Clock, seconds: float, cut: bool
) -> None:
    budget = budget_on(clock)
    for _ in range(int(RATE_REQUESTS * (seconds + BURST_SECONDS))):
        budget.spend("requests", 0)
    assert budget.must_cut() is cut


def test_a_server_that_reads_on_late_does_not_forgive(clock: Clock) -> None:
    budget = budget_on(clock, 200.0)
    began = clock.now
    while not budget.must_cut():
        assert clock.now - began < 2 * CUT_AFTER, "never cut"
        wait = budget.spend("updates", 0)
        clock.now += wait + 0.006 if wait else 0.0


# -- faults -----------------------------------------------------------------------------------------

FAULTS = sorted(code for code, row in CODES.items() if row.family in ("BadInput", "Refused"))
NO_FAULTS = ["storage_unavailable", "cluster_degraded", "draining", "internal", "missing_dependencies", "lagging"]


@pytest.mark.parametrize("code", [code for code in FAULTS if code not in NO_FAULTS])
def test_repeated_faults_end_the_connection(clock: Clock, code: str) -> None:
    strikes = Strikes(clock)
    assert not any(strikes.add(code) for _ in range(round(MAX_STRIKES)))
    assert strikes.add(code)


@pytest.mark.parametrize("code", NO_FAULTS)
def test_our_own_troubles_are_not_the_peers_faults(clock: Clock, code: str) -> None:
    strikes = Strikes(clock)
    assert not any(strikes.add(code) for _ in range(1000))


def test_faults_are_forgiven_with_time(clock: Clock) -> None:
    strikes = Strikes(clock)
    for _ in range(10_000):
        clock.now += 1 / FORGIVENESS
        assert not strikes.add("invalid_payload")
    for _ in range(round(MAX_STRIKES) - 1):
        assert not strikes.add("invalid_payload")
    clock.now += 3600.0
    assert not any(strikes.add("invalid_payload") for _ in range(round(MAX_STRIKES))), "nothing is saved up below zero"
    assert strikes.add("invalid_payload")


@given(steps=st.lists(st.floats(0.0, 3.0), max_size=400))
def test_nobody_is_cut_before_the_faults_outnumber_what_is_forgiven(steps: list[float]) -> None:
    clock = Clock()
    strikes = Strikes(clock)
    for count, step in enumerate(steps, 1):
        clock.now += step
        if strikes.add("unknown_event"):
            assert count > MAX_STRIKES
            return
    assert len(steps) <= MAX_STRIKES + sum(steps) * FORGIVENESS + 1


# -- connections ------------------------------------------------------------------------------------


def test_connections_are_counted_by_address() -> None:
    counter = ConnectionCounter(2)
    counter.acquire("a")
    counter.acquire("a")
    counter.acquire("b")
    with pytest.raises(CollabError) as caught:
        counter.acquire("a")
    assert caught.value.as_dict()["code"] == "too_many_connections"
    assert caught.value.as_dict()["limit"] == 2
    assert caught.value.retry_after
    counter.release("a")
    counter.acquire("a")


def test_released_addresses_take_no_memory() -> None:
    counter = ConnectionCounter(1)
    for number in range(1000):
        counter.acquire(str(number))
        counter.release(str(number))
        counter.release(str(number))
    assert not counter._counts


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("ab")), max_size=100), st.integers(1, 5))
def test_never_more_than_the_limit(moves: list[tuple[bool, str]], limit: int) -> None:
    counter = ConnectionCounter(limit)
    held = {"a": 0, "b": 0}
    for acquire, address in moves:
        if acquire and held[address] < limit:
            counter.acquire(address)
            held[address] += 1
        elif acquire:
            with pytest.raises(CollabError):
                counter.acquire(address)
        elif held[address]:
            counter.release(address)
            held[address] -= 1
