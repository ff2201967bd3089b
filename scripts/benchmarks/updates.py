"""Yjs updates as the load generator needs them: made by hand, and read for what they deliver.

Format: yjs, ``src/utils/encoding.js`` and ``src/structs/*.js``, version 1.
"""

from __future__ import annotations

import re

from pycrdt import Doc, Text

from collab.protocol.codec import Reader, write_var_bytes, write_var_uint

ROOT = "body"
#: what everybody types, over and over
PROSE = "The quick brown fox jumps over the lazy dog, and every reader sees it do so at once. "

#: client id, first clock, clock behind the last: what an update delivers
Reach = tuple[int, int, int]

_MOVE = re.compile(rb'"clock":(\d+)')
_LEFT, _RIGHT, _KEY = 0x80, 0x40, 0x20
_GC, _DELETED, _STRING, _SKIP = 0, 1, 4, 10


def keystroke(client: int, clock: int) -> bytes:
    """The update of one character typed by ``client`` behind its last one, as Yjs writes it."""
    character = PROSE[clock % len(PROSE)].encode()
    head = b"\x01\x01" + write_var_uint(client) + write_var_uint(clock)
    if clock == 0:
        where = bytes((_STRING, 1)) + write_var_bytes(ROOT.encode())
    else:
        where = bytes((_STRING | _LEFT,)) + write_var_uint(client) + write_var_uint(clock - 1)
    return head + where + b"\x01" + character + b"\x00"


def check_keystrokes() -> None:
    """Raise RuntimeError unless pycrdt writes the same bytes as :func:`keystroke`."""
    doc: Doc[Text] = Doc(client_id=2_345_678_901)
    text = doc.get(ROOT, type=Text)
    typed: list[bytes] = []
    subscription = doc.observe(lambda event: typed.append(event.update))
    count = 200
    for clock in range(count):
        text += PROSE[clock % len(PROSE)]
    doc.unobserve(subscription)
    if typed != [keystroke(doc.client_id, clock) for clock in range(count)]:
        raise RuntimeError("pycrdt writes other bytes for a keystroke than the benchmark does")


def read_reach(update: bytes) -> tuple[Reach, ...]:
    """Which clocks of which clients ``update`` holds.

    Raises:
        ValueError: it holds something that nobody typed here.
    """
    reader = Reader(update)
    reached = []
    for _ in range(reader.var_uint()):
        structs = reader.var_uint()
        client = reader.var_uint()
        start = clock = reader.var_uint()
        for _ in range(structs):
            info = reader.take(1)[0]
            kind = info & 0x1F
            if kind == _SKIP:
                if clock > start:
                    reached.append((client, start, clock))
                clock += reader.var_uint()
                start = clock
                continue
            clock += reader.var_uint() if kind == _GC else _read_item(reader, info)
        if clock > start:
            reached.append((client, start, clock))
    return tuple(reached)


def _read_item(reader: Reader, info: int) -> int:
    if info & _LEFT:
        reader.var_uint()
        reader.var_uint()
    if info & _RIGHT:
        reader.var_uint()
        reader.var_uint()
    if not info & (_LEFT | _RIGHT):
        if reader.var_uint() == 1:
            reader.var_bytes()
        else:
            reader.var_uint()
            reader.var_uint()
        if info & _KEY:
            reader.var_bytes()
    kind = info & 0x1F
    if kind == _STRING:
        return len(reader.var_string().encode("utf-16-le")) // 2
    if kind == _DELETED:
        return reader.var_uint()
    raise ValueError(f"content of kind {kind}, which nobody typed")


def read_positions(update: bytes) -> tuple[Reach, ...]:
    """Which move of which client ``update`` shows; newer ones stand for the older (hence the -1).

    The state says which, not the clock: servers may hand out clocks of their own.
    """
    reader = Reader(update)
    shown = []
    for _ in range(reader.var_uint()):
        client = reader.var_uint()
        reader.var_uint()
        found = _MOVE.search(reader.var_bytes())
        if found:
            shown.append((client, -1, int(found[1]) + 1))
    return tuple(shown)


def presence(client: int, clock: int, at: int) -> bytes:
    """The awareness update by which somebody is there, with the cursor ``at``; :func:`read_positions` finds nothing."""
    state = '{"user":{"name":"Person %d","color":"#30bced"},"cursor":{"anchor":%d,"head":%d}}' % (
        client % 1000,
        at,
        at,
    )
    return b"\x01" + write_var_uint(client) + write_var_uint(clock) + write_var_bytes(state.encode())


def cursor_move(client: int, move: int) -> bytes:
    """The awareness update of cursor move number ``move``, shaped like y-codemirror's.

    Its clock is one higher: y-protocols takes 0 for known already.
    """
    item = '{"type":null,"tname":"body","item":{"client":%d,"clock":%d},"assoc":0}' % (client, move)
    state = '{"user":{"name":"Person %d","color":"#30bced"},"cursor":{"anchor":%s,"head":%s}}' % (
        client % 1000,
        item,
        item,
    )
    return b"\x01" + write_var_uint(client) + write_var_uint(move + 1) + write_var_bytes(state.encode())
