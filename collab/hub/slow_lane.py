"""Updates of very many changes: applied in pieces, between which everybody else has their turn.

What one transaction costs the CRDT library may grow with the square of what it holds: 40,000 letters, each a
struct of its own (263 KB), take 0.9 GB; 8,000 values under one key of a map (64 KB) take 0.2 s. No structural
rule tells such updates from the honest work of a day offline. So they are cut into pieces of few changes each,
which are applied one after the other, at a bounded share of the processor, whoever sent them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from collab.errors import CollabError
from collab.hub.journal import Done
from collab.protocol.pieces import in_pieces

#: an update of more structs goes into the slow lane
MANY_CHANGES = 512
#: structs and bytes of one piece
PIECE_CHANGES = 32
PIECE_BYTES = 16 * 1024
#: seconds of work at a time, and of rest for each second of work
TURN = 0.005
REST = 4.0
#: a piece that takes so many seconds ends its update
MAX_PIECE_SECONDS = 0.1
#: bytes of updates that wait or are under way
MAX_WAITING_BYTES = 64 * 2**20

#: applies one piece; raises as ``LiveDocument.apply``
Apply = Callable[[bytes, Done], object]


class Checked(Protocol):
    """Tells whether an update could be applied; see :meth:`Document.check`."""

    def __call__(self, update: bytes, /) -> None: ...


class SlowLane:
    """One for the process: at any time one piece of one update is applied, each update in its turn."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._worked = 0.0
        self._waiting_bytes = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, update: bytes, check: Checked, apply: Apply, done: Done) -> asyncio.Task[None]:
        """Apply ``update`` by and by; returns a task that ends, without a result, when it is applied or refused.

        Args:
            check: tells whether all of it could be applied, before any of it is.
            apply: applies one piece.
            done: called once: with the position when all of it is durable, or with the error.

        Raises:
            CollabError: ``rate_limited`` where too much is waiting already.
        """
        if self._waiting_bytes + len(update) > MAX_WAITING_BYTES:
            raise CollabError("rate_limited", retry_after=2, detail={"limit": MAX_WAITING_BYTES, "scope": "server"})
        self._waiting_bytes += len(update)
        task = asyncio.get_running_loop().create_task(self._run(update, check, apply, _Once(done)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _run(self, update: bytes, check: Checked, apply: Apply, once: _Once) -> None:
        try:
            pieces = await asyncio.to_thread(_checked_pieces, update, check)
            once.expect(len(pieces))
            for piece in pieces:
                async with self._turn:
                    began = time.thread_time()  # what others on this machine take is no fault of the edit's
                    apply(piece, once.one_done)
                    took = time.thread_time() - began
                    if took > MAX_PIECE_SECONDS:
                        raise CollabError("update_too_large", "This edit takes too long to apply.")
                    await self._rest(took)
        except CollabError as error:
            once.fail(error)
        except asyncio.CancelledError:
            once.fail(CollabError("draining", retry_after=1))
            raise
        finally:
            self._waiting_bytes -= len(update)

    async def _rest(self, took: float) -> None:
        self._worked += took
        if self._worked > TURN:
            worked, self._worked = self._worked, 0.0
            await asyncio.sleep(REST * worked)

    async def close(self) -> None:
        """Give up what is under way; nobody was told that it is saved."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class _Once:
    """Gathers what became of the pieces, and says it once."""

    def __init__(self, done: Done) -> None:
        self._done: Done | None = done
        self._left = 0
        self._position = 0

    def expect(self, count: int) -> None:
        self._left = count

    def one_done(self, result: int | CollabError) -> None:
        if isinstance(result, CollabError):
            self.fail(result)
            return
        self._position = max(self._position, result)
        self._left -= 1
        if not self._left:
            self._say(self._position)

    def fail(self, error: CollabError) -> None:
        self._say(error)

    def _say(self, result: int | CollabError) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(result)


def _checked_pieces(update: bytes, check: Checked) -> list[bytes]:
    check(update)
    try:
        return list(in_pieces(update, PIECE_BYTES, PIECE_CHANGES))
    except (ValueError, IndexError):
        raise CollabError("invalid_update") from None
