"""The items of a state, in the order in which the CRDT keeps them, without its library."""

from __future__ import annotations

import random
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map, Text

from collab.content.items import Item, Shared, State, read_value, split
from collab.protocol.codec import EMPTY_UPDATE, DecodeError, Reader, write_var_bytes, write_var_uint
from collab.protocol.yjs_structs import ANY, STRING


def integrated(state: bytes, other: bytes = EMPTY_UPDATE) -> State:
    """``state``, its items in their places, cut where ``other`` is."""
    read = State(state)
    read.integrate(State(other))
    return read


def visible(shared: Shared) -> str:
    return "".join(item.content for item in shared.sequence() if not item.deleted and item.kind == STRING)


def edited_at_once(rng: random.Random, steps: int) -> Doc[Any]:
    """A document whose people edit without hearing of each other for a while."""
    people: list[Doc[Any]] = [Doc(client_id=client) for client in (1, 2, 3)]
    for _ in range(steps):
        doc = rng.choice(people)
        body, keys, values = doc.get("body", type=Text), doc.get("map", type=Map), doc.get("list", type=Array)
        kind, size = rng.randrange(6), len(str(body))
        if kind < 2:
            body.insert(rng.randint(0, size), rng.choice("abcdef") * rng.randint(1, 3))
        elif kind == 2 and size:
            at = rng.randrange(size)
            del body[at : min(size, at + 2)]
        elif kind == 3:
            keys[rng.choice("kl")] = rng.randrange(9)
        elif kind == 4:
            values.insert(rng.randint(0, len(values)), rng.randrange(9))
        else:
            doc.apply_update(rng.choice(people).get_update())
    for one in people[1:]:
        people[0].apply_update(one.get_update())
    return people[0]


@given(st.randoms(use_true_random=False), st.integers(1, 40))
def test_items_stand_in_the_order_of_the_crdt(rng: random.Random, steps: int) -> None:
    doc = edited_at_once(rng, steps)
    state = integrated(doc.get_update())
    nothing = Shared("")
    assert visible(state.roots.get("body", nothing)) == str(doc.get("body", type=Text))
    in_list = [item for item in state.roots.get("list", nothing).sequence() if not item.deleted]
    values = [read_value(Reader(value)) for item in in_list for value in item.content]
    assert values == doc.get("list", type=Array).to_py()
    entries = {
        key: read_value(Reader(item.content[0])) for key, item in state.roots.get("map", nothing).entries().items()
    }
    assert entries == doc.get("map", type=Map).to_py()


def test_what_is_deleted_stays_in_its_place() -> None:
    doc: Doc[Any] = Doc(client_id=1)
    body = doc.get("body", type=Text)
    body += "abcd"
    del body[1:3]
    doc.get("map", type=Map)["k"] = 1
    del doc.get("map", type=Map)["k"]
    state = integrated(doc.get_update())
    shown = [(item.id, item.length, item.deleted) for item in state.roots["body"].sequence()]
    assert shown == [((1, 0), 1, False), ((1, 1), 2, True), ((1, 3), 1, False)]
    assert state.roots["map"].entries() == {}
    assert state.roots["map"].keys["k"].deleted
    assert state.clock(1) == 5
    assert state.clock(2) == 0


def test_two_states_are_cut_at_the_same_clocks() -> None:
    doc: Doc[Any] = Doc(client_id=1)
    body = doc.get("body", type=Text)
    body += "abcdef"
    before = doc.get_update()
    other: Doc[Any] = Doc(client_id=2)
    other.apply_update(before)
    other.get("body", type=Text).insert(2, "X")
    del other.get("body", type=Text)[5:6]
    after = other.get_update()
    old, new = integrated(before, after), integrated(after, before)
    assert [item.content for item in old.roots["body"].sequence()] == ["ab", "cd", "e", "f"]
    assert [item.id for item in new.roots["body"].sequence()] == [(1, 0), (2, 0), (1, 2), (1, 4), (1, 5)]


def test_a_nested_type_holds_its_own() -> None:
    doc: Doc[Any] = Doc(client_id=1)
    doc.get("map", type=Map)["text"] = Text("in")
    state = integrated(doc.get_update())
    inner = state.roots["map"].entries()["text"].shared
    assert inner is not None
    assert inner.address == (1, 0)
    assert visible(inner) == "in"


def text_item(text: str) -> Item:
    return Item(1, 10, STRING, len(text.encode("utf-16-le")) // 2, text)


def test_an_item_is_cut_into_its_pieces() -> None:
    pieces = list(split(text_item("a😀bc"), [11, 13], {11, 13}))
    assert [(piece.clock, piece.length, piece.content) for piece in pieces] == [
        (10, 1, "a"), (11, 2, "😀"), (13, 2, "bc"),
    ]  # fmt: skip
    assert [piece.origin for piece in pieces] == [None, (1, 10), (1, 12)]
    values = Item(1, 0, ANY, 3, [b"\x7e", b"\x79", b"\x78"])
    assert [piece.content for piece in split(values, [1], {1})] == [[b"\x7e"], [b"\x79", b"\x78"]]
    assert [piece.tokens for piece in split(values, [1], {1})] == [1, 2]


def test_a_pair_is_parted_only_where_its_own_state_asks() -> None:
    """As Yjs does, which makes U+FFFD of both halves."""
    assert [piece.content for piece in split(text_item("a😀b"), [12], {12})] == ["a\ufffd", "\ufffdb"]
    assert [piece.content for piece in split(text_item("a😀b"), [12], set())] == ["a😀b"]


# -- values ------------------------------------------------------------------------------------------------


def value(data: bytes) -> Any:
    reader = Reader(data)
    read = read_value(reader)
    reader.end()
    return read


def entry(key: bytes, inner: bytes) -> bytes:
    return write_var_bytes(key) + inner


ONE = b"\x7d\x01"
TWO = b"\x7d\x02"


@pytest.mark.parametrize(
    "forms",
    [
        [ONE, b"\x7b" + struct.pack(">d", 1), b"\x7c" + struct.pack(">f", 1)],
        [b"\x7d\x7f"[:1] + b"\x41", b"\x7b" + struct.pack(">d", -1)],
        [b"\x7d\x80\x01", b"\x7b" + struct.pack(">d", 64)],
        [b"\x76\x02" + entry(b"a", ONE) + entry(b"b", TWO), b"\x76\x02" + entry(b"b", TWO) + entry(b"a", ONE)],
        [b"\x7b" + struct.pack(">d", float("nan")), b"\x7b\xff\xf8\0\0\0\0\0\0"],
    ],
    ids=["one", "minus one", "sixty-four", "objects", "not a number"],
)
def test_values_are_equal_however_they_are_written(forms: list[bytes]) -> None:
    assert len({value(form) for form in forms}) == 1


def test_values_that_look_alike_differ() -> None:
    different = [
        ONE, TWO, b"\x7a" + b"\0" * 7 + b"\x01", b"\x77\x01" + b"1", b"\x74\x01" + b"1", b"\x78", b"\x79", b"\x7e", b"\x7f",
        b"\x75\x01" + ONE, b"\x75\x02" + ONE + ONE, b"\x76\x01" + entry(b"a", ONE), b"\x75\x00", b"\x76\x00",
    ]  # fmt: skip
    assert len({value(each) for each in different}) == len(different)


# -- damage ------------------------------------------------------------------------------------------------


def nested(depth: int) -> bytes:
    return b"\x75\x01" * depth + b"\x7e"


def test_values_are_read_as_deep_as_they_may_be() -> None:
    value(nested(65))
    with pytest.raises(DecodeError):
        value(nested(66))


@pytest.mark.parametrize("data", [b"\x00", b"\x7d" + b"\x80" * 12, b"\x77\x05ab", b"\x80"])
def test_what_is_no_value_is_refused(data: bytes) -> None:
    with pytest.raises((DecodeError, IndexError)):
        value(data)


@pytest.mark.parametrize(
    "structs",
    [b"\x01\x01\x05\x00\x0b\x01\x01t", b"\x01\x01\x05\x00\x00\x00", b"\x01\x01\x05\x00\x01\x01\x01t\x00"],
    ids=["an unknown kind", "nothing of no length", "a deletion of no length"],
)
def test_what_is_no_state_is_refused(structs: bytes) -> None:
    with pytest.raises(DecodeError):
        State(structs + b"\0")


def test_bytes_behind_the_end_are_refused() -> None:
    State(EMPTY_UPDATE)
    with pytest.raises(DecodeError):
        State(EMPTY_UPDATE + b"\0")


def test_items_that_wait_for_each_other_are_refused() -> None:
    def leaning(client: int, on: int) -> bytes:
        return b"\x01" + write_var_uint(client) + b"\x00\x84" + write_var_uint(on) + b"\x00\x01a"

    with pytest.raises(DecodeError):
        integrated(b"\x02" + leaning(1, 2) + leaning(2, 1) + b"\0")
