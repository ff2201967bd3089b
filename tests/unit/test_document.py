"""A document: what was applied is in it once, and comes out as others may be given it."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map, Text

from collab.documents.document import Document
from collab.documents.merging import merge
from collab.errors import CollabError
from collab.protocol.codec import EMPTY_UPDATE, read_state_vector


def letter(clock: int, client: int = 5) -> bytes:
    """One letter at the beginning of `body`."""
    return b"\x01\x01" + bytes((client, clock)) + b"\x04\x01\x04body\x01x\x00"


def text_of(state: bytes) -> str:
    doc: Doc[Any] = Doc()
    doc.apply_update(state)
    return str(doc.get("body", type=Text))


def edits(rng: random.Random, steps: int) -> list[bytes]:
    """Updates of one author, who types, deletes, and keeps other things too."""
    doc: Doc[Any] = Doc(client_id=9)
    body, updates = doc.get("body", type=Text), []
    for number in range(steps):
        before = doc.get_state()
        size, kind = len(body), rng.randrange(5)
        if kind < 2 or not size:
            body.insert(rng.randint(0, size), rng.choice(["a", "bc"]))
        elif kind == 2:
            at = rng.randrange(size)
            del body[at : at + 1]
        elif kind == 3:
            doc.get("map", type=Map)[rng.choice("kl")] = number
        else:
            doc.get("list", type=Array).insert(0, {"n": number})
        updates.append(doc.get_update(before))
    return updates


@given(st.randoms(use_true_random=False), st.integers(1, 20))
def test_it_is_the_same_however_it_came_to_be(rng: random.Random, steps: int) -> None:
    updates = edits(rng, steps)
    one_by_one, again = Document(), Document()
    log = []
    for update in updates:
        if one_by_one.apply(update):
            log.append(one_by_one.taken)
    assert again.apply(merge(updates))
    half = rng.randint(0, len(log))
    first = Document.load(None, log[:half])
    others = [
        again,
        Document.load(None, log),
        Document.load(first.snapshot(), log[half:]),
        Document.load(one_by_one.encode(), []),
    ]
    for other in others:
        assert other.clocks == one_by_one.clocks == read_state_vector(other.state_vector())
        assert other.content_hash() == one_by_one.content_hash()
        assert other.diff(one_by_one.state_vector())[0] == 0
    for update in (*updates, one_by_one.encode()):
        assert not one_by_one.apply(update), "what is known adds nothing"
        assert one_by_one.taken == b""


def test_what_a_peer_lacks_is_what_it_gets() -> None:
    document = Document()
    document.apply(letter(0))
    vector = document.state_vector()
    document.apply(letter(1))
    peer = Document()
    peer.apply(letter(0))
    assert peer.apply(document.diff(vector))
    assert peer.content_hash() == document.content_hash()
    assert document.diff(None) == document.diff(b"\0") == document.encode()
    with pytest.raises(CollabError) as refused:
        document.diff(b"\x05\x01")
    assert refused.value.code == "invalid_payload"


def test_typing_may_be_merged_and_nothing_else() -> None:
    document = Document()
    for update, plain in (
        (letter(0), False),
        (b"\x01\x01\x05\x01\x84\x05\x00\x01y\x00", True),
        (b"\x00\x01\x05\x01\x00\x01", False),
        (b"\x01\x01\x05\x02\x84\x05\x01\x02yz\x00", True),
    ):
        assert document.apply(update)
        assert (document.plain, document.taken) == (plain, update)
    assert text_of(document.encode()) == "yyz"


def test_what_was_refused_changed_nothing() -> None:
    document = Document()
    document.apply(letter(0))
    before = (document.encode(), dict(document.clocks), document.measure())
    for update in (b"", b"\xff" * 9, letter(1)[:-1], letter(1) + b"\0"):
        with pytest.raises(CollabError) as refused:
            document.apply(update)
        assert refused.value.code == "invalid_update"
        assert document.taken == b""
    assert (document.encode(), document.clocks, document.measure()) == before
    assert document.apply(letter(1))


def test_a_broken_document_takes_nothing_until_it_is_loaded_again() -> None:
    document = Document()
    document.apply(letter(0))
    document.poisoned = True
    with pytest.raises(CollabError) as refused:
        document.apply(letter(1))
    assert (refused.value.code, refused.value.retry_after) == ("storage_unavailable", 1)


@pytest.mark.parametrize(("snapshot", "tail"), [(b"\xff\xff", []), (None, [b"\xff\xff"]), (letter(0)[:-2], [])])
def test_a_store_that_is_damaged_is_told(snapshot: bytes | None, tail: list[bytes]) -> None:
    with pytest.raises(CollabError) as failed:
        Document.load(snapshot, tail)
    assert failed.value.code == "storage_unavailable"


def test_its_size_is_never_too_small() -> None:
    document = Document()
    assert document.size == document.measure() == len(EMPTY_UPDATE)
    for clock in range(20):
        document.apply(letter(clock))
        assert document.size >= len(document.encode())
    assert document.size == document.measure() == len(document.encode())
    assert Document.load(None, [letter(0)]).size >= len(letter(0))


def test_what_is_kept_for_whoever_asks_is_not_older_than_the_last_edit() -> None:
    document = Document()
    document.apply(letter(0))
    state = document.encode()
    assert document.encode() is state
    document.forget_encoded()
    assert document.encode() == state
    document.apply(letter(1))
    assert text_of(document.encode()) == "xx"
    document.apply(b"\x00\x01\x05\x01\x00\x01")
    assert text_of(document.encode()) == "x"


def test_it_can_be_asked_what_it_would_take() -> None:
    """In another thread, while it goes on."""
    document = Document()
    document.apply(letter(0))
    check = document.check(most=1000)
    document.apply(letter(1))
    update, error = check(letter(1))
    assert (update, error) == (letter(1), None)
    with pytest.raises(CollabError) as refused:
        check(b"\xff")
    assert refused.value.code == "invalid_update"
    with pytest.raises(CollabError) as refused:
        document.check(most=10)(letter(2))
    assert (refused.value.code, refused.value.detail["limit"]) == ("document_too_large", 10)
    assert document.check(most=document.size)(letter(0)) == (letter(0), None), "what is known adds nothing"


def test_only_new_bytes_are_new() -> None:
    document = Document()
    document.apply(letter(0))
    assert document.new_bytes(letter(0)) == 0
    assert 0 < document.new_bytes(letter(1)) <= len(letter(1))
    with pytest.raises(CollabError) as refused:
        document.new_bytes(b"\x05")
    assert refused.value.code == "invalid_update"
