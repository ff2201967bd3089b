"""The log in sums: who changed how much, when; whoever reads on sees nothing twice and misses nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collab.stores.base import HistoryEntry
from collab.stores.history import SPAN, beyond, summed

ENTRIES = st.lists(
    st.tuples(st.sampled_from(["ann", "bob", None]), st.floats(0, 3 * SPAN), st.integers(0, 9)), max_size=30
)


def entry(at: int, participant: str | None = "ann", started: float = 0.0, size: int = 1) -> HistoryEntry:
    return HistoryEntry(
        first=at, last=at, participant=participant, updates=1, size=size, started_at=started, ended_at=started
    )


def log(drawn: list[tuple[str | None, float, int]]) -> list[HistoryEntry]:
    return [entry(at, who, seconds, size) for at, (who, seconds, size) in enumerate(drawn, 1)]


def test_what_one_person_does_in_a_minute_is_one_entry() -> None:
    (one,) = summed([entry(1, started=0.0, size=3), entry(2, started=SPAN - 1, size=4)])
    assert (one.first, one.last, one.updates, one.size) == (1, 2, 2, 7)
    assert (one.started_at, one.ended_at) == (0.0, SPAN - 1)


def test_another_person_or_another_minute_begins_an_entry() -> None:
    entries = [entry(1, "ann"), entry(2, "bob"), entry(3, "ann"), entry(4, "ann", started=SPAN)]
    assert [(each.first, each.last) for each in summed(entries)] == [(1, 1), (2, 2), (3, 3), (4, 4)]


@given(ENTRIES)
def test_sums_keep_order_and_lose_nothing(drawn: list[tuple[str | None, float, int]]) -> None:
    entries = log(drawn)
    out = summed(entries)
    assert sum(each.updates for each in out) == len(entries)
    assert sum(each.size for each in out) == sum(each.size for each in entries)
    assert [at for each in out for at in range(each.first, each.last + 1)] == [each.first for each in entries]
    assert summed(out) == out, "summing up twice changes nothing"


@given(ENTRIES, st.integers(1, 4))
def test_whoever_reads_on_sees_everything_once(drawn: list[tuple[str | None, float, int]], limit: int) -> None:
    entries = log(drawn)
    seen: list[int] = []
    after = 0
    while page := beyond(entries, after, limit):
        assert len(page) <= limit
        seen += [at for each in page for at in range(each.first, each.last + 1)]
        after = page[-1].last
    assert seen == [each.first for each in entries]


def test_what_compaction_summed_up_stays_whole() -> None:
    sum_of_three = summed([entry(1), entry(2), entry(3)])
    assert beyond(sum_of_three, 2, 10) == sum_of_three
    assert beyond(sum_of_three, 3, 10) == []
