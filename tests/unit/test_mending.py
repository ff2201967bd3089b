"""What Yjs writes and the CRDT library cannot take, written so that it can."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.content.items import read_value
from collab.content.reading import read
from collab.documents.document import Document
from collab.protocol.codec import Reader, write_var_bytes
from collab.protocol.mending import in_order, mend, read_odd_json
from collab.protocol.yjs_structs import Fault


def of(client: int, *structs: bytes, clock: int = 0) -> bytes:
    return bytes((1, len(structs), client, clock)) + b"".join(structs) + b"\0"


NULL, TRUE = b"\x7e", b"\x78"
ONE, TWO, THREE = b"\x7d\x01", b"\x7d\x02", b"\x7d\x03"

# -- several values of one key -----------------------------------------------------------------------------


def test_each_value_behind_the_first_ones_is_a_struct_that_leans_on_the_one_before() -> None:
    update = of(5, b"\x28\x01\x01x\x01k\x03" + ONE + TWO + THREE)
    assert mend(update, {(5, 0): 1}) == of(
        5, b"\x28\x01\x01x\x01k\x01" + ONE, b"\xa8\x05\x00\x01" + TWO, b"\xa8\x05\x01\x01" + THREE
    )
    assert mend(update, {(5, 0): 2}) == of(5, b"\x28\x01\x01x\x01k\x02" + ONE + TWO, b"\xa8\x05\x01\x01" + THREE)
    assert mend(update, {(5, 1): 1}) == mend(update) == update


def test_the_neighbour_on_the_right_stays_everybodys() -> None:
    update = of(5, b"\xc8\x03\x00\x04\x00\x02" + ONE + TWO)
    assert mend(update, {(5, 0): 1}) == of(5, b"\xc8\x03\x00\x04\x00\x01" + ONE, b"\xc8\x05\x00\x04\x00\x01" + TWO)


def test_lists_of_json_are_taken_apart_too() -> None:
    update = of(5, b"\x22\x01\x01x\x01k\x02" + write_var_bytes(b"null") + write_var_bytes(b"true"))
    assert mend(update, {(5, 0): 1}) == of(5, b"\x28\x01\x01x\x01k\x01" + NULL, b"\xa8\x05\x00\x01" + TRUE)


# -- surrogate pairs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pairs", "text"),
    [([], "a😀b😀"), ([2], "a\ufffd\ufffdb😀"), ([2, 5], "a\ufffd\ufffdb\ufffd\ufffd"), ([1, 4], "a😀b😀")],
)
def test_both_halves_of_a_parted_pair_are_replaced(pairs: list[int], text: str) -> None:
    def update(words: str) -> bytes:
        return of(5, b"\x04\x01\x01t" + write_var_bytes(words.encode()), b"\x84\x05\x05\x01z")

    assert mend(update("a😀b😀"), pairs={(5, second) for second in pairs}) == update(text)


# -- JSON --------------------------------------------------------------------------------------------------

json_values: Any = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
def test_json_becomes_the_same_any_value(value: Any) -> None:
    mended = mend(of(5, b"\x02\x01\x01a\x01" + write_var_bytes(json.dumps(value).encode())))
    head = b"\x01\x01\x05\x00\x08\x01\x01a\x01"
    assert mended.startswith(head)
    reader = Reader(mended[len(head) : -1])
    assert shown(read_value(reader)) == value
    reader.end()


@pytest.mark.parametrize(
    ("number", "written"),
    [
        (b"2147483647", b"\x7d\xbf\xff\xff\xff\x0f"),
        (b"-2147483647", b"\x7d\xff\xff\xff\xff\x0f"),
        (b"2147483648", b"\x7b\x41\xe0\0\0\0\0\0\0"),
        (b"0", b"\x7d\x00"),
        (b"-64", b"\x7d\xc0\x01"),
    ],
)
def test_numbers_are_written_as_javascript_does(number: bytes, written: bytes) -> None:
    assert mend(of(5, b"\x02\x01\x01a\x01" + write_var_bytes(number))) == of(5, b"\x08\x01\x01a\x01" + written)


def shown(value: Any) -> Any:
    """What :func:`read_value` read, as JSON."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, float):
        return value
    if value[0] == 117:
        return [shown(each) for each in value[1]]
    if value[0] == 118:
        return {key.decode(): shown(each) for key, each in value[1]}
    return {120: True, 121: False, 126: None}[value[0]]


@given(json_values)
def test_sound_json_is_read_as_json(value: Any) -> None:
    text = json.dumps({"\u00e9": value})
    assert read_odd_json(text) == json.loads(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"a\\ud83d"', "a\ufffd"),
        ('"\\ude00b"', "\ufffdb"),
        ('"\\ud83d\\ude00"', "😀"),
        ('{"\\ud83d": ["\\ud83d"]}', {"\ufffd": ["\ufffd"]}),
    ],
)
def test_half_a_pair_is_a_replacement_character(text: str, value: Any) -> None:
    assert read_odd_json(text) == value


@pytest.mark.parametrize(
    "text", ['"\\u00e9', '["\\u00e9", NaN]', "nonsense", '"\\u00e9" 1', "[" * 100_000 + '"\\u00e9"']
)
def test_what_is_no_json_is_a_fault(text: str) -> None:
    with pytest.raises(Fault):
        read_odd_json(text)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\x03" + b"".join(map(write_var_bytes, (b"1", b'"two"', b'{"a": [null, 2.5]}'))), [1, "two", {"a": [None, 2.5]}]),
        (b"\x02" + write_var_bytes(b"undefined") + write_var_bytes(b"-70000"), [None, -70000]),
    ],
)  # fmt: skip
def test_lists_of_json_of_old_documents_are_read(content: bytes, expected: list[object]) -> None:
    """Content of kind 2; yrs reads beyond its end."""
    update = b"\x01\x02\x05\x00\x02\x01\x01a" + content + b"\x88\x05\x00\x01\x7e\0"
    document = Document()
    assert document.apply(update)
    assert read(document.encode())["a"] == [expected[0], None, *expected[1:]]
    assert Document.load(None, [update]).content_hash() == document.content_hash()


def test_half_a_surrogate_pair_in_json_is_replaced() -> None:
    """JavaScript writes it, and yrs cannot read it."""
    embed = write_var_bytes(b'{"t": "a\\ud83d", "whole": "\\ud83d\\ude00"}')
    update = b"\x01\x02\x05\x00\x04\x01\x01t\x01a\x85\x05\x00" + embed + b"\0"
    document = Document()
    assert document.apply(update)
    assert document.clocks == {5: 2}
    assert '{"t":"a\ufffd","whole":"\U0001f600"}'.encode() in document.taken.replace(b" ", b"")
    assert Document.load(None, [update]).content_hash() == document.content_hash()


# -- order -------------------------------------------------------------------------------------------------


def entry(key: bytes, value: bytes) -> bytes:
    return write_var_bytes(key) + value


def test_the_entries_of_maps_are_sorted_however_deep() -> None:
    inner = b"\x76\x02" + entry(b"z", ONE) + entry(b"a", TWO)
    value = b"\x75\x01" + b"\x76\x02" + entry(b"m", inner) + entry(b"b", NULL)
    in_inner = b"\x76\x02" + entry(b"a", TWO) + entry(b"z", ONE)
    wanted = b"\x75\x01" + b"\x76\x02" + entry(b"b", NULL) + entry(b"m", in_inner)
    state = b"front" + value + THREE + b"back"
    place = (5, 5 + len(value + THREE))
    assert in_order(state, [place], []) == b"front" + wanted + THREE + b"back"
    assert in_order(state, [], []) == state


def test_json_is_sorted_in_its_place() -> None:
    one, other = (write_var_bytes(orjson.dumps(value)) for value in ({"b": 1, "a": {"d": 1, "c": 2}}, {"y": 1, "x": 2}))
    state = one + b"between" + other
    places = [(len(one) + 7, len(state)), (0, len(one))]
    assert in_order(state, [], places) == b'{"a":{"c":2,"d":1},"b":1}between{"x":2,"y":1}'
