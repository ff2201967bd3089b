"""The Socket.IO door: connections, their packets, and namespaces, which are documents.

This file and ``engine.py`` are the only ones that know python-socketio. The stock server keeps
its place (its manager holds rooms, so that emits and kicks of other processes arrive), but packets
are read strictly, events are handed to ``socketio_events.py`` in order and without a task each, and
a connection keeps its own index of namespaces, so that its end costs the same with ten or ten
thousand documents.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import Any
from weakref import WeakValueDictionary

import orjson
import socketio
import structlog
from aiohttp import web
from structlog.contextvars import bind_contextvars, unbind_contextvars

from collab import __version__
from collab.auth.base import Authenticator, ShownUser
from collab.documents.presence import MAX_CLIENT_IDS
from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.hub.limits import Budget, SharedLimits
from collab.hub.reader import Reader
from collab.hub.session import Session, log_refusal
from collab.protocol import packets
from collab.protocol.events import EVENTS
from collab.protocol.frames import Frames
from collab.protocol.packets import PLACEHOLDER, Packet, PacketError, parse_packet
from collab.protocol.schemas import load_connect
from collab.transports.engine import EngineServer
from collab.transports.engine_socket import EngineSocket, ProtocolError
from collab.transports.socketio_connection import Attachment, Connection
from collab.transports.socketio_encoder import SocketIOEncoder
from collab.transports.socketio_events import EventHandlers
from collab.types import check_document_name, is_loopback

TESTED_SOCKETIO = ((5, 14), (5, 19))

_log = structlog.get_logger("collab.socketio")

#: namespace prefix -> whether it is our own door (True) or y-socket.io's (False)
DOORS = {"/doc/": True, "/yjs|": False}
#: an update's part of a text frame, as every JavaScript client writes it
_FAST_EVENTS = {
    f'["{name}",{PLACEHOLDER}]': name
    for name, rule in EVENTS.items()
    if rule.payload == "binary"
}


def redis_manager(url: str, channel: str) -> Any:
    """A client manager that takes emits and kicks of other processes from a Redis channel.

    Such a process uses ``socketio.RedisManager(url, channel=channel, write_only=True)``. Documents never go
    this way: what is published here while nobody listens is lost.
    """
    return socketio.AsyncRedisManager(url, channel=channel)


class SocketIODoor(socketio.AsyncServer):  # type: ignore[misc]
    """The Socket.IO server.

    Args:
        hub: where the documents are.
        authenticator: finds out who somebody is.
        settings: an object with the limits of ``collab.config.Settings``.
        reader: the worker processes that look into content.
        shared: what it counts together with other doors.
        origin_allowed, client_address: see :class:`EngineServer`.
    """

    def __init__(
        self,
        hub: Hub,
        authenticator: Authenticator,
        settings: Any,
        reader: Reader,
        *,
        client_manager: Any = None,
        shared: SharedLimits | None = None,
        origin_allowed: Callable[[web.Request], bool],
        client_address: Callable[[web.Request], str],
    ) -> None:
        _check_socketio_version()
        super().__init__(
            client_manager=client_manager,
            async_handlers=False,
            namespaces=[],
            ping_interval=settings.ping_interval,
            ping_timeout=settings.ping_timeout,
            max_http_buffer_size=max(2**20, 4 * settings.max_update_bytes),
            send_buffer_bytes=settings.send_buffer_bytes,
            origin_allowed=origin_allowed,
            client_address=client_address,
            admit=self._admit,
            node_name=settings.node_name,
        )
        self._hub = hub
        self._manager_started = False
        self._authenticator = authenticator
        self._settings = settings
        shared = shared or SharedLimits(settings)
        self._counter, self._participants, self._addresses = shared.connections, shared.participants, shared.addresses
        self._encoders: WeakValueDictionary[str, SocketIOEncoder] = WeakValueDictionary()
        engine: EngineServer = self.eio
        engine.on_open = self._opened
        engine.on_text = self._text
        engine.on_binary = self._binary
        engine.on_close = self._closed
        engine.on_protocol_error = self._protocol_error
        self._events = EventHandlers(
            authenticator, reader, max_update_bytes=settings.max_update_bytes, spawn=engine.spawn
        )

    def _engineio_server_class(self) -> type[EngineServer]:
        return EngineServer

    # -- connections ----------------------------------------------------------------------------

    def _admit(self, _address: str) -> float | None:
        return 1.0 if self._hub.draining else None

    def _opened(self, socket: EngineSocket) -> None:
        if not self._manager_started:
            self._manager_started = self.manager_initialized = True
            self.manager.initialize()
        settings = self._settings
        budget = Budget(
            updates_per_second=settings.rate_updates,
            bytes_per_second=settings.rate_bytes,
            awareness_per_second=settings.rate_awareness,
        )
        connection = socket.connection = Connection(socket, budget)
        try:
            self._counter.acquire(socket.address)
        except CollabError as error:
            connection.refused = error
        if not is_loopback(socket.address):
            # Behind a proxy that nobody told us of, this machine's address is everybody's.
            connection.shares = (self._addresses.join(socket.address),)
        self._set_deadline(connection)

    def _set_deadline(self, connection: Connection) -> None:
        """A connection without a namespace does not live on."""
        loop = asyncio.get_running_loop()
        connection.deadline = loop.call_later(self._settings.connect_timeout, self._expired, connection)

    def _expired(self, connection: Connection) -> None:
        if not connection.attachments:
            connection.socket.end(self.reason.SERVER_DISCONNECT)

    def _closed(self, socket: EngineSocket, reason: str) -> None:
        connection: Connection | None = socket.connection
        if connection is None:
            return
        socket.connection = None
        if connection.deadline is not None:
            connection.deadline.cancel()
        if connection.refused is None:
            self._counter.release(socket.address)
        for share in connection.shares:
            self._addresses.leave(socket.address, share)
        for attachment in list(connection.attachments.values()):
            self._detach(attachment)
        connection.partial = None

    def _protocol_error(self, socket: EngineSocket, words: str) -> None:
        who = {"connection": socket.sid[:6]} if socket.connection is None else socket.connection.who_and_where
        _log.info("protocol error", fault=words[:80], **who)

    def _detach(self, attachment: Attachment) -> None:
        """Take a session out of its document and out of every index. Idempotent."""
        connection = attachment.connection
        if connection.attachments.pop(attachment.namespace, None) is None:
            return
        if attachment.share is not None:
            self._participants.leave(attachment.session.participant, attachment.share)
        self.manager.basic_disconnect(attachment.sid, attachment.namespace)
        attachment.live.leave(attachment.session)
        if not connection.attachments and not connection.socket.closed:
            self._set_deadline(connection)

    # -- packets in -----------------------------------------------------------------------------

    def _text(self, socket: EngineSocket, text: str) -> None:
        connection: Connection = socket.connection
        if connection.partial is not None:
            raise ProtocolError("text where an attachment is due")
        if text.startswith("51-"):
            # The hot path: header of one binary event, recognised by equality, no JSON read.
            comma = text.find(",", 3)
            attachment = connection.attachments.get(text[3:comma])
            if attachment is not None:
                bracket = text.find("[", comma)
                name = _FAST_EVENTS.get(text[bracket:])
                number = text[comma + 1 : bracket]
                if name is not None and (not number or (number.isdecimal() and number.isascii() and len(number) < 16)):
                    packet = Packet(
                        packets.BINARY_EVENT, attachment.namespace, int(number) if number else None, name, 1
                    )
                    connection.partial = attachment, packet
                    return
        try:
            packet = parse_packet(text)
        except PacketError as error:
            raise ProtocolError(str(error)) from None
        if packet.attachments:
            self._lookup(connection, packet)
            connection.partial = None, packet
        else:
            self._packet(connection, packet, len(text))

    def _binary(self, socket: EngineSocket, data: bytes) -> None:
        connection: Connection = socket.connection
        partial = connection.partial
        if partial is None:
            raise ProtocolError("an attachment that nobody announced")
        attachment, packet = partial
        if attachment is not None:
            connection.partial = None
            self._events.handle(attachment, packet.data, [data], packet.id, len(data))
            return
        try:
            if not packet.attach(data):
                return
        except PacketError as error:
            raise ProtocolError(str(error)) from None
        connection.partial = None
        self._packet(connection, packet, sum(map(len, packet.received)))

    def _lookup(self, connection: Connection, packet: Packet) -> Attachment | None:
        attachment = connection.attachments.get(packet.namespace)
        if attachment is None and packet.namespace not in connection.released:
            raise ProtocolError("a packet for a namespace that is not connected")
        return attachment

    def _packet(self, connection: Connection, packet: Packet, size: int) -> None:
        if packet.type == packets.CONNECT:
            self._begin_connect(connection, packet)
            return
        attachment = self._lookup(connection, packet)
        if attachment is None:
            return
        if packet.type in (packets.EVENT, packets.BINARY_EVENT):
            self._events.handle(attachment, packet.data[0], packet.data[1:], packet.id, size)
        elif packet.type == packets.DISCONNECT:
            self._detach(attachment)
        else:
            self._events.step_1_answered(attachment, packet, size)

    # -- namespaces -----------------------------------------------------------------------------

    def _begin_connect(self, connection: Connection, packet: Packet) -> None:
        namespace = packet.namespace
        if namespace in connection.attachments or namespace in connection.connecting:
            raise ProtocolError("namespace connected twice")
        connection.spend("requests", 0)
        prefix = next((prefix for prefix in DOORS if namespace.startswith(prefix)), None)
        if prefix is None:
            self._refuse(connection, namespace, {"message": "Invalid namespace"})
            connection.count_fault(CollabError("invalid_document"))
            return
        connection.connecting.add(namespace)
        self.eio.spawn(self._connect(connection, namespace, prefix, packet.data))

    def _refuse(self, connection: Connection, namespace: str, body: dict[str, Any]) -> None:
        where = "" if namespace == "/" else namespace + ","
        connection.socket.write(Frames(f"44{where}{orjson.dumps(body).decode()}"))

    async def _connect(
        self, connection: Connection, namespace: str, prefix: str, auth: dict[str, Any] | None
    ) -> None:
        try:
            await self._admit_session(connection, namespace, prefix, auth)
        except CollabError as error:
            log_refusal(error, namespace.removeprefix(prefix), **connection.who)
            connection.count_fault(error)
            self._refuse(connection, namespace, {"message": error.message, "data": error.as_dict()})
        except Exception:
            _log.exception("connecting failed", connection=connection.socket.sid[:6])
            internal = CollabError("internal")
            self._refuse(connection, namespace, {"message": internal.message, "data": internal.as_dict()})
        finally:
            connection.connecting.discard(namespace)

    async def _admit_session(
        self, connection: Connection, namespace: str, prefix: str, auth: dict[str, Any] | None
    ) -> None:
        if connection.refused is not None:
            raise connection.refused
        name = check_document_name(namespace[len(prefix) :])
        limit = self._settings.max_documents_per_connection
        if len(connection.attachments) + len(connection.connecting) > limit:
            raise CollabError("too_many_documents", detail={"limit": limit, "scope": "connection"})
        own_door = DOORS[prefix]
        request = load_connect(auth, strict=own_door)
        bind_contextvars(document=name)  # for what the authenticator has to say
        identity = await self._authenticator.authenticate(
            request.token, ShownUser(request.name, request.color)
        )
        unbind_contextvars("document")
        connection.participant = identity.id
        role = identity.role_for(name)
        if role is None:
            raise CollabError("unauthorized" if request.token is None else "forbidden")
        encoder = self._encoders.get(namespace)
        if encoder is None:
            encoder = self._encoders[namespace] = SocketIOEncoder(namespace)
        attachment = Attachment(connection, namespace, own_door, encoder)
        session = attachment.session = Session(
            identity,
            role,
            encoder,
            connection.socket,
            json_presence=own_door and request.json_presence,
            # A y-socket.io client repeats what it hears of others; it has one id of its own.
            max_client_ids=MAX_CLIENT_IDS if own_door else 1,
            request_sync=attachment.ask_step_1,
            on_dismiss=partial(self._dismiss, attachment),
        )
        live = await self._hub.live(name)
        if connection.socket.closed:
            return
        session.shares = connection.shares
        live.join(session)
        if identity.id is not None:
            attachment.share = self._participants.join(identity.id)
            session.shares = (*session.shares, attachment.share)
        attachment.live = live
        attachment.sid = self.eio.generate_id()
        self._register(attachment)
        self._welcome(attachment)

    def _register(self, attachment: Attachment) -> None:
        connection, namespace = attachment.connection, attachment.namespace
        # The manager's own connect() would make another id; the rooms are what it needs.
        manager, eio_sid = self.manager, connection.socket.sid
        manager.basic_enter_room(attachment.sid, namespace, None, eio_sid=eio_sid)
        manager.basic_enter_room(attachment.sid, namespace, attachment.sid, eio_sid=eio_sid)
        connection.attachments[namespace] = attachment
        connection.released.discard(namespace)
        if connection.deadline is not None:
            connection.deadline.cancel()
            connection.deadline = None

    def _welcome(self, attachment: Attachment) -> None:
        """CONNECT, then `session`, presence and, on our own door, the first `sync-step-1`."""
        socket, session, live = attachment.connection.socket, attachment.session, attachment.live
        socket.write(Frames(f'40{attachment.namespace},{{"sid":"{attachment.sid}"}}'))
        if attachment.own_door:
            socket.write(attachment.encoder.event("session", self._describe(attachment)))
            live.greet(session)
            attachment.ask_step_1(live.document.state_vector())
        else:
            live.greet(session)

    def _describe(self, attachment: Attachment) -> dict[str, Any]:
        session, settings = attachment.session, self._settings
        return {
            "document": attachment.live.name,
            "session": session.id,
            "client_id": session.client_id,
            "role": session.role.word,
            "user": session.identity.as_user(),
            "limits": {
                "max_update_bytes": settings.max_update_bytes,
                "max_document_bytes": settings.max_document_bytes,
                "max_participants": settings.max_participants,
                "rate_updates": settings.rate_updates,
                "rate_bytes": settings.rate_bytes,
                "rate_awareness": settings.rate_awareness,
            },
            "expires_at": session.identity.expires_at,
            "server": {"name": "collab", "version": __version__, "node": settings.node_name},
        }

    def _dismiss(self, attachment: Attachment, error: CollabError) -> None:
        """Tell a session why, and end it; the client does not come back by itself."""
        attachment.session.notify(error)
        attachment.connection.socket.write(Frames(f"41{attachment.namespace},"))
        attachment.connection.released.add(attachment.namespace)
        self._detach(attachment)

    # -- from outside ---------------------------------------------------------------------------

    async def disconnect(
        self, sid: str, namespace: str | None = None, ignore_queue: bool = False
    ) -> None:
        """Disconnect one client of a namespace (a kick of another process comes this way)."""
        eio_sid = self.manager.eio_sid_from_sid(sid, namespace or "/")
        socket = self.eio.sockets.get(eio_sid)
        if socket is not None and socket.connection is not None:
            attachment = socket.connection.attachments.get(namespace)
            if attachment is not None:
                attachment.session.dismiss(CollabError("forbidden", "You were disconnected."))

    async def shutdown(self) -> None:
        """End every session, and stop listening to other processes."""
        await super().shutdown()
        listener: asyncio.Task[None] | None = getattr(self.manager, "thread", None)
        if listener is not None:
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)
            if self.manager.redis is not None:
                await self.manager.redis.aclose()

    def announce_drain(self, timeout: float) -> None:
        """Tell every session that the server is about to move: to other nodes at once, to ourselves in a second."""
        error = CollabError("draining", retry_after=1 if self._hub.cluster.nodes == 1 else 0)
        for live in self._hub.documents.values():
            live.notify(error, timeout=timeout)

    async def drain(self, waves: int, pause: float) -> None:
        """Ask everybody to reconnect, in ``waves`` with ``pause`` seconds between them."""
        sockets = list(self.eio.sockets.values())
        for wave in range(waves):
            for socket in sockets[wave::waves]:
                # Not a DISCONNECT packet: after one of those, clients do not come back.
                socket.end(self.reason.TRANSPORT_CLOSE)
            if wave + 1 < waves and sockets:
                await asyncio.sleep(pause)


def _check_socketio_version() -> None:
    installed = tuple(int(part) for part in version("python-socketio").split(".")[:2])
    low, high = TESTED_SOCKETIO
    if not low <= installed < high:
        raise RuntimeError(
            f"python-socketio {'.'.join(map(str, installed))} was never tested with collab: "
            f"install one from {low[0]}.{low[1]} up to, not including, {high[0]}.{high[1]}"
        )
