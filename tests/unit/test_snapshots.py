"""The mark of a snapshot that we wrote: it comes and goes, and says nothing to others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc, Text

from collab.documents.document import Document
from collab.protocol.codec import DecodeError
from collab.protocol.snapshots import marked, unmarked
from tests.support.honest_updates import honest_cases


def test_the_mark_of_a_snapshot_comes_and_goes() -> None:
    document = Document()
    document.apply(honest_cases()[0].updates[0])
    state = document.encode()
    assert unmarked(marked(state)) == state
    assert unmarked(state) is None
    assert unmarked(b"\0\0") is None
    other = Document()
    other.apply(marked(state))
    assert other.encode() == state, "to everybody else it says nothing"


@given(st.lists(st.sampled_from("abc"), max_size=5), st.integers(0, 2**31))
def test_any_state_takes_the_mark_and_gives_it_back(words: list[str], client: int) -> None:
    doc: Doc[Text] = Doc(client_id=client)
    for word in words:
        doc.get("body", type=Text).insert(0, word)
    state = doc.get_update()
    snapshot = marked(state)
    assert snapshot != state
    assert unmarked(snapshot) == state
    assert unmarked(marked(snapshot)) == snapshot, "a second one is no harm"
    again: Doc[Text] = Doc()
    again.apply_update(snapshot)
    assert again.get_update() == state, "nobody writes it again"


def test_the_mark_counts_only_in_front() -> None:
    state = honest_cases()[0].updates[0]
    mark = marked(b"\0\0")[1:-1]
    assert unmarked(b"\x01" + mark + b"\0") == b"\0\0"
    assert unmarked(bytes((state[0] + 1,)) + state[1:-1] + mark + b"\0") is None


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xff" * 12])
def test_what_is_no_state_is_refused(data: bytes) -> None:
    for call in (marked, unmarked):
        with pytest.raises(DecodeError):
            call(data)
