"""Checked reading and writing of lib0's binary encoding, as Yjs uses it on the wire.

Everything here is linear in its input, refuses counts that the bytes left cannot hold, and raises
:class:`DecodeError` instead of reading past the end.

Format: https://github.com/dmonad/lib0 (encoding.js, decoding.js).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from collab.errors import CollabError

#: client ids are JavaScript integers
MAX_CLIENT = 2**53 - 1
#: clocks fit into 31 bits, as in yrs
MAX_CLOCK = 2**31 - 1

#: the Yjs v1 update in which there is nothing
EMPTY_UPDATE: Final = b"\0\0"


class DecodeError(ValueError):
    """The bytes are not what they should be."""


class Reader:
    """Reads lib0 values from ``data``; every method raises DecodeError at the end of the input."""

    __slots__ = ("at", "data", "size")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)
        self.at = 0

    @property
    def left(self) -> int:
        """Bytes that have not been read."""
        return self.size - self.at

    def var_uint(self, most: int = MAX_CLIENT) -> int:
        """An unsigned integer of at most ``most``, seven bits a byte, lowest first."""
        value = shift = 0
        data, at = self.data, self.at
        while at < self.size:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if value > most:
                    raise DecodeError("number too large")
                self.at = at
                return value
            shift += 7
            if shift > 49:
                raise DecodeError("number too long")
        raise DecodeError("unexpected end")

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        end = self.at + count
        if end > self.size:
            raise DecodeError("unexpected end")
        chunk = self.data[self.at : end]
        self.at = end
        return chunk

    def var_bytes(self) -> bytes:
        """Bytes behind their length."""
        return self.take(self.var_uint())

    def var_string(self) -> str:
        """UTF-8 behind its length in bytes."""
        try:
            return self.var_bytes().decode("utf-8")
        except UnicodeDecodeError:
            raise DecodeError("text is not UTF-8") from None

    def end(self) -> None:
        """Raise DecodeError where something is left."""
        if self.at != self.size:
            raise DecodeError("trailing bytes")


def write_var_uint(value: int) -> bytes:
    """``value`` (not negative) as lib0 writes it."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def write_var_bytes(value: bytes) -> bytes:
    """``value`` behind its length."""
    return write_var_uint(len(value)) + value


def read_state_vector(data: bytes) -> dict[int, int]:
    """Read a Yjs v1 state vector: client id -> clock.

    Raises:
        CollabError: ``invalid_payload``.
    """
    reader = Reader(data)
    clocks: dict[int, int] = {}
    try:
        count = reader.var_uint()
        if 2 * count > reader.left:
            raise DecodeError("more entries than bytes")
        for _ in range(count):
            client = reader.var_uint()
            if client in clocks:
                raise DecodeError("a client twice")
            clocks[client] = reader.var_uint(MAX_CLOCK)
        reader.end()
    except DecodeError as error:
        raise CollabError("invalid_payload", f"This is not a state vector: {error}.") from None
    return clocks


def write_state_vector(clocks: Mapping[int, int]) -> bytes:
    """The Yjs v1 state vector of ``clocks``."""
    parts = [write_var_uint(len(clocks))]
    for client, clock in clocks.items():
        parts.append(write_var_uint(client) + write_var_uint(clock))
    return b"".join(parts)
