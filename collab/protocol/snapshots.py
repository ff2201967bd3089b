"""The mark of a snapshot that we wrote: it holds nothing that has to be written otherwise for the CRDT library.

Reading the structure of a large document takes fifteen times as long as loading it. The mark is a client
without changes, in front of all others: every Yjs reads over it, and none writes it again, so that what
comes from elsewhere never has it by chance.
"""

from __future__ import annotations

from typing import Final

from collab.protocol.codec import MAX_CLIENT, Reader, write_var_uint

#: no changes of this client, from clock 0
_MARK: Final = b"\0" + write_var_uint(MAX_CLIENT) + b"\0"


def marked(state: bytes) -> bytes:
    """``state`` (Yjs v1) with the mark."""
    reader = Reader(state)
    sections = reader.var_uint()
    return write_var_uint(sections + 1) + _MARK + state[reader.at :]


def unmarked(snapshot: bytes) -> bytes | None:
    """The state in a snapshot with the mark; None where it has none."""
    reader = Reader(snapshot)
    sections = reader.var_uint()
    if not sections or not snapshot.startswith(_MARK, reader.at):
        return None
    return write_var_uint(sections - 1) + snapshot[reader.at + len(_MARK) :]
