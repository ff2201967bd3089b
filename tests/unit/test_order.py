"""What can never be put together again does not get in (rule S4): a gap is not filled with what can only have come later."""

from __future__ import annotations

import pytest

from collab.documents.document import Document
from collab.documents.order import in_order
from collab.errors import CollabError
from tests.unit.test_dependencies import FIRST, behind, of


def gapped() -> Document:
    """Of client 1 the letters 0 and 5, of client 2 one behind 1:5, and of client 3 one at 4 behind that."""
    document = Document()
    document.apply(of((1, 0, [FIRST])))
    document.apply(of((1, 5, [behind(1, 0)]), (2, 0, [behind(1, 5)]), (3, 4, [behind(2, 0)])))
    assert document.known.behind == {1: [(5, 6)], 3: [(4, 5)]}
    return document


@pytest.mark.parametrize(
    ("update", "sound"),
    [
        (of((1, 1, [behind(1, 0)])), True),
        (of((1, 3, [behind(1, 0)])), True),
        (of((3, 0, [behind(2, 0)])), True),
        (of((1, 1, [behind(2, 0)])), False),
        (of((1, 1, [behind(3, 4)])), False),
        (of((1, 6, [behind(3, 4)])), True),
    ],
    ids=["next", "in the middle", "by somebody else", "who leans on a later one", "if by others", "at the end"],
)
def test_a_gap_is_filled_with_what_may_have_been_there(update: bytes, sound: bool) -> None:
    document = gapped()
    before = document.content_hash()
    if sound:
        assert document.apply(update)
    else:
        with pytest.raises(CollabError, match="leans on what came later"):
            document.apply(update)
        assert document.content_hash() == before
    assert not document.poisoned
    again = Document.load(document.snapshot(), [])
    assert (again.known, again.content_hash()) == (document.known, document.content_hash())
    after = document.known.copy()
    assert in_order(document.encode(), b"\0\0", after)
    after.add([(9, 0, 1)])
    assert not in_order(document.encode(), b"\0\0", after), "a change that is not there"


def test_what_leans_on_its_authors_later_changes_is_missing_something_for_ever() -> None:
    document = gapped()
    with pytest.raises(CollabError) as caught:
        document.apply(of((1, 1, [behind(1, 5)])), in_part=True)
    assert caught.value.code == "missing_dependencies"


def test_large_documents_are_not_loaded_again_for_everybody_who_wants_it() -> None:
    document = gapped()
    document.size = 10**6
    with pytest.raises(CollabError) as caught:
        document.apply(of((1, 1, [behind(1, 0)])), may_part=lambda: False)
    assert caught.value.code == "rate_limited"
    assert document.apply(of((1, 6, [behind(1, 5)])), may_part=lambda: False), "what comes at the end costs nothing"
