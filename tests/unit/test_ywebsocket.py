"""The codec of y-websocket: what its messages are, byte for byte, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.protocol.codec import DecodeError
from collab.protocol.ywebsocket import (
    NO_NEWS,
    STEP_1,
    STEP_2,
    UPDATE,
    Kind,
    Message,
    read_message,
    write_awareness,
    write_denied,
    write_sync,
)

STEPS = {STEP_1: Kind.STEP_1, STEP_2: Kind.STEP_2, UPDATE: Kind.UPDATE}


def test_messages_are_those_of_the_npm_package() -> None:
    assert write_sync(STEP_1, b"\0") == bytes([0, 0, 1, 0])
    assert write_sync(UPDATE, b"\0\0") == bytes([0, 2, 2, 0, 0])
    assert write_awareness(b"\0") == NO_NEWS == bytes([1, 1, 0])
    assert write_denied("no") == b"\x02\x00\x02no"


@given(st.sampled_from([STEP_1, STEP_2, UPDATE]), st.binary(max_size=400))
def test_what_is_written_is_read(step: int, payload: bytes) -> None:
    assert read_message(write_sync(step, payload)) == Message(STEPS[step], payload)
    assert read_message(write_awareness(payload)) == Message(Kind.AWARENESS, payload)


def test_an_awareness_query_is_one_byte() -> None:
    assert read_message(b"\x03") == Message(Kind.QUERY_AWARENESS)


@pytest.mark.parametrize("data", [b"\x04", b"\x64more", b"\x02\x00\x02no"])
def test_kinds_of_applications_are_none_of_ours(data: bytes) -> None:
    assert read_message(data).kind is Kind.OTHER


@pytest.mark.parametrize(
    "data",
    [b"", b"\0", b"\0\x03\0", b"\0\0", b"\0\0\x02\0", b"\0\0\x01\0\0", b"\x01", b"\x01\x05\0", b"\x03\0", b"\xff" * 9],
)
def test_broken_messages_are_refused(data: bytes) -> None:
    with pytest.raises(DecodeError):
        read_message(data)
