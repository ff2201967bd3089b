"""What Yjs writes and the CRDT library would not keep, in a form that it keeps; and back.

yrs reads XML hooks without their name, which makes the rest of an update something else, writes sub-documents
without their metadata, and makes numbers of big integers and of -0. So a hook becomes an XML element, a
sub-document and a value that holds such a number become binary values, each with a mark in front, for as long
as they are inside the library.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from collab.protocol.codec import write_var_bytes, write_var_uint
from collab.protocol.rewriting import rewritten
from collab.protocol.yjs_structs import ANY, ANY_BYTES, BINARY, DOC, KIND, TYPE, XML_ELEMENT, XML_HOOK, Id, StructReader

#: with this begins what is in disguise; nobody's name or value does
MARK: Final = b"\xee\x80\x80collab-3f1c9a:"


def disguise(update: bytes, *, mark: bytes = MARK, hooks_only: bool = False) -> bytes:
    """``update`` as the CRDT library keeps it.

    Args:
        mark: what names of hooks begin with afterwards.
        hooks_only: nothing else is hidden; so whoever reads the content sees what there is.
    """

    def change(reader: StructReader, _id: Id, begin: int) -> list[bytes] | None:
        data, end, at = reader.data, reader.at, reader.content_at
        kind = reader.info & KIND
        if kind == TYPE:
            reader.at = at
            if reader.uint() == XML_HOOK:
                return [data[begin:at] + bytes((XML_ELEMENT,)) + write_var_bytes(mark + reader.chunk())]
        elif hooks_only:
            return None
        elif kind == DOC:
            return [_of_kind(BINARY, data[begin:at]) + write_var_bytes(MARK + data[at:end])]
        elif kind == ANY and reader.odd:
            reader.odd = False
            return [data[begin:at] + _each_value(reader, _hidden)]
        return None

    return rewritten(update, change)


def undisguise(update: bytes) -> bytes:
    """``update``, which the CRDT library wrote, as Yjs would write it."""

    def change(reader: StructReader, _id: Id, begin: int) -> list[bytes] | None:
        data, at, end = reader.data, reader.content_at, reader.at
        kind = reader.info & KIND
        reader.at = at
        if kind == TYPE:
            if reader.uint() == XML_ELEMENT:
                name = reader.chunk()
                if name.startswith(MARK):
                    return [data[begin:at] + bytes((XML_HOOK,)) + write_var_bytes(name[len(MARK) :])]
        elif kind == BINARY:
            value = reader.chunk()
            if value.startswith(MARK):
                return [_of_kind(DOC, data[begin:at]) + value[len(MARK) :]]
        elif kind == ANY and data.find(MARK, at, end) >= 0:
            return [data[begin:at] + _each_value(reader, _shown)]
        return None

    return rewritten(update, change) if MARK in update else update


def _each_value(reader: StructReader, change: Callable[[bytes, bool], bytes]) -> bytes:
    """The content of a struct that holds "any" values, each of them changed."""
    reader.at = reader.content_at
    count = reader.uint()
    values = []
    for _ in range(count):
        begin = reader.at
        reader.odd = False
        reader.values(1)
        values.append(change(reader.data[begin : reader.at], reader.odd))
    return write_var_uint(count) + b"".join(values)


def _hidden(value: bytes, odd: bool) -> bytes:
    return bytes((ANY_BYTES,)) + write_var_bytes(MARK + value) if odd else value


def _shown(value: bytes, _odd: bool) -> bytes:
    if value[0] != ANY_BYTES:
        return value
    inside = StructReader(value, 1).chunk()
    return inside[len(MARK) :] if inside.startswith(MARK) else value


def _of_kind(kind: int, head: bytes) -> bytes:
    return bytes((head[0] & ~KIND | kind,)) + head[1:]
