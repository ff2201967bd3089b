"""How long a client waits before it tries again."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.client.options import Backoff


@given(st.integers(0, 10**6), st.floats(0.001, 10), st.floats(0.001, 60), st.floats(0, 100))
def test_a_wait_is_never_longer_than_allowed_nor_shorter_than_asked_for(
    attempt: int, base: float, most: float, asked: float
) -> None:
    wait = Backoff(base, most).delay(attempt, asked)
    assert asked <= wait <= asked + min(most, base * 2.0**16) + 1e-9


def test_the_time_doubles_up_to_the_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda _low, high: high)
    assert [Backoff(0.5, 3.0).delay(attempt) for attempt in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_a_thousand_clients_do_not_come_back_together() -> None:
    waits = sorted(Backoff(1.0, 60.0).delay(3) for _ in range(1000))
    assert waits[0] < 0.5
    assert waits[-1] > 7.5
    assert max(later - earlier for earlier, later in itertools.pairwise(waits)) < 0.5
