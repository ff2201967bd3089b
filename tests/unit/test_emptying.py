"""An update without what it would insert: the same clocks are taken, so that nothing waits at a gap."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc, Map, Text, get_state

from collab.documents.document import Document
from collab.protocol.codec import EMPTY_UPDATE, read_state_vector
from collab.protocol.deletions import read_deletions
from collab.protocol.emptying import deletion_of, emptied, inserted_by


def written(*words: str, client: int = 7) -> bytes:
    """A document that says this, in one text, with a map beside it."""
    doc: Doc[Any] = Doc(client_id=client)
    for number, word in enumerate(words):
        doc.get("map", type=Map)["k"] = number
        doc.get("body", type=Text).insert(0, word)
    return doc.get_update()


def shown(*updates: bytes) -> tuple[str, Any]:
    doc: Doc[Any] = Doc()
    for update in updates:
        doc.apply_update(update)
    return str(doc.get("body", type=Text)), doc.get("map", type=Map).to_py()


def test_what_it_inserts_and_where() -> None:
    doc: Doc[Any] = Doc(client_id=7)
    body = doc.get("body", type=Text)
    body += "ab"
    doc.get("map", type=Map)["k"] = 1
    body += "cé"
    del body[0:1]
    ranges, text = inserted_by(doc.get_update())
    assert ranges == {7: [(1, 2), (2, 3), (3, 5)]}, "what is deleted is no content"
    assert text == "b\ncé"
    assert inserted_by(EMPTY_UPDATE) == ({}, "")


@given(st.lists(st.sampled_from(["a", "bc", "😀"]), min_size=1, max_size=5), st.booleans())
def test_the_clocks_stay_and_the_content_goes(words: list[str], parents_too: bool) -> None:
    update = written(*words)
    ranges, _ = inserted_by(update)
    nothing = emptied(update, ranges, parents_too=parents_too)
    assert read_state_vector(get_state(nothing)) == read_state_vector(get_state(update))
    assert inserted_by(nothing) == ({}, "")
    assert shown(nothing) == ("", {})
    # What the same client does later is taken.
    doc: Doc[Any] = Doc(client_id=8)
    doc.apply_update(nothing)
    body = doc.get("body", type=Text)
    body += "later"
    document = Document()
    document.apply(nothing)
    assert document.apply(doc.get_update())


def test_only_what_is_in_the_ranges_goes() -> None:
    one, other = written("one", client=1), written("other", client=2)
    assert emptied(one, {2: [(0, 9)]}) == one
    assert emptied(one, {}) == one
    doc: Doc[Any] = Doc()
    doc.apply_update(one)
    doc.apply_update(other)
    both = doc.get_update()
    assert shown(emptied(both, {1: [(1, 4)]}))[0] == "other"
    body_of_one = emptied(one, {1: [(3, 4)]})
    assert shown(body_of_one)[0] == "", "a struct goes as a whole, however little of it is meant"
    assert emptied(one, {1: [(4, 9)]}) == one, "what begins where a struct ends does not touch it"
    assert shown(emptied(one, {1: [(0, 1)]})) == ("one", {}), "nor what ends where it begins"


def test_if_need_be_they_do_not_even_say_where_they_stood() -> None:
    update = b"\x01\x02\x05\x00\x04\x01\x04body\x02ab\x84\x05\x01\x01c\x00"
    assert emptied(update, {5: [(0, 3)]}) == b"\x01\x02\x05\x00\x01\x01\x04body\x02\x81\x05\x01\x01\x00"
    assert emptied(update, {5: [(0, 3)]}, parents_too=True) == b"\x01\x02\x05\x00\x00\x02\x00\x01\x00"


def test_what_leans_on_it_stays_where_it_was() -> None:
    doc: Doc[Any] = Doc(client_id=1)
    body = doc.get("body", type=Text)
    body += "refused"
    before = doc.get_update()
    state = doc.get_state()
    body += "later"
    later = doc.get_update(state)
    ranges, _ = inserted_by(before)
    assert shown(emptied(before, ranges), later)[0] == "later"


@given(
    st.dictionaries(
        st.integers(1, 2**40),
        st.lists(st.tuples(st.integers(0, 200), st.integers(1, 300)), min_size=1, max_size=4),
        max_size=4,
    )
)
def test_a_deletion_deletes_these_ranges_and_does_nothing_else(lengths: dict[int, list[tuple[int, int]]]) -> None:
    ranges = {client: [(begin, begin + length) for begin, length in runs] for client, runs in lengths.items()}
    update = deletion_of(ranges)
    assert update[0] == 0
    found = read_deletions(update)
    assert {client: {at for run in runs for at in range(*run)} for client, runs in found.items()} == {
        client: {at for run in runs for at in range(*run)} for client, runs in ranges.items()
    }
    assert (update == EMPTY_UPDATE) == (not ranges)
