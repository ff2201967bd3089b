"""The awareness update of y-protocols: who shows what, one JSON state per client id.

Format: y-protocols/awareness.js, ``encodeAwarenessUpdate``: a count, then per entry the client id,
its clock, and the state as JSON text (``null``: gone).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import orjson

from collab.errors import CollabError
from collab.protocol.codec import MAX_CLOCK, DecodeError, Reader, write_var_bytes, write_var_uint

#: entries of one update; a client sends its own, a relay those of everybody it heard of
MAX_ENTRIES = 1024
#: bytes of one state
MAX_STATE_BYTES = 16 * 1024
#: levels of lists and objects in one state
MAX_STATE_DEPTH = 32
#: clocks count changes; no person gets beyond this, and a client that claims to is kept out
MAX_AWARENESS_CLOCK = MAX_CLOCK


class AwarenessEntry(NamedTuple):
    """One client id with its clock; ``state`` is JSON text, None where it is gone."""

    client: int
    clock: int
    state: str | None


def decode_awareness(
    data: bytes, *, max_entries: int = MAX_ENTRIES, max_state_bytes: int = MAX_STATE_BYTES
) -> list[AwarenessEntry]:
    """Read an awareness update, all or nothing.

    Raises:
        CollabError: ``invalid_payload`` for bytes left over or missing, a client id twice, a clock
            out of range, a state that is not strict JSON, too large or too deep.
    """
    reader = Reader(data)
    entries: dict[int, AwarenessEntry] = {}
    try:
        count = reader.var_uint()
        if count > max_entries or 3 * count > reader.left:
            raise DecodeError("too many entries")
        for _ in range(count):
            client = reader.var_uint()
            clock = reader.var_uint(MAX_AWARENESS_CLOCK)
            if client in entries:
                raise DecodeError("a client twice")
            entries[client] = AwarenessEntry(client, clock, _read_state(reader, max_state_bytes))
        reader.end()
    except DecodeError as error:
        raise CollabError("invalid_payload", f"This is not an awareness update: {error}.") from None
    return list(entries.values())


def _read_state(reader: Reader, max_bytes: int) -> str | None:
    text = reader.var_string()
    # At most four bytes a character, and no more levels than brackets: most states need no closer look.
    if len(text) > max_bytes // 4 and len(text.encode()) > max_bytes:
        raise DecodeError(f"a state is larger than {max_bytes} bytes")
    try:
        state = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise DecodeError("a state is not JSON") from None
    if text.count("{") + text.count("[") > MAX_STATE_DEPTH and depth_exceeds(state, MAX_STATE_DEPTH):
        raise DecodeError("a state is nested too deep")
    return None if state is None else text


def depth_exceeds(value: object, most: int) -> bool:
    """Whether JSON ``value`` has more than ``most`` levels of lists and objects. Never recurses."""
    level: list[object] = [value]
    for _ in range(most + 1):
        containers = [item for item in level if isinstance(item, dict | list)]
        if not containers:
            return False
        level = [inner for item in containers for inner in (item.values() if isinstance(item, dict) else item)]
    return True


def encode_entry(entry: AwarenessEntry) -> bytes:
    """One entry, as it stands in an awareness update."""
    state = b"null" if entry.state is None else entry.state.encode()
    return write_var_uint(entry.client) + write_var_uint(entry.clock) + write_var_bytes(state)


def join_entries(entries: Sequence[bytes]) -> bytes:
    """The awareness update of entries that are encoded already."""
    return write_var_uint(len(entries)) + b"".join(entries)


def encode_awareness(entries: Iterable[AwarenessEntry]) -> bytes:
    """The awareness update of ``entries``."""
    return join_entries([encode_entry(entry) for entry in entries])
