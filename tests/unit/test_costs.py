"""What a document may cost the CRDT library beyond its size."""

from __future__ import annotations

import time

import pytest

from collab.documents.costs import MAX_SUBDOCUMENTS, MAX_TANGLE, Costs
from collab.errors import CollabError


def busy(seconds: float) -> None:
    """Take so much CPU."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


@pytest.mark.slow
def test_who_looks_long_for_places_is_stopped_before_the_next_edit() -> None:
    costs, integrated = Costs(), 0
    while costs.tangle <= MAX_TANGLE:
        costs.integrate(lambda _update: busy(0.03), b"", 1)
        integrated += 1
    with pytest.raises(CollabError) as refused:
        costs.integrate(lambda _update: pytest.fail("it is integrated"), b"", 1)
    assert refused.value.code == "document_too_large"
    # The first one only draws attention.
    assert 2 <= integrated <= 2 * MAX_TANGLE / 0.03


def test_many_that_are_cheap_cost_nothing() -> None:
    costs = Costs()
    for _ in range(10_000):
        costs.integrate(lambda _update: None, b"", 1)
    assert costs.tangle < MAX_TANGLE / 10


def test_what_fails_is_not_counted_twice() -> None:
    costs = Costs()

    def fails(_update: bytes) -> None:
        raise CollabError("invalid_update")

    with pytest.raises(CollabError, match="invalid_update"):
        costs.integrate(fails, b"", 1)
    assert costs.tangle == 0.0


@pytest.mark.parametrize(
    ("seconds", "size", "tangled"), [(0.2, 2_000_000, False), (2.0, 2_000_000, True), (0.4, 10, False)]
)
def test_what_takes_longer_to_load_than_its_size_says_is_tangled(seconds: float, size: int, tangled: bool) -> None:
    costs = Costs()
    costs.loaded(seconds, size)
    assert (costs.tangle > MAX_TANGLE) is tangled


def test_subdocuments_are_counted_once_and_bounded() -> None:
    costs, counted = Costs(), []

    def count() -> int:
        counted.append(True)
        return MAX_SUBDOCUMENTS - 2

    costs.add_subdocuments(1, count)
    with pytest.raises(CollabError) as refused:
        costs.add_subdocuments(2, count)
    assert refused.value.detail == {"limit": MAX_SUBDOCUMENTS, "scope": "document"}
    costs.add_subdocuments(1, count)
    assert (costs.subdocuments, len(counted)) == (MAX_SUBDOCUMENTS, 1)
