"""Awareness is read all or nothing, as y-protocols writes it, and never costs more than it should."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Awareness, Doc

from collab.errors import CollabError
from collab.protocol.awareness import (
    MAX_AWARENESS_CLOCK,
    MAX_STATE_BYTES,
    MAX_STATE_DEPTH,
    AwarenessEntry,
    decode_awareness,
    depth_exceeds,
    encode_awareness,
    encode_entry,
    join_entries,
)
from collab.protocol.codec import write_var_bytes, write_var_uint

ENTRIES = st.lists(
    st.builds(
        AwarenessEntry,
        st.integers(0, 2**32 - 1),
        st.integers(0, MAX_AWARENESS_CLOCK),
        st.none() | st.dictionaries(st.text(max_size=9), st.integers() | st.text(max_size=9)).map(json.dumps),
    ),
    max_size=20,
    unique_by=lambda entry: entry.client,
).filter(lambda entries: all(abs(value) < 2**53 for each in entries if each.state for value in numbers(each.state)))


def numbers(state: str) -> list[int]:
    return [value for value in json.loads(state).values() if isinstance(value, int)]


def update(*entries: tuple[int, int, bytes]) -> bytes:
    return write_var_uint(len(entries)) + b"".join(
        write_var_uint(client) + write_var_uint(clock) + write_var_bytes(state) for client, clock, state in entries
    )


@given(ENTRIES)
def test_what_is_written_is_read(entries: list[AwarenessEntry]) -> None:
    data = encode_awareness(entries)
    assert decode_awareness(data) == entries
    assert data == join_entries([encode_entry(entry) for entry in entries])


def test_it_is_what_y_protocols_writes() -> None:
    awareness = Awareness(Doc(client_id=7))
    awareness.set_local_state({"user": {"name": "Ann"}})
    (entry,) = decode_awareness(awareness.encode_awareness_update([7]))
    assert entry.client == 7
    assert json.loads(entry.state or "") == {"user": {"name": "Ann"}}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01",
        update((1, 1, b"{}")) + b"\0",
        update((1, 1, b"{}"), (1, 2, b"{}")),
        update((1, MAX_AWARENESS_CLOCK + 1, b"{}")),
        update((1, 1, b"{")),
        update((1, 1, b"NaN")),
        update((1, 1, b'"\xff"')),
        update((1, 1, b'"' + b"x" * MAX_STATE_BYTES + b'"')),
        update((1, 1, b"[" * (MAX_STATE_DEPTH + 1) + b"]" * (MAX_STATE_DEPTH + 1))),
        write_var_uint(2**31),
    ],
)
def test_anything_else_is_refused_whole(data: bytes) -> None:
    with pytest.raises(CollabError) as refused:
        decode_awareness(data)
    assert refused.value.code == "invalid_payload"


@given(st.recursive(st.none() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
@pytest.mark.slow
def test_depth_is_counted_as_brackets_are(value: object) -> None:
    def depth(each: object) -> int:
        if isinstance(each, dict):
            return 1 + max(map(depth, each.values()), default=0)
        return 1 + max(map(depth, each), default=0) if isinstance(each, list) else 0

    assert depth_exceeds(value, depth(value)) is False
    if depth(value):
        assert depth_exceeds(value, depth(value) - 1) is True
