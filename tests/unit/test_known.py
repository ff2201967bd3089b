"""What is known, with gaps, is what a set of ids would say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collab.protocol.known import Known

RUNS = st.lists(st.tuples(st.integers(1, 2), st.integers(0, 30), st.integers(1, 12)), max_size=20)


@given(RUNS, st.integers(0, 40), st.integers(1, 20))
def test_it_is_what_a_set_says(runs: list[tuple[int, int, int]], begin: int, length: int) -> None:
    known = Known()
    ids: set[tuple[int, int]] = set()
    for client, first, count in runs:
        known.add([(client, first, first + count)])
        ids |= {(client, clock) for clock in range(first, first + count)}
    for client in (1, 2, 3):
        assert [known.holds(client, clock) for clock in range(50)] == [(client, clock) in ids for clock in range(50)]
        low = next(clock for clock in range(50) if (client, clock) not in ids)
        assert known.clocks.get(client, 0) == low
        assert known.end(client) == max((clock + 1 for who, clock in ids if who == client), default=0)
        lacks = [clock for first, last in known.lacks(client, begin, begin + length) for clock in range(first, last)]
        assert lacks == [clock for clock in range(begin, begin + length) if (client, clock) not in ids]
    gaps = {(client, clock) for client, first, last in known.gaps() for clock in range(first, last)}
    assert gaps == {(client, clock) for client in (1, 2) for clock in range(known.end(client))} - ids
    for client, ranges in known.behind.items():
        joints = [known.clocks.get(client, 0), *(clock for one in ranges for clock in one)]
        assert joints == sorted(set(joints)), "ranges are in order and touch nothing"
        assert ranges


@given(RUNS)
def test_the_order_does_not_matter(runs: list[tuple[int, int, int]]) -> None:
    one, other = Known(), Known()
    for client, first, count in runs:
        one.add([(client, first, first + count)])
    other.add([(client, first, first + count) for client, first, count in reversed(runs)])
    assert one == other
    copy = one.copy()
    copy.add([(9, 3, 4)])
    assert copy != one
    assert 9 not in one.behind
