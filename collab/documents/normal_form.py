"""The content of a document in a form that is the same for all documents that hold the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pycrdt

from collab.protocol.mending import in_order
from collab.protocol.scan import scan

#: rounds through a fresh document after which an encoding counts as normal
_TURNS = 4


def content_hash(state: bytes, shown: Callable[[bytes], bytes] | None = None) -> str:
    """SHA-256 (hex) of the content of a state; equal for states of documents that hold the same.

    How runs are split depends on the order in which edits arrived, so the encoding is taken
    through fresh documents until it stays the same, or swings between two forms.

    Args:
        state: as the CRDT library wrote it.
        shown: makes of such a state what others are shown.
    """
    before, now = b"", _in_order(state, shown)
    for _ in range(_TURNS):
        state = _written_again(state)
        before, now = now, _in_order(state, shown)
        if before == now:
            break
    return hashlib.sha256(min(before, now)).hexdigest()


def _in_order(state: bytes, shown: Callable[[bytes], bytes] | None) -> bytes:
    if shown is not None:
        state = shown(state)
    found = scan(state, {})
    return in_order(state, found.maps, found.objects)


def _written_again(state: bytes) -> bytes:
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc.apply_update(state)
    return doc.get_update()
