"""Whether what a document holds can be put together anew, client by client in the order of their clocks.

A gap may be filled with something that leans on what its author, or somebody who knew them, did later. No honest editor
does this; it applies, as everything that it names is there, and can never be loaded again.
"""

from __future__ import annotations

from typing import Any

import pycrdt

from collab.protocol.codec import read_state_vector, write_var_uint
from collab.protocol.known import Known
from collab.protocol.rewriting import write_id
from collab.protocol.yjs_structs import GC


def in_order(state: bytes, update: bytes, after: Known) -> bool:
    """Whether a document with ``update`` in it can be loaded; costs as much as loading it.

    Args:
        state: of the document, as the CRDT library wrote it.
        update: what comes into it, Yjs v1.
        after: what the document holds then.
    """
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    for client, begin, end in after.gaps():  # where a gap is, state vectors would not tell what is behind it
        doc.apply_update(b"\1\1" + write_id((client, begin)) + bytes((GC,)) + write_var_uint(end - begin) + b"\0")
    doc.apply_update(pycrdt.merge_updates(state, update))
    clocks = read_state_vector(doc.get_state())
    return all(clocks.get(client, 0) == after.end(client) for client in {*after.clocks, *after.behind})
