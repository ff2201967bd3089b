"""What nodes say to each other, byte by byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.protocol.bells import Bell, Compacted, Deleted, Note, Renewed, decode, encode_note


def test_every_kind() -> None:
    assert decode(b"B n e 3 4\n\0\0\0\2ab\0\0\0\0") == Bell("n", "e", 3, 4, (b"ab", b""))
    assert decode(b"B n e 3 4\n") == Bell("n", "e", 3, 4, ())
    assert decode(b"S n e 9\n") == Compacted("n", "e", 9)
    assert decode(b"E n e\n") == Renewed("n", "e")
    assert decode(b"D n e\n") == Deleted("n", "e")
    assert decode(encode_note("n", {"k": "ask", "text": "a\nb"})) == Note("n", {"k": "ask", "text": "a\nb"})


@pytest.mark.parametrize(
    "data", [b"", b"B n e 3 4", b"B n e x 4\n", b"B n\n", b"X n e\n", b"N n\n[]", b"N n\n{", b"B n e 1 1\n\0\0\0\5ab"]
)
def test_what_is_not_ours_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        decode(data)


@given(st.binary())
def test_nothing_else_is_raised(data: bytes) -> None:
    try:
        decode(data)
    except ValueError:
        return
