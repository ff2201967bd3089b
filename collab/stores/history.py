"""History: what the log knew of people, summed up so that it survives compaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from collab.stores.base import HistoryEntry

#: seconds within which edits of one participant that follow each other are one entry
SPAN = 60.0


def beyond(entries: Iterable[HistoryEntry], after: int, limit: int) -> list[HistoryEntry]:
    """The first ``limit`` sums of what lies beyond a position, and of nothing that somebody at that position has seen.

    What compaction has summed up already is not taken apart again: such an entry may begin before ``after``.
    """
    return summed(entry for entry in entries if entry.last > after)[:limit]


def summed(entries: Iterable[HistoryEntry]) -> list[HistoryEntry]:
    """Join neighbouring entries of one participant that lie in one span; order is kept.

    Args:
        entries: by position, each covering one or more updates.
    """
    out: list[HistoryEntry] = []
    for entry in entries:
        last = out[-1] if out else None
        if (
            last is not None
            and last.participant == entry.participant
            and abs(entry.started_at - last.started_at) < SPAN
        ):
            out[-1] = replace(
                last,
                last=entry.last,
                updates=last.updates + entry.updates,
                size=last.size + entry.size,
                ended_at=max(last.ended_at, entry.ended_at),
            )
        else:
            out.append(entry)
    return out
