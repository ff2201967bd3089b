"""One packet, encoded once for every transport, and one socket: nothing is lost, and what waits is counted."""

from __future__ import annotations

import asyncio
import base64
import socket
import struct
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.doors.websocket.writer import CLEAR_CHANGES, Frames, SocketWriter, websocket_frame
from collab.protocol.packets import SEPARATOR


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


# -- one socket --------------------------------------------------------------------------------------------

LIMIT = 64 * 1024


class Line:
    """A writer on one end of a socket pair, and the other end."""

    def __init__(self, *, owns_descriptor: bool) -> None:
        self.ours, self.theirs = socket.socketpair()
        for end in (self.ours, self.theirs):
            end.setblocking(False)
        self.owns_descriptor = owns_descriptor
        self.writer = SocketWriter()
        self.transport: asyncio.Transport

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self.transport, _ = await loop.create_connection(asyncio.Protocol, sock=self.ours)
        self.writer.write_to(self.transport, LIMIT, owns_descriptor=self.owns_descriptor)

    async def read(self, size: int) -> bytes:
        """``size`` bytes of the other end."""
        loop = asyncio.get_running_loop()
        data = b""
        async with asyncio.timeout(20):
            while len(data) < size:
                data += await loop.sock_recv(self.theirs, size - len(data))
        return data

    def clog(self) -> list[Frames]:
        """Write until more waits than allowed; what was written."""
        written = []
        while True:
            written.append(Frames("", bytes((len(written) % 256,)) * 10_000))
            if self.writer.write(written[-1]):
                return written


@pytest.fixture(params=[True, False], ids=["its own descriptor", "through the loop"])
async def line(request: pytest.FixtureRequest) -> AsyncIterator[Line]:
    line = Line(owns_descriptor=request.param)
    await line.open()
    yield line
    line.writer.let_go()
    line.transport.abort()
    line.theirs.close()
    await asyncio.sleep(0)


async def test_every_byte_arrives_in_order_however_much_waited(line: Line) -> None:
    written = line.clog()
    assert line.writer.waiting_bytes > LIMIT
    expected = b"".join(frames.websocket for frames in written)
    assert await line.read(len(expected)) == expected
    assert not line.writer.clogged
    assert not line.writer.write(Frames("42last"))
    assert await line.read(8) == Frames("42last").websocket


class Waiting(asyncio.Transport):
    """A transport on which so many bytes wait."""

    waiting = 0

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def is_closing(self) -> bool:
        return False


def test_who_reads_slowly_is_clogged_until_a_quarter_is_left() -> None:
    """So that it does not change with every write."""
    writer, transport = SocketWriter(), Waiting()
    writer.write_to(transport, 100, owns_descriptor=False)
    seen = []
    for transport.waiting in (100, 101, 100, 26, 25, 26, 100, 101):
        seen.append(writer.clogged)
        assert writer.waiting_bytes == transport.waiting
    assert seen == [False, True, True, True, False, False, False, True]


async def test_only_its_own_descriptor_is_at_hand_and_only_while_nothing_waits(line: Line) -> None:
    before = CLEAR_CHANGES.count
    line.writer.write(Frames("42a"))
    if line.owns_descriptor:
        assert line.writer.clear_descriptor == line.ours.fileno()
        assert CLEAR_CHANGES.count > before, "who keeps descriptors looks again"
    line.clog()
    assert line.writer.clear_descriptor == -1


async def test_after_the_end_nothing_is_written(line: Line) -> None:
    line.writer.write(Frames("42a"))
    await line.read(len(Frames("42a").websocket))
    line.writer.lost()
    assert not line.writer.write(Frames("42b"))
    assert line.writer.waiting_bytes == 0
    line.writer.let_go()
    assert not line.writer.write(Frames("42c"))
    assert not line.writer.clogged
    with pytest.raises(BlockingIOError):
        line.theirs.recv(1)


async def test_a_peer_that_hung_up_is_no_error(line: Line) -> None:
    line.theirs.close()
    for _ in range(5):
        line.writer.write(Frames("42a"))
        await asyncio.sleep(0)
    assert not line.writer.write(Frames("42a"))


def test_a_writer_without_a_socket_keeps_nothing() -> None:
    writer = SocketWriter()
    assert not writer.write(Frames("42a"))
    assert (writer.waiting_bytes, writer.clogged, writer.clear_descriptor) == (0, False, -1)
