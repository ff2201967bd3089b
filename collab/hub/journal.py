"""A document's way to the log: appends, acknowledgements, and the unsaved tail when saving fails."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from functools import partial

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


#: the backlog of a journal that is clean
NOTHING_WAITS = (0, 0, 0.0)


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
        on_saved: called with the position of what became durable.
        epoch: of the document's life that the updates belong to; a shared store knows it by itself.
    """

    def __init__(
        self,
        store: Store,
        document: str,
        position: int,
        *,
        max_unsaved_bytes: int,
        on_trouble: Callable[[bool], None],
        on_saved: Callable[[int], None] | None = None,
        epoch: str = "",
    ) -> None:
        self.store = store
        self._document = document
        self.position = position
        self._epoch = epoch
        #: the document's life has ended: nothing more of it can be saved, or called saved
        self.ended = False
        self._max_unsaved_bytes = max_unsaved_bytes
        self._on_trouble = on_trouble
        self._on_saved = on_saved
        self._appended = 0
        self._settled = 0
        self._in_flight_bytes = 0
        self._answered_at = 0.0
        self._oldest_at = 0.0
        self._unsaved_since = 0.0
        #: who waits for something that was appended: its number, and the ``done``
        self._followers: deque[tuple[int, Done]] = deque()
        self._unsaved: list[tuple[bytes, str | None]] = []
        self._unsaved_bytes = 0
        self._retry: asyncio.Task[None] | None = None
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def clean(self) -> bool:
        """Whether everything that was appended is durable."""
        return self._in_flight == 0 and not self._unsaved

    @property
    def _in_flight(self) -> int:
        return self._appended - self._settled

    @property
    def appended(self) -> int:
        """How many edits were logged since the document was opened."""
        return self._appended

    @property
    def backlog(self) -> tuple[int, int, float]:
        """How many edits are not durable, their bytes, and for how many seconds the oldest has waited."""
        if self._appended == self._settled and not self._unsaved:
            return NOTHING_WAITS
        count = self._in_flight + len(self._unsaved)
        since = self._unsaved_since if self._unsaved else self._oldest_at
        size = self._unsaved_bytes + self._in_flight_bytes - _OVERHEAD * self._in_flight
        return count, size, time.monotonic() - since

    @property
    def unsaved(self) -> list[bytes]:
        """The updates that could not be saved so far, in order."""
        return [update for update, _ in self._unsaved]

    async def quiet(self) -> None:
        """Wait until no append is under way: each is in the log then, or in :attr:`unsaved`."""
        while self._in_flight:
            await asyncio.sleep(0.005)  # rare: a document is being read again

    def check_room(self) -> None:
        """Raise ``storage_unavailable`` where the unsaved tail has reached its bound."""
        waiting = self._unsaved_bytes
        most = self._max_unsaved_bytes
        if waiting + self._in_flight_bytes <= most:
            return  # most often, and nobody has to ask for the time
        if self._in_flight and time.monotonic() - self._answered_at > _STUCK:
            waiting += self._in_flight_bytes
        if waiting > most:
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
        now = time.monotonic()
        if self._appended == self._settled:
            self._answered_at = self._oldest_at = now
        self._appended += 1
        self._in_flight_bytes += len(update) + _OVERHEAD
        answered = partial(self._answered, update, participant, done, now)
        self.store.log(self._document, update, participant, answered, self._epoch)

    def _answered(
        self, update: bytes, participant: str | None, done: Done, appended_at: float, result: int | CollabError
    ) -> None:
        self._settled += 1
        self._oldest_at = appended_at  # what waits behind it came later
        self._in_flight_bytes -= len(update) + _OVERHEAD
        self._answered_at = time.monotonic()
        if isinstance(result, int):
            if result > self.position:
                self.position = result
            if self._on_saved is not None:
                self._on_saved(result)
        elif result.code == "document_deleted":
            self.ended = True
        else:
            self._keep(update, participant)
            result.retry_after = _LAST_RETRY
        done(result)
        while self._followers and self._followers[0][0] <= self._settled:
            self._tell_follower(self._followers.popleft()[1])
        if self._waiting:
            self._wake()

    def when_durable(self, done: Done) -> None:
        """Call ``done`` once everything appended before this call is durable."""
        if self._in_flight and not self._unsaved:
            self._followers.append((self._appended, done))
        else:
            self._tell_follower(done)

    def _tell_follower(self, done: Done) -> None:
        if self.ended:
            done(CollabError("document_deleted"))
        elif self._unsaved:
            done(CollabError("storage_unavailable", retry_after=_LAST_RETRY))
        else:
            done(self.position)

    async def drain(self, timeout: float) -> bool:
        """Wait until everything is durable; False if that takes longer than ``timeout`` seconds."""
        if self.clean:
            return True
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
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
        self._on_saved = None

    def _keep(self, update: bytes, participant: str | None) -> None:
        if not self._unsaved:
            self._unsaved_since = time.monotonic()
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
            appends = [self.store.append(self._document, *entry, self._epoch) for entry in tail]
            results = await asyncio.gather(*appends, return_exceptions=True)
            failed = []
            for entry, result in zip(tail, results, strict=True):
                if isinstance(result, int):
                    self.reached(result)
                    if self._on_saved is not None:
                        self._on_saved(result)
                elif isinstance(result, CollabError) and result.code == "document_deleted":
                    self.ended = True
                else:
                    failed.append(entry)
            self._unsaved[: len(tail)] = failed
            self._unsaved_bytes = sum(len(update) for update, _ in self._unsaved)
        self._retry = None
        self._on_trouble(False)
        self._wake()

    def _wake(self) -> None:
        if self._waiting and self.clean:
            waiting, self._waiting = self._waiting, []
            for future in waiting:
                if not future.done():
                    future.set_result(None)
