"""A document's way to the log: appends, acknowledgements, and the unsaved tail when saving fails."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from collab.errors import CollabError
from collab.stores.base import Store

#: called with the position once durable, or with the error
Done = Callable[[int | CollabError], None]

_FIRST_RETRY = 0.1
_LAST_RETRY = 1.0
#: seconds without an answer after which what is on its way counts as unsaved
_STUCK = 1.0
#: bytes of memory that an update takes beside its own
_OVERHEAD = 512


def nobody_waits(_result: int | CollabError) -> None:
    """The ``done`` of an edit that nobody wants acknowledged."""


def _nobody_listens(_trouble: bool) -> None:
    """The ``on_trouble`` of a document that is closed."""


class Journal:
    """Hands the updates of one document to the store, and keeps those that it could not take.

    While the store fails, the memory is ahead of the log: writers are told
    ``storage_unavailable``, the updates are kept here and appended again until they are in.
    Past ``max_unsaved_bytes`` :meth:`check_room` refuses further edits.

    Args:
        on_trouble: called with True when saving begins to fail, with False once all is saved.
    """

    def __init__(
        self,
        store: Store,
        document: str,
        position: int,
        *,
        max_unsaved_bytes: int,
        on_trouble: Callable[[bool], None],
    ) -> None:
        self.store = store
        self._document = document
        self.position = position
        self._max_unsaved_bytes = max_unsaved_bytes
        self._on_trouble = on_trouble
        self._in_flight = 0
        self._in_flight_bytes = 0
        self._answered_at = 0.0
        self._last: asyncio.Future[int] | None = None
        self._unsaved: list[tuple[bytes, str | None]] = []
        self._unsaved_bytes = 0
        self._retry: asyncio.Task[None] | None = None
        self._settled: list[asyncio.Future[None]] = []

    @property
    def clean(self) -> bool:
        """Whether everything that was appended is durable."""
        return self._in_flight == 0 and not self._unsaved

    @property
    def in_trouble(self) -> bool:
        """Whether some updates could not be saved so far."""
        return bool(self._unsaved)

    @property
    def unsaved(self) -> list[bytes]:
        """The updates that could not be saved so far, in order."""
        return [update for update, _ in self._unsaved]

    async def quiet(self) -> None:
        """Wait until no append is under way: each is in the log then, or in :attr:`unsaved`."""
        while self._in_flight:
            last = self._last
            if last is not None:
                await asyncio.wait([last])
            await asyncio.sleep(0)

    def check_room(self) -> None:
        """Raise ``storage_unavailable`` where the unsaved tail has reached its bound."""
        waiting = self._unsaved_bytes
        if self._in_flight and time.monotonic() - self._answered_at > _STUCK:
            waiting += self._in_flight_bytes
        if waiting > self._max_unsaved_bytes:
            raise CollabError("storage_unavailable", retry_after=_LAST_RETRY)

    def reached(self, position: int) -> None:
        """The log is known to go up to ``position``."""
        self.position = max(self.position, position)

    def append(self, update: bytes, participant: str | None, done: Done) -> None:
        """Log ``update``; ``done`` is called once, when it is durable or could not be saved."""
        if self._unsaved:
            self._keep(update, participant)
            done(CollabError("storage_unavailable", retry_after=_LAST_RETRY))
            return
        if not self._in_flight:
            self._answered_at = time.monotonic()
        self._in_flight += 1
        weight = len(update) + _OVERHEAD
        self._in_flight_bytes += weight
        future = self.store.append(self._document, update, participant)
        self._last = future

        def appended(result: asyncio.Future[int]) -> None:
            self._in_flight -= 1
            self._in_flight_bytes -= weight
            self._answered_at = time.monotonic()
            error = None if result.cancelled() else result.exception()
            if error is None and not result.cancelled():
                self.reached(result.result())
                done(result.result())
            elif isinstance(error, CollabError) and error.code == "document_deleted":
                done(error)
            else:
                self._keep(update, participant)
                if not isinstance(error, CollabError):
                    error = CollabError("storage_unavailable")
                error.retry_after = _LAST_RETRY
                done(error)
            self._wake()

        future.add_done_callback(appended)

    def when_durable(self, done: Done) -> None:
        """Call ``done`` once everything appended before this call is durable."""
        if self._unsaved:
            done(CollabError("storage_unavailable", retry_after=_LAST_RETRY))
        elif self._in_flight == 0 or self._last is None:
            done(self.position)
        else:

            def finished(_result: asyncio.Future[int]) -> None:
                self.when_durable(done) if self._unsaved else done(self.position)

            self._last.add_done_callback(finished)

    async def drain(self, timeout: float) -> bool:
        """Wait until everything is durable; False if that takes longer than ``timeout`` seconds."""
        if self.clean:
            return True
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._settled.append(future)
        try:
            async with asyncio.timeout(timeout):
                await future
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        """Stop retrying, and tell nobody any more; what is unsaved then is lost with the process."""
        if self._retry is not None:
            self._retry.cancel()
        self._on_trouble = _nobody_listens

    def _keep(self, update: bytes, participant: str | None) -> None:
        self._unsaved.append((update, participant))
        self._unsaved_bytes += len(update)
        if self._retry is None:
            self._on_trouble(True)
            self._retry = asyncio.get_running_loop().create_task(self._save_again())

    async def _save_again(self) -> None:
        wait = _FIRST_RETRY
        while self._unsaved:
            await asyncio.sleep(wait)
            wait = min(2 * wait, _LAST_RETRY)
            tail = list(self._unsaved)
            appends = [
                self.store.append(self._document, update, participant) for update, participant in tail
            ]
            results = await asyncio.gather(*appends, return_exceptions=True)
            failed = []
            for entry, result in zip(tail, results, strict=True):
                if isinstance(result, int):
                    self.reached(result)
                else:
                    failed.append(entry)
            self._unsaved[: len(tail)] = failed
            self._unsaved_bytes = sum(len(update) for update, _ in self._unsaved)
        self._retry = None
        self._on_trouble(False)
        self._wake()

    def _wake(self) -> None:
        if self._settled and self.clean:
            waiting, self._settled = self._settled, []
            for future in waiting:
                if not future.done():
                    future.set_result(None)
