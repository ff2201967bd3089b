"""When a delivery is tried again."""

from __future__ import annotations

from collab.webhooks.backoff import GIVE_UP, PAUSES, next_attempt


def test_the_first_retry_comes_within_five_seconds_and_never_at_once() -> None:
    for _ in range(200):
        at = next_attempt(1, 100.0, 100.0)
        assert at is not None and 2.0 < at - 100.0 <= 5.0


def test_pauses_grow_and_it_ends_after_three_days() -> None:
    now = since = 0.0
    attempts = 0
    pauses = []
    while True:
        attempts += 1
        at = next_attempt(attempts, now, since)
        if at is None:
            break
        pauses.append(at - now)
        now = at
    assert GIVE_UP - PAUSES[-1] <= now <= GIVE_UP
    assert all(pause <= PAUSES[-1] for pause in pauses)
    assert 25 < attempts < 60


def test_a_receiver_may_ask_for_more_time() -> None:
    at = next_attempt(1, 0.0, 0.0, wait=120.0)
    assert at is not None and at == 120.0
