"""Updates merged by the CRDT library, by the way that costs least."""

from __future__ import annotations

from collections.abc import Sequence

import pycrdt

#: merging is quadratic in the number of updates: more than these are merged by a fresh document
_MERGE_PAIRWISE = 64


def merge(updates: Sequence[bytes]) -> bytes:
    """One update that holds all of ``updates`` (Yjs v1, each of them scanned before)."""
    if len(updates) <= _MERGE_PAIRWISE:
        return pycrdt.merge_updates(*updates)
    merged = [
        pycrdt.merge_updates(*updates[first : first + _MERGE_PAIRWISE])
        for first in range(0, len(updates), _MERGE_PAIRWISE)
    ]
    return merge(merged)
