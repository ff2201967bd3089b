"""How a struct of a Yjs update is read: all kinds, and nothing beyond the end of the bytes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.protocol import yjs_structs as structs
from collab.protocol.codec import MAX_CLOCK, write_var_bytes, write_var_uint
from collab.protocol.yjs_structs import MAX_DEPTH, StructReader, units
from tests.support.honest_updates import honest_cases

ROOT = b"\x01\x01r"
ANY_ONE = b"\x7d\x01"


@pytest.mark.parametrize(
    ("kind", "content", "length"),
    [
        (structs.DELETED, b"\x05", 5),
        (structs.JSON, b"\x02" + write_var_bytes(b"1") + write_var_bytes(b"undefined"), 2),
        (structs.BINARY, write_var_bytes(b"\0\xff"), 1),
        (structs.STRING, write_var_bytes("a😀é".encode()), 4),
        (structs.EMBED, write_var_bytes(b"{}"), 1),
        (structs.FORMAT, write_var_bytes(b"bold") + write_var_bytes(b"true"), 1),
        (structs.TYPE, bytes((structs.ARRAY,)), 1),
        (structs.TYPE, bytes((structs.XML_TEXT,)), 1),
        (structs.TYPE, bytes((structs.XML_ELEMENT,)) + write_var_bytes(b"p"), 1),
        (structs.TYPE, bytes((structs.XML_HOOK,)) + write_var_bytes(b"h"), 1),
        (structs.ANY, b"\x03" + ANY_ONE + b"\x7e" + b"\x77\x01x", 3),
        (structs.DOC, write_var_bytes(b"guid") + b"\x76\x00", 1),
    ],
)
def test_every_kind_of_content(kind: int, content: bytes, length: int) -> None:
    for key in (b"", b"\x01k"):
        data = bytes((kind | (structs.KEY if key else 0),)) + ROOT + key + content
        reader = StructReader(b"front" + data + b"back", 5)
        assert reader.struct() == length
        assert (reader.at, reader.data[reader.content_at : reader.at]) == (5 + len(data), content)
        assert (reader.left, reader.right, reader.parent) == (None, None, None)
        for size in range(len(data)):
            with pytest.raises((ValueError, IndexError)):
                StructReader(data[:size]).struct()


@pytest.mark.parametrize("kind", [structs.GC, structs.SKIP])
def test_what_is_gone_has_a_length_only(kind: int) -> None:
    reader = StructReader(bytes((kind,)) + b"\x85\x01")
    assert reader.struct() == 133
    assert reader.at == reader.size


@pytest.mark.parametrize(
    ("flags", "names", "left", "right", "parent"),
    [
        (structs.LEFT, b"\x01\x02", (1, 2), None, None),
        (structs.RIGHT, b"\x03\x84\x01", None, (3, 132), None),
        (structs.LEFT | structs.RIGHT, b"\x01\x02\x03\x04", (1, 2), (3, 4), None),
        (structs.LEFT | structs.KEY, b"\x01\x02", (1, 2), None, None),  # the key is the neighbour's
        (0, b"\x00\x05\x06", None, None, (5, 6)),
    ],
)
def test_what_a_struct_names(flags: int, names: bytes, left: Any, right: Any, parent: Any) -> None:
    reader = StructReader(
        bytes((structs.STRING | structs.LEFT,)) + b"\x09\x09\x01y" + bytes((structs.STRING | flags,)) + names + b"\x01x"
    )
    reader.struct()
    assert reader.struct() == 1
    assert (reader.left, reader.right, reader.parent) == (left, right, parent)
    assert reader.info == structs.STRING | flags
    assert reader.at == reader.size


@pytest.mark.parametrize(
    "data",
    [
        bytes((structs.GC,)) + b"\0",
        bytes((structs.GC,)) + write_var_uint(MAX_CLOCK + 1),
        bytes((structs.STRING,)) + ROOT + b"\0",
        bytes((structs.STRING,)) + ROOT + b"\x01\xff",
        bytes((structs.STRING,)) + b"\x02\x01\x01x",
        bytes((structs.ANY,)) + ROOT + b"\0",
        bytes((structs.JSON,)) + ROOT + b"\0",
        bytes((structs.TYPE,)) + ROOT + b"\x07",
        bytes((11,)) + ROOT + b"\x01x",
        bytes((structs.ANY,)) + ROOT + b"\x01\x73",
    ],
    ids=[
        "no length", "a length too large", "an empty text", "no UTF-8", "neither root nor id", "no values", "no JSON",
        "no such type", "no such kind", "no such value",
    ],
)  # fmt: skip
def test_damage_is_told(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - UnicodeDecodeError is one as well
        StructReader(data).struct()


@given(st.integers(0, 2**53))
def test_numbers(value: int) -> None:
    reader = StructReader(write_var_uint(value) + b"\0")
    if value < 2**49:
        assert reader.uint() == value
        assert reader.at == reader.size - 1


def test_numbers_without_an_end_are_refused() -> None:
    for read in (StructReader.uint, StructReader.signed):
        with pytest.raises(structs.Fault):
            read(StructReader(b"\xff" * 5000))


def test_counts_are_those_of_what_is_left() -> None:
    assert StructReader(b"\x03" + b"\0" * 6).count(2) == 3
    with pytest.raises(structs.Fault):
        StructReader(b"\x03" + b"\0" * 5).count(2)


# -- values ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "odd"),
    [
        (ANY_ONE, False), (b"\x7d\x41", False), (b"\x7d\x40", True), (b"\x7d\xc0\x01", False), (b"\x7c" + b"\0" * 4, False),
        (b"\x7b" + b"\0" * 8, False), (b"\x7a" + b"\0" * 8, True), (b"\x74\x02ab", False), (b"\x77\x02ab", False), (b"\x7f", False),
        (b"\x78", False), (b"\x79", False), (b"\x7e", False), (b"\x75\x02" + ANY_ONE + b"\x7d\x40", True), (b"\x75\x00", False),
    ],
)  # fmt: skip
def test_values_are_passed_over_and_odd_numbers_seen(value: bytes, odd: bool) -> None:
    reader = StructReader(value + ANY_ONE + b"back")
    reader.values(2)
    assert reader.at == len(value) + 2
    assert reader.odd is odd
    assert reader.maps == []


@pytest.mark.parametrize(
    "value", [b"\x7b" + b"\0" * 7, b"\x7c" + b"\0" * 3, b"\x7a" + b"\0" * 7, b"\x77\x02a", b"\x7d\x80"]
)
def test_a_value_that_is_cut_off_is_damage(value: bytes) -> None:
    with pytest.raises((structs.Fault, IndexError)):
        StructReader(value).values(1)


def test_where_maps_stand() -> None:
    object_ = b"\x76\x01\x01k" + ANY_ONE
    reader = StructReader(object_ + ANY_ONE + b"\x75\x01" + object_)
    reader.values(1)
    reader.values(1)
    reader.values(1)
    assert reader.maps == [(0, len(object_)), (len(object_) + 2, reader.size)]
    reader = StructReader(object_ + b"\x75\x00")
    reader.values(2)
    assert reader.maps == [(0, reader.size)], "a list of values with one in it, as a whole"


def test_values_are_nested_as_deep_as_they_may_be() -> None:
    deep = b"\x75\x01" * MAX_DEPTH + b"\x7e"
    StructReader(deep).values(1)
    with pytest.raises(structs.Fault):
        StructReader(b"\x75\x01" + deep).values(1)
    with pytest.raises(structs.Fault):
        StructReader(b"\x76\xff\x01\x01k" + ANY_ONE).values(1)


@given(st.text())
def test_the_length_of_a_text_is_that_of_javascript(text: str) -> None:
    assert units(text) == sum(1 + (ord(char) > 0xFFFF) for char in text)


def test_kinds_flags_and_types_are_those_of_yjs() -> None:
    """Numbers of the wire: yjs, ``src/structs`` and ``src/types``; lib0, ``encoding.js``."""
    assert (structs.GC, structs.STRING, structs.FORMAT, structs.ANY, structs.SKIP) == (0, 4, 6, 8, 10)
    assert (structs.LEFT, structs.RIGHT, structs.KEY, structs.KIND) == (128, 64, 32, 31)
    assert (structs.ARRAY, structs.MAP, structs.TEXT, structs.XML_ELEMENT, structs.XML_TEXT) == (0, 1, 2, 3, 6)
    assert (structs.ANY_BYTES, structs.ANY_INTEGER, structs.ANY_UNDEFINED) == (116, 125, 127)


def test_whole_updates_of_yjs_are_read_to_their_end() -> None:
    for case in honest_cases():
        for update in case.updates:
            reader = StructReader(update)
            for _ in range(reader.count(3)):
                count, _, _ = reader.count(2), reader.uint(), reader.uint()
                for _ in range(count):
                    assert reader.struct() > 0
            for _ in range(reader.uint()):
                reader.uint()
                for _ in range(reader.uint()):
                    reader.id()
            assert reader.at == reader.size
