"""The short cut for typing against the scan that it stands for."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc, Text

from collab.errors import CollabError
from collab.protocol.codec import read_state_vector
from collab.protocol.keystroke import read_keystroke
from collab.protocol.scan import scan

CLIENTS = st.sampled_from([0, 1, 5, 127, 128, 70_000, 2**32 - 1, 2**53 - 1, 2**53])
CLOCKS = st.integers(0, 300) | st.sampled_from([2**31 - 2, 2**31 - 1, 2**31, 2**40])


def number(value: int, padding: int = 0) -> bytes:
    """A variable-length integer; with ``padding`` longer than needed."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    for _ in range(padding):
        out[-1] |= 0x80
        out.append(0)
    return bytes(out)


@st.composite
def typed(draw: st.DrawFn) -> bytes:
    """Something of the shape of typing, sound or not quite."""
    ids = [number(draw(CLIENTS), draw(st.integers(0, 2))) + number(draw(CLOCKS), draw(st.integers(0, 2)))
           for _ in range(3)]  # fmt: skip
    info = draw(st.sampled_from([b"\x84", b"\xc4", b"\x44", b"\x04", b"\xa4", b"\x81"]))
    origins = {b"\x84": ids[1:2], b"\xc4": ids[1:3]}.get(info, ids[1:2])
    text = draw(st.text(max_size=4) | st.text("ab\0", min_size=1, max_size=130)).encode()
    length = number(draw(st.just(len(text)) | st.integers(0, 200)))
    tail = draw(st.sampled_from([b"\0", b"\0", b"\0", b"", b"\x01\x05\x01\x00\x01", b"\0\0"]))
    return (
        draw(st.sampled_from([b"\x01\x01", b"\x01\x02", b"\x02\x01"]))
        + ids[0]
        + info
        + b"".join(origins)
        + length
        + text
        + tail
    )


@given(typed() | st.binary(max_size=30), st.dictionaries(CLIENTS, st.integers(0, 400)))
def test_what_it_recognises_the_scan_passes_with_the_same_result(update: bytes, clocks: dict[int, int]) -> None:
    found = read_keystroke(update, clocks)
    if found is None:
        return
    result = scan(update, clocks, lambda client, clock: False)
    client, end, loose = found
    assert loose == bool(result.loose)
    assert result.ends == {client: end}
    assert result.new == (end > clocks.get(client, 0))
    assert not (result.deletes or result.entangled or result.containers or result.parted or result.pairs)
    assert result.structs == 1 and not result.maps


def test_real_typing_is_recognised() -> None:
    doc: Doc[Any] = Doc()
    text = doc.get("body", type=Text)
    updates: list[bytes] = []
    doc.observe(lambda event: updates.append(event.update))
    text += "x"
    for at in range(1, 200):
        text.insert(at, "word"[at % 4])
    text.insert(50, "in between")
    clocks: dict[int, int] = {}
    seen = 0
    for update in updates:
        found = read_keystroke(update, clocks)
        seen += found is not None
        clocks = scan(update, clocks, lambda client, clock: False).ends
    assert seen == len(updates) - 1, "all but the first, which names its root"
    assert clocks == read_state_vector(doc.get_state())


def test_what_leans_on_something_unknown_is_left_to_the_scan() -> None:
    update = b"\x01\x01\x05\x02\x84\x07\x09\x01x\x00"
    assert read_keystroke(update, {5: 2, 7: 10}) == (5, 3, True)
    for clocks in ({5: 2, 7: 9}, {5: 1, 7: 10}, {7: 10}, {5: 2}):
        assert read_keystroke(update, clocks) is None
        try:
            scan(update, clocks, lambda client, clock: False)
        except CollabError as error:
            assert error.code == "missing_dependencies"
        else:
            raise AssertionError("the scan should have refused it")
