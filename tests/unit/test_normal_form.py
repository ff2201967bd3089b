"""One hash for all documents that hold the same, however their edits came together."""

from __future__ import annotations

import random
from typing import Any

import pycrdt
import pytest
from pycrdt import Array, Doc, Map, Text

from collab.documents.normal_form import content_hash
from collab.protocol.codec import EMPTY_UPDATE


def replicas(rng: random.Random) -> list[bytes]:
    """The states of three people who hear of each other now and then."""
    people: list[Doc[Any]] = [Doc(client_id=client) for client in (1, 2, 3)]
    for _ in range(40):
        doc = rng.choice(people)
        body, size = doc.get("body", type=Text), len(str(doc.get("body", type=Text)))
        kind = rng.randrange(6)
        if kind < 2:
            body.insert(rng.randint(0, size), rng.choice("abc") * rng.randint(1, 3))
        elif kind == 2 and size:
            at = rng.randrange(size)
            del body[at : at + 1]
        elif kind == 3:
            doc.get("map", type=Map)[rng.choice("kl")] = {"b": rng.randrange(3), "a": [1], "c": None}
        elif kind == 4:
            doc.get("list", type=Array).append({"y": 1, "x": {"n": 2, "m": 3}})
        else:
            doc.apply_update(rng.choice(people).get_update())
    return [doc.get_update() for doc in people]


@pytest.mark.parametrize("seed", range(20))
def test_replicas_that_hold_the_same_have_one_hash(seed: int) -> None:
    rng = random.Random(seed)
    states = replicas(rng)
    hashes = {content_hash(pycrdt.merge_updates(*states))}
    for _ in range(3):
        rng.shuffle(states)
        doc: Doc[Any] = Doc()
        for state in states:
            doc.apply_update(state)
        hashes.add(content_hash(doc.get_update()))
    assert len(hashes) == 1


def test_other_content_has_another_hash() -> None:
    def state(change: Any) -> bytes:
        doc: Doc[Any] = Doc(client_id=1)
        change(doc)
        return doc.get_update()

    def deleted(doc: Doc[Any]) -> None:
        doc["t"] = Text("ab")
        del doc.get("t", type=Text)[1:2]

    states = [
        EMPTY_UPDATE,
        state(lambda doc: doc.get("t", type=Text).insert(0, "a")),
        state(lambda doc: doc.get("t", type=Text).insert(0, "b")),
        state(lambda doc: doc.get("u", type=Text).insert(0, "a")),
        state(lambda doc: doc.get("t", type=Text).insert(0, "a", {"bold": True})),
        state(lambda doc: doc.get("m", type=Map).update({"k": {"a": 1}})),
        state(lambda doc: doc.get("m", type=Map).update({"k": {"a": 2}})),
        state(deleted),
    ]
    assert len({content_hash(each) for each in states}) == len(states)


def test_it_is_a_sha_256() -> None:
    assert content_hash(EMPTY_UPDATE) == "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"


def test_what_others_are_shown_is_what_counts() -> None:
    doc: Doc[Any] = Doc(client_id=1)
    doc["t"] = Text("a")
    other: Doc[Any] = Doc(client_id=1)
    other["t"] = Text("b")

    def shown(state: bytes) -> bytes:
        return state.replace(b"\x01b", b"\x01a")

    assert content_hash(other.get_update(), shown) == content_hash(doc.get_update())


def test_the_order_of_entries_says_nothing() -> None:
    one = b"\x01\x01\x05\x00\x28\x01\x01m\x01k\x01\x76\x02\x01a\x7d\x01\x01b\x7d\x02\x00"
    other = b"\x01\x01\x05\x00\x28\x01\x01m\x01k\x01\x76\x02\x01b\x7d\x02\x01a\x7d\x01\x00"
    assert content_hash(one) == content_hash(other)


@pytest.mark.parametrize("state", [b"", b"\x01", b"\xff" * 9])
def test_what_is_no_state_has_none(state: bytes) -> None:
    with pytest.raises(Exception, match=r"."):
        content_hash(state)
