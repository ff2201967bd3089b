"""A part of a struct, as a struct of its own: it leans on what stands before it, as where Yjs splits one."""

from __future__ import annotations

from collab.protocol.codec import write_var_bytes, write_var_uint
from collab.protocol.rewriting import write_id
from collab.protocol.yjs_structs import ANY, DELETED, GC, JSON, KIND, LEFT, STRING, Fault, Id, StructReader


def cut_out(struct: bytes, id: Id, first: int, last: int) -> bytes:
    """The part of a struct between two clocks.

    Args:
        struct: its bytes.
        id: where it begins.
        first, last: clocks from one to before another, inside it.

    Raises:
        ValueError, IndexError: it cannot be read, or has nothing to be cut.
    """
    reader = StructReader(struct)
    length = reader.struct()
    client, clock = id
    kind = reader.info & KIND
    begin, end = first - clock, last - clock
    if not 0 <= begin < end <= length:
        raise Fault("a struct is cut where it is not")
    if (begin, end) == (0, length):
        return struct
    if kind == GC:
        return bytes((GC,)) + write_var_uint(end - begin)
    if begin:
        head = bytes((reader.info | LEFT,)) + write_id((client, first - 1))
        head += write_id(reader.right) if reader.right is not None else b""
    else:
        head = struct[: reader.content_at]
    return head + _content(reader, kind, begin, end)


def _content(reader: StructReader, kind: int, begin: int, end: int) -> bytes:
    reader.at = reader.content_at
    if kind == DELETED:
        return write_var_uint(end - begin)
    if kind == STRING:
        # Half of a surrogate pair becomes U+FFFD, as in Yjs.
        units = reader.text().encode("utf-16-le")[2 * begin : 2 * end]
        return write_var_bytes(units.decode("utf-16-le", "replace").encode())
    if kind not in (ANY, JSON):
        raise Fault("a value cannot be cut")
    ends = [0]
    count = reader.uint()
    start = reader.at
    for _ in range(count):
        if kind == ANY:
            reader.values(1)
        else:
            reader.chunk()
        ends.append(reader.at - start)
    return write_var_uint(end - begin) + reader.data[start + ends[begin] : start + ends[end]]
