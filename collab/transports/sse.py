"""The door for readers whose network allows neither WebSocket nor long-polling: Server-Sent Events.

``update`` events carry Yjs v1 updates in base64, ``presence``, ``notice`` and ``broadcast`` JSON. The
``id`` of an update is what its reader has once it has that update: the document's state vector. So a
reader that comes back with ``Last-Event-ID`` is sent one diff, by whatever server and however much
later, and nothing has to be remembered for it.

A reader is a session like any other: others see it, and a slow one falls behind and gets one diff
instead of a queue. Events go straight to the transport; the same bytes to every reader.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import time
from collections.abc import Mapping, Sequence
from heapq import nlargest
from typing import Any
from weakref import WeakValueDictionary

import orjson
from aiohttp import HttpVersion11, web

from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.hub.limits import ConnectionCounter
from collab.hub.live_document import LiveDocument
from collab.hub.session import Lane, Session
from collab.protocol.codec import read_state_vector, write_state_vector
from collab.types import Identity, Role

#: seconds between two comments that keep proxies from closing a quiet stream
HEARTBEAT = 15.0
#: seconds between two looks for readers that have gone or want a heartbeat
LOOK_INTERVAL = 0.5
#: milliseconds after which a browser comes back by itself ...
RECONNECT = 1000
#: ... and when coming back makes no sense; a day
RECONNECT_NEVER = 86_400_000
#: client ids in an event id: proxies and servers refuse headers beyond some kilobytes
MAX_CLIENTS_IN_ID = 150
MAX_EVENT_ID = 8000
#: a reader that lets so many times the allowed bytes of presence and notices wait is cut
HARD_LIMIT = 16

_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",  # nginx would hold events back
    "X-Content-Type-Options": "nosniff",
}


# -- event ids ------------------------------------------------------------------------------------------


def event_id(clocks: Mapping[int, int]) -> str:
    """What a reader has, as an event id.

    Of a document with very many client ids only those with the most edits are named: a reader that
    comes back is sent the others again, which does no harm.
    """
    if len(clocks) > MAX_CLIENTS_IN_ID:
        clocks = dict(nlargest(MAX_CLIENTS_IN_ID, clocks.items(), key=lambda entry: entry[1]))
    return base64.urlsafe_b64encode(write_state_vector(clocks)).rstrip(b"=").decode()


def state_vector_of(id: str | None) -> bytes | None:
    """The state vector in an event id; None where it is none of ours, and everything has to be sent."""
    if not id or len(id) > MAX_EVENT_ID or not id.isascii():
        return None
    try:
        state_vector = base64.b64decode(id + "=" * (-len(id) % 4), altchars=b"-_", validate=True)
        read_state_vector(state_vector)
    except (binascii.Error, CollabError):
        return None
    return state_vector


# -- frames -----------------------------------------------------------------------------------------------


class Event:
    """One event as bytes, plain and as an HTTP chunk; made once for all readers of a document."""

    __slots__ = ("chunk", "plain")

    def __init__(self, text: str) -> None:
        self.plain = text.encode()
        self.chunk = b"%x\r\n%b\r\n" % (len(self.plain), self.plain)


_HEARTBEAT = Event(": \n\n")


class EventEncoder:
    """Writes what a document says as events."""

    def __init__(self, live: LiveDocument) -> None:
        self.live = live

    def update(self, update: bytes) -> Event:
        """``update``. Sent only when nothing else waits, so that its reader has all of the document then."""
        (event,) = self.updates([update])
        return event

    def updates(self, updates: Sequence[bytes]) -> list[Event]:
        """One after the other; only who has read the last of them has all of the document."""
        texts = [f"data: {base64.b64encode(update).decode()}\n\n" for update in updates]
        last = f"id: {event_id(self.live.document.clocks)}\n"
        return [Event("".join(f"event: update\n{text}" for text in texts[:-1]) + f"event: update\n{last}{texts[-1]}")]

    def awareness(self, update: bytes) -> Event:
        """Never asked for: readers of this door have JSON presence."""
        raise NotImplementedError

    def presence(self, change: dict[str, Any]) -> Event:
        """``presence``."""
        return _event("presence", change)

    def broadcast(self, event: str, data: Any, sender: str) -> Event:
        """``broadcast``."""
        return _event("broadcast", {"event": event, "data": data, "from": sender})

    def notice(self, notice: dict[str, Any]) -> Event:
        """``notice``."""
        return _event("notice", notice)

    def lane(self) -> Lane:
        """A new lane."""
        return Lane()


def _event(name: str, value: Any) -> Event:
    return Event(f"event: {name}\ndata: {orjson.dumps(value).decode()}\n\n")


# -- readers ----------------------------------------------------------------------------------------------


class EventPipe:
    """The way to one reader. What is written before :meth:`open` waits for it."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._transport: asyncio.Transport | None = None
        self._chunked = True
        self._early: list[Event] = []
        self._early_bytes = 0
        self._unread_extra = 0
        self.written_at = time.monotonic()
        #: done once there is nothing more to say or nobody to say it to
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def open(self, transport: asyncio.Transport, *, chunked: bool) -> None:
        """Send to ``transport`` from now on, whose response head is on its way."""
        self._transport, self._chunked = transport, chunked
        early, self._early, self._early_bytes = self._early, [], 0
        for event in early:
            self._send(event)

    def write(self, event: Event, /) -> bool:
        """Send one event; True where more waits to be sent now than allowed."""
        if self.ended.done():
            return False
        # A reader that is behind gets no updates; whatever else comes for it meanwhile adds up.
        self._unread_extra = self._unread_extra + len(event.plain) if self.clogged else 0
        if self._unread_extra > HARD_LIMIT * self._limit:
            self.cut()
            return False
        if self._transport is None:
            self._early.append(event)
            self._early_bytes += len(event.plain)
        else:
            self._send(event)
        return self.clogged

    def _send(self, event: Event) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            self.end()
            return
        transport.write(event.chunk if self._chunked else event.plain)
        self.written_at = time.monotonic()

    @property
    def clogged(self) -> bool:
        """Whether more waits to be sent than allowed."""
        return self.waiting_bytes > self._limit

    @property
    def waiting_bytes(self) -> int:
        """Bytes that the reader has not taken yet."""
        if self._transport is None:
            return self._early_bytes
        return self._transport.get_write_buffer_size()

    @property
    def lost(self) -> bool:
        """Whether the reader is gone."""
        return self._transport is not None and self._transport.is_closing()

    def cut(self) -> None:
        """Drop the reader and everything that waits for it."""
        if self._transport is not None:
            self._transport.abort()
        self.end()

    def end(self) -> None:
        """Let the response end, once what was written is sent."""
        if not self.ended.done():
            self.ended.set_result(None)


class _Reader:
    """One stream: a session and its pipe."""

    def __init__(self, live: LiveDocument, session: Session, pipe: EventPipe) -> None:
        self.live = live
        self.session = session
        self.pipe = pipe

    def dismiss(self, error: CollabError) -> None:
        """Say why, and end the stream."""
        self.session.notify(error)
        if not error.row.retryable:
            # A browser would come back by itself, for ever.
            self.pipe.write(Event(f"retry: {RECONNECT_NEVER}\n\n"))
        self.leave()

    def leave(self) -> None:
        """Take the session out of its document. Idempotent."""
        self.live.leave(self.session)
        self.pipe.end()


class EventStreams:
    """All streams of this process.

    Args:
        hub: where the documents are.
        send_buffer_bytes: unsent bytes after which a reader counts as slow.
        counter: counts the streams of each address, together with its connections to other doors.
        heartbeat: seconds of silence after which a comment is sent.
    """

    def __init__(
        self, hub: Hub, *, send_buffer_bytes: int, counter: ConnectionCounter, heartbeat: float = HEARTBEAT
    ) -> None:
        self._hub = hub
        self._limit = send_buffer_bytes
        self._heartbeat = heartbeat
        self._counter = counter
        self._readers: set[_Reader] = set()
        self._encoders: WeakValueDictionary[str, EventEncoder] = WeakValueDictionary()
        self._look: asyncio.TimerHandle | None = None

    async def serve(
        self,
        request: web.Request,
        document: str,
        identity: Identity,
        role: Role,
        *,
        address: str,
        last_event_id: str | None,
    ) -> web.StreamResponse:
        """Send events until the reader goes or is sent away.

        Args:
            address: where the reader connects from, for the limit per address.
            last_event_id: what the reader says that it has.

        Raises:
            CollabError: ``document_full``, ``document_deleted``, ``too_many_connections``, or as
                :meth:`Hub.live`.
        """
        self._counter.acquire(address)
        try:
            live = await self._hub.live(document)
            reader = self._join(live, identity, role, last_event_id)
            try:
                return await self._stream(request, reader)
            finally:
                reader.leave()
                self._readers.discard(reader)
        finally:
            self._counter.release(address)

    def _join(self, live: LiveDocument, identity: Identity, role: Role, last_event_id: str | None) -> _Reader:
        pipe = EventPipe(self._limit)
        session = Session(
            identity,
            role,
            self._encoder(live),
            pipe,
            json_presence=True,
            max_client_ids=0,
            request_sync=lambda _state_vector: None,
            on_dismiss=lambda error: reader.dismiss(error),
        )
        reader = _Reader(live, session, pipe)
        known = state_vector_of(last_event_id) or write_state_vector({})
        live.join(session)
        session.write(session.encoder.update(live.answer_step_1(session, known)))
        live.greet(session)
        self._readers.add(reader)
        if self._look is None:
            self._look = asyncio.get_running_loop().call_later(LOOK_INTERVAL, self._look_after)
        return reader

    def _encoder(self, live: LiveDocument) -> EventEncoder:
        encoder = self._encoders.get(live.name)
        if encoder is None or encoder.live is not live:
            encoder = self._encoders[live.name] = EventEncoder(live)
        return encoder

    async def _stream(self, request: web.Request, reader: _Reader) -> web.StreamResponse:
        response = web.StreamResponse(headers=_HEADERS)
        chunked = request.version >= HttpVersion11
        if chunked:
            response.enable_chunked_encoding()
        await response.prepare(request)
        # The first write sends the head; from here on the transport is ours.
        await response.write(f"retry: {RECONNECT}\n\n".encode())
        transport = request.transport
        if transport is None:
            return response
        reader.pipe.open(transport, chunked=chunked)
        await reader.pipe.ended
        if not reader.pipe.lost:
            await response.write_eof()
        return response

    def _look_after(self) -> None:
        """aiohttp does not tell a handler that its client has gone."""
        self._look = None
        now = time.monotonic()
        for reader in list(self._readers):
            pipe = reader.pipe
            if pipe.lost:
                reader.leave()
            elif now - pipe.written_at >= self._heartbeat and not pipe.waiting_bytes:
                pipe.write(_HEARTBEAT)
        if self._readers:
            self._look = asyncio.get_running_loop().call_later(LOOK_INTERVAL, self._look_after)

    def end_all(self) -> None:
        """End every stream; its reader comes back by itself, to another server or a restarted one."""
        if self._look is not None:
            self._look.cancel()
            self._look = None
        for reader in list(self._readers):
            reader.leave()
