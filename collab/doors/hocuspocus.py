"""The door of the Hocuspocus protocol: ``/hocuspocus``, any number of documents on a connection.

A provider sends a token, its step 1 and its awareness at once, before anybody has let it in: what comes for a
document while its session is on its way waits, within bounds. Version 2 without a token begins with step 1.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

import orjson
from aiohttp import web

from collab.doors.admission import Knock
from collab.doors.connection import Connection
from collab.doors.door import Wire
from collab.doors.websocket.message_socket import MessageDoor
from collab.doors.websocket.sync import SyncAttachment, SyncEncoder
from collab.doors.websocket.writer import Frames
from collab.errors import CollabError
from collab.hub.limits import Budget
from collab.metrics import outgoing_of
from collab.protocol import hocuspocus as protocol
from collab.protocol.hocuspocus import Kind, Message
from collab.protocol.schemas import MAX_BROADCAST_BYTES
from collab.protocol.ywebsocket import NO_NEWS, STEP_2, write_sync
from collab.types import Identity, Role

NAME = "hocuspocus"
#: messages, and their bytes, of one connection that may wait for sessions that are on their way in
MAX_EARLY = 64
MAX_EARLY_BYTES = 256 * 1024
#: addresses of one connection whose messages are dropped because nobody is behind them any more
MAX_RELEASED = 1000

_CONTROL = outgoing_of(NAME)["control"]
#: what an answer refers to, beside the numbers of :class:`HocuspocusAttachment`
_TOKEN, _REPLY = "token", "reply"


def read_stateless(text: str) -> dict[str, Any]:
    """The broadcast in a stateless message: JSON with an event and data, or any other text as it is."""
    value = None
    if text[:1] == "{" and len(text) <= 4 * MAX_BROADCAST_BYTES:
        with suppress(orjson.JSONDecodeError):
            value = orjson.loads(text)
    if isinstance(value, dict) and isinstance(value.get("event"), str):
        return {"event": value["event"], "data": value.get("data")}
    return {"event": "stateless", "data": text}


def scope_of(role: Role) -> str:
    """What providers call a role."""
    return protocol.READ_WRITE if role >= Role.EDITOR else protocol.READ_ONLY


class HocuspocusEncoder(SyncEncoder):
    """Writes what a document says to one address."""

    door = NAME

    def broadcast(self, event: str, data: Any, sender: str | None) -> Frames:
        """A stateless message; text that was no broadcast of ours goes out as it came in."""
        text = data if event == "stateless" and isinstance(data, str) else None
        if text is None or read_stateless(text)["data"] is not text:
            text = orjson.dumps({"event": event, "data": data, "from": sender}).decode()
        return self.frames(protocol.write_stateless(text), "notice" if sender is None else "broadcast")

    def notice(self, notice: dict[str, Any]) -> Frames:
        """A stateless message from nobody, behind what the provider itself acts on."""
        frames = [self.broadcast("notice", notice, None)]
        if notice["code"] == "token_expired" and "retry_after" in notice:
            frames.insert(0, self.frames(protocol.ASK_TOKEN, "notice"))
        elif "role" in notice:
            scope = scope_of(Role.parse(notice["role"]))
            frames.insert(0, self.frames(protocol.write_authenticated(scope), "notice"))
        return Frames.series(frames)


class HocuspocusAttachment(SyncAttachment):
    """One provider's session.

    A provider counts what is not saved: its step 1 as one, each update as one more, each status message as one less.
    So every step 1 begins a round, in which the answer to ours stands for the one; what belongs to an earlier round
    is not counted any more.

    Attributes:
        round: how many step 1 there were.
        owed: statuses that the next answer to our step 1 stands for.
    """

    __slots__ = ("owed", "round")

    def __init__(self, connection: Connection[Any], key: str, encoder: HocuspocusEncoder) -> None:
        super().__init__(connection, key, encoder)
        self.round = 0
        self.owed = 0

    def answer(self, id: Any, fields: dict[str, Any]) -> None:
        """See :class:`Attachment`."""
        self.say(protocol.write_authenticated(scope_of(self.session.role)))

    def answer_saved(self, id: tuple[int, int], position: int) -> None:
        """See :class:`Attachment`."""
        self._count_off(id, saved=True)

    def answer_step_1(self, id: Any, missing: bytes) -> None:
        """See :class:`Attachment`."""
        if id == _REPLY:
            self.say(write_sync(STEP_2, missing))
            return
        self.round += 1
        self.owed = 1
        super().answer_step_1(id, missing)

    def answer_refused(self, id: Any, error: CollabError) -> None:
        """See :class:`Attachment`."""
        if id == _TOKEN:
            self.say(protocol.write_denied(error.code))
        elif id != _REPLY:
            self._refuse(id, error)

    def _refuse(self, id: tuple[int, int], error: CollabError) -> None:
        round, count = id
        again = error.retryable or error.code == "update_too_large"
        if again and round == self.round:
            self.owed += count  # the next answer to our step 1 brings it once more
            if error.code != "missing_dependencies":  # for which it is asked anyway
                asyncio.get_running_loop().call_later(error.retry_after or 0.0, self.ask_again)
        else:
            self._count_off(id, saved=False)
        if error.code != "missing_dependencies":
            self.session.notify(error)

    def _count_off(self, id: tuple[int, int], *, saved: bool) -> None:
        round, count = id
        if round == self.round:
            for _ in range(count):
                self.say(protocol.write_sync_status(saved))


class HocuspocusConnection(Connection[HocuspocusAttachment]):
    """One WebSocket of providers.

    Attributes:
        entries: address -> what lets a session in.
        early: address -> messages that came before the session was in.
        released: addresses whose session was refused or sent away; what is still on its way from there is no fault.
    """

    __slots__ = ("early", "entries", "released")

    def __init__(self, wire: Wire, address: str, budget: Budget) -> None:
        super().__init__(wire, address, budget)
        self.entries: dict[str, asyncio.Task[None]] = {}
        self.early: dict[str, list[tuple[Message, int]]] = {}
        self.released: set[str] = set()

    def release(self, address: str) -> None:
        """Drop what still comes from ``address``, until it presents a token again."""
        self.early.pop(address, None)
        if len(self.released) >= MAX_RELEASED:
            self.released.clear()
        self.released.add(address)


class HocuspocusDoor(MessageDoor[HocuspocusConnection]):
    """Providers of the npm package @hocuspocus/provider."""

    path = "/hocuspocus"
    name = NAME
    connection_type = HocuspocusConnection

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._encoders: WeakValueDictionary[str, HocuspocusEncoder] = WeakValueDictionary()

    async def begin(self, connection: HocuspocusConnection, request: web.Request) -> None:
        """Nobody is known yet."""
        if connection.refused is not None:
            connection.wire.expel(connection.refused)

    def feed(self, connection: HocuspocusConnection) -> bytes:
        """See :class:`MessageDoor`: one provider that hears something is enough."""
        for attachment in connection.attachments.values():
            return attachment.encoder.address + NO_NEWS
        return b""

    def take(self, connection: HocuspocusConnection, data: bytes) -> None:
        """See :class:`MessageDoor`."""
        if data in (protocol.PING, protocol.PONG):
            connection.spend("requests", len(data))
            if data == protocol.PING:
                connection.say(Frames("", protocol.PONG, _CONTROL))
            return
        message = protocol.read_message(data)
        attachment = connection.attachments.get(message.address)
        if attachment is not None:
            self._handle(attachment, message, len(data))
        else:
            self._take_early(connection, message, len(data))

    # -- before somebody is in ------------------------------------------------------------------

    def _take_early(self, connection: HocuspocusConnection, message: Message, size: int) -> None:
        address, kind = message.address, message.kind
        entering = address in connection.entries
        begins = kind is Kind.TOKEN or (kind is Kind.STEP_1 and (entering or address not in connection.released))
        connection.spend("requests" if begins else "updates", size)
        document = protocol.document_of(address)
        if begins:
            connection.released.discard(address)
        if kind is Kind.CLOSE:
            connection.release(address) if entering else connection.early.pop(address, None)
        elif kind is not Kind.TOKEN and address not in connection.released:
            self._keep(connection, message, size)
        if begins and not entering and not connection.wire.closed:
            connection.entering.add(address)
            knock = Knock(document, NAME, message.text or None)
            connection.entries[address] = self.spawn(self._enter(connection, address, knock))

    def _keep(self, connection: HocuspocusConnection, message: Message, size: int) -> None:
        """Let a message wait for its session, and, where many do, those that come next for the session, too."""
        connection.early.setdefault(message.address, []).append((message, size))
        kept = [size for messages in connection.early.values() for _, size in messages]
        if len(kept) > MAX_EARLY or sum(kept) > MAX_EARLY_BYTES:
            if connection.entries:
                connection.hold(asyncio.wait(list(connection.entries.values())))
            else:
                connection.wire.expel(CollabError("rate_limited"))

    async def _enter(self, connection: HocuspocusConnection, address: str, knock: Knock) -> None:
        make, refuse = partial(self._attachment, connection, address), partial(self._refuse, connection, address)
        attachment = await self.admission.enter(connection, address, knock, make, refuse)
        del connection.entries[address]
        if attachment is None or address in connection.released:  # refused, or closed meanwhile
            connection.early.pop(address, None)
            if attachment is not None:
                self.admission.detach(attachment)
            return
        attachment.say(protocol.write_authenticated(scope_of(attachment.session.role)))
        attachment.live.greet(attachment.session)
        if connection.wire.clogged:
            connection.hold_until_drained()
        for message, size in connection.early.pop(address, ()):
            if attachment.attached:
                self._handle(attachment, message, size)

    def _attachment(
        self, connection: HocuspocusConnection, address: str, identity: Identity, role: Role
    ) -> HocuspocusAttachment:
        encoder = self._encoders.get(address)
        if encoder is None:
            encoder = self._encoders[address] = HocuspocusEncoder(protocol.write_address(address))
        attachment = HocuspocusAttachment(connection, address, encoder)
        return attachment.begin(identity, role, NAME, partial(self._dismiss, attachment))

    def _refuse(self, connection: HocuspocusConnection, address: str, error: CollabError) -> None:
        """Tell a provider why; one that is alone, and may come back, does so by itself if its connection ends."""
        connection.release(address)
        if error.retryable and not connection.attachments and len(connection.entering) < 2:
            connection.wire.expel(error)
        else:
            denied = protocol.write_address(address) + protocol.write_denied(error.code)
            connection.say(Frames("", denied, _CONTROL))

    # -- afterwards -----------------------------------------------------------------------------

    def _handle(self, attachment: HocuspocusAttachment, message: Message, size: int) -> None:
        kind, payload, take = message.kind, message.payload, self.intake.take
        if kind is Kind.UPDATE:
            take(attachment, "sync-update", [payload], (attachment.round, 1), size)
        elif kind is Kind.AWARENESS:
            take(attachment, "awareness-update", [payload], None, size)
        elif kind is Kind.STEP_1:
            take(attachment, "sync-step-1", [payload], None, size)
        elif kind is Kind.STEP_1_REPLY:
            take(attachment, "sync-step-1", [payload], _REPLY, size)
        elif kind is Kind.STEP_2:
            attachment.asked = False
            id = (attachment.round, attachment.owed)
            attachment.owed = 0
            self.intake.take_step_1_answer(attachment, [payload], size, id)
        elif kind is Kind.STATELESS:
            take(attachment, "broadcast", [read_stateless(message.text)], None, size)
        elif kind is Kind.TOKEN:
            take(attachment, "authenticate", [{"token": message.text}], _TOKEN, size)
        elif kind is Kind.QUERY_AWARENESS:
            self.intake.take_awareness_query(attachment, size)
        else:
            attachment.connection.spend("requests", size, attachment.session)
            if kind is Kind.CLOSE:
                self.admission.detach(attachment)
            else:
                attachment.connection.count_fault(CollabError("unknown_event"))

    def _dismiss(self, attachment: HocuspocusAttachment, error: CollabError) -> None:
        """Send a provider away: versions 2 and 3 heed the one message, 3 and 4 the other."""
        connection = attachment.connection
        attachment.say(protocol.write_denied(error.code))
        attachment.say(protocol.write_close(error.code))
        connection.release(attachment.key)  # type: ignore[attr-defined]
        self.admission.detach(attachment)
