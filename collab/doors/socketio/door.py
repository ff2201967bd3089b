"""The Socket.IO door: connections, their packets, and namespaces, which are documents.

This file and ``engine.py`` are the only ones that know python-socketio. The stock server keeps
its place (its manager holds rooms, so that emits and kicks of other processes arrive), but packets
are read strictly, events are handed to the intake in order and without a task each, and
a connection keeps its own index of namespaces, so that its end costs the same with ten or ten
thousand documents.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from typing import Any, cast
from weakref import WeakValueDictionary

import orjson
import socketio
import structlog
from aiohttp import web

from collab._version import __version__
from collab.auth.base import ShownUser
from collab.documents.presence import MAX_CLIENT_IDS
from collab.doors.admission import Admission, Knock
from collab.doors.intake import Intake
from collab.doors.libraries import require_tested
from collab.doors.requests import meet_expectation
from collab.doors.socketio.connection import SocketIOConnection
from collab.doors.socketio.engine import EngineServer
from collab.doors.socketio.engine_port import ProtocolError
from collab.doors.socketio.engine_socket import EngineSocket
from collab.doors.socketio.outgoing import DIALECTS, Dialect, NamespaceAttachment, SocketIOEncoder
from collab.doors.websocket.writer import Frames
from collab.errors import CollabError
from collab.hub.bulk import Bulk
from collab.hub.hub import Hub
from collab.hub.session import Session
from collab.protocol import packets
from collab.protocol.events import EVENTS
from collab.protocol.packets import PLACEHOLDER, Packet, PacketError, parse_packet
from collab.protocol.schemas import ConnectRequest, load_connect
from collab.types import Identity, Role

_log = structlog.get_logger("collab.socketio")

#: an update's part of a text frame, as every JavaScript client writes it
_FAST_EVENTS = {f'["{name}",{PLACEHOLDER}]': name for name, rule in EVENTS.items() if rule.payload == "binary"}


def redis_manager(urls: Callable[[], Sequence[str]], channel: str) -> Any:
    """A client manager that takes emits and kicks of other processes from a Redis channel.

    Such a process uses ``socketio.RedisManager(url, channel=channel, write_only=True)``. Documents never go
    this way: what is published here while nobody listens is lost.

    Args:
        urls: where Redis can be reached; in a Redis Cluster any node has what is published on another, and where one
            is gone, the next is taken.
    """
    return _RedisManager(urls, channel)


class _RedisManager(socketio.AsyncRedisManager):  # type: ignore[misc]
    def __init__(self, urls: Callable[[], Sequence[str]], channel: str) -> None:
        self._urls = urls
        self._turns = count()
        super().__init__(urls()[0], channel=channel)

    def _redis_connect(self) -> None:
        urls = self._urls()
        self.redis_url = urls[next(self._turns) % len(urls)]
        super()._redis_connect()


class SocketIODoor(socketio.AsyncServer):  # type: ignore[misc]
    """The Socket.IO server.

    Args:
        hub: where the documents are.
        admission: lets people in.
        intake: takes what they send.
        settings: an object with the limits of ``collab.config.Settings``.
        bulk, origin_fault, client_address: see :class:`EngineServer`.
    """

    def __init__(
        self,
        hub: Hub,
        admission: Admission,
        intake: Intake,
        settings: Any,
        *,
        bulk: Bulk | None = None,
        client_manager: Any = None,
        origin_fault: Callable[[web.Request], str | None],
        client_address: Callable[[web.Request], str],
    ) -> None:
        require_tested("python-socketio")
        super().__init__(
            client_manager=client_manager,
            async_handlers=False,
            namespaces=[],
            ping_interval=settings.ping_interval,
            ping_timeout=settings.ping_timeout,
            max_http_buffer_size=max(2**20, 4 * settings.max_update_bytes),
            send_buffer_bytes=settings.send_buffer_bytes,
            body_timeout=settings.body_timeout,
            origin_fault=origin_fault,
            client_address=client_address,
            admit=self._admit,
            node_name=settings.node_name,
            bulk=bulk,
        )
        self._hub = hub
        self._manager_started = False
        self._admission = admission
        self._intake = intake
        self._settings = settings
        self._encoders: WeakValueDictionary[str, SocketIOEncoder] = WeakValueDictionary()
        engine: EngineServer = self.eio
        engine.on_open = self._opened
        engine.on_text = self._text
        engine.on_binary = self._binary
        engine.on_close = self._closed
        engine.on_protocol_error = self._protocol_error
        engine.on_too_large = self._too_large

    def _engineio_server_class(self) -> type[EngineServer]:
        return EngineServer

    def add_routes(self, app: web.Application) -> None:
        """Add the Engine.IO endpoint."""
        for path in ("/socket.io/", "/socket.io"):  # without the slash: clients with ``addTrailingSlash: false``
            app.router.add_route("*", path, self.handle_request, expect_handler=meet_expectation)

    # -- connections ----------------------------------------------------------------------------

    def _admit(self, address: str) -> CollabError | None:
        if self._hub.draining:
            return CollabError("draining", retry_after=1)
        try:
            self._admission.knock(address)
        except CollabError as error:
            return error
        return None

    def _opened(self, socket: EngineSocket) -> None:
        if not self._manager_started:
            self._manager_started = self.manager_initialized = True
            self.manager.initialize()
        socket.connection = self._admission.connect(socket, socket.address, SocketIOConnection, "socket.io")

    def _closed(self, socket: EngineSocket, reason: str) -> None:
        connection: SocketIOConnection | None = socket.connection
        if connection is None:
            return
        socket.connection = None
        for attachment in list(connection.attachments.values()):
            self._detach(attachment)
        self._admission.disconnect(connection)
        connection.partial = None

    def _protocol_error(self, socket: EngineSocket, words: str) -> None:
        who = (
            {"connection": socket.sid[:6], "address": socket.address}
            if socket.connection is None
            else socket.connection.who_and_where
        )
        _log.info("protocol error", fault=words[:80], **who)

    def _too_large(self, socket: EngineSocket) -> None:
        """A message came that no document has room for: whoever sends it would send it again and again."""
        connection: SocketIOConnection | None = socket.connection
        if connection is None:
            return
        partial = connection.partial
        if isinstance(partial, Packet):
            connection.refuse_large(connection.attachments.get(partial.namespace))
        else:
            connection.refuse_large(partial and partial[0])

    def _detach(self, attachment: NamespaceAttachment) -> None:
        """Take a session out of its document and out of every index. Idempotent."""
        if self._admission.detach(attachment):
            self.manager.basic_disconnect(attachment.sid, attachment.key)

    # -- packets in -----------------------------------------------------------------------------

    def _text(self, socket: EngineSocket, text: str) -> None:
        connection: SocketIOConnection = socket.connection
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
                    connection.partial = attachment, name, int(number) if number else None
                    return
        try:
            packet = parse_packet(text)
        except PacketError as error:
            raise ProtocolError(str(error)) from None
        if packet.attachments:
            self._lookup(connection, packet)
            connection.partial = packet
        else:
            self._packet(connection, packet, len(text))

    def _binary(self, socket: EngineSocket, data: bytes) -> None:
        connection: SocketIOConnection = socket.connection
        partial = connection.partial
        if partial is None:
            raise ProtocolError("an attachment that nobody announced")
        if isinstance(partial, tuple):
            connection.partial = None
            attachment, name, id = partial
            self._intake.take(attachment, name, [data], id, len(data))
            return
        try:
            if not partial.attach(data):
                return
        except PacketError as error:
            raise ProtocolError(str(error)) from None
        connection.partial = None
        self._packet(connection, partial, sum(map(len, partial.received)))

    def _lookup(self, connection: SocketIOConnection, packet: Packet) -> NamespaceAttachment | None:
        attachment = connection.attachments.get(packet.namespace)
        if attachment is None and packet.namespace not in connection.released:
            raise ProtocolError("a packet for a namespace that is not connected")
        return attachment

    def _packet(self, connection: SocketIOConnection, packet: Packet, size: int) -> None:
        if packet.type == packets.CONNECT:
            self._begin_connect(connection, packet)
            return
        attachment = self._lookup(connection, packet)
        if attachment is None:
            return
        if packet.type in (packets.EVENT, packets.BINARY_EVENT):
            self._intake.take(attachment, packet.data[0], packet.data[1:], packet.id, size)
        elif packet.type == packets.DISCONNECT:
            self._detach(attachment)
        else:
            self._step_1_answered(attachment, packet, size)

    def _step_1_answered(self, attachment: NamespaceAttachment, packet: Packet, size: int) -> None:
        if packet.id in attachment.steps_awaited:
            attachment.steps_awaited.discard(packet.id)
            self._intake.take_step_1_answer(attachment, packet.data, size)
        else:
            attachment.connection.spend("requests", size, attachment.session)
            attachment.connection.count_fault(CollabError("invalid_payload"))

    # -- namespaces -----------------------------------------------------------------------------

    def _begin_connect(self, connection: SocketIOConnection, packet: Packet) -> None:
        namespace = packet.namespace
        if namespace in connection.attachments or namespace in connection.entering:
            raise ProtocolError("namespace connected twice")
        connection.spend("requests", 0)
        dialect = next((dialect for dialect in DIALECTS if namespace.startswith(dialect.prefix)), None)
        if dialect is None:
            _log.info("namespace refused", namespace=namespace[:64], allowed="/doc/NAME or /yjs|NAME", **connection.who)
            self._refuse(connection, namespace, {"message": "Invalid namespace"})
            connection.count_fault(CollabError("invalid_document"))
            return
        connection.entering.add(namespace)
        self.eio.spawn(self._connect(connection, namespace, dialect, packet.data))

    def _refuse(self, connection: SocketIOConnection, namespace: str, body: dict[str, Any]) -> None:
        where = "" if namespace == "/" else namespace + ","
        connection.say(Frames(f"44{where}{orjson.dumps(body).decode()}"))

    async def _connect(
        self, connection: SocketIOConnection, namespace: str, dialect: Dialect, auth: dict[str, Any] | None
    ) -> None:
        request, fault = ConnectRequest(), None
        try:
            request = load_connect(auth, strict=dialect.own)
        except CollabError as error:
            fault = error
        shown = ShownUser(request.name, request.color, request.fields)
        knock = Knock(namespace.removeprefix(dialect.prefix), dialect.name, request.token, shown, fault)

        def make(identity: Identity, role: Role) -> NamespaceAttachment:
            return self._attachment(connection, namespace, dialect, request, identity, role)

        def refuse(error: CollabError) -> None:
            self._refuse(connection, namespace, {"message": error.message, "data": error.as_dict()})

        attachment = await self._admission.enter(connection, namespace, knock, make, refuse)
        if attachment is not None:
            self._register(attachment)
            self._welcome(attachment)

    def _attachment(
        self,
        connection: SocketIOConnection,
        namespace: str,
        dialect: Dialect,
        request: ConnectRequest,
        identity: Identity,
        role: Role,
    ) -> NamespaceAttachment:
        encoder = self._encoders.get(namespace)
        if encoder is None:
            encoder = self._encoders[namespace] = SocketIOEncoder(namespace, dialect.name)
        attachment = NamespaceAttachment(connection, namespace, dialect, encoder)
        attachment.session = Session(
            identity,
            role,
            encoder,
            connection.wire,
            door=dialect.name,
            json_presence=dialect.own and request.json_presence,
            # A y-socket.io client repeats what it hears of others; it has one id of its own.
            max_client_ids=MAX_CLIENT_IDS if dialect.own else 1,
            request_sync=attachment.ask_step_1,
            on_dismiss=partial(self._dismiss, attachment),
        )
        return attachment

    def _register(self, attachment: NamespaceAttachment) -> None:
        # The manager's own connect() would make another id; the rooms are what it needs.
        socket, namespace = cast("EngineSocket", attachment.connection.wire), attachment.key
        attachment.sid = self.eio.generate_id()
        self.manager.basic_enter_room(attachment.sid, namespace, None, eio_sid=socket.sid)
        self.manager.basic_enter_room(attachment.sid, namespace, attachment.sid, eio_sid=socket.sid)
        cast("SocketIOConnection", attachment.connection).released.discard(namespace)

    def _welcome(self, attachment: NamespaceAttachment) -> None:
        """CONNECT, then `session`, presence and, on our own door, the first `sync-step-1`."""
        wire, session, live = attachment.connection.wire, attachment.session, attachment.live
        wire.write(Frames(f'40{attachment.key},{{"sid":"{attachment.sid}"}}'))
        if attachment.dialect.own:
            wire.write(attachment.encoder.event("session", self._describe(attachment)))
            live.greet(session)
            attachment.ask_step_1(live.document.state_vector())
        else:
            live.greet(session)
        if wire.clogged:
            attachment.connection.hold_until_drained()

    def _describe(self, attachment: NamespaceAttachment) -> dict[str, Any]:
        session, settings = attachment.session, self._settings
        return {
            "document": attachment.live.name,
            "session": session.id,
            "client_id": session.client_id,
            "role": session.role.word,
            "user": session.identity.as_user(attachment.live.name),
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

    def _dismiss(self, attachment: NamespaceAttachment, error: CollabError) -> None:
        """Tell a session why, and end it; the client does not come back by itself."""
        attachment.session.notify(error)
        connection = cast("SocketIOConnection", attachment.connection)
        connection.wire.write(Frames(f"41{attachment.key},"))
        connection.released.add(attachment.key)
        self._detach(attachment)

    # -- from outside ---------------------------------------------------------------------------

    async def disconnect(self, sid: str, namespace: str | None = None, ignore_queue: bool = False) -> None:
        """Disconnect one client of a namespace (a kick of another process comes this way)."""
        eio_sid = self.manager.eio_sid_from_sid(sid, namespace or "/")
        socket = self.eio.sockets.get(eio_sid)
        if socket is not None and socket.connection is not None:
            attachment = socket.connection.attachments.get(namespace)
            if attachment is not None:
                attachment.session.dismiss(CollabError("forbidden", "You were disconnected."))

    async def close(self) -> None:
        """End every session, and stop listening to other processes."""
        await self.shutdown()
        listener: asyncio.Task[None] | None = getattr(self.manager, "thread", None)
        if listener is not None:
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)
            if self.manager.redis is not None:
                await self.manager.redis.aclose()

    async def drain(self, waves: int, pause: float) -> None:
        """Ask everybody to reconnect, in ``waves`` with ``pause`` seconds between them."""
        sockets = list(self.eio.sockets.values())
        for wave in range(waves):
            for socket in sockets[wave::waves]:
                # Not a DISCONNECT packet: after one of those, clients do not come back.
                socket.end(self.reason.TRANSPORT_CLOSE)
            if wave + 1 < waves and sockets:
                await asyncio.sleep(pause)
