"""Operations as data: their form."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.content import operations as ops
from collab.content.operations import validate
from collab.content.reading import read
from collab.errors import CollabError
from tests.support.scripted_edits import done, op, refused


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("text.insert", "not an object"),
        ({}, "unknown op"),
        ({"op": "text.append", "path": "/a"}, "unknown op"),
        ({"op": ["text.insert"], "path": "/a"}, "unknown op"),
        ({"op": "map.delete"}, "`path` is missing"),
        (op("map.delete", 7), "`path` is not a string"),  # type: ignore[arg-type]
        (op("map.delete", "a/b"), "begin with a slash"),
        (op("map.delete", "/a/~2"), "~"),
        (op("map.delete", "/a/~"), "~"),
        (op("map.delete", "/a/\ud800"), "`path` holds half a surrogate pair"),
        (op("map.delete", "/a" * 65), "64 segments"),
        (op("map.delete", "/root"), "name a key"),
        (op("map.set", "/root", value=1), "name a key"),
        (op("text.insert", "", index=0, text="x"), "name a root"),
        (op("text.insert", text="x"), "`index` is missing"),
        (op("text.insert", index=0), "`text` is missing"),
        (op("text.insert", index=-1, text="x"), "`index`"),
        (op("text.insert", index=True, text="x"), "`index`"),
        (op("text.insert", index=1.0, text="x"), "`index`"),
        (op("text.insert", index=2**31, text="x"), "`index`"),
        (op("text.insert", index=0, text=b"x"), "`text` is not a string"),
        (op("text.insert", index=0, text="\udc00"), "`text` holds half a surrogate pair"),
        (op("text.insert", index=0, text="x", attributes=[]), "`attributes` is not an object"),
        (op("text.insert", index=0, text="x", colour="red"), "unknown field 'colour'"),
        (op("text.format", index=0, length=0), "`attributes` is missing"),
        (op("map.set", "/m/k"), "`value` is missing"),
        (op("map.set", "/m/k", value=float("nan")), "out of range"),
        (op("map.set", "/m/k", value=[float("inf")]), "out of range"),
        (op("map.set", "/m/k", value=10**400), "out of range"),
        (op("map.set", "/m/k", value={"a": b"bytes"}), "not JSON"),
        (op("map.set", "/m/k", value={1: 2}), "not a string"),
        (op("map.set", "/m/k", value={"\ud800": 2}), "surrogate"),
        (op("array.insert", index=0, values="abc"), "`values` is not a list"),
    ],
)
def test_a_faulty_operation_is_refused_with_its_index(entry: Any, words: str) -> None:
    good = op("text.insert", index=0, text="good")
    with pytest.raises(CollabError) as raised:
        validate([good, entry])
    error = raised.value
    assert error.code == "invalid_payload"
    assert words in error.message
    assert error.as_dict()["index"] == 1
    error.message.encode()


def test_what_is_no_list_of_operations_is_refused() -> None:
    for faulty in (None, {}, "[]", 3):
        with pytest.raises(CollabError, match="list"):
            validate(faulty)
    with pytest.raises(CollabError, match="at most"):
        validate([op("map.delete", "/m/k")] * (ops.MAX_OPERATIONS + 1))


def test_nested_values_go_exactly_as_deep_as_the_scan_of_updates_lets_through() -> None:
    deepest: Any = 0
    for _ in range(64):
        deepest = [deepest]
    state = done(op("map.set", "/m/k", value=deepest), op("array.insert", "/a", index=0, values=[deepest]))
    assert read(state, "/m/k") == deepest
    assert "64 levels" in refused(op("map.set", "/m/k", value=[deepest])).message
    bottomless: list[Any] = []
    bottomless.append(bottomless)
    assert "64 levels" in refused(op("map.set", "/m/k", value=bottomless)).message


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=8))
def test_pointers_are_taken_apart_and_put_together(path: list[str]) -> None:
    assert ops.parse_pointer(ops.format_pointer(path)) == tuple(path)


@pytest.mark.parametrize(("pointer", "segments"), [("", ()), ("/", ("",)), ("/a~1b/~01", ("a/b", "~1"))])
def test_pointers_of_rfc_6901(pointer: str, segments: tuple[str, ...]) -> None:
    assert ops.parse_pointer(pointer) == segments
