"""The streams of an open document: events into the store, and to everybody here who follows them.

The store has the order. A feed per stream hands on what comes right behind what it had, and reads from the store
whatever is missing: a bell may be lost. Where a follower stands is kept beside it, so that somebody slow costs a number
and no queue: it is sent what it lacks, read again, once it has taken what waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson
import structlog

from collab.errors import CollabError
from collab.hub.session import Session, State
from collab.protocol.mentions import mail_in
from collab.protocol.stream_events import event_json
from collab.stores.streams import Published, StreamEvent, StreamLog, StreamSlice

if TYPE_CHECKING:
    from collab.hub.live_document import LiveDocument

#: events that a subscriber gets who does not say where to begin
NEWEST = 100
#: bytes of events in one answer, and of what is read for somebody who is behind; the others follow
PAGE_BYTES = 2**20
#: events of the same
PAGE = 20_000
#: streams that one session follows
MAX_FOLLOWED = 100
#: seconds until a store that failed is asked again
RETRY = 0.5

_log = structlog.get_logger("collab.streams")


@dataclass(slots=True)
class _Follower:
    """A session, and the last event that was sent to it."""

    session: Session
    at: int
    catching_up: bool = False


@dataclass(slots=True)
class _Feed:
    """One stream that somebody here follows.

    ``last``: the last event that went to those in line; None while that is being found out. ``known``: there are
    events up to this one. ``joining``: how many are just being told where they begin.
    """

    stream: str
    last: int | None = None
    known: int = 0
    joining: int = 0
    followers: dict[str, _Follower] = field(default_factory=dict)
    reading: asyncio.Task[None] | None = None


@dataclass(frozen=True, slots=True)
class Subscribed:
    """What a new follower is told: the events from where it begins, up to ``offset``; ``gap``: some are not kept."""

    events: list[StreamEvent]
    offset: int
    gap: bool


def subscribed_from(found: StreamSlice, after: int | None) -> Subscribed:
    """What of ``found``, which was read beyond ``after``, is to be told."""
    offset = found.events[-1].offset if found.events else found.last
    # Beyond the end: the log has lost what this reader had.
    gap = after is not None and (after + 1 < found.first or after > found.last)
    return Subscribed(found.events, offset, gap)


def subscribed_fields(stream: str, found: Subscribed) -> dict[str, Any]:
    """The answer to ``subscribe``."""
    events = [orjson.Fragment(event_json(stream, event.offset, event.at, event.body)) for event in found.events]
    return {"events": events, "offset": found.offset} | ({"gap": True} if found.gap else {})


class StreamFeeds:
    """Publishes into the streams of one open document, and sends what is in them to those who follow.

    Args:
        live: the document.
        log: of its store.
        fall_behind: told of sessions for which more waits than allowed; they are welcomed back later.
    """

    def __init__(self, live: LiveDocument, log: StreamLog, fall_behind: Callable[[Sequence[Session]], None]) -> None:
        self._live: LiveDocument | None = live
        self._name = live.name
        self._log = log
        self._fall_behind = fall_behind
        self._feeds: dict[str, _Feed] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._counted: int | None = None
        #: publications that are on their way to the store
        self.under_way = 0

    # -- publishing -----------------------------------------------------------------------------

    def publish(
        self, stream: str, body: bytes, *, key: str | None = None, payer: Hashable | None = None
    ) -> asyncio.Future[Published]:
        """Append an event; the result comes once it is durable.

        Args:
            key: see :meth:`StreamLog.publish`.
            payer: whose quota it is from; None: nobody's.

        Raises:
            CollabError: ``document_deleted``, ``cluster_degraded``, ``store_full``, ``rate_limited``.
        """
        live = self._live
        if live is None or live.deleted:
            raise CollabError("document_deleted")
        if live.outage.lasts:
            live.outage.check()
        live.quotas.check_edit(payer, new=not live.stored)
        mail = mail_in(stream, body)
        future = self._log.publish(self._name, stream, body, key=key, epoch=live.epoch, mail=mail)
        self.under_way += 1
        future.add_done_callback(
            partial(self._published, stream, body, payer, len(body) + (mail.size if mail is not None else 0))
        )
        return future

    def _published(
        self, stream: str, body: bytes, payer: Hashable | None, size: int, future: asyncio.Future[Published]
    ) -> None:
        self.under_way -= 1
        live = self._live
        if live is None or future.cancelled() or future.exception() is not None:
            return
        published = future.result()
        if not live.stored:
            live.stored = True
            live.quotas.made(payer)
        if published.fresh:
            if payer is not None:
                live.quotas.brought(payer, size)
            self.heard(stream, StreamEvent(published.offset, published.at, body))

    # -- following ------------------------------------------------------------------------------

    async def subscribe(self, session: Session, stream: str, after: int | None) -> Subscribed:
        """Send ``session`` every event of a stream from now on, once and in order.

        The caller tells the session what this returns before its next ``await``: what follows comes behind it.

        Args:
            after: the last event that it has; None: it begins with the newest ``NEWEST``.

        Raises:
            CollabError: ``storage_unavailable``, ``invalid_payload`` for a stream too many.
        """
        found = await self._look(session, stream, after, NEWEST if after is None else PAGE)
        start = subscribed_from(found, after)
        self._enter(session, stream, start.offset, found)
        return start

    async def follow(self, session: Session, stream: str, after: int | None) -> None:
        """The same for somebody who is told nothing else: what was before comes as what follows does.

        Raises:
            CollabError: as :meth:`subscribe`.
        """
        found = await self._look(session, stream, after, 1)
        begin = max(found.first - 1, found.last - NEWEST) if after is None else min(after, found.last)
        self._enter(session, stream, begin, found)

    async def _look(self, session: Session, stream: str, after: int | None, limit: int) -> StreamSlice:
        """Read where ``session`` is to begin; from here on nothing of the stream is sent to it until it is entered."""
        self.unsubscribe(session, stream)
        if sum(session.id in feed.followers for feed in self._feeds.values()) >= MAX_FOLLOWED:
            raise CollabError("invalid_payload", f"stream: one session follows at most {MAX_FOLLOWED}.")
        feed = self._feeds.get(stream)
        if feed is None:
            feed = self._feeds[stream] = _Feed(stream)
        feed.joining += 1
        try:
            found = await self._log.read(self._name, stream, after, limit, most=PAGE_BYTES)
        except BaseException:
            feed.joining -= 1
            self._forget_if_unused(feed)
            raise
        feed.joining -= 1
        return found

    def _enter(self, session: Session, stream: str, at: int, found: StreamSlice) -> None:
        """Send ``session`` what comes behind offset ``at``."""
        feed = self._feeds.get(stream)
        if feed is None or self._live is None:
            return
        if session.state is State.CLOSED:
            self._forget_if_unused(feed)
            return
        follower = feed.followers[session.id] = _Follower(session, at)
        if feed.last is None:
            feed.last = found.last
        feed.known = max(feed.known, found.last)
        if feed.known > feed.last:
            self._read_on(feed)
        if follower.at < feed.last:
            self._catch_up(feed, follower)

    def unsubscribe(self, session: Session, stream: str) -> None:
        """Send ``session`` nothing more of a stream. Idempotent."""
        feed = self._feeds.get(stream)
        if feed is not None and feed.followers.pop(session.id, None) is not None:
            self._forget_if_unused(feed)

    def leave(self, session: Session) -> None:
        """The session has gone."""
        for feed in list(self._feeds.values()):
            if feed.followers.pop(session.id, None) is not None:
                self._forget_if_unused(feed)

    def welcome_back(self, session: Session) -> None:
        """A session that was behind has taken what waited for it."""
        for feed in self._feeds.values():
            follower = feed.followers.get(session.id)
            if follower is not None and feed.last is not None and follower.at < feed.last:
                self._catch_up(feed, follower)

    def _forget_if_unused(self, feed: _Feed) -> None:
        if feed.followers or feed.joining or self._feeds.get(feed.stream) is not feed:
            return
        del self._feeds[feed.stream]
        if feed.reading is not None:
            feed.reading.cancel()

    # -- what is new ----------------------------------------------------------------------------

    def heard(self, stream: str, event: StreamEvent, *, complete: bool = True) -> None:
        """There is a new event.

        Args:
            complete: its ``body`` is given.
        """
        feed = self._feeds.get(stream)
        if feed is None:
            return
        feed.known = max(feed.known, event.offset)
        if feed.last is None or event.offset <= feed.last:
            return
        if complete and feed.reading is None and event.offset == feed.last + 1:
            self._deliver(feed, event)
        else:
            self._read_on(feed)

    def counted(self, events: int) -> None:
        """So many events there have been in all streams of the document: more than before, and some were not heard."""
        before, self._counted = self._counted, events
        if before != events:
            self.catch_up()

    def catch_up(self) -> None:
        """Look whether there is anything that was not heard."""
        for feed in self._feeds.values():
            if feed.last is not None:
                self._read_on(feed)

    def _deliver(self, feed: _Feed, event: StreamEvent) -> None:
        before, feed.last = feed.last, event.offset
        json = event_json(feed.stream, event.offset, event.at, event.body)
        encoded: dict[Any, Any] = {}
        clogged: list[Session] = []
        for follower in feed.followers.values():
            session = follower.session
            if follower.at != before or session.state is State.BEHIND:
                continue
            follower.at = event.offset
            encoder = session.encoder
            if encoder not in encoded:
                encoded[encoder] = encoder.stream(json, event.offset)
            if session.tell(encoded[encoder]):
                clogged.append(session)
        if clogged:
            self._fall_behind(clogged)

    def _read_on(self, feed: _Feed) -> None:
        if feed.reading is None:
            feed.reading = self._spawn(self._read(feed))

    async def _read(self, feed: _Feed) -> None:
        try:
            while feed.followers:
                last = feed.last or 0
                try:
                    found = await self._log.read(self._name, feed.stream, last, PAGE, most=PAGE_BYTES)
                except CollabError:
                    await asyncio.sleep(RETRY)
                    continue
                for event in found.events:
                    self._deliver(feed, event)
                if not found.events:
                    if found.last != last:
                        self._skip(feed, last, found.last)
                    feed.known = found.last
                if feed.known <= (feed.last or 0):
                    return
        finally:
            feed.reading = None

    def _skip(self, feed: _Feed, last: int, found: int) -> None:
        """What was between is not kept any more; or the log has lost events, and goes on behind those that it has."""
        if found < last:
            _log.error("a stream has lost events", document=self._name, stream=feed.stream, had=last, has=found)
        feed.last = found
        for follower in feed.followers.values():
            if follower.at == last or follower.at > found:
                follower.at = found

    def _catch_up(self, feed: _Feed, follower: _Follower) -> None:
        if not follower.catching_up:
            follower.catching_up = True
            self._spawn(self._bring(feed, follower))

    async def _bring(self, feed: _Feed, follower: _Follower) -> None:
        """Send a follower what it lacks, as fast as it takes it."""
        session = follower.session
        try:
            while feed.followers.get(session.id) is follower and follower.at < (feed.last or 0):
                if session.state is State.BEHIND:
                    return  # it is welcomed back
                try:
                    found = await self._log.read(self._name, feed.stream, follower.at, PAGE, most=PAGE_BYTES)
                except CollabError:
                    await asyncio.sleep(RETRY)
                    continue
                if feed.followers.get(session.id) is not follower:
                    return
                for event in found.events:
                    json = event_json(feed.stream, event.offset, event.at, event.body)
                    follower.at = event.offset
                    if session.tell(session.encoder.stream(json, event.offset)):
                        self._fall_behind([session])
                        return
                if not found.events:
                    follower.at = found.last
        finally:
            follower.catching_up = False

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def close(self) -> None:
        """Send nothing any more, and let go of whoever is called back."""
        for task in self._tasks:
            task.cancel()
        self._feeds.clear()
        self._live = None
        self._fall_behind = _nobody


def _nobody(_sessions: Sequence[Session]) -> None:
    pass
