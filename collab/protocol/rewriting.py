"""An update written again, with some of its structs changed."""

from __future__ import annotations

from collections.abc import Callable

from collab.protocol.codec import write_var_uint
from collab.protocol.yjs_structs import Id, StructReader

#: what stands for the struct of this id that was just read, and begins at this byte; None: it stays
Change = Callable[[StructReader, Id, int], list[bytes] | None]


def rewritten(update: bytes, change: Change) -> bytes:
    """``update`` with structs exchanged for others of the same length in clocks.

    Args:
        update: Yjs v1, as it passed the scan.
        change: asked of every struct; the reader stands behind it, and may be moved.

    Raises:
        ValueError, IndexError: ``update`` is no Yjs update.
    """
    reader = StructReader(update)
    sections = reader.count(3)
    parts = [write_var_uint(sections)]
    for _ in range(sections):
        count, client, first = reader.count(2), reader.uint(), reader.uint()
        clock, written = first, 0
        done = reader.at
        body: list[bytes] = []
        for _ in range(count):
            begin = reader.at
            length = reader.struct()
            end = reader.at
            changed = change(reader, (client, clock), begin)
            if changed is None:
                written += 1
            else:
                body += [update[done:begin], *changed]
                written += len(changed)
                done = end
            reader.at = end
            clock += length
        body.append(update[done : reader.at])
        parts += [write_var_uint(written), write_id((client, first)), *body]
    return b"".join([*parts, update[reader.at :]])


def write_id(id: Id) -> bytes:
    """An id, as structs name others."""
    return write_var_uint(id[0]) + write_var_uint(id[1])
