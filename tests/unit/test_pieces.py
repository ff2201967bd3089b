"""Large updates in pieces (collab/protocol/pieces.py): the server takes each, and all make the whole."""

from __future__ import annotations

import random
from typing import Any

import pytest
from pycrdt import Array, Doc, Map, Text

from collab.documents.document import Document
from collab.protocol.codec import read_state_vector
from collab.protocol.pieces import in_pieces


def taken(update: bytes, most: int, onto: Document | None = None) -> Document:
    """What a server has that was sent the pieces one after the other."""
    document = onto if onto is not None else Document()
    for piece in in_pieces(update, most):
        assert len(piece) <= most
        document.apply(piece)
    return document


def whole(update: bytes) -> Document:
    return Document.load(update, [])


def test_a_small_update_stays_as_it_is() -> None:
    assert list(in_pieces(b"\0\0", 1024)) == [b"\0\0"]


@pytest.mark.slow
@pytest.mark.parametrize("text", ["x" * 50_000, "é" * 30_000, "你好" * 9000, "a😀b" * 9000, "😀" * 10_000])
@pytest.mark.parametrize("most", [1024, 1025, 1026, 1027, 5000])
def test_a_long_text_is_cut_between_characters(text: str, most: int) -> None:
    doc: Doc[Any] = Doc()
    body = doc.get("body", type=Text)
    body += text
    update = doc.get_update()
    assert len(list(in_pieces(update, most))) > 4
    document = taken(update, most)
    assert document.content_hash() == whole(update).content_hash()
    assert document.clocks == read_state_vector(doc.get_state())


@pytest.mark.slow
def test_a_long_list_is_cut_between_values() -> None:
    doc: Doc[Any] = Doc()
    doc.get("list", type=Array).extend([{"a": [number, None, "x" * (number % 50)]} for number in range(5000)])
    update = doc.get_update()
    document = taken(update, 2000)
    assert document.content_hash() == whole(update).content_hash()


def test_a_value_that_cannot_be_cut_makes_a_large_piece() -> None:
    doc: Doc[Any] = Doc()
    values = doc.get("list", type=Array)
    values.extend(["small", "x" * 5000, "small"])
    doc.get("map", type=Map)["key"] = b"y" * 5000
    pieces = list(in_pieces(doc.get_update(), 1024))
    assert sum(len(piece) > 1024 for piece in pieces) == 2
    document = Document()
    for piece in pieces:
        document.apply(piece)
    assert document.content_hash() == whole(doc.get_update()).content_hash()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_structs_that_lean_on_each_other_keep_their_order(seed: int) -> None:
    chance = random.Random(seed)
    docs: list[Doc[Any]] = [Doc(client_id=1 + number * chance.choice([1, 2**40])) for number in range(5)]
    for _ in range(600):
        doc = chance.choice(docs)
        body, notes = doc.get("body", type=Text), doc.get("notes", type=Array)
        action = chance.random()
        if action < 0.6:
            body.insert(chance.randint(0, len(str(body).encode())), chance.choice(["a", "word ", "xyz"]))
        elif action < 0.75 and len(str(body)) > 5:
            at = chance.randint(0, len(str(body)) - 3)
            del body[at : at + chance.randint(1, 3)]
        elif action < 0.85:
            notes.append(Map({"text": Text("inner"), "n": chance.random()}))
        elif len(notes):
            inner = notes[chance.randrange(len(notes))]
            inner["n"] = chance.random()
            inner["text"] += "more "
        if chance.random() < 0.3:
            other = chance.choice(docs)
            other.apply_update(doc.get_update(other.get_state()))
    for doc in docs[1:]:
        docs[0].apply_update(doc.get_update(docs[0].get_state()))
    update = docs[0].get_update()
    assert len(update) > 3000
    for most in (1024, 1500, 4096):
        document = taken(update, most)
        assert document.clocks == read_state_vector(docs[0].get_state())
        assert document.content_hash() == whole(update).content_hash()
    # A diff goes out in pieces, too, to somebody who has the beginning.
    behind = Document.load(docs[1].get_update(), [])
    diff = docs[0].get_update(behind.state_vector())
    assert taken(diff, 1024, behind).content_hash() == whole(update).content_hash()


@pytest.mark.slow
def test_very_many_deletions() -> None:
    doc: Doc[Any] = Doc(client_id=2**50)
    body = doc.get("body", type=Text)
    body += "ab" * 3000
    for at in range(2900):
        del body[at]
    other: Doc[Any] = Doc(client_id=7)
    other.apply_update(doc.get_update())
    del other.get("body", type=Text)[0:5]
    update = other.get_update()
    document = taken(update, 1024)
    assert document.content_hash() == whole(update).content_hash()


@pytest.mark.parametrize("update", [b"\xff" * 2000, b"\1\1\1\0" + b"\x04\1\4body" + b"\xff" * 3000])
def test_what_is_no_update(update: bytes) -> None:
    with pytest.raises((ValueError, IndexError)):
        list(in_pieces(update, 1024))
