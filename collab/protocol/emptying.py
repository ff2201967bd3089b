"""An update without what it would insert: the same ids, as if it had been deleted again at once.

Whoever cannot have a change of a client has to have something at its clocks, or all that the client did later
waits at the gap. Deleted structs take the place; what leans on them stays where it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from collab.protocol.codec import EMPTY_UPDATE, write_var_uint
from collab.protocol.rewriting import rewritten
from collab.protocol.yjs_structs import DELETED, GC, KIND, SKIP, STRING, Id, StructReader

#: client -> clocks from one to before another
Ranges = Mapping[int, Sequence[tuple[int, int]]]


def inserted_by(update: bytes) -> tuple[Ranges, str]:
    """Where an update inserts content, and the text in that, a line for each run."""
    ranges: dict[int, list[tuple[int, int]]] = {}
    texts: list[str] = []
    reader = StructReader(update)
    for _ in range(reader.count(3)):
        count, client, clock = reader.count(2), reader.uint(), reader.uint()
        for _ in range(count):
            length = reader.struct()
            kind = reader.info & KIND
            if kind not in (GC, DELETED, SKIP):
                ranges.setdefault(client, []).append((clock, clock + length))
            if kind == STRING:
                end, reader.at = reader.at, reader.content_at
                texts.append(reader.text())
                reader.at = end
            clock += length
    return ranges, "\n".join(texts)


def emptied(update: bytes, ranges: Ranges, *, parents_too: bool = False) -> bytes:
    """``update`` with deleted structs in ``ranges``.

    Args:
        parents_too: they do not even say where they stood; nothing can be wrong with them then.
    """
    sizes: dict[Id, int] = {}

    def change(reader: StructReader, id: Id, begin: int) -> list[bytes] | None:
        info = reader.info
        client, clock = id
        if info & KIND in (GC, DELETED, SKIP) or client not in ranges:
            return None
        length = sizes[id]
        if not any(first < clock + length and clock < last for first, last in ranges[client]):
            return None
        if parents_too:
            return [bytes((GC,)) + write_var_uint(length)]
        head = bytes((info & ~KIND | DELETED,)) + reader.data[begin + 1 : reader.content_at]
        return [head + write_var_uint(length)]

    reader = StructReader(update)
    for _ in range(reader.count(3)):
        count, client, clock = reader.count(2), reader.uint(), reader.uint()
        for _ in range(count):
            sizes[client, clock] = length = reader.struct()
            clock += length
    return rewritten(update, change)


def deletion_of(ranges: Ranges) -> bytes:
    """An update that deletes what is in ``ranges``, and does nothing else."""
    if not ranges:
        return EMPTY_UPDATE
    parts = [b"\0", write_var_uint(len(ranges))]
    for client, runs in ranges.items():
        parts += [write_var_uint(client), write_var_uint(len(runs))]
        parts += [write_var_uint(first) + write_var_uint(last - first) for first, last in runs]
    return b"".join(parts)
