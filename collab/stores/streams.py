"""The port of streams: ordered logs of JSON events beside a document, which a store keeps with it.

A stream is made by its first event; offsets count from 1, without gaps or repeats, for as long as its document lives.
What an event says is bytes to a store. A publication may carry a key: the same key in the same stream within
``REMEMBER_KEYS`` gives the offset that it was given at first, and no second event.

Every adapter passes ``tests/contract/test_streams.py``.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from collab.errors import CollabError
from collab.protocol.mentions import Mail
from collab.stores.inbox import InboxLog

#: seconds for which the key of a publication is remembered
REMEMBER_KEYS = 86_400.0
#: streams of one document
MAX_STREAMS = 1000
#: publications that one transaction takes
MAX_BATCH = 500
#: bytes of events that one read gives, unless the first alone has more
READ_BYTES = 4 * 2**20


@dataclass(frozen=True, slots=True)
class StreamBounds:
    """How much of a stream is kept: the newest ``keep`` events, each for ``keep_for`` seconds."""

    keep: int = 10_000
    keep_for: float = 90 * 86_400.0


#: whatever there is, for who copies it
EVERYTHING = StreamBounds(10**9, 1e10)


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """An event: its place in the stream, when it came (seconds since the epoch), and what it says."""

    offset: int
    at: float
    body: bytes


@dataclass(frozen=True, slots=True)
class StreamSlice:
    """Events that follow one another, oldest first.

    ``first`` is the oldest offset that is kept (``last + 1``: none is), ``last`` the newest there ever was (0: none).
    """

    events: list[StreamEvent]
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Published:
    """Where an event stands. ``fresh``: it was not there already under the same key. ``told``: into whose inboxes it
    brought which entry, where that is not told by a bell."""

    offset: int
    at: float
    fresh: bool
    told: tuple[tuple[str, int], ...] = ()


@dataclass(slots=True)
class Publication:
    """An event on its way; ``epoch`` as of :meth:`collab.stores.base.Store.append`."""

    document: str
    stream: str
    body: bytes
    key: str | None
    epoch: str
    mail: Mail | None = None
    done: asyncio.Future[Published] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def settle(self, result: Published | CollabError) -> None:
        """Tell what became of it."""
        if self.done.done():
            return
        if isinstance(result, Published):
            self.done.set_result(result)
        else:
            self.done.set_exception(result)
            self.done.exception()  # whoever has gone meanwhile does not ask


def too_many_streams() -> CollabError:
    """Why a stream is not made."""
    return CollabError(
        "document_too_large",
        f"This document has {MAX_STREAMS} streams already.",
        detail={"limit": MAX_STREAMS, "scope": "document", "of": "streams"},
    )


class StreamLog(ABC):
    """Where the events of streams are kept.

    Attributes:
        bounds: of every stream; the composition sets them.
        inbox: the inboxes that events are told in.
    """

    inbox: InboxLog

    def __init__(self) -> None:
        self.bounds = StreamBounds()

    @abstractmethod
    def publish(
        self,
        document: str,
        stream: str,
        body: bytes,
        *,
        key: str | None = None,
        epoch: str = "",
        mail: Mail | None = None,
    ) -> asyncio.Future[Published]:
        """Append an event, and what ``mail`` brings into inboxes; the result comes once both are durable, in the order
        of the calls.

        Creates the document if it is new. The future fails with ``document_deleted`` for an epoch that has ended,
        ``document_too_large`` for a stream too many, ``storage_unavailable``: it may have been kept all the same
        where the medium did not answer, so whoever repeats it names its key.
        """

    @abstractmethod
    async def read(
        self, document: str, stream: str, after: int | None = None, limit: int = 100, *, most: int = READ_BYTES
    ) -> StreamSlice:
        """Events beyond offset ``after``, the oldest first; without it the newest.

        Args:
            limit: how many at most.
            most: bytes of what they say, but always one.
        """

    @abstractmethod
    async def names(self, document: str) -> list[str]:
        """The streams of a document, in their order."""

    @abstractmethod
    async def sweep(self) -> None:
        """Forget what is older than may be; called now and then."""

    @abstractmethod
    async def close(self) -> None:
        """Finish what is under way, or give it up where the medium does not answer."""


class Batches:
    """Publications in the order in which they came, one batch at a time: what gathers meanwhile goes with the next.

    Args:
        write: writes a batch, and says what became of each; raises CollabError if of none.
    """

    def __init__(self, write: Callable[[list[Publication]], Awaitable[Sequence[Published | CollabError]]]) -> None:
        self._write = write
        self._waiting: list[Publication] = []
        self._task: asyncio.Task[None] | None = None

    def put(self, publication: Publication) -> asyncio.Future[Published]:
        """Hand one over."""
        self._waiting.append(publication)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())
        return publication.done

    async def drain(self) -> None:
        """Wait until nothing is under way."""
        while self._task is not None:
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
                try:
                    results = await self._write(batch)
                except CollabError as error:
                    results = [error] * len(batch)
                except BaseException:
                    for publication in batch:
                        publication.settle(CollabError("storage_unavailable", retry_after=1))
                    raise
                for publication, result in zip(batch, results, strict=True):
                    publication.settle(result)
        finally:
            self._task = None
            left, self._waiting = self._waiting, []
            for publication in left:
                publication.settle(CollabError("storage_unavailable", retry_after=1))
