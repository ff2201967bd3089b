"""What leans on a map entry is one too, over any chain, whatever it says of itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.protocol.entries import Entries, Leaning
from collab.protocol.yjs_structs import Id


def unknown(_client: int, _clock: int) -> bool:
    return False


def never(_client: int, _clock: int) -> bool:
    return False


def leaning(*pairs: tuple[Id, Id]) -> Leaning:
    """Structs of one clock, each of which leans on another."""
    return {id: (None, 1, (on,), id[1]) for id, on in pairs}


def test_who_says_so_is_one_and_so_is_who_leans_on_it() -> None:
    entries = Entries([(1, 0, 1)], leaning(((1, 1), (1, 0)), ((1, 2), (1, 1)), ((1, 4), (1, 3))), {}, unknown, never)
    assert [entries.hold((1, clock)) for clock in range(5)] == [True, True, True, False, False]


def test_what_the_document_knows_counts() -> None:
    entries = Entries(
        [],
        leaning(((2, 0), (1, 5))),
        {},
        lambda client, clock: (client, clock) < (1, 9),
        lambda client, clock: (client, clock) == (1, 5),
    )
    assert entries.hold((2, 0))
    assert not entries.hold((1, 6))


def test_a_run_of_deleted_structs_is_one_struct() -> None:
    entries = Entries([(1, 10, 4)], leaning(((1, 20), (1, 12))), {1: [(10, 4)]}, unknown, never)
    assert entries.hold((1, 13))
    assert entries.hold((1, 20))
    assert not entries.hold((1, 14))


@pytest.mark.slow
def test_a_long_chain_needs_no_recursion() -> None:
    length = 50_000
    chain = leaning(*(((1, at), (1, at - 1)) for at in range(1, length)))
    assert Entries([(1, 0, 1)], chain, {}, unknown, never).hold((1, length - 1))


def test_a_circle_has_an_end() -> None:
    circle = leaning(((1, 0), (1, 1)), ((1, 1), (1, 0)))
    entries = Entries([], circle, {}, unknown, never)
    assert not entries.hold((1, 0))
    assert not entries.hold((1, 1))


@given(st.dictionaries(st.integers(0, 15), st.integers(0, 15), max_size=15), st.sets(st.integers(0, 15)))
def test_it_is_what_following_the_chain_says(leans: dict[int, int], keyed: set[int]) -> None:
    leans = {at: on for at, on in leans.items() if on < at}
    pairs = [((1, at), (1, on)) for at, on in leans.items()]

    def follow(at: int) -> bool:
        return at in keyed or (at in leans and follow(leans[at]))

    entries = Entries([(1, at, 1) for at in keyed], leaning(*pairs), {}, unknown, never)
    assert [entries.hold((1, at)) for at in range(16)] == [follow(at) for at in range(16)]
