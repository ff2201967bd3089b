"""The door for the program that runs the server: the client's handle, without a network in between.

    async with app["hub"].open("notes") as session:
        session.doc.get("body", type=Text).insert(0, "hello ")
        await session.saved()

The session is the Python client's own; only its link is another. Its document is a replica: the hub's is
never handed out. What crosses between them is bytes, so that neither side can change what the other holds,
and it crosses in the next turn of the event loop, so that no observer of the program's runs inside the hub.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

import orjson
import pycrdt
from aiohttp import web

from collab._version import __version__
from collab.auth.base import clean_color, clean_name
from collab.client.links import Link
from collab.client.session import Session as Handle
from collab.client.socketio import Dismissed, Event
from collab.client.unreachable import Disconnected
from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.hub.live_document import LiveDocument
from collab.hub.outlets import Lane
from collab.hub.session import Session
from collab.hub.stream_feed import subscribed_fields
from collab.metrics import ACKED, UPDATE_BYTES, UPDATES_RECEIVED, UPDATES_REFUSED, outgoing_of
from collab.protocol.events import EVENTS
from collab.protocol.schemas import load_presence, load_publish, load_subscribe, load_unsubscribe
from collab.protocol.stream_events import body_of, key_of, sender_of
from collab.protocol.user_fields import check_fields
from collab.stores.streams import Published
from collab.types import Identity, Role

DOOR = "in-process"
_CONTROL = outgoing_of(DOOR)["control"]
#: what is counted as what
_KINDS = outgoing_of(DOOR)
_KINDS_BY_EVENT = {**_KINDS, "sync-update": _KINDS["update"], "sync-step-1": _KINDS["step-1"]}
#: bytes that wait for a program which does not let its event loop run, after which it counts as slow
SEND_BUFFER = 4 * 2**20


@dataclass(frozen=True, slots=True)
class _News:
    """One event on its way to the program; ``payload`` is a Yjs update, a state vector, or JSON."""

    name: str
    payload: bytes
    json: bool = True
    id: int | None = None

    def as_event(self) -> Event:
        return Event(self.name, [orjson.loads(self.payload) if self.json else self.payload], self.id)


class _Encoder:
    """Writes what a document says as news; the same for all documents."""

    door = DOOR

    def update(self, update: bytes) -> _News:
        return _News("sync-update", update, json=False)

    def updates(self, updates: Sequence[bytes]) -> list[_News]:
        return [self.update(update) for update in updates]

    def awareness(self, update: bytes) -> None:
        """Sessions of this door have JSON presence."""

    def presence(self, change: dict[str, Any]) -> _News:
        return _News("presence", orjson.dumps(change))

    def broadcast(self, event: str, data: Any, sender: str) -> _News:
        return _News("broadcast", orjson.dumps({"event": event, "data": data, "from": sender}))

    def stream(self, json: bytes, offset: int) -> _News:
        return _News("stream", json)

    def inbox(self, json: bytes) -> None:
        """The program that runs the server has none."""

    def notice(self, notice: dict[str, Any]) -> _News:
        return _News("notice", orjson.dumps(notice))

    def lane(self) -> Lane:
        return Lane()


_ENCODER = _Encoder()


class InProcessLink:
    """Between a handle and the hub: a link for the one, a pipe for the other.

    Args:
        live: the document, which the link joins at once.

    Raises:
        CollabError: ``document_full``, ``document_deleted``.
    """

    kind = "process"
    transport = DOOR

    def __init__(self, live: LiveDocument, identity: Identity, role: Role) -> None:
        self._live = live
        self._news: deque[_News] = deque()
        self._waiting_bytes = 0
        self._end: Exception | None = None
        self._wake = asyncio.Event()
        self._calls: set[asyncio.Future[Any]] = set()
        self._queue: deque[tuple[str, Any, asyncio.Future[Any]]] = deque()
        self._under_way: asyncio.Task[None] | None = None
        self._events: dict[str, Callable[[Any, asyncio.Future[Any]], None]] = {
            "sync-step-1": self._on_step_1,
            "sync-update": self._on_update,
            "presence": self._on_presence,
            "publish": self._on_publish,
            "subscribe": self._on_subscribe,
            "unsubscribe": self._on_unsubscribe,
        }
        self._session = Session(
            identity,
            role,
            _ENCODER,
            self,
            door=DOOR,
            json_presence=True,
            max_client_ids=0,
            request_sync=self._ask_step_1,
            on_dismiss=self._dismiss,
        )
        live.join(self._session)
        self.write(_News("session", orjson.dumps(self._description())))
        live.greet(self._session)
        self._ask_step_1(live.document.state_vector())

    def _description(self) -> dict[str, Any]:
        session, limits = self._session, self._live.limits
        return {
            "document": self._live.name,
            "session": session.id,
            "client_id": session.client_id,
            "role": session.role.word,
            "user": session.identity.as_user(self._live.name),
            # No reader has to be held up between here and there: an update may be as large as its document.
            "limits": {
                "max_update_bytes": limits.max_document_bytes,
                "max_document_bytes": limits.max_document_bytes,
                "max_participants": limits.max_participants,
            },
            "expires_at": None,
            "server": {"name": "collab", "version": __version__},
        }

    # -- what the hub sees ----------------------------------------------------------------------

    def write(self, news: _News, /) -> bool:
        """Give the program something to hear; True where it hears too little."""
        if self._end is None:
            outgoing = _KINDS_BY_EVENT.get(news.name, _CONTROL)
            outgoing.messages += 1
            outgoing.bytes += len(news.payload)
            self._news.append(news)
            self._waiting_bytes += len(news.payload)
            self._wake.set()
        return self.clogged

    @property
    def clogged(self) -> bool:
        """Whether more waits than allowed."""
        return self._waiting_bytes > SEND_BUFFER

    @property
    def waiting_bytes(self) -> int:
        """Bytes that the program has not heard yet."""
        return self._waiting_bytes

    def cut(self) -> None:
        """Drop everything that waits; the handle comes back by itself."""
        self._news.clear()
        self._waiting_bytes = 0
        self._leave(Disconnected("the program did not listen"))

    def _ask_step_1(self, state_vector: bytes) -> None:
        self.write(_News("sync-step-1", state_vector, json=False, id=0))

    def _dismiss(self, error: CollabError) -> None:
        self._session.notify(error)
        self._leave(Dismissed())

    def _leave(self, end: Exception) -> None:
        self._live.leave(self._session)
        self._end = self._end or end
        self._wake.set()
        for call in list(self._calls):
            if not call.done():
                call.set_exception(Disconnected("the connection ended before the answer"))
                call.exception()  # whoever does not wait for it need not hear of it

    # -- what the handle sees -------------------------------------------------------------------

    async def receive(self) -> Event:
        """See :class:`Link`."""
        while not self._news:
            if self._end is not None:
                raise self._end
            self._wake.clear()
            await self._wake.wait()
        news = self._news.popleft()
        self._waiting_bytes -= len(news.payload)
        return news.as_event()

    def emit(self, event: str, *args: Any) -> None:
        """See :class:`Link`."""
        self.call(event, *args).add_done_callback(self._tell_refusal)

    def _tell_refusal(self, answer: asyncio.Future[Any]) -> None:
        if not answer.cancelled() and answer.exception() is None and not answer.result().get("ok"):
            self.write(_News("notice", orjson.dumps(answer.result()["error"])))

    def call(self, event: str, *args: Any) -> asyncio.Future[Any]:
        """See :class:`Link`."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._calls.add(answer)
        answer.add_done_callback(self._calls.discard)
        if self._end is not None:
            answer.set_exception(Disconnected("the connection has ended"))
            answer.exception()
            return answer
        self._queue.append((event, args[0], answer))
        self._serve()
        return answer

    def _serve(self, _applied: object = None) -> None:
        """Handle what was sent, in order; nothing overtakes an edit that is being applied in pieces."""
        while self._queue and (self._under_way is None or self._under_way.done()):
            event, payload, answer = self._queue.popleft()
            if answer.done():
                continue
            try:
                self._session.require(EVENTS[event].role)
                self._events[event](payload, answer)
            except CollabError as error:
                self._refuse(answer, error)

    def answer(self, id: int, *args: Any) -> None:
        """See :class:`Link`. Nobody waits for it: what the document lacks comes as an edit."""

    async def drop(self) -> None:
        """See :class:`Link`."""
        self._leave(Disconnected("the connection is made anew"))

    async def close(self, *, politely: bool = True) -> None:
        """See :class:`Link`."""
        self._leave(Disconnected("the session was closed"))

    # -- events ---------------------------------------------------------------------------------

    def _on_step_1(self, state_vector: bytes, answer: asyncio.Future[Any]) -> None:
        answer.set_result(self._live.answer_step_1(self._session, state_vector))

    def _on_update(self, update: bytes, answer: asyncio.Future[Any]) -> None:
        began = time.perf_counter()

        def done(result: int | CollabError) -> None:
            if not isinstance(result, CollabError):
                ACKED.observe(time.perf_counter() - began)
            if answer.done():
                return
            if isinstance(result, CollabError):
                self._refuse(answer, result)
            else:
                answer.set_result({"ok": True, "durable": True, "position": result})

        UPDATES_RECEIVED.values[(DOOR,)] += 1
        UPDATE_BYTES.observe(len(update))
        self._under_way = self._live.apply(update, done, session=self._session, participant=self._session.author)
        if self._under_way is not None:
            self._under_way.add_done_callback(self._serve)

    def _on_presence(self, state: Any, answer: asyncio.Future[Any]) -> None:
        self._live.people.show(self._session, load_presence(orjson.loads(orjson.dumps(state))))
        answer.set_result({"ok": True})

    def _on_publish(self, payload: Any, answer: asyncio.Future[Any]) -> None:
        draft, identity = load_publish(payload), self._session.identity
        body, key = body_of(draft.event, draft.data, sender_of(identity, self._live.name)), key_of(identity, draft.key)

        def done(future: asyncio.Future[Published]) -> None:
            error = CollabError("storage_unavailable") if future.cancelled() else future.exception()
            if answer.done():
                return
            if error is None:
                answer.set_result({"ok": True, "durable": True, "offset": future.result().offset})
            elif isinstance(error, CollabError):
                self._refuse(answer, error)
            else:
                answer.set_exception(error)

        self._live.streams.publish(draft.stream, body, key=key, payer=self._session.payer).add_done_callback(done)

    def _on_subscribe(self, payload: Any, answer: asyncio.Future[Any]) -> None:
        stream, after = load_subscribe(payload)
        task = self._under_way = asyncio.get_running_loop().create_task(self._subscribe(stream, after, answer))
        task.add_done_callback(self._serve)

    async def _subscribe(self, stream: str, after: int | None, answer: asyncio.Future[Any]) -> None:
        try:
            found = await self._live.streams.subscribe(self._session, stream, after)
        except CollabError as error:
            self._refuse(answer, error)
            return
        if not answer.done():
            answer.set_result({"ok": True, **orjson.loads(orjson.dumps(subscribed_fields(stream, found)))})

    def _on_unsubscribe(self, payload: Any, answer: asyncio.Future[Any]) -> None:
        self._live.streams.unsubscribe(self._session, load_unsubscribe(payload))
        answer.set_result({"ok": True})

    def _refuse(self, answer: asyncio.Future[Any], error: CollabError) -> None:
        UPDATES_REFUSED.add(error.code)
        answer.set_result({"ok": False, "error": error.as_dict()})
        if error.code == "missing_dependencies":
            self._ask_step_1(self._live.document.state_vector())


@dataclass(frozen=True, slots=True)
class _InProcessDialer:
    hub: Hub
    identity: Identity
    role: Role

    @property
    def place(self) -> str:
        """Here."""
        return "this process"

    async def dial(self, document: str, _auth: dict[str, Any]) -> Link:
        """Join the document; raises as :meth:`Hub.live`."""
        # Whoever is first in an application's start may come before the server.
        await self.hub.start()
        return InProcessLink(await self.hub.live(document), self.identity, self.role)


class InProcessDoor:
    """Opens documents for programs of this process.

    Args:
        hub: where the documents are.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._handles: WeakSet[Handle] = WeakSet()

    def open(
        self,
        document: str,
        *,
        doc: pycrdt.Doc[Any] | None = None,
        user: dict[str, Any] | None = None,
        role: str = "admin",
        open_timeout: float | None = 30.0,
        close_timeout: float = 5.0,
    ) -> Handle:
        """A session for one document, to be entered with ``async with`` on the hub's event loop.

        Args:
            document: the document's name.
            doc: a document to go on with, whose content is saved too; an empty one by default.
            user: how to be shown, ``{name?, color?, id?}`` and free fields such as ``avatar``
                (:mod:`collab.protocol.user_fields`); edits are logged under ``id``, else ``name``.
            role: ``viewer``, ``commenter``, ``editor`` or ``admin``. The program may do what it likes; this keeps it
                from writing where it acts for somebody who may not.
            open_timeout: seconds within which the session has to become live; None waits for good.
            close_timeout: seconds that leaving waits for unsaved edits.

        Returns:
            The same handle as :func:`collab.client.connect`.

        Raises:
            ValueError: an unknown role.
            CollabError: ``invalid_document``; ``invalid_payload`` (of ``user``); on entering: ``document_full``.
            ConnectionError: on entering: it did not become live in time.
        """
        given = user or {}
        name = clean_name(given.get("name"), "") or "Server"
        who = given.get("id")
        fields = check_fields({key: value for key, value in given.items() if key != "id"})
        identity = Identity(who, name, clean_color(given.get("color"), who or name), fields=fields)
        dialer = _InProcessDialer(self._hub, identity, Role.parse(role))
        handle = Handle(document, dialer, doc, open_timeout=open_timeout, close_timeout=close_timeout)
        self._handles.add(handle)
        return handle

    def add_routes(self, app: web.Application) -> None:
        """No door of the network."""

    async def drain(self, waves: int, pause: float) -> None:
        """Save what the programs have written, and end their sessions: they end with this process."""
        await self.close()

    async def close(self) -> None:
        """The same."""
        await asyncio.gather(*(handle.close() for handle in list(self._handles)))
