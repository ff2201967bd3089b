"""The smallest edit that makes one text of another."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from collab.content import differ
from tests.support.examples import examples


def hunks_of(old: str, new: str, budget: int = differ.DIFF_BUDGET) -> Iterator[tuple[str, str]]:
    """Check that the hunks lead from `old` to `new`; give what each takes and puts."""
    hunks = differ.Differ(budget).hunks(old, new)
    result, at = "", 0
    for start, stop, new_start, new_stop in hunks:
        assert at <= start <= stop
        result += old[at:start] + new[new_start:new_stop]
        at = stop
        yield old[start:stop], new[new_start:new_stop]
    assert result + old[at:] == new


def longest_common_subsequence(old: str, new: str) -> int:
    row = [0] * (len(new) + 1)
    for char in old:
        diagonal = 0
        for at, other in enumerate(new, 1):
            diagonal, row[at] = row[at], diagonal + 1 if char == other else max(row[at], row[at - 1])
    return row[-1]


few_letters = st.text(st.sampled_from("ab\n😀"), max_size=24)


@given(few_letters, few_letters)
@example("ab", "ba")
@settings(max_examples=examples(400), deadline=None)
def test_the_edit_is_the_smallest(old: str, new: str) -> None:
    cost = sum(len(taken) + len(put) for taken, put in hunks_of(old, new))
    assert cost == len(old) + len(new) - 2 * longest_common_subsequence(old, new)


@given(few_letters, few_letters, st.integers(0, 60))
@settings(deadline=None)
def test_without_a_budget_the_edit_is_coarser_and_still_right(old: str, new: str, budget: int) -> None:
    for taken, put in hunks_of(old, new, budget):
        assert taken or put


words = st.lists(st.sampled_from(["one", "two", "three", "four", "x", "\n", "😀", " "]), max_size=40).map("".join)


@given(words, words)
@settings(deadline=None)
def test_long_texts_are_taken_apart_at_words_and_the_edit_is_still_right(old: str, new: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(differ, "SHORT_DIFF", 4)
        for taken, put in hunks_of(old, new):
            assert taken or put


def test_a_word_replaced_all_over_a_long_text_leaves_the_rest_alone() -> None:
    old = " ".join(f"the{'' if number % 3 else f' word{number}'}" for number in range(5000))
    found = list(hunks_of(old, old.replace("the", "THE")))
    assert sum(len(taken) for taken, _ in found) == 3 * 5000


def test_words_that_changed_places_are_moved_and_their_neighbours_stay() -> None:
    words = [f"word{number}" for number in range(300)]
    old, new = " ".join(words), " ".join([*words[200:], *words[:200]])
    taken = sum(len(taken) for taken, _ in hunks_of(old, new))
    assert taken <= len(" ".join(words[200:])) + 1, "the shorter part is what moves"


@pytest.mark.slow
def test_what_has_nothing_in_common_to_hold_on_to_is_replaced_in_bounded_time() -> None:
    started = time.perf_counter()
    assert list(hunks_of("ab" * 100_000, "ca" * 100_000)) == [("ab" * 100_000, "ca" * 100_000)]
    assert time.perf_counter() - started < 10  # without the bound: hours
