"""What stands in which root: read from the structure, and refused where reading it would not end."""

from __future__ import annotations

from typing import Any

import pytest
from pycrdt import Array, Doc, Map, Text

from collab.content.editing import edit
from collab.content.reading import read
from collab.content.roots import MAX_NESTING, StructureReader
from collab.errors import CollabError
from collab.protocol.codec import write_var_bytes, write_var_uint
from tests.support.scripted_edits import SAMPLE, inside, items, named, op, refused


def test_what_a_root_is_can_be_seen_in_it() -> None:
    assert StructureReader(SAMPLE).kinds() == {"t": "text", "m": "map", "a": "array", "x": "xml"}
    assert read(SAMPLE) == {
        "t": "a😀b",
        "m": {"k": {"plain": 1}, "sub": {"title": "In", "n": 1}, "xml": ""},
        "a": [1, {"x": 1}],
        "x": "<p>hey</p>",
    }


def test_the_first_item_of_a_root_may_be_gone() -> None:
    """The parent stands only in the first struct; here that is one whose content was deleted."""
    doc: Doc[Any] = Doc()
    text, array, mapping = doc.get("t", type=Text), doc.get("a", type=Array), doc.get("m", type=Map)
    text += "xhello"
    array.extend([0, 1, 2])
    mapping["k"] = 1
    other: Doc[Any] = Doc()
    other.apply_update(doc.get_update())
    other_text = other.get("t", type=Text)
    other_text.insert(3, " from another client ")
    del other_text[0:1]
    del other.get("a", type=Array)[0]
    other.get("m", type=Map)["k"] = 2
    state = other.get_update()
    assert StructureReader(state).kinds() == {"t": "text", "a": "array", "m": "map"}
    assert read(state) == {"t": "he from another client llo", "a": [1, 2], "m": {"k": 2}}


def test_a_formatted_text_without_characters_is_still_a_text() -> None:
    doc: Doc[Any] = Doc()
    text = doc.get("t", type=Text)
    text.insert_embed(0, {"image": 1}, {"bold": True})
    assert read(doc.get_update(), "/t") == ""
    refused(op("array.insert", "/t", index=0, values=[1]), state=doc.get_update())


def test_an_array_with_the_characters_of_a_text_is_not_read() -> None:
    """pycrdt never comes back from reading an emoji as the items of an array."""
    state = items(9, named(7, "a", b"\0"), inside(4, 9, 0, write_var_bytes("😀".encode())))
    for call in (lambda: read(state), lambda: edit(state, [op("array.insert", "/a/0", index=0, values=[1])])):
        with pytest.raises(CollabError) as raised:
            call()
        assert raised.value.code == "invalid_update"


def nested_arrays(depth: int) -> bytes:
    return items(9, named(7, "a", b"\0"), *(inside(7, 9, at, b"\0") for at in range(depth - 1)))


def test_types_nested_too_deep_are_not_read() -> None:
    content = read(nested_arrays(MAX_NESTING - 1), "/a")
    for _ in range(MAX_NESTING - 1):
        (content,) = content
    assert content == []
    for depth in (MAX_NESTING, 20_000):
        with pytest.raises(CollabError) as raised:
            read(nested_arrays(depth))
        assert raised.value.code == "invalid_update"


def test_origins_in_a_circle_end() -> None:
    def leaning(on: int) -> bytes:
        return b"\x84" + write_var_uint(on) + b"\0" + write_var_bytes(b"x")

    state = b"\2" + b"\1" + b"\1\0" + leaning(2) + b"\1" + b"\2\0" + leaning(1) + b"\0"
    assert StructureReader(state).kinds() == {}


def test_an_item_whose_left_neighbour_is_gone_belongs_to_its_right_one() -> None:
    anything = b"\1\x7d\5"
    state = items(9, named(8, "a", anything), b"\0\1", b"\xc4\x09\1\x09\0" + write_var_bytes("😀".encode()))
    assert StructureReader(state).kinds() == {"a": "text"}
