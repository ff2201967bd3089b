"""A document in quarantine is read whole."""

from __future__ import annotations

from collab.documents.document import Document
from collab.documents.salvage import salvage
from tests.support.documents import typed


def test_snapshot_and_tail_are_one_update() -> None:
    updates = typed("one ", "two ", "three")
    snapshot = Document.load(None, updates[:2]).snapshot()
    assert (
        Document.load(salvage(snapshot, updates[2:]), []).content_hash() == Document.load(None, updates).content_hash()
    )
