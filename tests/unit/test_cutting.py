"""A part of a struct says what the struct said of it."""

from __future__ import annotations

import pytest

from collab.protocol.cutting import cut_out
from collab.protocol.yjs_structs import ANY, DELETED, GC, JSON, KEY, LEFT, RIGHT, STRING, Fault

ID = (7, 10)


@pytest.mark.parametrize(
    ("struct", "first", "last", "part"),
    [
        (bytes((GC, 5)), 11, 13, bytes((GC, 2))),
        (bytes((DELETED | LEFT, 1, 2, 5)), 11, 15, bytes((DELETED | LEFT, 7, 10, 4))),
        (bytes((STRING | RIGHT, 1, 2, 3)) + b"abc", 10, 12, bytes((STRING | RIGHT, 1, 2, 2)) + b"ab"),
        (bytes((STRING | RIGHT, 1, 2, 3)) + b"abc", 12, 13, bytes((STRING | LEFT | RIGHT, 7, 11, 1, 2, 1)) + b"c"),
        (bytes((STRING, 1, 1)) + b"t\x04a\xc3\x9fb", 11, 13, bytes((STRING | LEFT, 7, 10, 3)) + b"\xc3\x9fb"),
        (bytes((STRING, 1, 1)) + b"t\x05a\xf0\x9f\x98\x80", 10, 12, bytes((STRING, 1, 1)) + b"t\x04a\xef\xbf\xbd"),
        (bytes((ANY, 1, 1)) + b"t\x03\x7d\x01\x77\x01x\x7e", 11, 12, bytes((ANY | LEFT, 7, 10, 1)) + b"\x77\x01x"),
        (bytes((JSON | KEY | LEFT, 1, 2, 2)) + b"\x011\x012", 11, 12, bytes((JSON | KEY | LEFT, 7, 10, 1)) + b"\x012"),
        (bytes((STRING | LEFT, 1, 2, 2)) + b"ab", 10, 12, bytes((STRING | LEFT, 1, 2, 2)) + b"ab"),
    ],
    ids=["nothing", "deleted", "the beginning", "the end", "of two bytes", "half a pair", "values", "JSON", "all"],
)
def test_a_part(struct: bytes, first: int, last: int, part: bytes) -> None:
    assert cut_out(struct, ID, first, last) == part


@pytest.mark.parametrize(("first", "last"), [(9, 11), (11, 11), (10, 13)])
def test_what_is_not_in_it(first: int, last: int) -> None:
    with pytest.raises(Fault):
        cut_out(bytes((STRING | LEFT, 1, 2, 2)) + b"ab", ID, first, last)
