"""In an outage of the cluster edits are taken for a while, then refused in words."""

from __future__ import annotations

import pytest

from collab.errors import CollabError
from collab.hub import outage
from collab.hub.outage import Outage


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(outage, "time", clock)
    return clock


def test_edits_are_taken_for_the_time_of_grace(clock: Clock) -> None:
    """N6."""
    trouble = Outage(grace=60.0)
    trouble.check()
    trouble.begin()
    clock.now += 60.0
    trouble.check()
    clock.now += 0.1
    with pytest.raises(CollabError) as refused:
        trouble.check()
    assert refused.value.code == "cluster_degraded"
    assert refused.value.retry_after


def test_an_outage_that_is_told_twice_began_once(clock: Clock) -> None:
    trouble = Outage(grace=10.0)
    trouble.begin()
    clock.now += 8.0
    trouble.begin()
    clock.now += 3.0
    with pytest.raises(CollabError):
        trouble.check()


def test_after_its_end_all_is_as_before(clock: Clock) -> None:
    trouble = Outage(grace=1.0)
    trouble.begin()
    clock.now += 5.0
    trouble.end()
    assert not trouble.lasts
    trouble.check()
    trouble.begin()
    trouble.check()
