"""Local edits of a session go out: merged, at a bounded rate, again after an interruption, not after a refusal."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from collab.client.links import Link
from collab.client.options import Backoff
from collab.client.outbox import Batch, Outbox
from collab.client.parts import PART_BYTES, refusal_in, send_in_parts
from collab.client.refusals import SHUT, Refusals
from collab.client.signals import Changes
from collab.errors import CollabError
from collab.protocol.codec import EMPTY_UPDATE

#: updates go out at most so often, in seconds; what gathers meanwhile is merged into one
SEND_INTERVAL = 0.02
#: an update's limit where the server does not tell one
MAX_UPDATE_BYTES = 4 * 2**20
#: times in a row that the server may miss something before the connection is made anew
MAX_RESYNCS = 3

_log = logging.getLogger("collab.client")


class Sender:
    """Sends what waits in the outbox over the link that the session has, if it has one.

    Attributes:
        supplied: whether the server has been given what it lacks; before that, nothing else is sent.
        held: whether the server asked to wait.
        blocked: why the server will not have these edits; then nothing more is sent.
        progress: of what goes in parts: how many bytes are durable, and of how many; None while nothing does.

    Args:
        document: the document's name, for the log.
        outbox: the edits.
        changes: told when edits were saved or refused.
        backoff: how long to wait after a refusal that passes.
        run: runs something that belongs to the link beside it.
        refusals: what is given up.
    """

    def __init__(
        self,
        document: str,
        outbox: Outbox,
        changes: Changes,
        backoff: Backoff,
        run: Callable[[Awaitable[None]], None],
        refusals: Refusals,
    ) -> None:
        self.supplied = False
        self.held = False
        self.blocked: CollabError | None = None
        self.progress: tuple[int, int] | None = None
        self._document = document
        self._outbox = outbox
        self._changes = changes
        self._backoff = backoff
        self._run = run
        self._refusals = refusals
        self._max_update_bytes = MAX_UPDATE_BYTES
        self._resyncs = 0
        self._link: Link | None = None
        self._send_timer: asyncio.TimerHandle | None = None
        self._next_send = 0.0

    def begin(self, link: Link, max_update_bytes: int) -> None:
        """A connection has begun.

        Args:
            link: over which to send.
            max_update_bytes: what its server takes as one update.
        """
        self.blocked = None
        self._resyncs = 0
        self._link = link
        self._max_update_bytes = max_update_bytes

    def part(self) -> None:
        """The connection has ended; what it had not confirmed is to be sent again."""
        self._link = None
        self.supplied = False
        self.progress = None
        if self._send_timer is not None:
            self._send_timer.cancel()
            self._send_timer = None
        self._outbox.put_all_back()
        self.held = False

    def add(self, update: bytes) -> None:
        """An edit was made: ``update`` goes out soon, with what else waits."""
        self._outbox.add(update)
        if self._send_timer is None and self._link is not None:
            loop = asyncio.get_running_loop()
            self._send_timer = loop.call_at(max(self._next_send, loop.time()), self.send)

    def supply(self, link: Link, missing: bytes) -> None:
        """Send what the server lacks, as an edit, because edits are acknowledged when they are durable.

        Args:
            link: over which it asked.
            missing: an update with all that it lacks; the empty one where it is to get nothing.
        """
        self.supplied = True
        self.progress = None
        if missing != EMPTY_UPDATE:
            missing = self._refusals.without(missing)
            # It holds all edits that wait, and whatever else the server has lost.
            self._send(link, self._outbox.take_all(missing))
        self._changes.tell()
        self.send()

    def resume(self) -> None:
        """The server can save again."""
        self.held = False
        self.send()

    def unblock(self) -> None:
        """The server may think otherwise now of what it refused."""
        self.blocked = None
        self._changes.tell()
        self.send()

    def send(self) -> None:
        """Send what waits, merged."""
        if self._send_timer is not None:
            self._send_timer.cancel()
            self._send_timer = None
        link = self._link
        if link is None or not self.supplied:
            return
        if self.held or self.blocked is not None:
            return
        while self.progress is None and (batch := self._outbox.take(self._max_update_bytes)) is not None:
            self._next_send = asyncio.get_running_loop().time() + SEND_INTERVAL
            self._send(link, batch)

    def _send(self, link: Link, batch: Batch) -> None:
        if len(batch.update) > min(PART_BYTES, self._max_update_bytes):
            self.progress = (0, len(batch.update))
            self._run(self._send_parts(link, batch))
            return
        answer = link.call("sync-update", batch.update)
        answer.add_done_callback(lambda done: self._confirmed(link, batch, done))

    async def _send_parts(self, link: Link, batch: Batch) -> None:
        """Send what is too large for one message; what is edited meanwhile goes behind it."""

        def sent(count: int) -> None:
            if self._outbox.has_under_way(batch) and self.progress is not None:
                self.progress = (self.progress[0] + count, self.progress[1])
                self._changes.tell()

        error = await send_in_parts(link, batch.update, self._max_update_bytes, self._backoff, sent)
        if self._link is link and self._outbox.has_under_way(batch):
            self.progress = None
            self._dealt_with(link, batch, error)

    def _confirmed(self, link: Link, batch: Batch, answer: asyncio.Future[Any]) -> None:
        if answer.cancelled() or answer.exception() is not None or self._link is not link:
            return
        self._dealt_with(link, batch, refusal_in(answer.result()))

    def _dealt_with(self, link: Link, batch: Batch, error: CollabError | None) -> None:
        if not self._outbox.settle(batch):
            return  # a later one has taken its place
        if error is None:
            self._resyncs = 0
            self._changes.tell()
            self.send()
            return
        if batch.empty and not error.retryable:
            _log.warning("the server did not take a resync of %r: %s", self._document, error)
            return
        if not error.retryable and error.code not in SHUT:
            self._give_up(batch, error)
        else:
            self._outbox.put_back(batch)
            self._refused(link, error)

    def _give_up(self, batch: Batch, error: CollabError) -> None:
        """The server will never have this edit; everything else goes on."""
        if not self._refusals.give_up(batch, error):
            self._outbox.put_back(batch)
            self._block(error)
            return
        _log.warning("an edit of %r was refused: %s", self._document, error)
        self._outbox.put_back(batch)
        self._changes.tell()
        self.send()

    def _refused(self, link: Link, error: CollabError) -> None:
        if error.code == "missing_dependencies":
            if self.supplied:
                self._resyncs += 1
            self.supplied = False
            if self._resyncs > MAX_RESYNCS:
                self._run(link.drop())
            # Otherwise the server asks with a sync-step-1, whose answer holds everything.
        elif error.retryable:
            self.held = True
            self._run(self._send_later(link, error))
        else:
            self._block(error)

    async def _send_later(self, link: Link, error: CollabError) -> None:
        await asyncio.sleep(self._backoff.delay(1, error.retry_after))
        if self._link is link:
            self.held = False
            self.send()

    def _block(self, error: CollabError) -> None:
        """The server will not have these edits: later ones build on them, so nothing more is sent."""
        self.blocked = error
        self._changes.tell()
