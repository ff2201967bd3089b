"""What Yjs writes and the CRDT library cannot take, written so that it can; to Yjs it says the same.

yrs corrupts its memory on several values of one map entry in one struct, which Yjs writes for a key that
was set and set again; it reads lists of JSON beyond their end, takes no half of a surrogate pair in JSON, and
miscounts where something comes between the halves of a pair in text.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping, Set
from typing import Any

import orjson

from collab.protocol.codec import write_var_bytes, write_var_uint
from collab.protocol.rewriting import rewritten, write_id
from collab.protocol.yjs_structs import (
    ANY,
    ANY_ARRAY,
    ANY_FALSE,
    ANY_FLOAT64,
    ANY_INTEGER,
    ANY_NULL,
    ANY_OBJECT,
    ANY_TEXT,
    ANY_TRUE,
    ANY_UNDEFINED,
    EMBED,
    FORMAT,
    JSON,
    KIND,
    LEFT,
    STRING,
    Fault,
    Id,
    StructReader,
)

#: what stands for half of a surrogate pair: Yjs writes it too (``ContentString.splice``)
_HALF = "\ufffd"
_LONE = re.compile("[\ud800-\udfff]")
#: integers that JavaScript writes as such
_MAX_INTEGER = 2**31 - 1


def mend(update: bytes, several: Mapping[Id, int] | None = None, pairs: Set[Id] = frozenset()) -> bytes:
    """``update`` with what the CRDT library can take instead of what it cannot.

    Args:
        update: Yjs v1, as it passed the scan.
        several: ids of structs with several values of one map entry, each of which becomes a struct of its own
            behind the first one, which keeps so many.
        pairs: ids of the second halves of surrogate pairs, of which both halves become U+FFFD.

    Returns:
        An update with the same ids, and the same content after any delete set that Yjs sends along.
    """

    several = several or {}

    def change(reader: StructReader, id: Id, begin: int) -> list[bytes] | None:
        kind = reader.info & KIND
        end = reader.at
        if kind == STRING and pairs:
            return _parted(reader, id, begin, pairs)
        if kind == ANY and id in several:
            values = []
            reader.at = reader.content_at
            for _ in range(reader.uint()):
                at = reader.at
                reader.values(1)
                values.append(reader.data[at : reader.at])
            return _singly(reader, id, begin, values, several[id])
        if kind == JSON:
            values = _json_values(reader)
            if id in several:
                return _singly(reader, id, begin, values, several[id])
            head = bytes((reader.info & ~KIND | ANY,)) + reader.data[begin + 1 : reader.content_at]
            return [head + write_var_uint(len(values)) + b"".join(values)]
        if kind in (EMBED, FORMAT):
            return _with_sound_json(reader, kind, begin, end)
        return None

    return rewritten(update, change)


def _singly(reader: StructReader, id: Id, begin: int, values: list[bytes], first: int) -> list[bytes]:
    """A struct for each value behind the first ones; each leans on the one before, as where Yjs splits a struct."""
    client, clock = id
    info = reader.info & ~KIND | ANY
    head = bytes((info,)) + reader.data[begin + 1 : reader.content_at]
    right = write_id(reader.right) if reader.right is not None else b""
    singles = [head + write_var_uint(first) + b"".join(values[:first])]
    for at in range(first, len(values)):
        leans_on = write_id((client, clock + at - 1))
        singles.append(bytes((info | LEFT,)) + leans_on + right + b"\x01" + values[at])
    return singles


def _parted(reader: StructReader, id: Id, begin: int, pairs: Set[Id]) -> list[bytes] | None:
    client, at = id
    reader.at = reader.content_at
    text = reader.text()
    if text.isascii():
        return None
    chars = []
    for char in text:
        wide = ord(char) > 0xFFFF
        chars.append(2 * _HALF if wide and (client, at + 1) in pairs else char)
        at += 1 + wide
    return [reader.data[begin : reader.content_at] + write_var_bytes("".join(chars).encode())]


# -- JSON ----------------------------------------------------------------------------------------------


def read_odd_json(text: str) -> Any:
    """The value of JSON that may name halves of surrogate pairs, which become U+FFFD.

    Raises:
        Fault: it is no JSON, or too deep.
    """
    if "\\u" not in text:
        raise Fault("a value is not JSON")
    try:
        written = json.dumps(json.loads(text, parse_constant=_no_constant), ensure_ascii=False)
        return json.loads(_LONE.sub(_HALF, written))
    except (ValueError, RecursionError):
        raise Fault("a value is not JSON") from None


def _no_constant(_name: str) -> Any:
    raise Fault("a value is not JSON")


def _with_sound_json(reader: StructReader, kind: int, begin: int, end: int) -> list[bytes] | None:
    data = reader.data
    if b"\\u" not in data[reader.content_at : end]:
        return None
    reader.at = reader.content_at
    if kind == FORMAT:
        reader.text()
    at = reader.at
    value = json.dumps(read_odd_json(reader.text()), ensure_ascii=False)
    return [data[begin:at] + write_var_bytes(value.encode())]


def _json_values(reader: StructReader) -> list[bytes]:
    """The values of a struct that holds JSON, as lib0 "any" values."""
    reader.at = reader.content_at
    values = []
    for _ in range(reader.uint()):
        text = reader.text()
        values.append(bytes((ANY_UNDEFINED,)) if text == "undefined" else _any(_json(text)))
    return values


def _json(text: str) -> Any:
    return read_odd_json(text) if "\\u" in text else json.loads(text)


def _any(value: Any) -> bytes:
    """``value`` (JSON) as a lib0 "any" value."""
    if value is None:
        return bytes((ANY_NULL,))
    if isinstance(value, bool):
        return bytes((ANY_TRUE if value else ANY_FALSE,))
    if isinstance(value, int) and abs(value) <= _MAX_INTEGER:
        return bytes((ANY_INTEGER,)) + _signed(value)
    if isinstance(value, int | float):
        return bytes((ANY_FLOAT64,)) + struct.pack(">d", value)
    if isinstance(value, str):
        return bytes((ANY_TEXT,)) + write_var_bytes(value.encode())
    if isinstance(value, list):
        return bytes((ANY_ARRAY,)) + write_var_uint(len(value)) + b"".join(map(_any, value))
    entries = [write_var_bytes(key.encode()) + _any(inner) for key, inner in value.items()]
    return bytes((ANY_OBJECT,)) + write_var_uint(len(entries)) + b"".join(entries)


def _signed(value: int) -> bytes:
    sign, rest = (0x40 if value < 0 else 0), abs(value)
    first = rest & 0x3F | sign
    rest >>= 6
    if not rest:
        return bytes((first,))
    return bytes((first | 0x80,)) + write_var_uint(rest)


# -- order ---------------------------------------------------------------------------------------------


def in_order(state: bytes, maps: list[tuple[int, int]], objects: list[tuple[int, int]]) -> bytes:
    """A state of our own with the entries of every map value sorted; the CRDT library writes them in any order.

    Args:
        maps: where "any" values with maps in them stand, from byte to byte.
        objects: where JSON stands.
    """
    parts = []
    at = 0
    for begin, end, is_json in sorted([*((*place, False) for place in maps), *((*place, True) for place in objects)]):
        values = StructReader(state[begin:end])
        parts.append(state[at:begin])
        if is_json:
            parts.append(orjson.dumps(orjson.loads(values.chunk()), option=orjson.OPT_SORT_KEYS))
        while values.at < values.size:
            parts.append(_value_in_order(values))
        at = end
    return b"".join([*parts, state[at:]])


def _value_in_order(reader: StructReader) -> bytes:
    """The next "any" value, the entries of its maps sorted; recursion ends at MAX_DEPTH."""
    begin = reader.at
    tag = reader.data[begin]
    if tag not in (ANY_ARRAY, ANY_OBJECT):
        reader.values(1)
        return reader.data[begin : reader.at]
    reader.at += 1
    count = reader.uint()
    head = reader.data[begin : reader.at]
    if tag == ANY_ARRAY:
        return head + b"".join([_value_in_order(reader) for _ in range(count)])
    entries = []
    for _ in range(count):
        key = reader.at
        reader.text()
        entries.append(reader.data[key : reader.at] + _value_in_order(reader))
    return head + b"".join(sorted(entries))
