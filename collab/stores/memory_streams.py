"""Streams in memory: gone with the process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from collab.errors import CollabError
from collab.protocol.mentions import Mail
from collab.stores.memory_inbox import MemoryInbox
from collab.stores.memory_outbox import MemoryOutbox
from collab.stores.streams import (
    MAX_STREAMS,
    READ_BYTES,
    REMEMBER_KEYS,
    Publication,
    Published,
    StreamEvent,
    StreamLog,
    StreamSlice,
    too_many_streams,
)


@dataclass(slots=True)
class MemoryStream:
    """One stream: what is kept of it, and the keys that were used in it, with what they gave."""

    last: int = 0
    events: list[StreamEvent] = field(default_factory=list)
    keys: dict[str, Published] = field(default_factory=dict)


class MemoryStreams(StreamLog):
    """Keeps streams where the documents are.

    Args:
        of: the streams of a document, None if there is no such document; with an epoch it is made if that has not
            ended (``document_deleted``).
        inbox: the inboxes of the same store.
        outbox: is told of what is published.
    """

    inbox: MemoryInbox

    def __init__(
        self,
        of: Callable[[str, str | None], dict[str, MemoryStream] | None],
        inbox: MemoryInbox,
        outbox: MemoryOutbox | None = None,
    ) -> None:
        super().__init__()
        self._of = of
        self.inbox = inbox
        self._outbox = outbox or MemoryOutbox()
        inbox.keep_for = lambda: self.bounds.keep_for

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
        """See :class:`StreamLog`."""
        publication = Publication(document, stream, body, key, epoch, mail)
        try:
            publication.settle(self._publish(publication, time.time()))
        except CollabError as error:
            publication.settle(error)
        return publication.done

    def _publish(self, publication: Publication, now: float) -> Published:
        streams = self._of(publication.document, publication.epoch)
        assert streams is not None
        kept = streams.get(publication.stream)
        if kept is None:
            if len(streams) >= MAX_STREAMS:
                raise too_many_streams()
            kept = streams[publication.stream] = MemoryStream()
        while kept.keys and next(iter(kept.keys.values())).at <= now - REMEMBER_KEYS:
            del kept.keys[next(iter(kept.keys))]
        if publication.key in kept.keys:
            return kept.keys[publication.key]
        kept.last += 1
        kept.events.append(StreamEvent(kept.last, now, publication.body))
        del kept.events[: -self.bounds.keep]
        if publication.key is not None:
            kept.keys[publication.key] = Published(kept.last, now, fresh=False)
        self._outbox.published(publication.document, publication.stream, kept.last, publication.body)
        told: tuple[tuple[str, int], ...] = ()
        if (mail := publication.mail) is not None:
            answered = next((event.body for event in kept.events if event.offset == mail.reply_to), None)
            told = self.inbox.deliver(mail, answered, publication.document, publication.stream, kept.last, now)
        return Published(kept.last, now, fresh=True, told=told)

    async def read(
        self, document: str, stream: str, after: int | None = None, limit: int = 100, *, most: int = READ_BYTES
    ) -> StreamSlice:
        """See :class:`StreamLog`."""
        kept = (self._of(document, None) or {}).get(stream)
        if kept is None:
            return StreamSlice([], 1, 0)
        oldest = time.time() - self.bounds.keep_for
        while kept.events and kept.events[0].at < oldest:
            del kept.events[0]
        events = kept.events[-self.bounds.keep :]
        first = events[0].offset if events else kept.last + 1
        start = max(0, len(events) - limit) if after is None else max(0, after + 1 - first)
        return StreamSlice(within(events[start : start + limit], most), first, kept.last)

    async def names(self, document: str) -> list[str]:
        """See :class:`StreamLog`."""
        return sorted(self._of(document, None) or ())

    async def sweep(self) -> None:
        """See :class:`StreamLog`; reading does it."""

    async def close(self) -> None:
        """See :class:`StreamLog`; nothing is ever under way."""


def within(events: list[StreamEvent], most: int) -> list[StreamEvent]:
    """Of ``events`` those from the beginning that have ``most`` bytes together, but always one."""
    size = 0
    for at, event in enumerate(events):
        size += len(event.body)
        if size > most and at:
            return events[:at]
    return events
