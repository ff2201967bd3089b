"""What is too large for one message goes in parts: each below what the server takes, acknowledged by itself.

After an interruption nothing has to be remembered: the server's next state vector says where to go on.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from collab.client.links import Link
from collab.client.options import Backoff
from collab.client.socketio import error_from
from collab.errors import CollabError
from collab.protocol.pieces import in_pieces

#: bytes of one part: enough to be cheap, few enough for progress to be seen
PART_BYTES = 256 * 1024
#: bytes of parts that may wait for their ack at a time
WINDOW_BYTES = 1024 * 1024


async def send_in_parts(
    link: Link, update: bytes, limit: int, backoff: Backoff, sent: Callable[[int], None]
) -> CollabError | None:
    """Send ``update`` in parts, none of which needs a later one; returns once all of them are durable.

    Args:
        limit: bytes that the server takes as one update.
        backoff: how long to wait after a refusal that passes.
        sent: told how many bytes more are durable.

    Returns:
        What the server said where it did not take a part, and will not if it is sent again; otherwise None.

    Raises:
        Disconnected: the link ended first.
    """
    pieces = in_pieces(update, min(PART_BYTES, limit))
    under_way: deque[tuple[bytes, asyncio.Future[Any]]] = deque()
    waiting, tries = 0, 0
    while True:
        piece = await asyncio.to_thread(next, pieces, None)
        if piece is not None:
            under_way.append((piece, link.call("sync-update", piece)))
            waiting += len(piece)
        while under_way and (piece is None or waiting > WINDOW_BYTES):
            part, answer = under_way[0]
            error = refusal_in(await answer)
            if error is None:
                under_way.popleft()
                waiting -= len(part)
                tries = 0
                sent(len(part))
            elif error.retryable and error.code != "missing_dependencies":
                tries += 1
                await _answered(under_way)
                await asyncio.sleep(backoff.delay(tries, error.retry_after))
                under_way = deque((each, link.call("sync-update", each)) for each, _ in under_way)
            else:
                await _answered(under_way)
                return error
        if piece is None:
            return None


async def _answered(under_way: deque[tuple[bytes, asyncio.Future[Any]]]) -> None:
    """Wait until the server has dealt with all that is on its way."""
    for _, answer in under_way:
        await answer


def refusal_in(result: Any) -> CollabError | None:
    """What an ack says went wrong, or None."""
    if isinstance(result, dict) and result.get("ok"):
        return None
    return error_from((result.get("error") if isinstance(result, dict) else None) or {})
