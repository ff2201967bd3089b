"""lib0 numbers, strings and state vectors, and the awareness update: strict, linear, and as Yjs writes them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from pycrdt import Awareness, Doc, Text, create_awareness_message

from collab.errors import CollabError
from collab.protocol.awareness import (
    MAX_AWARENESS_CLOCK,
    MAX_ENTRIES,
    MAX_STATE_BYTES,
    MAX_STATE_DEPTH,
    AwarenessEntry,
    decode_awareness,
    depth_exceeds,
    encode_awareness,
)
from collab.protocol.codec import (
    MAX_CLIENT,
    MAX_CLOCK,
    DecodeError,
    Reader,
    read_state_vector,
    write_state_vector,
    write_var_bytes,
    write_var_uint,
)

CLIENTS = st.integers(0, MAX_CLIENT)
CLOCKS = st.integers(0, MAX_CLOCK)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


def refused(call: Callable[[], Any]) -> str:
    """The message of the ``invalid_payload`` that ``call`` raises."""
    with pytest.raises(CollabError) as caught:
        call()
    assert caught.value.code == "invalid_payload"
    return caught.value.message


# -- numbers, bytes, strings ------------------------------------------------------------------------


@given(CLIENTS)
@example(0)
@example(127)
@example(128)
@example(MAX_CLOCK)
@example(MAX_CLIENT)
def test_numbers_are_read_as_they_are_written(value: int) -> None:
    written = write_var_uint(value)
    reader = Reader(written + b"rest")
    assert reader.var_uint() == value
    assert (reader.at, reader.left) == (len(written), 4)
    assert len(written) == max(1, -(-value.bit_length() // 7))


@given(CLIENTS, CLIENTS)
def test_numbers_above_the_bound_are_refused_and_not_consumed(value: int, most: int) -> None:
    assume(value > most)
    reader = Reader(write_var_uint(value))
    with pytest.raises(DecodeError):
        reader.var_uint(most)
    assert reader.at == 0


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80",
        b"\xff" * 7,
        write_var_uint(2**53),
        write_var_uint(2**63),
        write_var_uint(2**64 - 1),
        b"\xff" * 9 + b"\x01",
    ],
)
def test_numbers_that_javascript_does_not_have(data: bytes) -> None:
    with pytest.raises(DecodeError):
        Reader(data).var_uint()


@pytest.mark.timeout(5)
def test_an_endless_number_is_given_up_early() -> None:
    endless = b"\xff" * 10_000_000
    for _ in range(1000):
        with pytest.raises(DecodeError):
            Reader(endless).var_uint()


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_bytes_are_read_as_they_are_written(values: list[bytes]) -> None:
    reader = Reader(b"".join(map(write_var_bytes, values)))
    assert [reader.var_bytes() for _ in values] == values
    reader.end()


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=100))
def test_text_is_counted_in_bytes(text: str) -> None:
    reader = Reader(write_var_bytes(text.encode()) + b"\x01")
    assert reader.var_string() == text
    assert reader.left == 1


@given(st.binary(max_size=60), st.data())
def test_no_input_is_read_past_its_end(data: bytes, draw: st.DataObject) -> None:
    reader = Reader(data)
    methods = ("var_uint", "var_bytes", "var_string", "end")
    for name in draw.draw(st.lists(st.sampled_from(methods), max_size=8)):
        before = reader.at
        try:
            getattr(reader, name)()
        except DecodeError:
            break
        assert before <= reader.at <= len(data)
        assert reader.left == len(data) - reader.at


@given(st.binary(min_size=1, max_size=40))
def test_every_truncation_is_noticed(value: bytes) -> None:
    written = write_var_bytes(value)
    for size in range(len(written)):
        with pytest.raises(DecodeError):
            Reader(written[:size]).var_bytes()


def test_text_is_strict_utf_8() -> None:
    for data in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"a\x80"):
        with pytest.raises(DecodeError):
            Reader(write_var_bytes(data)).var_string()


# -- state vectors ----------------------------------------------------------------------------------


@given(st.dictionaries(CLIENTS, CLOCKS, max_size=30))
def test_state_vectors_are_read_as_they_are_written(clocks: dict[int, int]) -> None:
    assert read_state_vector(write_state_vector(clocks)) == clocks


@given(st.dictionaries(CLIENTS, CLOCKS, min_size=1, max_size=10), st.data())
def test_state_vectors_are_read_whole_or_not_at_all(clocks: dict[int, int], draw: st.DataObject) -> None:
    written = write_state_vector(clocks)
    refused(lambda: read_state_vector(written + b"\0"))
    size = draw.draw(st.integers(0, len(written) - 1))
    refused(lambda: read_state_vector(written[:size]))


@given(st.binary(max_size=80))
def test_any_bytes_are_a_state_vector_or_are_refused(data: bytes) -> None:
    try:
        clocks = read_state_vector(data)
    except CollabError as error:
        assert error.code == "invalid_payload"
    else:
        assert all(0 <= client <= MAX_CLIENT and 0 <= clock <= MAX_CLOCK for client, clock in clocks.items())


@pytest.mark.timeout(5)
@pytest.mark.slow
def test_counts_that_the_bytes_cannot_hold_cost_nothing() -> None:
    for count in (2, 1000, 2**31, MAX_CLIENT):
        refused(lambda count=count: read_state_vector(write_var_uint(count) + b"\x01\x01"))
        refused(lambda count=count: decode_awareness(write_var_uint(count) + b"\x01\x01\x01"))
    # Many entries that all are there take time in proportion.
    clocks = dict.fromkeys(range(300_000), 1)
    assert read_state_vector(write_state_vector(clocks)) == clocks


def test_a_client_stands_in_a_state_vector_once() -> None:
    assert "twice" in refused(lambda: read_state_vector(b"\x02\x01\x05\x01\x06"))


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=10), min_size=1, max_size=4))
def test_yrs_reads_and_writes_the_same_state_vectors(words: list[str]) -> None:
    document: Doc[Any] = Doc()
    for word in words:
        other: Doc[Any] = Doc()
        other.apply_update(document.get_update())
        text = other.get("body", type=Text)
        text += word
        document.apply_update(other.get_update())
    clocks = read_state_vector(document.get_state())
    assert len(clocks) == len(words)
    assert document.get_update(write_state_vector(clocks)) == document.get_update(document.get_state())


# -- awareness --------------------------------------------------------------------------------------

ENTRIES = st.dictionaries(CLIENTS, st.tuples(st.integers(0, MAX_AWARENESS_CLOCK), JSON), max_size=6).map(
    lambda states: [
        AwarenessEntry(client, clock, None if state is None else orjson.dumps(state).decode())
        for client, (clock, state) in states.items()
    ]
)


@given(ENTRIES)
def test_awareness_is_read_as_it_is_written(entries: list[AwarenessEntry]) -> None:
    assert decode_awareness(encode_awareness(entries)) == entries


@given(ENTRIES, st.data())
def test_awareness_is_read_whole_or_not_at_all(entries: list[AwarenessEntry], draw: st.DataObject) -> None:
    written = encode_awareness(entries)
    refused(lambda: decode_awareness(written + b"\0"))
    size = draw.draw(st.integers(0, len(written) - 1))
    refused(lambda: decode_awareness(written[:size]))


@given(st.binary(max_size=120))
def test_any_bytes_are_awareness_or_are_refused(data: bytes) -> None:
    try:
        entries = decode_awareness(data)
    except CollabError as error:
        assert error.code == "invalid_payload"
        assert len(error.message) < 200
    else:
        assert all(entry.clock <= MAX_AWARENESS_CLOCK for entry in entries)


def one(state: str | bytes, client: int = 1, clock: int = 1) -> bytes:
    """An awareness update of one entry, however wrong."""
    raw = state if isinstance(state, bytes) else state.encode()
    return write_var_uint(1) + write_var_uint(client) + write_var_uint(clock) + write_var_bytes(raw)


@pytest.mark.parametrize(
    "state",
    [
        "", " ", "NaN", "Infinity", "-Infinity", "1e999", "[1,NaN]", '{"a":Infinity}', "{", "[1,]", "{'a':1}", '{"a":1} x',
        "undefined", "nul", '"\\ud800"', '{"\\udfff":1}', '"\x01"', "01", "+1", ".5", "\ufeff{}", b"\xff", b'"\xed\xa0\x80"',
        "[" * 10_000, "[" * 5_000 + "]" * 5_000, '{"a":' * (MAX_STATE_DEPTH + 1) + "1" + "}" * (MAX_STATE_DEPTH + 1),
    ],
    ids=lambda state: repr(state)[:24],
)  # fmt: skip
def test_states_are_strict_json(state: str | bytes) -> None:
    refused(lambda: decode_awareness(one(state)))


@pytest.mark.parametrize("clock", [MAX_AWARENESS_CLOCK + 1, 2**32, MAX_CLIENT])
def test_absurd_clocks_are_refused(clock: int) -> None:
    refused(lambda: decode_awareness(one("{}", clock=clock)))


def test_absurd_client_ids_are_refused() -> None:
    assert decode_awareness(one("{}", client=MAX_CLIENT))[0].client == MAX_CLIENT
    refused(lambda: decode_awareness(one("{}", client=MAX_CLIENT + 1)))
    refused(lambda: decode_awareness(one("{}", client=2**64)))


def test_a_client_stands_in_awareness_once() -> None:
    update = write_var_uint(2) + one("{}")[1:] + one("null", clock=2)[1:]
    assert "twice" in refused(lambda: decode_awareness(update))


def test_the_number_of_entries_is_bounded() -> None:
    entries = [AwarenessEntry(client, 1, "{}") for client in range(MAX_ENTRIES + 1)]
    assert len(decode_awareness(encode_awareness(entries[:-1]))) == MAX_ENTRIES
    refused(lambda: decode_awareness(encode_awareness(entries)))
    refused(lambda: decode_awareness(encode_awareness(entries[:3]), max_entries=2))


def test_the_size_of_a_state_is_bounded() -> None:
    fits = json.dumps("x" * (MAX_STATE_BYTES - 2))
    assert decode_awareness(one(fits))[0].state == fits
    assert str(MAX_STATE_BYTES) in refused(lambda: decode_awareness(one(json.dumps("x" * (MAX_STATE_BYTES - 1)))))


def test_the_size_of_a_state_is_counted_in_bytes() -> None:
    refused(lambda: decode_awareness(one('"' + "\U0001f600" * (MAX_STATE_BYTES // 2) + '"')))


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), JSON, min_size=1, max_size=4))
def test_yrs_reads_and_writes_the_same_awareness(state: dict[str, Any]) -> None:
    document: Doc[Any] = Doc()
    theirs = Awareness(document)
    theirs.set_local_state(state)
    (entry,) = decode_awareness(theirs.encode_awareness_update([document.client_id]))
    assert entry.client == document.client_id
    assert json.loads(entry.state or "") == json.loads(json.dumps(state))
    reader = Awareness(Doc())
    reader.apply_awareness_update(encode_awareness([entry]), "test")
    assert reader.states[entry.client] == json.loads(entry.state or "")
    message = create_awareness_message(encode_awareness([entry]))
    assert message.endswith(encode_awareness([entry]))


# -- depth ------------------------------------------------------------------------------------------


def depth(value: Any) -> int:
    """Levels of lists and objects; the plain way."""
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


@given(JSON, st.integers(0, 6))
@example([[]], 1)
def test_depth_is_counted_without_recursion(value: Any, most: int) -> None:
    assert depth_exceeds(value, most) == (depth(value) > most)


@given(JSON, st.integers(0, 6))
def test_depth_is_never_wrong_by_more_than_an_empty_list(value: Any, most: int) -> None:
    if depth_exceeds(value, most):
        assert depth(value) > most
    else:
        assert depth(value) <= most + 1


@pytest.mark.timeout(5)
def test_depth_of_the_bottomless() -> None:
    value: Any = 1
    for _ in range(100_000):
        value = [value]
    assert depth_exceeds(value, MAX_STATE_DEPTH)
    while isinstance(value, list):  # taken apart: freeing it at once would recurse
        value = value[0]
