"""What a document would take of an update, found out beside it, in another thread."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from functools import partial

from collab.documents.ids import Ids
from collab.errors import CollabError
from collab.protocol.codec import EMPTY_UPDATE
from collab.protocol.dependencies import TakenInPart, what_integrates
from collab.protocol.findings import Scan
from collab.protocol.known import Known
from collab.protocol.mending import mend
from collab.protocol.pieces import new_bytes
from collab.protocol.scan import scan
from collab.protocol.yjs_structs import Id


def outlook(
    known: Known, pairs: AbstractSet[Id], containers: Ids, keyed: Ids, room: int, most: int
) -> Callable[[bytes], tuple[bytes, CollabError | None]]:
    """A function that tells of an update what would be taken of it, and what would be said then.

    It raises where nothing of the update may be applied; ``document_too_large`` where it adds more than there is
    room for.

    Args:
        known, pairs, containers, keyed: of the document, as it is now; nobody else changes them.
        room: bytes that may be added.
        most: bytes that the document may have.
    """

    def look(update: bytes) -> tuple[bytes, CollabError | None]:
        scanned = partial(scan, strict=True, know_all=True, is_keyed=keyed.hold, pairs=pairs)
        error = None
        try:
            found = scanned(update, known.clocks, containers.hold)
        except CollabError as raised:
            if raised.code != "missing_dependencies":
                raise
            update, missing = what_integrates(update, known)
            found = scanned(update, known.clocks, containers.hold, settled=True)
            error = TakenInPart(missing, update if update != EMPTY_UPDATE else b"") if missing else None
        if len(update) > room and new_bytes(update, known) > room:
            raise CollabError("document_too_large", detail={"limit": most, "scope": "document"})
        return mended(update, found), error

    return look


def mended(update: bytes, found: Scan) -> bytes:
    """``update`` without what the CRDT library cannot take."""
    needed = found.several or found.parted or found.obsolete
    return mend(update, found.several, found.parted) if needed else update
