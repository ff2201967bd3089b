"""What a reader waits for before it reads on."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Generator
from typing import Any


class InTurn:
    """Waits for one thing after the other; what was not begun when it ends is closed.

    A coroutine would drop those that are left, and each would be told as never awaited.
    """

    __slots__ = ("_waits",)

    def __init__(self, *waits: Awaitable[Any]) -> None:
        self._waits = deque(waits)

    def __await__(self) -> Generator[Any, None, None]:
        try:
            while self._waits:
                yield from self._waits.popleft().__await__()
        finally:
            self.close()

    def close(self) -> None:
        """Wait for nothing of it."""
        while self._waits:
            let_go(self._waits.popleft())


def let_go(hold: Awaitable[Any]) -> None:
    """Nobody waits for ``hold`` any more; a future goes on."""
    if isinstance(hold, InTurn) or asyncio.iscoroutine(hold):
        hold.close()
