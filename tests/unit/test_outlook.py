"""What a document would take is what it takes, and asking changes nothing."""

from __future__ import annotations

import pytest

from collab.documents.document import Document
from collab.errors import CollabError
from collab.protocol.codec import EMPTY_UPDATE
from collab.protocol.dependencies import TakenInPart

FIRST = b"\x01\x01\x05\x00\x04\x01\x01x\x03abc\0"
#: leans on FIRST
NEXT = b"\x01\x01\x06\x00\x84\x05\x02\x01d\0"
#: several values under one key, which the CRDT library cannot take as they are
SEVERAL = b"\x01\x01\x07\x00\x28\x01\x01m\x01k\x02\x7d\x01\x7d\x02\0"


@pytest.mark.parametrize("updates", [[FIRST], [FIRST, NEXT], [SEVERAL], [FIRST, SEVERAL]])
def test_what_is_said_beforehand_is_what_happens(updates: list[bytes]) -> None:
    document = Document()
    for update in updates:
        before = document.content_hash()
        would_take, error = document.check(10_000)(update)
        assert document.content_hash() == before and error is None
        assert document.apply(update)
        assert document.taken == would_take


def test_of_what_leans_on_something_unknown_the_rest_is_named() -> None:
    document = Document()
    would_take, error = document.check(10_000)(NEXT)
    assert isinstance(error, TakenInPart)
    assert (would_take, error.taken) == (EMPTY_UPDATE, b"")
    with pytest.raises(TakenInPart) as raised:
        document.apply(NEXT, in_part=True)
    assert (raised.value.detail, raised.value.taken) == (error.detail, b"")


def test_an_outlook_is_of_the_document_as_it_was() -> None:
    document = Document()
    look = document.check(10_000)
    document.apply(FIRST)
    assert isinstance(look(NEXT)[1], TakenInPart)
    assert document.check(10_000)(NEXT)[1] is None


def test_room_is_asked_for_what_is_new_alone() -> None:
    document = Document()
    document.apply(FIRST)
    assert document.check(document.size)(FIRST)[1] is None, "it has that already"
    with pytest.raises(CollabError) as refused:
        document.check(document.size + 2)(NEXT)
    assert refused.value.detail == {"limit": document.size + 2, "scope": "document"}
    with pytest.raises(CollabError, match="invalid_update"):
        document.check(10_000)(b"\xff\xff")
