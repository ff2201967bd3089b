"""An update in the making: what is copied into it and deleted by it, other Yjs clients see so."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map, Text

from collab.content.items import Item, State
from collab.content.update import Edit, Place
from collab.protocol.codec import EMPTY_UPDATE
from collab.protocol.deletions import read_deletions
from collab.protocol.yjs_structs import STRING


def text(words: str, client: int = 1, clock: int = 0) -> Item:
    return Item(client, clock, STRING, len(words), words)


def items_of(doc: Doc[Any], root: str) -> list[Item]:
    state = State(doc.get_update())
    state.integrate(State(EMPTY_UPDATE))
    return [item for item in state.roots[root].sequence() if not item.deleted]


def test_nothing_done_is_the_empty_update() -> None:
    assert Edit(9, 3).encode() == EMPTY_UPDATE


def test_what_is_copied_looks_as_it_did() -> None:
    doc: Doc[Any] = Doc(client_id=1)
    body = doc.get("body", type=Text)
    body.insert(0, "some words")
    body.format(2, 6, {"bold": True})
    body.insert_embed(4, {"image": 1})
    doc.get("list", type=Array).extend([1, "two", {"three": 3}])
    edit, words, values = Edit(9, 0), Place("copy", None, None), Place("copies", None, None)
    for item in items_of(doc, "body"):
        edit.insert(words, item)
    for item in items_of(doc, "list"):
        edit.insert(values, item)
    doc.apply_update(edit.encode())
    assert doc.get("copy", type=Text).diff() == body.diff()
    assert doc.get("copies", type=Array).to_py() == doc.get("list", type=Array).to_py()


def test_ids_are_counted_on() -> None:
    edit, place = Edit(9, 5), Place("body", None, None)
    assert edit.insert(place, text("abc")) == (9, 5)
    assert edit.insert(place, text("d")) == (9, 8)
    assert (edit.clock, place.left) == (9, (9, 8))


def test_neighbouring_runs_of_one_place_are_one_struct() -> None:
    edit, one, other = Edit(9, 0), Place("one", None, None), Place("other", None, None)
    for words in ("ab", "cd"):
        edit.insert(one, text(words))
    assert edit.encode()[:2] == b"\x01\x01"
    assert b"\x04abcd" in edit.encode()
    edit.insert(other, text("ef"))
    edit.insert(one, text("gh"))
    assert edit.encode()[:2] == b"\x01\x03"


def test_a_copy_goes_between_its_neighbours() -> None:
    doc: Doc[Any] = Doc(client_id=1)
    body = doc.get("body", type=Text)
    body.insert(0, "ad")
    edit = Edit(9, 0)
    place = Place("body", (1, 0), (1, 1))
    edit.insert(place, text("b"))
    edit.insert(place, text("c"))
    doc.apply_update(edit.encode())
    assert str(body) == "abcd"


def test_a_copy_goes_under_a_key_and_into_what_stands_there() -> None:
    doc: Doc[Any] = Doc(client_id=1)
    keys = doc.get("map", type=Map)
    keys["inner"] = Text("x")
    doc.get("body", type=Text).insert(0, "y")
    (inner,) = (item for item in State(doc.get_update()).items[1] if item.shared is not None)
    edit = Edit(9, 0)
    edit.insert(Place(inner.id, (1, 1), None), text("z"))
    top = edit.insert(Place("map", None, None, "copy"), inner)
    edit.insert(Place(top, None, None), text("w"))
    doc.apply_update(edit.encode())
    assert str(keys["inner"]) == "xz"
    assert str(keys["copy"]) == "w"


def test_deletions_take_effect() -> None:
    doc: Doc[Any] = Doc(client_id=1)
    body = doc.get("body", type=Text)
    body.insert(0, "abcd")
    edit = Edit(9, 0)
    edit.delete(text("bc", clock=1))
    assert edit.encode() == b"\x00\x01\x01\x01\x01\x02"
    doc.apply_update(edit.encode())
    assert str(body) == "ad"


ranges = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 30), st.integers(1, 5)), min_size=1, max_size=12)


@given(ranges)
def test_deletions_are_joined(deleted: list[tuple[int, int, int]]) -> None:
    edit = Edit(9, 0)
    wanted: dict[int, set[int]] = {}
    for client, clock, length in deleted:
        edit.delete(text("x" * length, client, clock))
        wanted.setdefault(client, set()).update(range(clock, clock + length))
    update = edit.encode()
    found = read_deletions(update)
    assert {client: {clock for run in runs for clock in range(*run)} for client, runs in found.items()} == wanted
    # No two of the ranges that were written touch each other.
    written = sum(len([clock for clock in clocks if clock - 1 not in clocks]) for clocks in wanted.values())
    assert len(update) == 2 + 2 * len(wanted) + 2 * written
