"""The smallest edit that makes one text of another."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from typing import Final

#: comparisons that one batch may spend on finding smallest edits (about half a second)
DIFF_BUDGET: Final = 1_000_000
#: characters of two differing parts together up to which the very smallest edit is looked for
SHORT_DIFF: Final = 1000

_WORD = re.compile(r"\w+")
#: old[i:j] is replaced by new[k:l]
_Hunk = tuple[int, int, int, int]


class Differ:
    """Finds small edits, as long as its budget lasts; then larger ones."""

    def __init__(self, budget: int = DIFF_BUDGET) -> None:
        self.budget = budget

    def hunks(self, old: str, new: str) -> list[_Hunk]:
        """What to replace in ``old`` to get ``new``, in order, with equal parts between.

        The smallest there is for texts that differ in a short part; long parts are taken apart first
        at words that both sides have just once, so that the cost stays linear.
        """
        whole = _trimmed(old, new, (0, len(old), 0, len(new)))
        start, stop, new_start, new_stop = whole
        if stop - start + new_stop - new_start <= SHORT_DIFF:
            return self._between(old, new, whole)
        found: list[_Hunk] = []
        for at, new_at, length in _anchors(old[start:stop], new[new_start:new_stop]):
            gap = (start, whole[0] + at, new_start, whole[2] + new_at)
            found += self._between(old, new, _trimmed(old, new, gap))
            start, new_start = gap[1] + length, gap[3] + length
        return found + self._between(old, new, _trimmed(old, new, (start, stop, new_start, new_stop)))

    def _between(self, old: str, new: str, gap: _Hunk) -> list[_Hunk]:
        start, stop, new_start, new_stop = gap
        if start == stop and new_start == new_stop:
            return []
        if start == stop or new_start == new_stop:
            return [gap]
        found, self.budget = _shortest(old[start:stop], new[new_start:new_stop], self.budget)
        if found is None:
            return [gap]
        return [(i + start, j + start, k + new_start, m + new_start) for i, j, k, m in found]


def _anchors(old: str, new: str) -> list[tuple[int, int, int]]:
    """Words that both texts have just once, in an order that both have: (offset, offset, length)."""
    theirs = _unique_words(new)
    pairs = [(at, theirs[word], len(word)) for word, at in _unique_words(old).items() if word in theirs]
    # The longest rising sequence of the offsets in `new`: the last pair of the best one of each length.
    best: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for number, (_, new_at, _) in enumerate(pairs):
        length = bisect_right(best, new_at)
        before.append(last[length - 1] if length else -1)
        best[length : length + 1] = [new_at]
        last[length : length + 1] = [number]
    chain: list[tuple[int, int, int]] = []
    number = last[-1] if last else -1
    while number >= 0:
        chain.append(pairs[number])
        number = before[number]
    return chain[::-1]


def _unique_words(text: str) -> dict[str, int]:
    """Words that stand once in ``text``, with their offsets, in order."""
    offsets: dict[str, int] = {}
    for found in _WORD.finditer(text):
        offsets[found[0]] = -1 if found[0] in offsets else found.start()
    return {word: at for word, at in offsets.items() if at >= 0}


def _shortest(old: str, new: str, budget: int) -> tuple[list[_Hunk] | None, int]:
    """Myers' O(ND) algorithm: the shortest edit, and what is left of the budget; None if it is used up."""
    rows: list[array[int]] = []
    size_old, size_new = len(old), len(new)
    before = array("q", [0])
    edits = 0
    while budget > 0:
        row = array("q", bytes(8 * (edits + 1)))
        for at in range(edits + 1):
            if edits == 0:
                x = 0
            elif at == 0 or (at != edits and before[at - 1] < before[at]):
                x = before[at]
            else:
                x = before[at - 1] + 1
            start, y = x, x - (2 * at - edits)
            while x < size_old and y < size_new and old[x] == new[y]:
                x += 1
                y += 1
            row[at] = x
            budget -= 1 + x - start
            if x >= size_old and y >= size_new:
                return _backtrack(rows, size_old, size_new), budget
        rows.append(row)
        before = row
        edits += 1
    return None, 0


def _backtrack(rows: list[array[int]], x: int, y: int) -> list[_Hunk]:
    hunks: list[_Hunk] = []
    for edits in range(len(rows), 0, -1):
        before = rows[edits - 1]
        at = (x - y + edits) // 2
        if at == 0 or (at != edits and before[at - 1] < before[at]):
            x, y = before[at], before[at] - (2 * at - edits + 1)
            hunk = (x, x, y, y + 1)
        else:
            x, y = before[at - 1], before[at - 1] - (2 * at - edits - 1)
            hunk = (x, x + 1, y, y)
        if hunks and hunks[-1][0] == hunk[1] and hunks[-1][2] == hunk[3]:
            later = hunks.pop()
            hunk = (hunk[0], later[1], hunk[2], later[3])
        hunks.append(hunk)
    return hunks[::-1]


def _trimmed(old: str, new: str, hunk: _Hunk) -> _Hunk:
    """The hunk without what its two sides begin and end with alike."""
    start, stop, new_start, new_stop = hunk
    head = _common_prefix(old[start:stop], new[new_start:new_stop])
    start, new_start = start + head, new_start + head
    tail = _common_prefix(old[start:stop][::-1], new[new_start:new_stop][::-1])
    return start, stop - tail, new_start, new_stop - tail


def _common_prefix(one: str, other: str) -> int:
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
