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
from collections.abc import Awaitable, Mapping, Sequence
from functools import partial
from heapq import nlargest
from typing import Any, ClassVar, Protocol
from weakref import WeakValueDictionary

import orjson
import structlog
from aiohttp import HttpVersion11, web

from collab.doors.admission import Admission
from collab.doors.connection import Attachment, Connection
from collab.errors import CollabError
from collab.hub.live_document import LiveDocument
from collab.hub.outlets import Encoder, Lane
from collab.hub.session import Session
from collab.metrics import outgoing_of
from collab.protocol.codec import read_state_vector, write_state_vector
from collab.types import Identity, Role

_log = structlog.get_logger("collab.http")

DOOR = "sse"
_OUTGOING = outgoing_of(DOOR)

#: seconds between two comments that keep proxies from closing a quiet stream
HEARTBEAT = 15.0
#: seconds between two looks for readers that have gone or want a heartbeat
LOOK_INTERVAL = 0.5
#: milliseconds after which a browser comes back by itself
RECONNECT = 1000
#: milliseconds (a day) where coming back makes no sense
RECONNECT_NEVER = 86_400_000
#: client ids in an event id: proxies and servers refuse headers beyond some kilobytes
MAX_CLIENTS_IN_ID = 150
#: characters of an event id, for the same reason
MAX_EVENT_ID = 8000
#: times the allowed bytes: a reader that lets more presence and notices wait is cut
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


class EventBytes:
    """One event as bytes, plain and as an HTTP chunk; made once for all readers of a document.

    Args:
        kind: of what it is, see :data:`collab.metrics.KINDS`.
    """

    __slots__ = ("chunk", "outgoing", "plain")

    def __init__(self, text: str, kind: str = "control") -> None:
        self.outgoing = _OUTGOING[kind]
        self.plain = text.encode()
        self.chunk = b"%x\r\n%b\r\n" % (len(self.plain), self.plain)


#: a comment
BEAT = EventBytes(": \n\n")


class EventEncoder:
    """Writes what a document says as events."""

    door = DOOR

    def __init__(self, live: LiveDocument) -> None:
        self.live = live

    def update(self, update: bytes) -> EventBytes:
        """``update``. Sent only when nothing else waits, so that its reader has all of the document then."""
        (event,) = self.updates([update])
        return event

    def updates(self, updates: Sequence[bytes]) -> list[EventBytes]:
        """One after the other; only who has read the last of them has all of the document."""
        texts = [f"data: {base64.b64encode(update).decode()}\n\n" for update in updates]
        last = f"id: {event_id(self.live.document.clocks)}\n"
        return [
            EventBytes(
                "".join(f"event: update\n{text}" for text in texts[:-1]) + f"event: update\n{last}{texts[-1]}", "update"
            )
        ]

    def awareness(self, update: bytes) -> None:
        """Readers of this door have JSON presence."""

    def presence(self, change: dict[str, Any]) -> EventBytes:
        """``presence``."""
        return json_event("presence", change)

    def broadcast(self, event: str, data: Any, sender: str) -> EventBytes:
        """``broadcast``."""
        return json_event("broadcast", {"event": event, "data": data, "from": sender})

    def stream(self, json: bytes, offset: int) -> None:
        """Streams have readers of their own."""

    def inbox(self, json: bytes) -> None:
        """Likewise."""

    def notice(self, notice: dict[str, Any]) -> EventBytes:
        """``notice``."""
        return json_event("notice", notice)

    def lane(self) -> Lane:
        """A new lane."""
        return Lane()


def json_event(name: str, value: Any) -> EventBytes:
    """An event with one JSON value."""
    return EventBytes(f"event: {name}\ndata: {orjson.dumps(value).decode()}\n\n", name)


# -- readers ----------------------------------------------------------------------------------------------


class EventPipe:
    """The way to one reader. What is written before :meth:`open` waits for it.

    Args:
        limit: unsent bytes after which the reader counts as slow.
        address: of the reader, for the log.
    """

    transport = "sse"

    def __init__(self, limit: int, address: str) -> None:
        self._limit = limit
        self._address = address
        self._transport: asyncio.Transport | None = None
        self._chunked = True
        self._early: list[EventBytes] = []
        self._early_bytes = 0
        self._unread_extra = 0
        self.written_at = time.monotonic()
        #: nothing is read from a stream, so nothing ever waits for this
        self.hold: Awaitable[Any] | None = None
        self.name = DOOR
        #: done once there is nothing more to say or nobody to say it to
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def open(self, transport: asyncio.Transport, *, chunked: bool) -> None:
        """Send to ``transport`` from now on, whose response head is on its way."""
        self._transport, self._chunked = transport, chunked
        early, self._early, self._early_bytes = self._early, [], 0
        for event in early:
            self._send(event)

    def write(self, event: EventBytes, /) -> bool:
        """Send one event; True where more waits to be sent now than allowed."""
        if self.ended.done():
            return False
        # A reader that is behind gets no updates; whatever else comes for it meanwhile adds up.
        self._unread_extra = self._unread_extra + len(event.plain) if self.clogged else 0
        if self._unread_extra > HARD_LIMIT * self._limit:
            _log.info("event stream cut: it takes nothing", address=self._address)
            self.cut()
            return False
        if self._transport is None:
            self._early.append(event)
            self._early_bytes += len(event.plain)
        else:
            self._send(event)
        return self.clogged

    def _send(self, event: EventBytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            self.end()
            return
        transport.write(event.chunk if self._chunked else event.plain)
        event.outgoing.messages += 1
        event.outgoing.bytes += len(event.plain)
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

    @property
    def closed(self) -> bool:
        """Whether there is nothing more to say or nobody to say it to."""
        return self.ended.done()

    def expel(self, error: CollabError | None) -> None:
        """Let the response end."""
        self.end()

    def end(self) -> None:
        """Let the response end, once what was written is sent."""
        if not self.ended.done():
            self.ended.set_result(None)


class _StreamAttachment(Attachment):
    """One stream: its session, and its way out. It asks for nothing, so nothing is answered."""

    __slots__ = ("pipe",)

    def __init__(self, connection: Connection[Any], pipe: EventPipe) -> None:
        super().__init__(connection, "")
        self.pipe = pipe

    def ask_step_1(self, state_vector: bytes) -> None:
        """See :class:`Attachment`. A reader has nothing that the document lacks."""


class Reader(Protocol):
    """What somebody reads."""

    @property
    def json_presence(self) -> bool:
        """Whether they are told who is here, and show themselves to Yjs clients."""

    def encoder(self, live: LiveDocument) -> Encoder:
        """How it is written."""

    async def greet(self, live: LiveDocument, session: Session) -> None:
        """Send what comes first."""


class DocumentReader:
    """Reads a document.

    Args:
        last_event_id: what the reader says that it has.
    """

    json_presence = True
    _encoders: ClassVar[WeakValueDictionary[LiveDocument, EventEncoder]] = WeakValueDictionary()

    def __init__(self, last_event_id: str | None) -> None:
        self._known = state_vector_of(last_event_id) or write_state_vector({})

    def encoder(self, live: LiveDocument) -> EventEncoder:
        """See :class:`Reader`; one for all readers of a document."""
        encoder = self._encoders.get(live)
        if encoder is None:
            encoder = self._encoders[live] = EventEncoder(live)
        return encoder

    async def greet(self, live: LiveDocument, session: Session) -> None:
        """See :class:`Reader`."""
        session.write(session.encoder.update(live.answer_step_1(session, self._known)))
        live.greet(session)


async def send_events(request: web.Request, pipe: EventPipe) -> web.StreamResponse:
    """Answer a request by what is written to ``pipe``, until that ends."""
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
    pipe.open(transport, chunked=chunked)
    await pipe.ended
    if not pipe.lost:
        await response.write_eof()
    return response


class EventStreams:
    """All streams of this process.

    Args:
        admission: lets readers in.
        send_buffer_bytes: unsent bytes after which a reader counts as slow.
    """

    def __init__(self, admission: Admission, *, send_buffer_bytes: int) -> None:
        self._admission = admission
        self._limit = send_buffer_bytes
        self._heartbeat = HEARTBEAT
        self._streams: set[_StreamAttachment] = set()
        self._look: asyncio.TimerHandle | None = None

    async def serve(
        self,
        request: web.Request,
        document: str,
        identity: Identity,
        role: Role,
        *,
        address: str,
        reader: Reader,
    ) -> web.StreamResponse:
        """Send events until the reader goes or is sent away.

        Args:
            address: where the reader connects from, for the limit per address.
            reader: what they read.

        Raises:
            CollabError: ``document_full``, ``document_deleted``, ``too_many_connections``, or as
                :meth:`Hub.live`.
        """
        self._admission.knock(address)
        pipe = EventPipe(self._limit, address)
        connection: Connection[_StreamAttachment] = self._admission.connect(pipe, address, Connection, DOOR)
        try:
            self._admission.check(connection, document)
            stream = _StreamAttachment(connection, pipe)
            live = await self._admission.open(connection, document)
            stream.session = self._session(stream, reader, live, identity, role)
            self._admission.join(stream, live)
            try:
                await reader.greet(live, stream.session)
                self._watch(stream)
                return await send_events(request, pipe)
            finally:
                self._leave(stream)
        finally:
            pipe.end()
            self._admission.disconnect(connection)

    def _session(
        self, stream: _StreamAttachment, reader: Reader, live: LiveDocument, identity: Identity, role: Role
    ) -> Session:
        return Session(
            identity,
            role,
            reader.encoder(live),
            stream.pipe,
            door=DOOR,
            json_presence=reader.json_presence,
            max_client_ids=0,
            request_sync=stream.ask_step_1,
            on_dismiss=partial(self._dismiss, stream),
        )

    def _watch(self, stream: _StreamAttachment) -> None:
        self._streams.add(stream)
        if self._look is None:
            self._look = asyncio.get_running_loop().call_later(LOOK_INTERVAL, self._look_after)

    def _dismiss(self, stream: _StreamAttachment, error: CollabError) -> None:
        """Say why, and end the stream."""
        stream.session.notify(error)
        if not error.retryable:
            # A browser would come back by itself, for ever.
            stream.pipe.write(EventBytes(f"retry: {RECONNECT_NEVER}\n\n"))
        self._leave(stream)

    def _leave(self, stream: _StreamAttachment) -> None:
        """Take the session out of its document, and let the response end. Idempotent."""
        stream.pipe.end()
        self._admission.detach(stream)
        self._streams.discard(stream)

    def _look_after(self) -> None:
        """aiohttp does not tell a handler that its client has gone."""
        self._look = None
        now = time.monotonic()
        for stream in list(self._streams):
            pipe = stream.pipe
            if pipe.lost:
                self._leave(stream)
            elif now - pipe.written_at >= self._heartbeat and not pipe.waiting_bytes:
                pipe.write(BEAT)
        if self._streams:
            self._look = asyncio.get_running_loop().call_later(LOOK_INTERVAL, self._look_after)

    def end_all(self) -> None:
        """End every stream; its reader comes back by itself, to another server or a restarted one."""
        if self._look is not None:
            self._look.cancel()
            self._look = None
        for stream in list(self._streams):
            self._leave(stream)
