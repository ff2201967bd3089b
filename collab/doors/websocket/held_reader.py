"""A reader that waits while it is told to, and is not taken for silent meanwhile."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable
from typing import Any

from collab.doors.holds import let_go


class HeldReader:
    """Reads frames of one peer; the layer above may let it wait.

    Attributes:
        hold: set by the layer above: what is waited for before anything more is read.
        closed: nothing is read any more.
        grace: seconds after a pause in which what was sent during it may still stand unread.
    """

    hold: Awaitable[Any] | None = None
    closed = False
    grace = 20.0
    _held_until = 0.0

    async def await_hold(self) -> None:
        """Wait until the layer above lets us read on."""
        loop = asyncio.get_running_loop()
        while self.hold is not None:
            hold, self.hold = self.hold, None
            if self.closed:
                let_go(hold)
                return
            self._held_until = math.inf
            try:
                await hold
            finally:
                self._held_until = loop.time() + self.grace

    @property
    def may_be_unread(self) -> bool:
        """Whether what the peer answered may just not have been read yet."""
        return self._held_until > asyncio.get_running_loop().time()
