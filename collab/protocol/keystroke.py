"""The most frequent update, read by one regular expression: somebody typed plain text behind other text.

What it recognises, :func:`collab.protocol.scan.scan` passes as well, with the same result; what it does
not recognise says nothing. ``tests/unit/test_keystroke.py`` holds the two against each other.

Format: as in ``scan.py``: one client, one struct of ASCII text with an origin to its left and perhaps
one to its right, no deletions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from collab.protocol.codec import MAX_CLIENT, MAX_CLOCK

_NUMBER = rb"([\x80-\xff]{0,7}[\x00-\x7f])"
_ID = _NUMBER * 2
_TYPED = re.compile(
    rb"\x01\x01" + _ID + rb"(?:\x84" + _ID + rb"|\xc4" + _ID * 2 + rb")([\x01-\x7f])([\x00-\x7f]+)\x00", re.DOTALL
).fullmatch


def _number(data: bytes) -> int:
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
    return value


_client = lru_cache(1024)(_number)


def read_keystroke(
    update: bytes,
    clocks: Mapping[int, int],
    is_entry: Callable[[int, int], bool] | None = None,
    most: int = 127,
) -> tuple[int, int, bool] | None:
    """Recognise plain typing that goes on where its author's changes end; it can be applied, and merged, as it is.

    Args:
        update: Yjs v1 bytes from anybody.
        clocks: the state vector of the document, which holds no surrogate pairs.
        is_entry: whether the struct at (client, clock) is a map entry (None: there are none, or nobody
            knows), on which no text leans.
        most: characters; where nobody knows about map entries, 1.

    Returns:
        The client id, its clock behind the text, and whether the text is ``loose`` (see :class:`Scan`);
        None: not recognised, scan it.
    """
    found = _TYPED(update)
    if found is None:
        return None
    by, at, left_by, left_at, outer_by, outer_at, right_by, right_at, length, text = found.groups()
    client, clock = _client(by), _number(at)
    end = clock + len(text)
    if length[0] != len(text) or len(text) > most:
        return None
    if client > MAX_CLIENT or end > MAX_CLOCK or clock != clocks.get(client, 0):
        return None
    loose = False
    origins = ((left_by, left_at),) if left_by else ((outer_by, outer_at), (right_by, right_at))
    for origin_by, origin_at in origins:
        origin = client if origin_by == by else _client(origin_by)
        leans_at = _number(origin_at)
        if leans_at >= (clock if origin == client else clocks.get(origin, 0)):
            return None
        if is_entry is not None and is_entry(origin, leans_at):
            return None
        loose = bool(left_by) and (origin != client or leans_at != clock - 1)
    return client, end, loose
