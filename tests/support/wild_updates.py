"""Structurally random Yjs updates: well-formed enough to reach deep, wild enough to hurt."""

from __future__ import annotations

import random
from collections.abc import Mapping

from collab.protocol.codec import write_var_bytes, write_var_uint

_KEYS = ("a", "b", "k", "\U0001f600")
_ROOTS = ("x", "y", "body")


class WildUpdates:
    """Makes updates from a seed.

    Args:
        random: the source of everything.
        gaps: how often something is left out of what a client does.
    """

    def __init__(self, random: random.Random, gaps: float = 0.03) -> None:
        self._random = random
        self._gaps = gaps

    def update(self, clocks: Mapping[int, int]) -> bytes:
        """An update that more or less fits a document with these clocks."""
        rng = self._random
        sections = rng.choice((1, 1, 1, 2, 3))
        clients = rng.sample(range(1, 6), sections)
        parts = [write_var_uint(sections)]
        known = dict(clocks)
        for client in clients:
            clock = known.get(client, 0)
            if clock and rng.random() < 0.15:
                clock = rng.randrange(clock)
            elif rng.random() < self._gaps:
                clock += rng.randrange(5)
            structs = rng.randint(1, 5) if rng.random() < 0.995 else rng.randint(50, 300)
            body = b""
            at = clock
            for _ in range(structs):
                struct, length = self._struct(client, at, known)
                body += struct
                at += length
            known[client] = max(at, known.get(client, 0))
            parts.append(write_var_uint(structs) + write_var_uint(client) + write_var_uint(clock) + body)
        parts.append(self._delete_set(known))
        update = b"".join(parts)
        if rng.random() < 0.2:
            update = self._mutated(update)
        return update

    def _mutated(self, update: bytes) -> bytes:
        rng = self._random
        raw = bytearray(update)
        for _ in range(rng.randint(1, 3)):
            kind = rng.randrange(3)
            at = rng.randrange(len(raw))
            if kind == 0:
                raw[at] = rng.randrange(256)
            elif kind == 1:
                raw.insert(at, rng.randrange(256))
            elif len(raw) > 2:
                del raw[at]
        return bytes(raw)

    def _id(self, client: int, clock: int, known: Mapping[int, int]) -> bytes:
        rng = self._random
        if rng.random() < 0.6:
            to, end = client, clock
        else:
            to = rng.choice([*known, client])
            end = known.get(to, 0)
        at = rng.randrange(end) if end else 0
        if rng.random() < 0.02:
            at = end + rng.randrange(2)
        return write_var_uint(to) + write_var_uint(at)

    def _struct(self, client: int, clock: int, known: Mapping[int, int]) -> tuple[bytes, int]:
        rng = self._random
        if rng.random() < self._gaps / 4:
            length = rng.randint(1, 4)
            return b"\x0a" + write_var_uint(length), length
        kind = rng.choice((0, 1, 3, 4, 4, 4, 5, 6, 7, 7, 8, 8, 9) + ((2, 10, 11) if rng.random() < 0.02 else ()))
        if kind == 0:
            length = rng.randint(1, 3)
            return b"\x00" + write_var_uint(length), length
        shape = rng.choice((0, 0x80, 0x80, 0x40, 0xC0))
        head = b""
        info = kind | shape
        for bit in (0x80, 0x40):
            if shape & bit:
                head += self._id(client, clock, known)
        if not shape:
            if rng.random() < 0.5:
                head += b"\x01" + write_var_bytes(rng.choice(_ROOTS).encode())
            else:
                head += b"\x00" + self._id(client, clock, known)
            if rng.random() < 0.4:
                info |= 0x20
                head += write_var_bytes(rng.choice(_KEYS).encode())
        elif rng.random() < 0.1:
            info |= 0x20
        content, length = self._content(kind)
        return bytes((info,)) + head + content, length

    def _content(self, kind: int) -> tuple[bytes, int]:
        rng = self._random
        if kind == 1:
            length = rng.randint(1, 4)
            return write_var_uint(length), length
        if kind == 2:
            return b"\x01" + write_var_bytes(b"null"), 1
        if kind == 3:
            return write_var_bytes(rng.randbytes(rng.randrange(4))), 1
        if kind == 4:
            text = rng.choice(("h", "hello", "\U0001f600", "a\U0001f600b", "é", "\n"))
            return write_var_bytes(text.encode()), len(text.encode("utf-16-le")) // 2
        if kind == 5:
            return write_var_bytes(rng.choice((b"null", b'{"a":1}', b"[1]", b'"x"'))), 1
        if kind == 6:
            key, value = rng.choice(("bold", "link")), rng.choice((b"true", b"null", b'{"href":1}'))
            return write_var_bytes(key.encode()) + write_var_bytes(value), 1
        if kind == 7:
            type = rng.choice((0, 1, 2, 3, 4, 6))
            return write_var_uint(type) + (write_var_bytes(b"p") if type == 3 else b""), 1
        if kind == 8:
            count = rng.randint(1, 3)
            return write_var_uint(count) + b"".join(self._any(0) for _ in range(count)), count
        if kind == 9:
            return write_var_bytes(b"guid") + b"\x76\x00", 1
        return b"\x01", 1

    def _any(self, depth: int) -> bytes:
        rng = self._random
        tag = rng.choice((127, 126, 125, 124, 123, 122, 121, 120, 119, 116, *((118, 117) if depth < 3 else ())))
        if tag == 119:
            return bytes((tag,)) + write_var_bytes(rng.choice(_KEYS).encode())
        if tag == 125:
            return bytes((tag, rng.randrange(64)))
        if tag == 124:
            return bytes((tag,)) + rng.randbytes(4)
        if tag in (123, 122):
            return bytes((tag,)) + rng.randbytes(8)
        if tag == 116:
            return bytes((tag,)) + write_var_bytes(b"bin")
        if tag == 117:
            count = rng.randrange(3)
            return bytes((tag, count)) + b"".join(self._any(depth + 1) for _ in range(count))
        if tag == 118:
            count = rng.randrange(3)
            return bytes((tag, count)) + b"".join(
                write_var_bytes(rng.choice(_KEYS).encode()) + self._any(depth + 1) for _ in range(count)
            )
        return bytes((tag,))

    def _delete_set(self, known: Mapping[int, int]) -> bytes:
        rng = self._random
        clients = [client for client, end in known.items() if end and rng.random() < 0.25]
        out = write_var_uint(len(clients))
        for client in clients:
            ranges = rng.randint(1, 3)
            out += write_var_uint(client) + write_var_uint(ranges)
            for _ in range(ranges):
                at = rng.randrange(known[client])
                out += write_var_uint(at) + write_var_uint(rng.randint(1, known[client] - at))
        return out
