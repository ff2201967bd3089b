"""Which ranges an update deletes, of updates that do nothing else; a resync of somebody with nothing new is one.

Format: a Yjs v1 update without structs: a zero, then per client its id and ranges of clocks (start, length).
"""

from __future__ import annotations

from bisect import bisect_right

from collab.protocol.codec import DecodeError, Reader

#: client -> ranges of clocks (start, end), in order, none touching another
Deletions = dict[int, list[tuple[int, int]]]


def read_deletions(update: bytes) -> Deletions:
    """The ranges that ``update`` deletes.

    Raises:
        DecodeError: there are structs in it, or it is no update.
    """
    reader = Reader(update)
    if reader.var_uint():
        raise DecodeError("there are structs")
    found: Deletions = {}
    for _ in range(_count(reader)):
        client = reader.var_uint()
        ranges = []
        for _ in range(_count(reader)):
            start = reader.var_uint()
            ranges.append((start, start + reader.var_uint()))
        found[client] = _joined(ranges)
    reader.end()
    return found


def _count(reader: Reader) -> int:
    count = reader.var_uint()
    if 2 * count > reader.left:
        raise DecodeError("more entries than bytes")
    return count


def _joined(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def all_in(some: Deletions, others: Deletions) -> bool:
    """Whether everything that ``some`` delete is deleted by ``others``, too."""
    for client, ranges in some.items():
        known = others.get(client, [])
        for start, end in ranges:
            at = bisect_right(known, (start, 2**64)) - 1
            if at < 0 or end > known[at][1]:
                return False
    return True
