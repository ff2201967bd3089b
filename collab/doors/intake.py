"""What sessions send, whatever the wire: each event is paid for, allowed, handled, and answered.

What an event needs is in :data:`collab.protocol.events.EVENTS`; here is the function that handles it. A door calls
:meth:`Intake.take` with what it has read; how an answer is written is its :class:`Attachment`'s.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import structlog
from structlog.contextvars import bind_contextvars

from collab.auth.base import Authenticator, Entrance
from collab.content.editing import edit, edit_json
from collab.content.rendering import render
from collab.content.workers import Workers
from collab.doors.connection import MAX_UNACKNOWLEDGED, Attachment, until_acknowledged
from collab.errors import CollabError
from collab.hub.session import State
from collab.hub.stream_feed import subscribed_fields
from collab.metrics import ACKED, UPDATE_BYTES, UPDATES_RECEIVED, UPDATES_REFUSED
from collab.protocol.awareness import decode_awareness
from collab.protocol.codec import EMPTY_UPDATE
from collab.protocol.events import EVENTS
from collab.protocol.packets import MAX_JSON, Unparsed
from collab.protocol.schemas import (
    load_authenticate,
    load_broadcast,
    load_content,
    load_operations,
    load_presence,
    load_publish,
    load_subscribe,
    load_unsubscribe,
)
from collab.protocol.stream_events import body_of, key_of, sender_of
from collab.stores.streams import Published

#: bytes of an entry of a state vector, and clients that somebody may know beside twice those of the document
ENTRY_BYTES, MORE_CLIENTS = 8, 4000
#: bytes of an awareness update: some clients repeat what they hear of others
MAX_AWARENESS_BYTES = 512 * 1024
#: seconds: an edit that takes longer is followed by a rest
COSTLY = 0.005
#: the rest, in times of what the edit took
REST = 20.0
#: seconds: no rest is longer
MAX_REST = 10.0
#: seconds: nor is the first one of a session, which may only have met a busy machine; from then on its edits are
#: measured in CPU time, which costs a system call each
FIRST_REST = 0.5

#: hears what became of an update: whose it was, what an answer refers to, when it came, and the position or the error
Answered = Callable[[Attachment, Any, float, int | CollabError], None]

#: events that change a document
EDITS = ("sync-update", "operations")

_log = structlog.get_logger("collab.doors")


class Intake:
    """Handles what sessions send.

    Args:
        authenticator: finds out who somebody is.
        workers: the processes that look into content.
        max_update_bytes: of one edit.
    """

    def __init__(self, authenticator: Authenticator, workers: Workers, *, max_update_bytes: int) -> None:
        self._authenticator = authenticator
        self._workers = workers
        self._max_update_bytes = max_update_bytes
        self._tasks: set[asyncio.Task[None]] = set()
        self._handlers: dict[str, Callable[[Attachment, Any, Any], None]] = {
            "sync-step-1": self._on_step_1,
            "sync-update": self._edit,
            "awareness-update": self._on_awareness,
            "presence": self._on_presence,
            "cursor": self._on_cursor,
            "operations": self._on_operations,
            "content": self._on_content,
            "broadcast": self._on_broadcast,
            "publish": self._on_publish,
            "subscribe": self._on_subscribe,
            "unsubscribe": self._on_unsubscribe,
            "authenticate": self._on_authenticate,
        }

    def take(self, attachment: Attachment, name: str, args: list[Any], id: Any, size: int) -> None:
        """Handle one event; what is wrong with it is answered and counted.

        Args:
            attachment: whose it is.
            name: of the event.
            args: what came with it: bytes or JSON, as the table of events says.
            id: what an answer refers to; None where none is asked for.
            size: bytes to account for.
        """
        connection = attachment.connection
        try:
            rule = EVENTS.get(name)
            if rule is None:
                connection.spend("requests", size, attachment.session)
                raise CollabError("unknown_event", f"The server does not know the event {name[:64]!r}.")
            # Most often there is nothing to say to any of this, and a call each would be paid by every edit.
            session = attachment.session
            wait = connection.budget.spend(rule.budget, size, session.shares)
            if wait:
                connection.slow_down(wait, session)
            if session.role < rule.role:
                session.require(rule.role)
            if rule.payload == "binary":
                payload = args[0] if len(args) == 1 and type(args[0]) is bytes else _one_binary(args)
            else:
                payload = _one_json(args, rule.optional)
                if type(payload) is Unparsed and name != "operations":
                    raise CollabError("invalid_payload", f"{name}: more than {MAX_JSON} bytes of JSON.")
            self._handlers[name](attachment, payload, id)
        except CollabError as error:
            if name in EDITS:
                UPDATES_REFUSED.add(error.code)
            self._fail(attachment, error, id)
        except Exception:
            _log.exception("event failed", document=attachment.live.name, kind=name[:64])
            self._fail(attachment, CollabError("internal"), id)
        if connection.wire.clogged:
            connection.hold_until_drained()

    def take_step_1_answer(self, attachment: Attachment, args: list[Any], size: int, id: Any = None) -> None:
        """Take the answer to our step 1: an update with what the document lacks, or nothing.

        Args:
            id: as of :meth:`take`: what is answered once all of it is durable.
        """
        connection = attachment.connection
        connection.spend("updates", size, attachment.session)
        try:
            update = EMPTY_UPDATE if args in ([], [None]) else _one_binary(args)
            may_write = attachment.session.role >= EVENTS["sync-update"].role
            if not may_write and id is None:
                return
            # Of a client without a document of its own, or of a reader who has changed nothing.
            if update == EMPTY_UPDATE or not (may_write or attachment.live.document.adds(update)):
                if id is not None:
                    attachment.session.unacknowledged += 1
                    attachment.live.journal.when_durable(
                        partial(self._answer_done, attachment, id, time.perf_counter())
                    )
                return
            attachment.session.require(EVENTS["sync-update"].role)
            self._edit(attachment, update, id, self._answer_done)
        except CollabError as error:
            UPDATES_REFUSED.add(error.code)
            self._answer_failed(attachment, error, id)
        connection.hold_until_drained()

    def take_awareness_query(self, attachment: Attachment, size: int) -> None:
        """Tell a client again who is here."""
        attachment.connection.spend("requests", size, attachment.session)
        attachment.live.people.greet(attachment.session)
        attachment.connection.hold_until_drained()

    async def close(self) -> None:
        """Let go of what is under way."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _fail(self, attachment: Attachment, error: CollabError, id: Any, *, ask: bool = True) -> None:
        """Say what went wrong: in the answer if one is awaited, as a notice otherwise.

        Args:
            ask: for what the document lacks, where that is what went wrong.
        """
        _log.info("event refused", code=error.code, **attachment.connection.who, **attachment.session.where)
        if not attachment.attached:
            return
        if id is not None:
            attachment.answer_refused(id, error)
        else:
            attachment.session.notify(error)
        # Who asks for no answer sends nothing again: what was too large as an edit may come as a whole document.
        if (error.code == "missing_dependencies" and ask) or (error.code == "update_too_large" and id is None):
            attachment.ask_step_1(attachment.live.document.state_vector())
        attachment.connection.count_fault(error)

    # -- documents ------------------------------------------------------------------------------

    def _on_step_1(self, attachment: Attachment, state_vector: bytes, id: Any) -> None:
        most = ENTRY_BYTES * (2 * len(attachment.live.document.clocks) + MORE_CLIENTS)
        if len(state_vector) > most:
            raise CollabError("invalid_payload", "This state vector has far more clients than the document.")
        attachment.answer_step_1(id, attachment.live.answer_step_1(attachment.session, state_vector))

    def _edit(self, attachment: Attachment, update: bytes, id: Any, done: Answered | None = None) -> None:
        # An answer to step 1 may be as large as there is room.
        if done is None and (attachment.document_due or len(update) > self._max_update_bytes):
            attachment.bring(len(update), self._max_update_bytes)
        session = attachment.session
        session.unacknowledged += 1
        UPDATES_RECEIVED.values[session.door,] += 1
        UPDATE_BYTES.observe(len(update))
        suspect = attachment.suspect
        clock = time.thread_time if suspect else time.perf_counter
        arrived = time.perf_counter()
        began = time.thread_time() if suspect else arrived
        try:
            under_way = attachment.live.apply(
                update,
                partial(done or self._edit_done, attachment, id, arrived),
                session=session,
                participant=session.author,
            )
        except BaseException:
            session.unacknowledged -= 1
            raise
        finally:
            took = clock() - began
            if took > COSTLY:
                attachment.suspect = True
                most = MAX_REST if suspect else FIRST_REST
                attachment.connection.hold(asyncio.sleep(min(most, REST * took)))
        if under_way is not None:
            attachment.connection.hold(asyncio.shield(under_way))
        if session.unacknowledged > MAX_UNACKNOWLEDGED:
            attachment.connection.hold(until_acknowledged(attachment))

    def _edit_done(
        self, attachment: Attachment, id: Any, arrived: float, result: int | CollabError, *, ask: bool = True
    ) -> None:
        attachment.session.unacknowledged -= 1
        if isinstance(result, CollabError):
            UPDATES_REFUSED.add(result.code)
            self._fail(attachment, result, id, ask=ask)
            return
        ACKED.observe(time.perf_counter() - arrived)
        if id is not None and attachment.attached:
            attachment.answer_saved(id, result)

    def _answer_done(self, attachment: Attachment, id: Any, arrived: float, result: int | CollabError) -> None:
        if isinstance(result, CollabError):
            attachment.session.unacknowledged -= 1
            UPDATES_REFUSED.add(result.code)
            self._answer_failed(attachment, result, id)
        else:
            self._edit_done(attachment, id, arrived, result)

    def _answer_failed(self, attachment: Attachment, error: CollabError, id: Any) -> None:
        # Who answered with something incomplete has nothing better, and would answer so for ever.
        self._fail(attachment, error, id, ask=False)
        if error.retryable and error.code != "missing_dependencies":
            # An answer is sent once; where it could not be taken for the moment, it is asked for again.
            asyncio.get_running_loop().call_later(error.retry_after or 1.0, attachment.ask_again)

    # -- people ---------------------------------------------------------------------------------

    def _on_awareness(self, attachment: Attachment, update: bytes, id: Any) -> None:
        if len(update) > MAX_AWARENESS_BYTES:
            raise CollabError("invalid_payload", "This awareness update is too large.")
        entries = decode_awareness(update)
        # What came before its step 1 was buffered while it was away; its own state follows the step 1.
        if not (attachment.repeats_others and attachment.session.state is State.SYNCING):
            attachment.live.people.announce(attachment.session, entries)
        self._done(attachment, id)

    def _on_presence(self, attachment: Attachment, state: Any, id: Any) -> None:
        attachment.live.people.show(attachment.session, load_presence(state))
        self._done(attachment, id)

    def _on_cursor(self, attachment: Attachment, cursor: Any, id: Any) -> None:
        people, session = attachment.live.people, attachment.session
        load_presence({**(people.presence.sessions[session.id].state or {}), "cursor": cursor})
        people.set_cursor(session, cursor)
        self._done(attachment, id)

    def _on_broadcast(self, attachment: Attachment, payload: Any, id: Any) -> None:
        event, data = load_broadcast(payload)
        attachment.live.people.broadcast(attachment.session, event, data)
        self._done(attachment, id)

    # -- streams --------------------------------------------------------------------------------

    def _on_publish(self, attachment: Attachment, payload: Any, id: Any) -> None:
        draft, session, live = load_publish(payload), attachment.session, attachment.live
        body = body_of(draft.event, draft.data, sender_of(session.identity, live.name))
        key = key_of(session.identity, draft.key)
        future = live.streams.publish(draft.stream, body, key=key, payer=session.payer)
        session.unacknowledged += 1
        future.add_done_callback(partial(self._published, attachment, id))
        if session.unacknowledged > MAX_UNACKNOWLEDGED:
            attachment.connection.hold(until_acknowledged(attachment))

    def _published(self, attachment: Attachment, id: Any, future: asyncio.Future[Published]) -> None:
        attachment.session.unacknowledged -= 1
        error = CollabError("storage_unavailable") if future.cancelled() else future.exception()
        if error is not None:
            self._fail(attachment, error if isinstance(error, CollabError) else CollabError("internal"), id)
        elif id is not None and attachment.attached:
            attachment.answer(id, {"durable": True, "offset": future.result().offset})

    def _on_subscribe(self, attachment: Attachment, payload: Any, id: Any) -> None:
        stream, after = load_subscribe(payload)
        # What comes behind it is read when it is done: whoever subscribes and unsubscribes has them in this order.
        self._in_turn(attachment, id, self._subscribe(attachment, stream, after, id))

    async def _subscribe(self, attachment: Attachment, stream: str, after: int | None, id: Any) -> None:
        found = await attachment.live.streams.subscribe(attachment.session, stream, after)
        if id is not None and attachment.attached:
            attachment.answer(id, subscribed_fields(stream, found))

    def _on_unsubscribe(self, attachment: Attachment, payload: Any, id: Any) -> None:
        attachment.live.streams.unsubscribe(attachment.session, load_unsubscribe(payload))
        self._done(attachment, id)

    def _done(self, attachment: Attachment, id: Any) -> None:
        if id is not None:
            attachment.answer(id, {})

    # -- what takes longer than a turn of the event loop ----------------------------------------

    def _on_operations(self, attachment: Attachment, payload: Any, id: Any) -> None:
        operations = payload if type(payload) is Unparsed else load_operations(payload)
        self._in_turn(attachment, id, self._operate(attachment, operations, id))

    async def _operate(self, attachment: Attachment, operations: list[Any] | Unparsed, id: Any) -> None:
        live, session = attachment.live, attachment.session
        compute, given = (edit_json, operations.json) if isinstance(operations, Unparsed) else (edit, operations)
        async with self._workers.turn(attachment.owner):
            update = await self._workers.run(compute, live.document.encode(), given, self._max_update_bytes)
        if not attachment.attached:
            return  # whoever was sent away meanwhile changes nothing any more
        session.require(EVENTS["operations"].role)
        session.unacknowledged += 1
        try:
            # From no session: whoever asked for it does not have it yet.
            live.apply(
                update,
                partial(self._edit_done, attachment, id, time.perf_counter()),
                session=None,
                participant=session.author,
                at_once=True,
                owner=session.payer,
            )
        except BaseException:
            session.unacknowledged -= 1
            raise

    def _on_content(self, attachment: Attachment, payload: Any, id: Any) -> None:
        path, format = load_content({} if payload is None else payload)
        self._in_turn(attachment, id, self._read_content(attachment, path, format, id))

    async def _read_content(self, attachment: Attachment, path: str | None, format: str, id: Any) -> None:
        live = attachment.live
        async with self._workers.turn(attachment.owner):
            state, position = live.document.encode(), live.journal.position
            content = await self._workers.run(render, state, path, format)
        if id is not None:
            attachment.answer(id, {"content": content, "position": position})

    def _in_turn(self, attachment: Attachment, id: Any, work: Coroutine[Any, Any, None]) -> None:
        """Run what takes a worker process; the connection is read on when it is done."""
        attachment.connection.hold(asyncio.shield(self._spawn(attachment, id, work)))

    def _on_authenticate(self, attachment: Attachment, payload: Any, id: Any) -> None:
        self._spawn(attachment, id, self._authenticate(attachment, load_authenticate(payload), id))

    async def _authenticate(self, attachment: Attachment, token: str, id: Any) -> None:
        session = attachment.session
        bind_contextvars(document=session.document, session=session.id[:6], participant=session.participant)
        entrance = Entrance(session.document, attachment.connection.address, session.door)
        identity = await self._authenticator.admit(token, None, entrance)
        if not attachment.attached:
            return
        role = identity.role_for(attachment.live.name)
        if role is None:
            raise CollabError("forbidden")
        if identity.id != session.identity.id:
            raise CollabError("forbidden", "This token belongs to somebody else.")
        session.assume(identity, role)
        if id is not None:
            attachment.answer(id, {"role": role.word, "expires_at": identity.expires_at})

    def _spawn(self, attachment: Attachment, id: Any, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        async def run() -> None:
            try:
                await work
            except CollabError as error:
                self._fail(attachment, error, id)
            except Exception:
                _log.exception("event failed", document=attachment.live.name)
                self._fail(attachment, CollabError("internal"), id)

        task = asyncio.get_running_loop().create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _one_binary(args: list[Any]) -> bytes:
    if len(args) != 1 or not isinstance(args[0], bytes):
        raise CollabError("invalid_payload", "One binary argument is needed.")
    return args[0]


def _one_json(args: list[Any], optional: bool) -> Any:
    if len(args) == 1:
        return args[0]
    if optional and not args:
        return None
    raise CollabError("invalid_payload", "One argument is needed.")
