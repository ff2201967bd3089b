"""Types of Yjs 14, which are text, list and attributes in one: content shows all of it (D13)."""

from __future__ import annotations

import pytest

from collab.content.reading import read
from collab.content.rendering import render
from collab.errors import CollabError

#: what @y/y 14.0.0-rc.7 wrote
STATE = bytes.fromhex(
    "011205000401036d69780668656c6c6f2086050504626f6c64047472756584050604626f6c6486050a04626f6c64046e756c6c2801036d697805"
    "7469746c65017701782701036d6978066e657374656403017088050b037d01760101617d0277037374728705100301700400051104696e207028"
    "0005110269640177013787051104040005170b696e206e616d656c65737328000517016b0175017d010401047465787405706c61696e28010474"
    "657874046c616e67017702656e0801046c697374027d017d022801046c697374016e017d0328010561747472730161017d0100"
)
MIX = {
    "children": [
        "hello ", "bold", 1, {"a": 2}, "str", {"name": "p", "children": ["in p"], "attrs": {"id": "7"}},
        {"children": ["in nameless"], "attrs": {"k": [1]}},
    ],
    "attrs": {"title": "x", "nested": {"name": "p"}},
}  # fmt: skip


def test_json_is_what_yjs_makes_of_it() -> None:
    assert read(STATE) == {
        "mix": MIX,
        "text": {"children": ["plain"], "attrs": {"lang": "en"}},
        "list": {"children": [1, 2], "attrs": {"n": 3}},
        "attrs": {"a": 1},
    }
    assert read(STATE, "/mix/children/5/attrs/id") == "7"
    assert read(STATE, "/text/attrs") == {"lang": "en"}
    with pytest.raises(CollabError) as caught:
        read(STATE, "/text/attrs/none")
    assert caught.value.code == "not_found"


def test_text_has_all_words() -> None:
    assert read(STATE, "/text", "text") == "plain"
    assert read(STATE, "/mix", "text").split("\n") == [
        "hello bold", "1", '{"a":2}', "str", "in p", "in nameless",
    ]  # fmt: skip
    assert read(STATE, "/mix/children/5", "text") == "7\nin p\np"
    assert "plain" in read(STATE, None, "text").split("\n")


def test_rich_text_has_its_marks_and_elements() -> None:
    shown = render(STATE, "/mix", "markdown")
    assert "hello **bold**" in shown
    assert "in p" in shown
    assert "in nameless" in shown
    assert "<strong>bold</strong>" in render(STATE, None, "html")
    assert render(STATE, "/text", "markdown") == "plain\n"
