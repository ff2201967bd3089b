"""Edits that are computed here and sent as Yjs updates: made once, even where the connection breaks in the middle."""

from __future__ import annotations

from collections.abc import Callable
from mmap import mmap

from collab.commands.api_client import ApiClient
from collab.commands.terminal import progress


async def send_all(client: ApiClient, name: str, plan: Callable[[bytes], list[bytes]]) -> int:
    """Change a document by the updates that ``plan`` makes for its state.

    Returns:
        The position from which on all of it is on disk.
    """
    position = 0
    for update in plan(await client.state(name, missing_is_empty=True)):
        position = await send(client, name, update, name)
    return position


async def send(client: ApiClient, name: str, update: bytes | mmap, words: str) -> int:
    """Send one update, in pieces if it is large; returns its position."""
    with progress(words, len(update)) as advance:
        return await send_pieces(client, name, update, advance)


async def send_pieces(client: ApiClient, name: str, update: bytes | mmap, advance: Callable[[int], None]) -> int:
    """As :func:`send`, with somebody else's progress bar."""
    position = 0
    async for reached, size in client.send(name, update):
        position = reached
        advance(size)
    return position
