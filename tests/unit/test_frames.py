"""One packet, encoded once for every transport."""

from __future__ import annotations

import base64
import struct

from hypothesis import given
from hypothesis import strategies as st

from collab.protocol.frames import SEPARATOR, Frames, websocket_frame


def read_frames(buffer: bytes) -> list[tuple[int, bytes]]:
    """A reader of unmasked frames written from RFC 6455, section 5.2."""
    frames = []
    at = 0
    while at < len(buffer):
        opcode, size = buffer[at], buffer[at + 1]
        at += 2
        if size == 126:
            (size,) = struct.unpack_from("!H", buffer, at)
            at += 2
        elif size == 127:
            (size,) = struct.unpack_from("!Q", buffer, at)
            at += 8
        frames.append((opcode, buffer[at : at + size]))
        at += size
    return frames


@given(st.sampled_from([0, 1, 125, 126, 127, 65535, 65536, 70000]), st.sampled_from([0x81, 0x82]))
def test_frames_carry_any_length(size: int, opcode: int) -> None:
    payload = b"x" * size
    assert read_frames(websocket_frame(opcode, payload)) == [(opcode, payload)]


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=300), st.none() | st.binary(max_size=300))
def test_header_and_attachment_are_one_buffer(text: str, attachment: bytes | None) -> None:
    expected = [(0x81, text.encode())]
    if attachment is not None:
        expected.append((0x82, attachment))
    frames = Frames(text, attachment)
    assert read_frames(frames.websocket) == expected
    assert frames.websocket is frames.websocket


def test_polling_body_has_the_attachment_in_base64() -> None:
    body = Frames('451-/doc/a,["x"]', b"\x00\xff").polling
    assert body.split(SEPARATOR) == ['451-/doc/a,["x"]', "b" + base64.b64encode(b"\x00\xff").decode()]


def test_an_attachment_can_stand_alone() -> None:
    frames = Frames("", b"data")
    assert read_frames(frames.websocket) == [(0x82, b"data")]
    assert frames.polling == "b" + base64.b64encode(b"data").decode()


def test_a_series_is_one_buffer_on_a_websocket() -> None:
    packets = [Frames("42/doc/a,[1]"), Frames("451-/doc/a,[2]", b"attached")]
    series = Frames.series(packets)
    assert series.websocket == packets[0].websocket + packets[1].websocket
    assert list(series.packets) == packets
    assert Frames.series(packets[:1]) is packets[0]
