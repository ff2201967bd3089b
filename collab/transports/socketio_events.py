"""The events of a Socket.IO session: each is paid for, allowed, handled, and answered.

What an event needs stands in :data:`collab.protocol.events.EVENTS`; here is the function that handles
it. The door calls :meth:`EventHandlers.handle` with what it has read from packets. Nothing here knows of
the door or of python-socketio.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import structlog
from structlog.contextvars import bind_contextvars

from collab.auth.base import Authenticator
from collab.documents.editing import edit
from collab.documents.reading import read
from collab.errors import CollabError
from collab.hub.reader import Reader
from collab.hub.session import State
from collab.protocol.awareness import decode_awareness
from collab.protocol.codec import EMPTY_UPDATE
from collab.protocol.events import EVENTS
from collab.protocol.packets import Packet
from collab.protocol.schemas import (
    load_authenticate,
    load_broadcast,
    load_content,
    load_operations,
    load_presence,
)
from collab.transports.engine_socket import ProtocolError
from collab.transports.socketio_connection import (
    MAX_UNACKNOWLEDGED,
    Attachment,
    hold,
    until_acknowledged,
    until_drained,
)

_log = structlog.get_logger("collab.socketio")

#: an edit that takes more seconds than this is followed by a rest of so many times as long, in seconds at most
COSTLY, REST, MAX_REST = 0.005, 20.0, 10.0
#: the first such edit of a session may only have met a busy machine: a rest of so many seconds at most, and from
#: then on its edits are measured in CPU time, which costs a system call each
FIRST_REST = 0.5


class EventHandlers:
    """Handles what sessions of the Socket.IO door send.

    Args:
        authenticator: finds out who somebody is.
        reader: the worker processes that look into content.
        max_update_bytes: of one edit.
        spawn: runs what takes longer than a turn of the event loop, in a task that is kept until it ends.
    """

    def __init__(
        self,
        authenticator: Authenticator,
        reader: Reader,
        *,
        max_update_bytes: int,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        self._authenticator = authenticator
        self._reader = reader
        self._max_update_bytes = max_update_bytes
        self._spawn = spawn
        self._handlers: dict[str, Callable[[Attachment, list[Any], int | None], None]] = {
            "sync-step-1": self._on_step_1,
            "sync-update": self._on_update,
            "awareness-update": self._on_awareness,
            "presence": self._on_presence,
            "cursor": self._on_cursor,
            "operations": self._on_operations,
            "content": self._on_content,
            "broadcast": self._on_broadcast,
            "authenticate": self._on_authenticate,
        }

    def handle(self, attachment: Attachment, name: str, args: list[Any], id: int | None, size: int) -> None:
        """Handle one event; what is wrong with it is answered and counted.

        Args:
            attachment: whose it is.
            name: of the event.
            args: what came with it.
            id: of the ack that is asked for; None where none is.
            size: bytes to account for.

        Raises:
            ProtocolError: the connection is to be ended.
        """
        try:
            rule = EVENTS.get(name)
            if rule is None:
                attachment.connection.spend("requests", size, attachment.session)
                raise CollabError("unknown_event", f"The server does not know the event {name[:64]!r}.")
            attachment.connection.spend(rule.budget, size, attachment.session)
            attachment.session.require(rule.role)
            self._handlers[name](attachment, args, id)
        except CollabError as error:
            self._fail(attachment, error, id)
        except ProtocolError:
            raise
        except Exception:
            _log.exception("event failed", document=attachment.live.name, kind=name[:64])
            self._fail(attachment, CollabError("internal"), id)
        socket = attachment.connection.socket
        if socket.clogged:
            # Who does not take our answers is not asked for more.
            hold(socket, until_drained(socket))

    def _fail(self, attachment: Attachment, error: CollabError, id: int | None) -> None:
        """Say what went wrong: in the ack if one was asked for, as a notice otherwise."""
        if attachment.namespace not in attachment.connection.attachments:
            return
        if id is not None:
            answer = {"ok": False, "error": error.as_dict()}
            attachment.connection.socket.write(attachment.encoder.ack(id, answer))
        else:
            attachment.session.notify(error)
        if error.code == "missing_dependencies":
            attachment.session.request_sync(attachment.live.document.state_vector())
        attachment.connection.count_fault(error)

    def _ack(self, attachment: Attachment, id: int | None, **fields: Any) -> None:
        if id is not None:
            attachment.connection.socket.write(attachment.encoder.ack(id, {"ok": True, **fields}))

    def _on_step_1(self, attachment: Attachment, args: list[Any], id: int | None) -> None:
        state_vector = _one_binary(args)
        missing = attachment.live.answer_step_1(attachment.session, state_vector)
        socket = attachment.connection.socket
        if id is not None:
            socket.write(attachment.encoder.binary_ack(id, missing))
        else:
            socket.write(attachment.encoder.update(missing))
        if not attachment.own_door:
            # y-socket.io calls itself synced when the server's step 1 arrives.
            attachment.ask_step_1(attachment.live.document.state_vector())

    def _on_update(self, attachment: Attachment, args: list[Any], id: int | None) -> None:
        self._edit(attachment, _one_binary(args), id)

    def _edit(self, attachment: Attachment, update: bytes, id: int | None) -> None:
        limit = self._max_update_bytes
        if len(update) > limit:
            raise CollabError("update_too_large", detail={"limit": limit, "scope": "update"})
        session = attachment.session
        session.unacknowledged += 1
        suspect = attachment.suspect
        clock = time.thread_time if suspect else time.perf_counter
        began = clock()
        try:
            under_way = attachment.live.apply(
                update,
                partial(self._edit_done, attachment, id),
                session=session,
                participant=session.participant,
            )
        except BaseException:
            session.unacknowledged -= 1
            raise
        finally:
            took = clock() - began
            if took > COSTLY:
                attachment.suspect = True
                most = MAX_REST if suspect else FIRST_REST
                hold(attachment.connection.socket, asyncio.sleep(min(most, REST * took)))
        if under_way is not None:
            hold(attachment.connection.socket, asyncio.shield(under_way))
        if session.unacknowledged > MAX_UNACKNOWLEDGED:
            hold(attachment.connection.socket, until_acknowledged(session, attachment.live))

    def _edit_done(self, attachment: Attachment, id: int | None, result: int | CollabError) -> None:
        attachment.session.unacknowledged -= 1
        if isinstance(result, CollabError):
            self._fail(attachment, result, id)
        elif id is not None and attachment.namespace in attachment.connection.attachments:
            attachment.connection.socket.write(attachment.encoder.saved(id, result))

    def _on_awareness(self, attachment: Attachment, args: list[Any], id: int | None) -> None:
        entries = decode_awareness(_one_binary(args))
        # What y-socket.io sends before its step 1 was buffered while it was away, and may be what it
        # heard of others in between; its own state follows the step 1.
        if attachment.own_door or attachment.session.state is not State.SYNCING:
            attachment.live.announce(attachment.session, entries)
        self._ack(attachment, id)

    def _on_presence(self, attachment: Attachment, args: list[Any], id: int | None) -> None:
        attachment.live.show(attachment.session, load_presence(_one_json(args)))
        self._ack(attachment, id)

    def _on_cursor(self, attachment: Attachment, args: list[Any], id: int | None) -> None:
        state = attachment.live.presence.sessions[attachment.session.id].state
        load_presence({**(state or {}), "cursor": _one_json(args)})
        attachment.live.set_cursor(attachment.session, args[0])
        self._ack(attachment, id)

    def _on_broadcast(self, attachment: Attachment, args: list[Any], id: int | None) -> None:
        event, data = load_broadcast(_one_json(args))
        attachment.live.broadcast(attachment.session, event, data)
        self._ack(attachment, id)

    def _on_operations(self, attachment: Attachment, args: list[Any], id: int | None) -> None:
        operations = load_operations(_one_json(args))
        self._in_turn(attachment, id, self._operate(attachment, operations, id))

    async def _operate(self, attachment: Attachment, operations: list[Any], id: int | None) -> None:
        live, session = attachment.live, attachment.session
        update = await self._reader.run(edit, live.document.encode(), operations, self._max_update_bytes)
        session.require(EVENTS["operations"].role)
        session.unacknowledged += 1
        try:
            # From no session: whoever asked for it does not have it yet.
            live.apply(
                update, partial(self._edit_done, attachment, id),
                session=None, participant=session.participant, at_once=True,
            )  # fmt: skip
        except BaseException:
            session.unacknowledged -= 1
            raise

    def _on_content(self, attachment: Attachment, args: list[Any], id: int | None) -> None:
        path, format = load_content(_one_json(args) if args else {})
        self._in_turn(attachment, id, self._read_content(attachment, path, format, id))

    async def _read_content(self, attachment: Attachment, path: str | None, format: str, id: int | None) -> None:
        live = attachment.live
        state, position = live.document.encode(), live.journal.position
        content = await self._reader.run(read, state, path, format)
        self._ack(attachment, id, content=content, position=position)

    def _in_turn(self, attachment: Attachment, id: int | None, work: Coroutine[Any, Any, None]) -> None:
        """Run what takes a worker process; the connection is read on when it is done."""

        async def run() -> None:
            try:
                await work
            except CollabError as error:
                self._fail(attachment, error, id)

        hold(attachment.connection.socket, asyncio.shield(self._spawn(run())))

    def _on_authenticate(self, attachment: Attachment, args: list[Any], id: int | None) -> None:
        token = load_authenticate(_one_json(args))
        self._spawn(self._authenticate(attachment, token, id))

    async def _authenticate(self, attachment: Attachment, token: str, id: int | None) -> None:
        try:
            session = attachment.session
            bind_contextvars(document=session.document, session=session.id[:6], participant=session.participant)
            identity = await self._authenticator.authenticate(token, None)
            if attachment.connection.attachments.get(attachment.namespace) is not attachment:
                return
            role = identity.role_for(attachment.live.name)
            if role is None:
                raise CollabError("forbidden")
            if identity.id != session.identity.id:
                raise CollabError("forbidden", "This token belongs to somebody else.")
            session.assume(identity, role)
            self._ack(attachment, id, role=role.word, expires_at=identity.expires_at)
        except CollabError as error:
            self._fail(attachment, error, id)

    def step_1_answered(self, attachment: Attachment, packet: Packet, size: int) -> None:
        """Take the answer to our `sync-step-1`: what the peer has and the document lacks."""
        attachment.connection.spend("updates", size, attachment.session)
        if packet.id not in attachment.steps_awaited:
            attachment.connection.count_fault(CollabError("invalid_payload"))
            return
        attachment.steps_awaited.discard(packet.id)
        try:
            if packet.data in ([], [None]):
                return  # a client without a document of its own
            update = _one_binary(packet.data)
            if update == EMPTY_UPDATE:
                return
            attachment.session.require(EVENTS["sync-update"].role)
            self._edit(attachment, update, None)
        except CollabError as error:
            if error.code not in ("read_only", "forbidden"):
                self._fail(attachment, error, None)


def _one_binary(args: list[Any]) -> bytes:
    if len(args) != 1 or not isinstance(args[0], bytes):
        raise CollabError("invalid_payload", "One binary argument is needed.")
    return args[0]


def _one_json(args: list[Any]) -> Any:
    if len(args) != 1:
        raise CollabError("invalid_payload", "One argument is needed.")
    return args[0]
