"""A wire whose every WebSocket message is one message of its protocol: what such doors share.

A :class:`MessageDoor` has a codec and a few functions of its own; the handshake, who is let in, pauses, heartbeats,
close codes and draining stand here.
"""

from __future__ import annotations

import asyncio
import secrets
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from typing import Any, Generic, TypeVar

import structlog
from aiohttp import web

from collab.doors.admission import Admission
from collab.doors.connection import Connection
from collab.doors.descriptors import reset
from collab.doors.intake import Intake
from collab.doors.peers import Peers
from collab.doors.requests import meet_expectation
from collab.doors.websocket.accept import frame_socket
from collab.doors.websocket.close_codes import PROTOCOL_FAULT, TRY_AGAIN_LATER, close_code
from collab.doors.websocket.control import answer_ping, note_pong
from collab.doors.websocket.frame_socket import OUR_FAULT, FrameSocket
from collab.doors.websocket.heartbeat import Heartbeat
from collab.doors.websocket.held_reader import HeldReader
from collab.doors.websocket.writer import Frames, SocketWriter, websocket_frame
from collab.errors import CollabError
from collab.hub.bulk import Bulk
from collab.hub.hub import Hub
from collab.metrics import REFUSED, outgoing_of
from collab.protocol.codec import DecodeError

#: seconds between two signs of life at most: clients reconnect after 30 in which they heard nothing
FEED_INTERVAL = 15.0

_PING = websocket_frame(0x89, b"")
_log = structlog.get_logger("collab.websocket")

ConnectionT = TypeVar("ConnectionT", bound=Connection[Any])


class MessageSocket(SocketWriter, HeldReader, Generic[ConnectionT]):
    """One WebSocket: what a connection reads from and writes to."""

    connection: ConnectionT
    transport = "websocket"

    def __init__(self, door: MessageDoor[ConnectionT]) -> None:
        super().__init__()
        self._door = door
        self._websocket: FrameSocket | None = None
        self.grace = door.heartbeat_timeout
        self.name = secrets.token_hex(3)
        self.heard_at = door.heartbeat.beat
        self.ping_slot = 0

    def attach(self, websocket: FrameSocket, transport: asyncio.Transport, limit: int) -> None:
        """Write to ``websocket`` from here on; ``limit`` bytes may wait."""
        self._websocket = websocket
        self.write_to(transport, limit, owns_descriptor=websocket.owns_descriptor)

    def send(self, *messages: bytes) -> None:
        """Send messages of the door's protocol."""
        self.write(Frames.series([Frames("", message, self._door.control) for message in messages]))

    def take_frame(self, data: str | bytes) -> None:
        """Handle one message of the WebSocket."""
        if self.closed:
            return
        self.heard_at = self._door.heartbeat.beat
        try:
            if isinstance(data, str):
                raise DecodeError("text where bytes are due")
            self._door.take(self.connection, data)
        except DecodeError as fault:
            _log.info("protocol error", fault=str(fault), **self.connection.who_and_where)
            self.end(PROTOCOL_FAULT, "invalid_payload")
        except Exception:
            _log.exception("reading failed", **self.connection.who)
            self.end(OUR_FAULT, "internal")

    @property
    def address(self) -> str:
        """Where the peer comes from."""
        return self.connection.address

    @property
    def let_in(self) -> bool:
        """Whether somebody on it was let in."""
        return bool(self.connection.attachments)

    @property
    def brings_documents(self) -> bool:
        """Whether the peer may send messages as large as whole documents."""
        return self.connection.brings_documents

    def too_large(self) -> None:
        """The peer sends more at once than it may: say so, before the connection ends."""
        self.connection.refuse_large()

    def take_ping(self, payload: bytes) -> None:
        """The peer pings."""
        if not self.closed:
            answer_ping(self.connection, payload)

    def take_pong(self) -> None:
        """The peer answered a ping."""
        if not self.closed:
            note_pong(self.connection, self, self._door.heartbeat.beat)

    def let_go(self) -> None:
        """See :class:`SocketWriter`; nothing is read any more either."""
        super().let_go()
        self._websocket = None
        del self.connection

    def ping(self) -> None:
        """Send a ping, and something that the client's own watchdog takes for a sign of life."""
        if self.takes_nothing():
            self.connection.cut_unread()
            return
        news = self._door.feed(self.connection)
        frames = Frames("", news, self._door.control)
        frames.buffer = _PING + (websocket_frame(0x82, news) if news else b"")
        self.write(frames)

    def fell_silent(self) -> bool:
        """End a connection that did not answer its ping; False where the answer may just not have been read yet."""
        if self.may_be_unread:
            return False
        self.cut()
        return True

    def end(self, code: int = TRY_AGAIN_LATER, reason: str = "", *, abort: bool = False) -> None:
        """End the connection and its sessions; idempotent.

        Args:
            abort: drop what still waits to be sent, together with the TCP connection.
        """
        if self.closed:
            return
        self.closed = True
        self._door.forget(self)
        if abort or self.clogged:
            if self._transport is not None:
                reset(self._transport)
        elif self._websocket is not None:
            self._websocket.say_goodbye(code, reason)

    def cut(self) -> None:
        """Drop the peer and everything that waits for it."""
        self.end(abort=True)

    def expel(self, error: CollabError | None) -> None:
        """See :class:`collab.doors.door.Wire`."""
        if error is None:
            self.end()
        else:
            self.end(close_code(error), error.code)


class MessageDoor(ABC, Generic[ConnectionT]):
    """A door at one path; a subclass reads and answers messages.

    Args:
        hub: where the documents are.
        admission: lets people in.
        intake: takes what they send.
        settings: an object with the limits of ``collab.config.Settings``.
        bulk: lets whoever brings whole documents do so, one after the other.
        peers: says whose pages may connect.
    """

    path: str
    name: str
    connection_type: type[ConnectionT]

    def __init__(self, hub: Hub, admission: Admission, intake: Intake, settings: Any, bulk: Bulk, peers: Peers) -> None:
        self._hub = hub
        self.admission = admission
        self.intake = intake
        self._bulk = bulk
        self._peers = peers
        self._max_message = max(2**20, 4 * settings.max_update_bytes)
        self._limit = settings.send_buffer_bytes
        #: what is no news of a document
        self.control = outgoing_of(self.name)["control"]
        self.heartbeat_timeout = settings.ping_timeout
        self.heartbeat = Heartbeat(min(settings.ping_interval, FEED_INTERVAL * 0.9), settings.ping_timeout)
        self._sockets: set[MessageSocket[ConnectionT]] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    # -- of each door ---------------------------------------------------------------------------

    @abstractmethod
    async def begin(self, connection: ConnectionT, request: web.Request) -> None:
        """A connection was made; nothing is read from it before this returns."""

    @abstractmethod
    def take(self, connection: ConnectionT, data: bytes) -> None:
        """Handle one message.

        Raises:
            DecodeError: it breaks the protocol, and the connection ends.
        """

    @abstractmethod
    def feed(self, connection: ConnectionT) -> bytes:
        """A message that says nothing, for a client that would hear nothing of its own; or none."""

    # -- of all of them -------------------------------------------------------------------------

    def add_routes(self, app: web.Application) -> None:
        """See :class:`collab.doors.door.Door`."""
        app.router.add_get(self.path, self._serve, allow_head=False, expect_handler=meet_expectation)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        fault = self._peers.origin_fault(request)
        if fault is not None:
            raise web.HTTPForbidden(text=fault)
        if self._hub.draining:
            _log.info("request refused", reason="draining", address=self._peers.address(request))
            REFUSED.add("draining")
            raise web.HTTPServiceUnavailable(text="The server is moving.", headers={"Retry-After": "1"})
        socket = MessageSocket(self)
        websocket = frame_socket(socket, self._max_message, self._bulk)
        if not websocket.can_prepare(request):
            raise web.HTTPUpgradeRequired(text="This address is for WebSockets.", headers={"Upgrade": "websocket"})
        address = self._peers.address(request)
        try:
            self.admission.knock(address)
        except CollabError as error:
            REFUSED.add(error.code)
            raise web.HTTPTooManyRequests(text=error.message, headers={"Retry-After": "10"}) from None
        try:
            transport = await websocket.shake_hands(request)
        except (ConnectionError, ValueError):
            return websocket
        socket.attach(websocket, transport, self._limit)
        socket.connection = self.admission.connect(socket, address, self.connection_type, self.name)
        self._sockets.add(socket)
        self.heartbeat.add(socket)
        try:
            await self.begin(socket.connection, request)
            websocket.start()
            await websocket.ended
        finally:
            socket.end()
            socket.let_go()
        return websocket

    def forget(self, socket: MessageSocket[ConnectionT]) -> None:
        """Give back what a connection took."""
        self._sockets.discard(socket)
        self.heartbeat.remove(socket)
        self.admission.disconnect(socket.connection)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run ``work`` in a task that is kept until it ends."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def drain(self, waves: int, pause: float) -> None:
        """See :class:`collab.doors.door.Door`."""
        sockets = list(self._sockets)
        for wave in range(waves):
            for socket in sockets[wave::waves]:
                socket.expel(CollabError("draining"))
            if wave + 1 < waves and sockets:
                await asyncio.sleep(pause)

    async def close(self) -> None:
        """See :class:`collab.doors.door.Door`."""
        for socket in list(self._sockets):
            socket.end()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
