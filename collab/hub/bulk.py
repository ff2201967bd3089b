"""Messages larger than an edit: whole documents that people bring along, few of which come in at a time.

An edit is small, and as many may be on their way as there are connections. A whole document may have the size
that documents may have, so the process reads a few such messages at once; whoever comes later is read on when
one of them has been dealt with. So what lies in memory is bounded, however many bring something.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from collab.hub.in_flight import InFlight

#: large messages that come in, or are dealt with, at the same time
AT_ONCE = 2
#: a message gives up its turn if others wait and fewer than PACE bytes of it came in PATIENCE seconds
PACE, PATIENCE = 256 * 1024, 10.0


class Turn:
    """One message's right to come in.

    Args:
        cut: ends the connection of a sender that sends next to nothing while others wait.
    """

    __slots__ = ("_bulk", "_cut", "_granted", "_lately", "heard_at")

    def __init__(self, bulk: Bulk, cut: Callable[[], None]) -> None:
        self._bulk = bulk
        self._cut = cut
        self._granted: asyncio.Future[None] | None = None
        self._lately = 0
        #: when it last got on; infinity once it is complete
        self.heard_at = 0.0

    @property
    def granted(self) -> bool:
        """Whether it may come in."""
        return self._granted is None or (self._granted.done() and not self._granted.cancelled())

    def heard(self, count: int = PACE) -> None:
        """``count`` bytes of it have come."""
        self._lately += count
        if self._lately >= PACE:
            self._lately = 0
            self.heard_at = asyncio.get_running_loop().time()

    def complete(self) -> None:
        """All of it has come; from here on its sender is not to blame for what takes long."""
        self.heard_at = float("inf")

    async def wait(self) -> None:
        """Return once it may come in."""
        await self._bulk.wait(self)

    def release(self) -> None:
        """It has been dealt with, or will not come. Idempotent."""
        self._bulk.release(self)


class Bulk:
    """The turns of one process.

    Args:
        most: bytes of the largest message.
    """

    def __init__(self, most: int, at_once: int = AT_ONCE) -> None:
        self.most = most
        #: messages that are not larger than an edit
        self.in_flight = InFlight()
        self._at_once = at_once
        self._turns: set[Turn] = set()
        self._waiting: deque[Turn] = deque()

    def turn(self, cut: Callable[[], None]) -> Turn:
        """A turn for a message that has become large; to be waited for, and released in the end."""
        turn = Turn(self, cut)
        if len(self._turns) < self._at_once:
            self._turns.add(turn)
            turn.heard()
        else:
            turn._granted = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
        return turn

    async def wait(self, turn: Turn) -> None:
        """See :meth:`Turn.wait`."""
        while turn._granted is not None and not turn._granted.done():
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE / 4):
                    await asyncio.shield(turn._granted)
            self._cut_idle()

    def release(self, turn: Turn) -> None:
        """See :meth:`Turn.release`."""
        if turn in self._turns:
            self._turns.remove(turn)
        elif turn in self._waiting:
            self._waiting.remove(turn)
            assert turn._granted is not None
            turn._granted.cancel()
        while self._waiting and len(self._turns) < self._at_once:
            following = self._waiting.popleft()
            assert following._granted is not None
            self._turns.add(following)
            following.heard()
            following._granted.set_result(None)

    def _cut_idle(self) -> None:
        late = asyncio.get_running_loop().time() - PATIENCE
        for turn in [each for each in self._turns if each.heard_at < late]:
            turn._cut()
            self.release(turn)
