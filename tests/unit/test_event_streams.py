"""Server-Sent Events: ids that say what a reader has, frames, and a way out that is bounded and ends."""

from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from collab.doors.http.event_streams import (
    BEAT,
    HARD_LIMIT,
    MAX_CLIENTS_IN_ID,
    MAX_EVENT_ID,
    DocumentReader,
    EventBytes,
    EventEncoder,
    EventPipe,
    event_id,
    json_event,
    state_vector_of,
)
from collab.protocol.codec import read_state_vector

READER = "192.0.2.7"
CLOCKS = st.dictionaries(st.integers(0, 2**32 - 1), st.integers(1, 2**31 - 1), max_size=400)


@given(CLOCKS)
def test_an_id_says_what_its_reader_has_and_never_more(clocks: dict[int, int]) -> None:
    id = event_id(clocks)
    assert len(id) <= MAX_EVENT_ID
    assert id.isascii() and "\n" not in id and " " not in id
    vector = state_vector_of(id)
    assert vector is not None
    read = read_state_vector(vector)
    assert read.items() <= clocks.items()
    assert len(read) == min(len(clocks), MAX_CLIENTS_IN_ID)
    if len(clocks) > MAX_CLIENTS_IN_ID:
        left = [clock for client, clock in clocks.items() if client not in read]
        assert max(left) <= min(read.values()), "those with the most edits are named"


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda data: base64.b64encode(data).decode()))
def test_what_is_no_id_of_ours_is_none_and_no_fault(id: str) -> None:
    vector = state_vector_of(id)
    assert vector is None or isinstance(read_state_vector(vector), dict)


@pytest.mark.parametrize("id", [None, "", "!", "AA=A", "é", "A" * (MAX_EVENT_ID + 1), "____", "0"])
def test_who_brings_nothing_of_use_gets_everything(id: str | None) -> None:
    assert state_vector_of(id) is None
    assert DocumentReader(id)._known == b"\0"


def document(**clocks: int) -> Any:
    return SimpleNamespace(
        document=SimpleNamespace(clocks={int(client[1:]): clock for client, clock in clocks.items()})
    )


@pytest.mark.parametrize("count", [1, 2, 5])
def test_only_the_last_of_several_updates_has_the_id(count: int) -> None:
    (event,) = EventEncoder(document(c1=3)).updates([b"%d" % number for number in range(count)])
    blocks = event.plain.decode().removesuffix("\n\n").split("\n\n")
    assert len(blocks) == count
    assert ["id: " in block for block in blocks] == [False] * (count - 1) + [True]
    assert [base64.b64decode(block.rpartition("data: ")[2]) for block in blocks] == [b"%d" % n for n in range(count)]
    assert all(block.startswith("event: update\n") for block in blocks)


@pytest.mark.parametrize("value", ["a\nb", "a\r\nb\n\ndata: x", "\u2028", {"x": "event: update\n\n"}, None])
def test_nothing_in_a_value_can_end_its_line(value: Any) -> None:
    plain = json_event("broadcast", value).plain
    assert plain.count(b"\n") == 3
    assert b"\r" not in plain
    assert plain.endswith(b"\n\n")


def test_a_chunk_says_its_length_in_bytes() -> None:
    event = EventBytes("data: é\n\n")
    size, _, rest = event.chunk.partition(b"\r\n")
    assert int(size, 16) == len(event.plain) == len(rest) - 2
    assert rest == event.plain + b"\r\n"


class Transport:
    """Takes nothing until the test says so."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.size = 0
        self.closing = self.aborted = False

    def write(self, data: bytes) -> None:
        self.written.append(data)
        self.size += len(data)

    def get_write_buffer_size(self) -> int:
        return self.size

    def is_closing(self) -> bool:
        return self.closing

    def abort(self) -> None:
        self.aborted = self.closing = True


@pytest.mark.parametrize("chunked", [True, False])
async def test_what_comes_early_waits_and_goes_first(chunked: bool) -> None:
    pipe, transport = EventPipe(1000, READER), Transport()
    first, second = EventBytes("data: 1\n\n"), EventBytes("data: 2\n\n")
    assert not pipe.write(first)
    assert pipe.waiting_bytes == len(first.plain)
    pipe.open(transport, chunked=chunked)  # type: ignore[arg-type]
    pipe.write(second)
    wanted = [first, second]
    assert transport.written == [each.chunk if chunked else each.plain for each in wanted]
    assert pipe.waiting_bytes == transport.size


async def test_a_reader_that_takes_nothing_is_behind_then_cut() -> None:
    pipe, transport = EventPipe(100, READER), Transport()
    pipe.open(transport, chunked=False)  # type: ignore[arg-type]
    event = EventBytes("x" * 60)
    assert [pipe.write(event) for _ in range(3)] == [False, True, True]
    count = 0
    with capture_logs() as lines:
        while not pipe.closed:
            pipe.write(event)
            count += 1
            assert count < 100
    assert [(line["event"], line["address"]) for line in lines] == [("event stream cut: it takes nothing", READER)]
    assert transport.aborted
    assert 60 * count >= (HARD_LIMIT - 2) * 100, "not at once"
    before = len(transport.written)
    assert not pipe.write(event)
    assert len(transport.written) == before


async def test_who_catches_up_is_not_held_to_what_was() -> None:
    pipe, transport = EventPipe(100, READER), Transport()
    pipe.open(transport, chunked=False)  # type: ignore[arg-type]
    for _ in range(10 * HARD_LIMIT):
        pipe.write(EventBytes("x" * 60))
        pipe.write(EventBytes("x" * 60))
        pipe.write(EventBytes("x" * 60))
        transport.size = 0
    assert not pipe.closed


async def test_a_reader_that_is_gone_ends_it_and_an_end_is_an_end() -> None:
    pipe, transport = EventPipe(100, READER), Transport()
    assert not pipe.lost
    pipe.open(transport, chunked=False)  # type: ignore[arg-type]
    transport.closing = True
    assert pipe.lost
    pipe.write(BEAT)
    assert pipe.closed and transport.written == []
    for end in (pipe.end, lambda: pipe.expel(None), pipe.cut):
        end()
    never_opened = EventPipe(100, READER)
    never_opened.cut()
    assert never_opened.closed
