"""What a document in quarantine holds, read in a process whose end costs nobody anything."""

from __future__ import annotations

from collections.abc import Sequence

from collab.documents.document import Document


def salvage(snapshot: bytes | None, tail: Sequence[bytes]) -> bytes:
    """The whole document as one Yjs v1 update; raises as :meth:`Document.load`."""
    return Document.load(snapshot, tail).encode()
