"""Updates of very many changes: applied in pieces, between which everybody else has their turn.

What one transaction costs the CRDT library may grow with the square of what it holds: 40,000 letters, each a
struct of its own (263 KB), take 0.9 GB; 8,000 values under one key of a map (64 KB) take 0.2 s. No structural
rule tells such updates from the honest work of a day offline. So they are cut into pieces of few changes each,
which are applied one after the other, at a bounded share of the processor, whoever sent them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Protocol

from collab.errors import CollabError
from collab.hub.journal import Done
from collab.protocol.codec import EMPTY_UPDATE
from collab.protocol.pieces import in_pieces

#: an update of more structs goes into the slow lane
MANY_CHANGES = 512
#: structs of one piece: a costly one takes a few milliseconds
PIECE_CHANGES = 32
#: bytes of one piece, for the same reason
PIECE_BYTES = 16 * 1024
#: pieces that are cut at a time
PIECES_AT_ONCE = 256
#: seconds of work at a time
TURN = 0.005
#: seconds of rest for each second of work: four fifths of the loop are everybody else's ...
REST = 4.0
#: ... and half of it where nobody else has work for it
IDLE_REST = 1.0
#: seconds that two turns of the loop take where nobody else has any
IDLE = 0.0005
#: seconds: a piece that takes longer ends its update
MAX_PIECE_SECONDS = 0.1
#: bytes of updates that wait or are under way
MAX_WAITING_BYTES = 64 * 2**20

#: applies one piece; raises as ``LiveDocument.apply``
Apply = Callable[[bytes, Done], object]


class Checked(Protocol):
    """Tells what of an update can be applied, and what is wrong with the rest; see :meth:`Document.check`."""

    def __call__(self, update: bytes, /) -> tuple[bytes, CollabError | None]: ...


class Sender(Protocol):
    """Whose update it is; see :meth:`Session.still_edits`."""

    def still_edits(self) -> None: ...


class SlowLane:
    """One for the process: at any time one piece of one update is applied, each update in its turn."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        #: looking at an update takes many times its size of memory
        self._look = asyncio.Lock()
        self._worked = 0.0
        self._waiting_bytes = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def take(
        self,
        update: bytes,
        check: Checked,
        known: Mapping[int, int],
        apply: Apply,
        done: Done,
        sender: Sender | None = None,
    ) -> asyncio.Task[None]:
        """Apply ``update`` in pieces; returns a task that ends, without a result, when it is applied or refused.

        Args:
            check: tells what of it can be applied, before any of it is.
            known: the document's state vector; what it has already is left out.
            apply: applies one piece.
            done: called once: with the position when all of it is durable, or with the error.
            sender: is asked before each piece whether they still may; None: nobody need be.

        Raises:
            CollabError: ``rate_limited`` where too much is waiting already.
        """
        if self._waiting_bytes + len(update) > MAX_WAITING_BYTES:
            raise CollabError("rate_limited", retry_after=2, detail={"limit": MAX_WAITING_BYTES, "scope": "server"})
        self._waiting_bytes += len(update)

        def allowed(piece: bytes, done: Done) -> None:
            if sender is not None:
                sender.still_edits()
            apply(piece, done)

        task = asyncio.get_running_loop().create_task(self._run(update, check, dict(known), allowed, _Once(done)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _run(self, update: bytes, check: Checked, known: Mapping[int, int], apply: Apply, once: _Once) -> None:
        size = len(update)
        try:
            async with self._look:
                update, incomplete = await asyncio.to_thread(check, update)
            pieces = in_pieces(update, PIECE_BYTES, PIECE_CHANGES, known)
            while batch := await asyncio.to_thread(_some, pieces):
                once.expect(len(batch))
                for piece in batch:
                    await self._apply(piece, apply, once)
            if incomplete is not None:
                raise incomplete
            once.expect(1)
            apply(EMPTY_UPDATE, once.one_done)  # where all of it was known, it is to be durable all the same
            once.all_told()
        except (ValueError, IndexError):
            once.fail(CollabError("invalid_update"))
        except CollabError as error:
            once.fail(error)
        except asyncio.CancelledError:
            once.fail(CollabError("draining", retry_after=1))
            raise
        finally:
            self._waiting_bytes -= size

    async def _apply(self, piece: bytes, apply: Apply, once: _Once) -> None:
        async with self._turn:
            began = time.thread_time()  # what others on this machine take is no fault of the edit's
            apply(piece, once.one_done)
            took = time.thread_time() - began
            if took > MAX_PIECE_SECONDS:
                raise CollabError("update_too_large", "This edit takes too long to apply.")
            await self._rest(took)

    async def _rest(self, took: float) -> None:
        self._worked += took
        if self._worked > TURN:
            worked, self._worked = self._worked, 0.0
            began = time.thread_time()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            idle = time.thread_time() - began < IDLE
            await asyncio.sleep((IDLE_REST if idle else REST) * worked)

    async def close(self) -> None:
        """Give up what is under way; nobody was told that it is saved."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class _Once:
    """Gathers what became of the pieces, and says it once."""

    def __init__(self, done: Done) -> None:
        self._done: Done | None = done
        self._left = 1  # for what is still to be told
        self._position = 0

    def expect(self, count: int) -> None:
        """So many more pieces are on their way."""
        self._left += count

    def all_told(self) -> None:
        """There are no more."""
        self.one_done(0)

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


def _some(pieces: Iterator[bytes]) -> list[bytes]:
    return list(islice(pieces, PIECES_AT_ONCE))
