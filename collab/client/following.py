"""Streams of a session's document: publishing once however often it takes, and following without a gap or a repeat."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

from collab.client.links import Link
from collab.client.options import Backoff
from collab.client.parts import refusal_in
from collab.client.signals import Changes
from collab.client.unreachable import Disconnected
from collab.protocol.stream_events import check_stream_name

#: events that wait for whoever iterates slowly; beyond, they are asked for again
BACKLOG = 1000

_log = logging.getLogger("collab.client")


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """An event: ``sender`` is ``{participant, name, agent}``, ``at`` the server's time (RFC 3339)."""

    stream: str
    offset: int
    event: str
    data: Any
    sender: dict[str, Any]
    at: str


class StreamEvents:
    """Events of a stream, each once and in order, through every interruption; to be iterated over.

    Attributes:
        offset: of the last event that is known here; None: it is not known yet where this begins.
    """

    def __init__(self, stream: Stream, after: int | None) -> None:
        self.offset = after
        self.behind = False
        self._stream = stream
        self._waiting: deque[StreamEvent] = deque()
        self._wake = asyncio.Event()
        self._ended = False
        self._error: Exception | None = None

    def __aiter__(self) -> StreamEvents:
        return self

    async def __anext__(self) -> StreamEvent:
        while not self._waiting:
            if self._error is not None:
                raise self._error
            if self._ended:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        event = self._waiting.popleft()
        if self.behind and not self._waiting:
            self.behind = False
            self._stream.refresh()
        return event

    def close(self) -> None:
        """Follow no longer."""
        self._stream.forget(self)
        self.end(None)

    def take(self, event: StreamEvent) -> None:
        """Here is one; what is known already is left out."""
        if self.behind or (self.offset is not None and event.offset <= self.offset):
            return
        if len(self._waiting) >= BACKLOG:
            self.behind = True
            return
        self._waiting.append(event)
        self.offset = event.offset
        self._wake.set()

    def end(self, error: Exception | None) -> None:
        """There is nothing more to come."""
        self._ended, self._error = True, self._error or error
        self._wake.set()


class Stream:
    """One stream of a session's document; made by :meth:`Session.stream`.

    Iterating over it gives the newest 100 events, then every one that comes; :meth:`events` begins elsewhere.
    """

    def __init__(self, name: str, following: Following) -> None:
        self.name = check_stream_name(name)
        self.listeners: WeakSet[StreamEvents] = WeakSet()
        self.subscribing: Link | None = None
        self.early: list[StreamEvent] = []
        self.again = False
        self._following = following

    async def publish(
        self, data: Any, event: str = "message", *, key: str | None = None, timeout: float | None = None
    ) -> int:
        """Append an event; returns its offset once it is durable on the server.

        It is sent again after every interruption, and becomes one event all the same.

        Args:
            data: any JSON.
            key: makes it the same as an earlier call with this key in this stream within a day; a fresh one by default.
            timeout: seconds until it is given up; it may have been published then.

        Raises:
            CollabError: the server does not take it (``read_only``, ``invalid_payload``, ...).
            ConnectionError: the session is closed, or was closed first.
            TimeoutError: ``timeout`` seconds were not enough.
        """
        payload = {"stream": self.name, "event": event, "data": data, "key": key or secrets.token_hex(16)}
        async with asyncio.timeout(timeout):
            return await self._following.publish(payload)

    def events(self, after: int | None = None) -> StreamEvents:
        """Events behind the offset ``after`` (0: all that are kept), then every one that comes.

        Raises:
            ConnectionError: the session is closed.
        """
        self._following.check()
        listener = StreamEvents(self, after)
        self.listeners.add(listener)
        self.refresh()
        return listener

    def __aiter__(self) -> StreamEvents:
        return self.events()

    def refresh(self) -> None:
        """Ask for what some listener lacks."""
        self._following.subscribe(self)

    def forget(self, listener: StreamEvents) -> None:
        """One that listens no longer."""
        self.listeners.discard(listener)
        if not self.listeners:
            self._following.unsubscribe(self)

    def hear(self, event: StreamEvent) -> None:
        """The server sent one; while it is being asked where to begin, it waits for that answer."""
        if self.subscribing is not None:
            self.early.append(event)
        else:
            for listener in self.listeners:
                listener.take(event)


class Following:
    """The streams of one session.

    Args:
        run: runs what belongs to the session beside it.
        backoff: how long to wait after a refusal that passes.
    """

    def __init__(self, run: Callable[[Awaitable[None]], None], backoff: Backoff) -> None:
        self._run = run
        self._backoff = backoff
        self._link: Link | None = None
        self._changes = Changes()
        self._streams: dict[str, Stream] = {}
        self._ended = False
        self._error: Exception | None = None

    def stream(self, name: str) -> Stream:
        """The stream of this name; raises ``invalid_payload`` for one that no stream has."""
        stream = self._streams.get(name)
        if stream is None:
            stream = Stream(name, self)
            self._streams[name] = stream
        return stream

    def begin(self, link: Link) -> None:
        """There is a connection: go on where each listener was."""
        self._link = link
        self._changes.tell()
        for stream in self._streams.values():
            self.subscribe(stream)

    def part(self) -> None:
        """It has ended."""
        self._link = None
        for stream in self._streams.values():
            stream.subscribing = None
            stream.early = []

    def end(self, error: Exception | None) -> None:
        """There will be no other."""
        self._ended, self._error = True, error
        self._changes.tell()
        for stream in self._streams.values():
            for listener in stream.listeners:
                listener.end(error)

    def check(self) -> None:
        """Raise where there is no session any more."""
        if self._ended:
            raise self._error or ConnectionError("the session is closed")

    def hear(self, payload: dict[str, Any]) -> None:
        """The server sent an event of a stream."""
        event = _event(payload)
        if event is not None and event.stream in self._streams:
            self._streams[event.stream].hear(event)

    async def publish(self, payload: dict[str, Any]) -> int:
        """See :meth:`Stream.publish`."""
        tries = 0
        while True:
            await self._changes.until(self._connected)
            link = self._link
            assert link is not None
            try:
                answer = await link.call("publish", payload)
            except Disconnected:
                if self._link is link:
                    self._link = None  # its session will say so in a moment
                continue
            error = refusal_in(answer)
            if error is None:
                return int(answer["offset"])
            if not error.retryable:
                raise error
            tries += 1
            await asyncio.sleep(self._backoff.delay(tries, error.retry_after))

    def _connected(self) -> bool:
        self.check()
        return self._link is not None

    # -- subscribing ------------------------------------------------------------------------------------

    def subscribe(self, stream: Stream) -> None:
        """Ask the server for what the listeners of a stream lack, and for what comes."""
        stream.again = True
        if self._link is not None and stream.subscribing is None and stream.listeners:
            stream.subscribing, stream.early = self._link, []
            self._run(self._subscribe(stream, self._link))

    def unsubscribe(self, stream: Stream) -> None:
        """Nobody listens any more."""
        if self._link is not None and not self._ended:
            self._link.emit("unsubscribe", {"stream": stream.name})

    async def _subscribe(self, stream: Stream, link: Link) -> None:
        tries = 0
        while stream.subscribing is link and stream.again and stream.listeners:
            begins = [listener.offset for listener in stream.listeners if not listener.behind]
            known = [offset for offset in begins if offset is not None]
            after = None if len(known) < len(begins) or not known else min(known)
            stream.again = after is None and bool(known)  # then those who are somewhere already come next
            request = {"stream": stream.name} | ({} if after is None else {"after": after})
            answer = await link.call("subscribe", request)
            if stream.subscribing is not link:
                return
            error = refusal_in(answer)
            if error is None:
                self._take(stream, answer, after)
            elif error.retryable:
                stream.again = True
                tries += 1
                await asyncio.sleep(self._backoff.delay(tries, error.retry_after))
            else:
                for listener in list(stream.listeners):
                    listener.end(error)
                stream.listeners.clear()
        if stream.subscribing is link:
            stream.subscribing = None
            early, stream.early = stream.early, []
            for event in early:
                stream.hear(event)

    def _take(self, stream: Stream, answer: dict[str, Any], after: int | None) -> None:
        if answer.get("gap"):
            _log.warning("some events of the stream %r behind %s are not kept any more", stream.name, after)
        events = [event for event in map(_event, answer.get("events") or ()) if event is not None]
        for listener in stream.listeners:
            if (listener.offset is None) == (after is None):
                for event in events:
                    listener.take(event)
                if listener.offset is None:
                    listener.offset = int(answer.get("offset") or 0)


def _event(payload: Any) -> StreamEvent | None:
    try:
        return StreamEvent(
            str(payload["stream"]), int(payload["offset"]), str(payload["event"]), payload["data"],
            dict(payload["from"]), str(payload["at"]),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError):
        return None  # a newer server's, perhaps
