"""Free fields of ``user``: small, flat, and nothing in them runs (P9)."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.errors import CollabError
from collab.protocol.user_fields import MAX_FIELDS, MAX_FIELDS_BYTES, check_fields, usable_fields

GOOD = {
    "avatar": "https://people.example/ann.png?size=64#x",
    "picture": "data:image/png;base64,iVBORw0KGgo=",
    "org.team-2_x": "",
    "years": 3,
    "height": 1.65,
    "away": False,
    "nothing": None,
    "constructor": "a name like any other, on an object made by JSON.parse",
}


def fault(user: Any) -> dict[str, Any]:
    """What ``check_fields`` says of it, as it goes over the wire; ``usable_fields`` leaves it out."""
    with pytest.raises(CollabError) as caught:
        check_fields(user)
    told = caught.value.as_dict()
    assert told["code"] == "invalid_payload"
    assert len(orjson.dumps(told)) < 500
    assert usable_fields(user) == {}
    return told


def test_what_can_be_shown_is_taken_as_it_is() -> None:
    good = {**GOOD, "title": "Script: the good parts \U0001f469\u200d\U0001f4bb"}
    assert check_fields({"name": "Ann", "color": "red", **good}) == good
    assert usable_fields({"name": 5, "color": [], **good}) == good
    assert check_fields({}) == usable_fields({}) == {}


@pytest.mark.parametrize("key", ["id", "agent", "role", "session", "client_id"])
def test_what_the_server_says_nobody_else_does(key: str) -> None:
    assert fault({key: "x"})["path"] == f"user.{key}"


@pytest.mark.parametrize("key", ["", "__proto__", "_x", "1st", "a b", "a\0", "ä", "x" * 41, "<b>", 5, None])
def test_names_of_fields_are_plain(key: Any) -> None:
    assert fault({key: "x"})["path"] == f"user.{str(key)[:64]}"


@pytest.mark.parametrize(
    "value",
    [
        {}, [], {"href": "x"}, ["x"], b"x", float("nan"), float("inf"), 2**53 + 1, -(2**70), "\ud800", "a\0b", "a\nb", "\x85",
        "javascript:alert(1)", " \u00a0JavaScript :alert(1)", "vbscript:x", "data:text/html,<script>", "data:image/svg+xml,<svg>",
        "DATA:,x", "javascript:the good parts",
    ],
    ids=repr,
)  # fmt: skip
def test_values_are_flat_and_run_nowhere(value: Any) -> None:
    assert fault({"avatar": value})["path"] == "user.avatar"


def test_the_whole_is_bounded() -> None:
    room = MAX_FIELDS_BYTES - len('{"a":""}')
    assert check_fields({"a": "x" * room}) == {"a": "x" * room}
    assert fault({"a": "x" * (room + 1)})["limit"] == MAX_FIELDS_BYTES
    assert fault({"a": "é" * (room // 2 + 1)})["limit"] == MAX_FIELDS_BYTES, "bytes, not characters"
    fault({"a": "x" * 10_000_000})
    many = {f"a{number}": 1 for number in range(MAX_FIELDS)}
    assert check_fields({**many, "name": "Ann"}) == many
    assert fault({**many, "b": 1})["limit"] == MAX_FIELDS


def test_of_others_what_can_be_shown_is_taken() -> None:
    user = {"id": "root", "avatar": "javascript:x", "title": "Owl", "deep": {"er": 1}}
    assert usable_fields(user) == {"title": "Owl"}
    for nobody in (None, "Ann", 5, ["title"], {str(number): 1 for number in range(100_000)}):
        assert usable_fields(nobody) == {}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(["name", "color", "id", "avatar"]) | st.text(max_size=5), JSON, max_size=20))
def test_what_is_left_of_anything_would_be_taken(user: dict[str, Any]) -> None:
    left = usable_fields(user)
    assert check_fields(left) == left
    assert not left.keys() & {"name", "color", "id"}
    assert len(orjson.dumps(left)) <= MAX_FIELDS_BYTES
