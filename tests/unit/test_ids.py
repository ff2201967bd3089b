"""Sets of ids of structs answer as a plain set of all of them would."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collab.documents.ids import Ids

#: runs as a document adds them: those of one client never overlap
RUNS = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3), st.integers(1, 5)), max_size=20)


@given(RUNS, st.randoms())
def test_an_id_is_in_the_set_if_it_was_added(drawn: list[tuple[int, int, int]], rng) -> None:  # type: ignore[no-untyped-def]
    ends: dict[int, int] = {}
    runs, plain = [], set()
    for client, gap, length in drawn:
        clock = ends.get(client, 0) + gap
        ends[client] = clock + length
        runs.append((client, clock, length))
        plain |= {(client, at) for at in range(clock, clock + length)}
    rng.shuffle(runs)
    ids = Ids()
    for run in runs:
        ids.add([run])
    for client in range(5):
        for clock in range(60):
            assert ids.hold(client, clock) == ((client, clock) in plain)
