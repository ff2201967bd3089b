"""The little of RFC 6455 that a load generator needs: client frames out, server frames in."""

from __future__ import annotations

import base64
import os

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
#: one mask for all: the server unmasks all the same, and frames can be made ahead of time
_MASK = bytes.fromhex("37fa213d")


def handshake(host: str, port: int, path: str) -> bytes:
    """The HTTP request that opens a WebSocket; permessage-deflate is not offered."""
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def client_frame(payload: bytes, opcode: int = BINARY) -> bytes:
    """``payload`` as one masked frame."""
    size = len(payload)
    if size < 126:
        head = bytes((0x80 | opcode, 0x80 | size))
    elif size < 65536:
        head = bytes((0x80 | opcode, 0x80 | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x80 | opcode, 0x80 | 127)) + size.to_bytes(8, "big")
    mask = (_MASK * (size // 4 + 1))[:size]
    masked = int.from_bytes(payload, "big") ^ int.from_bytes(mask, "big")
    return head + _MASK + masked.to_bytes(size, "big")


def bytes_needed(data: bytes) -> int:
    """How long ``data`` has to grow before its last frame is whole; at most what is there: nobody can say yet."""
    at, size = 0, len(data)
    while size - at >= 10:
        length, body = data[at + 1], at + 2
        if length == 126:
            length, body = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
        elif length == 127:
            length, body = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
        at = body + length
    return at


def server_frames(data: bytes) -> tuple[list[tuple[int, bytes, int]], int]:
    """The whole frames at the start of ``data``.

    Returns:
        per frame its opcode, its payload and where it ends; and the bytes used by all of them.

    Raises:
        ValueError: a frame is masked or a fragment, which no server here sends.
    """
    frames = []
    at, size = 0, len(data)
    while size - at >= 2:
        first, length = data[at], data[at + 1]
        body = at + 2
        if length == 126:
            if size < at + 4:
                break
            length = int.from_bytes(data[at + 2 : at + 4], "big")
            body = at + 4
        elif length == 127:
            if size < at + 10:
                break
            length = int.from_bytes(data[at + 2 : at + 10], "big")
            body = at + 10
        elif length > 127:
            raise ValueError("a masked frame from the server")
        end = body + length
        if end > size:
            break
        if first & 0xF0 != 0x80:
            raise ValueError("a fragmented or compressed frame")
        frames.append((first & 0x0F, data[body:end], end))
        at = end
    return frames, at
