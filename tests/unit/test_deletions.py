"""Whether an answer to a step 1 that only deletes says anything new."""

from __future__ import annotations

import random

import pytest
from pycrdt import Doc, Text

from collab.documents.document import Document
from collab.protocol.codec import DecodeError
from collab.protocol.deletions import all_in, read_deletions


def test_a_reader_who_changed_nothing_adds_nothing() -> None:
    rng = random.Random(1)
    author: Doc = Doc()
    text = author.get("body", type=Text)
    document = Document()
    for _ in range(300):
        before = author.get_state()
        if len(str(text)) > 5 and rng.random() < 0.4:
            at = rng.randrange(len(str(text)))
            del text[at : at + 1]
        else:
            text.insert(rng.randint(0, len(str(text))), "x")
        document.apply(author.get_update(before))
    reader: Doc = Doc()
    reader.apply_update(document.encode())
    answer = reader.get_update(document.state_vector())
    assert answer != b"\0\0", "it holds all deletions"
    assert not document.adds(answer)
    del reader.get("body", type=Text)[0:1]
    assert document.adds(reader.get_update(document.state_vector()))


def test_new_text_is_news() -> None:
    document, reader = Document(), Doc()
    reader.get("body", type=Text).insert(0, "x")
    assert document.adds(reader.get_update(document.state_vector()))
    assert not document.adds(b"\0\0")


def test_ranges_are_compared_whole() -> None:
    some = read_deletions(b"\0\x01\x05\x02\x00\x02\x02\x03")  # client 5: 0-2 and 2-5
    assert some == {5: [(0, 5)]}
    assert all_in({5: [(1, 5)]}, some)
    assert not all_in({5: [(1, 6)]}, some)
    assert not all_in({6: [(0, 1)]}, some)


@pytest.mark.parametrize(
    "data", [b"", b"\x01", b"\0", b"\0\x7f", b"\0\x01\x05\x7f\0\0", b"\0\0\0", b"\0\x01\x05\x01\0"]
)
def test_broken_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(DecodeError):
        read_deletions(data)
