"""A session: one live document, kept in sync with the server through every interruption."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, Unpack

import pycrdt

from collab.client.errands import Errands
from collab.client.following import Following
from collab.client.following import Stream as EventStream
from collab.client.links import Dialer, Link, dialer_of
from collab.client.options import Backoff, Options, TokenSource
from collab.client.outbox import Outbox
from collab.client.presence import Presence
from collab.client.refusals import Refusals, RefusedEdit
from collab.client.replica import Change, Replica, remote_only
from collab.client.sender import MAX_UPDATE_BYTES, Sender
from collab.client.signals import Changes, Stream
from collab.client.socketio import Dismissed, Event, error_from
from collab.client.status import MOVES, Status
from collab.client.token_source import auth_of, current_token
from collab.client.unreachable import Disconnected, Opening
from collab.errors import CollabError
from collab.protocol.codec import EMPTY_UPDATE
from collab.protocol.disguise import undisguise
from collab.types import check_document_name

#: presence goes out at most so often, at display rate
PRESENCE_INTERVAL = 0.03
_log = logging.getLogger("collab.client")


class Session:
    """One document, live. Made by :func:`connect`; an asynchronous context manager.

    Attributes:
        doc: the ``pycrdt.Doc``; edit it at any time, online or not, on the thread of the event loop.
        document: its name.
        presence: who is here, and what this session shows.
        info: what the server said about this session (``role``, ``user``, ``limits``, ...).
        error: why the session was closed, if not by its owner.
    """

    def __init__(
        self,
        document: str,
        dialer: Dialer,
        doc: pycrdt.Doc[Any] | None = None,
        *,
        token: TokenSource = None,
        user: Mapping[str, Any] | None = None,
        open_timeout: float | None = 30.0,
        patient: bool = True,
        close_timeout: float = 5.0,
        backoff: Backoff | None = None,
    ) -> None:
        self.document = check_document_name(document)
        self.doc: pycrdt.Doc[Any] = doc if doc is not None else pycrdt.Doc()
        self.presence = Presence(self._presence_changed)
        self.info: dict[str, Any] = {}
        self.error: Exception | None = None
        self._dialer = dialer
        self._token = token
        self._user = user
        self._open_timeout = open_timeout
        self._patient = patient
        self._close_timeout = close_timeout
        self._backoff = backoff or Backoff()

        self._status = Status.CONNECTING
        self._changes = Changes()
        self._notices: Stream[dict[str, Any]] = Stream()
        self._last_failure: Exception | None = None
        self._task: asyncio.Task[None] | None = None
        self._errands = Errands(self.document)

        self._outbox = Outbox()
        self._refusals = Refusals(lambda deletion: self._replica.take_back(deletion))
        run = self._errands.run
        self._following = Following(run, self._backoff)
        self._sender = Sender(self.document, self._outbox, self._changes, self._backoff, run, self._refusals)
        self._replica = Replica(self.document, self.doc, self._sender, self._changes, run)

        self._link: Link | None = None
        self._presence_timer: asyncio.TimerHandle | None = None
        self._next_presence = 0.0

    # -- what its owner sees ----------------------------------------------------------------------------

    @property
    def status(self) -> Status:
        """Where the session is in its life."""
        return self._status

    @property
    def unsaved(self) -> int:
        """How many local edits are not known to be durable on the server; 0: everything is saved."""
        return self._outbox.unsaved

    @property
    def role(self) -> str | None:
        """``viewer``, ``commenter``, ``editor`` or ``admin``; None before the first connection."""
        return self.info.get("role")

    @property
    def transport(self) -> str | None:
        """By what the session is connected (``websocket``, ``polling``, ``process``); None while it is not."""
        return self._link.kind if self._link is not None else None

    @property
    def progress(self) -> tuple[int, int] | None:
        """While something large is being saved in parts: how many of its bytes are durable, and of how many."""
        return self._sender.progress

    @property
    def refused(self) -> list[RefusedEdit]:
        """Edits that the server would not have, in order; they are not in the document any more."""
        return list(self._refusals.edits)

    async def saved(self, timeout: float | None = None) -> None:
        """Return once every edit made so far is durable on the server; offline, that is later.

        Raises:
            CollabError: the server would not have one of them (``document_too_large``, ...), which is told once:
                it is in :attr:`refused`, all others are saved as ever. Or it takes none now (``read_only``).
            ConnectionError: the session is closed, or was closed first.
            TimeoutError: ``timeout`` seconds were not enough.
        """
        if self._status is Status.CLOSED:
            # What was written since then nobody has counted.
            raise self.error or ConnectionError("the session is closed")
        target = self._outbox.made

        def durable() -> bool:
            refusal = self._refusals.tell()
            if refusal is not None:
                raise refusal
            if self._outbox.made - self.unsaved >= target:
                return True
            if self._sender.blocked is not None:
                raise self._sender.blocked
            if self._status is Status.CLOSED:
                raise self.error or ConnectionError("the session was closed before everything was saved")
            return False

        self._sender.send()
        async with asyncio.timeout(timeout):
            await self._changes.until(durable)

    async def reached(self, *statuses: Status, timeout: float | None = None) -> Status:
        """Wait until the status is one of ``statuses``; returns it.

        Raises:
            CollabError, ConnectionError: the session was closed, and nobody waits for that.
            TimeoutError: ``timeout`` seconds were not enough.
        """
        async with asyncio.timeout(timeout):
            await self._changes.until(lambda: self._is_in(*statuses))
        return self._status

    def _is_in(self, *statuses: Status) -> bool:
        if self._status is Status.CLOSED and Status.CLOSED not in statuses:
            raise self.error or ConnectionError("the session is closed")
        return self._status in statuses

    async def until(self, condition: Callable[[], bool], timeout: float | None = None) -> None:
        """Wait until ``condition`` holds; it is looked at whenever something here has changed.

        Document, presence, status and confirmations count; for example
        ``await session.until(lambda: len(session.presence.others) == 2)``.

        Raises:
            TimeoutError: ``timeout`` seconds were not enough.
        """
        async with asyncio.timeout(timeout):
            await self._changes.until(condition)

    def changes(self, *, local: bool = False) -> AsyncIterator[Change]:
        """Changes of the document from now on, by others; with ``local`` also those made here.

        Whoever reads them slowly gets several as one. The iteration ends with the session.
        """
        items = self._replica.heard.listen()
        return items if local else remote_only(items)

    def notices(self) -> AsyncIterator[dict[str, Any]]:
        """What the server wants its user to know, from now on: ``{code, message, retryable, ...}``."""
        return self._notices.listen()

    def stream(self, name: str) -> EventStream:
        """A stream of the document, ``[a-z0-9-]{1,40}``: to publish events into, and to iterate over."""
        return self._following.stream(name)

    async def close(self) -> None:
        """Save what can be saved within a few seconds, leave, stop. The document remains usable."""
        if self._status is Status.LIVE and self.unsaved and self._sender.blocked is None:
            self._refusals.tell()
            with suppress(TimeoutError, CollabError, ConnectionError):
                await self.saved(self._close_timeout)
        if self.unsaved:
            _log.warning("closing %r with %d unsaved edits", self.document, self.unsaved)
        await self._stop(None)

    async def open(self) -> Self:
        """Open it; returns once it is live. For where no ``async with`` fits, as in a notebook; :meth:`close` ends it.

        Raises as entering does.
        """
        self._start()
        opening = Opening(self.document, self._dialer.place, self._changes.tell, patient=self._patient)

        def opened() -> bool:
            if self._status is Status.OFFLINE:  # not while something is under way
                opening.judge(self._last_failure)
            return self._is_in(Status.LIVE)

        try:
            async with asyncio.timeout(self._open_timeout):
                await self._changes.until(opened)
        except TimeoutError:
            await self._stop(None)
            raise opening.failed(self._last_failure) from self._last_failure
        except BaseException:
            await self._stop(None)
            raise
        finally:
            opening.end()
        return self

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # -- life ---------------------------------------------------------------------------------------------

    def _start(self) -> None:
        if self._task is not None:
            raise RuntimeError("a session is opened once")
        self._replica.open()
        self._task = asyncio.create_task(self._live(), name=f"collab session {self.document}")

    async def _stop(self, error: Exception | None) -> None:
        task, self._task = self._task, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            await asyncio.wait([task])
        self._finish(error)

    def _finish(self, error: Exception | None) -> None:
        if self._status is Status.CLOSED:
            return
        self.error = error
        self._replica.close()
        self._following.end(error)
        self._errands.cancel()
        self._move(Status.CLOSED)
        self._replica.heard.end(error)
        self._notices.end()

    def _move(self, status: Status) -> None:
        if status not in MOVES[self._status]:
            raise RuntimeError(f"a session cannot go from {self._status.value} to {status.value}")
        self._status = status
        self._changes.tell()

    async def _live(self) -> None:
        """Connect, and connect again, until the server says for good that it will not have us."""
        attempt = 0
        try:
            while True:
                failure, was_live = await self._one_connection()
                self._last_failure = failure
                failure = self._replica.given_up or failure
                if isinstance(failure, CollabError) and (self._replica.given_up or not self._may_return(failure)):
                    self._finish(failure)
                    return
                attempt = 0 if was_live else attempt + 1
                self._move(Status.OFFLINE)
                retry_after = getattr(failure, "retry_after", None)
                await asyncio.sleep(self._backoff.delay(attempt, retry_after))
                self._move(Status.CONNECTING)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            _log.exception("the session of %r failed", self.document)
            self._finish(error)

    def _may_return(self, refusal: CollabError) -> bool:
        if refusal.code == "token_expired":
            return callable(self._token)
        return refusal.retryable

    async def _one_connection(self) -> tuple[Exception, bool]:
        """Connect once and stay as long as it lasts; returns why it ended, and whether it ever was live."""
        last_notice: CollabError | None = None
        link: Link | None = None
        politely = True
        try:
            link = await self._dialer.dial(self.document, await auth_of(self._token, self._user))
            while True:
                event = await link.receive()
                if event.name == "notice" and event.args and isinstance(event.args[0], dict):
                    last_notice = error_from(event.args[0])
                self._hear(link, event)
        except Dismissed:
            politely = False
            failure: Exception = last_notice or Disconnected("the server ended the session")
        except (CollabError, Disconnected) as error:
            failure = error
        finally:
            was_live = self._status is Status.LIVE
            self._part()
            if link is not None:
                await link.close(politely=politely)
        if isinstance(failure, Disconnected) and last_notice is not None and failure.retry_after is None:
            failure.retry_after = last_notice.retry_after if last_notice.code == "draining" else None
        return failure, was_live

    def _part(self) -> None:
        """The connection has ended; what it had not confirmed is to be sent again."""
        self._link = None
        self._following.part()
        self._sender.part()
        if self._presence_timer is not None:
            self._presence_timer.cancel()
            self._presence_timer = None
        self.presence._end()

    # -- what the server says -------------------------------------------------------------------------------

    def _hear(self, link: Link, event: Event) -> None:
        payload = event.args[0] if event.args else None
        if event.name == "sync-update" and isinstance(payload, bytes):
            self._replica.take_in(link, payload)
        elif event.name == "session" and isinstance(payload, dict):
            self._begin(link, payload)
        elif event.name == "presence" and isinstance(payload, dict):
            self.presence._update(payload)
            self._changes.tell()
        elif event.name == "sync-step-1" and isinstance(payload, bytes):
            self._answer_step_1(link, event)
        elif event.name == "stream" and isinstance(payload, dict):
            self._following.hear(payload)
        elif event.name == "notice" and isinstance(payload, dict):
            self._notice(link, payload)

    def _begin(self, link: Link, info: dict[str, Any]) -> None:
        if self._status is not Status.CONNECTING:
            raise Disconnected("the server began a session twice")
        self.info = info
        limit = (info.get("limits") or {}).get("max_update_bytes")
        self._link = link
        self._sender.begin(link, limit if isinstance(limit, int) else MAX_UPDATE_BYTES)
        self.presence._begin(str(info.get("session", "")))
        self._move(Status.SYNCING)
        if self.presence.state != {}:
            self._presence_changed()
        self._errands.run(self._synchronise(link))
        self._following.begin(link)

    async def _synchronise(self, link: Link) -> None:
        """Get what this side lacks; the server asks for what it lacks by itself."""
        missing = await link.call("sync-step-1", self.doc.get_state())
        if not isinstance(missing, bytes):
            error = error_from(missing.get("error") or {}) if isinstance(missing, dict) else None
            _log.warning("%r cannot be synchronised: %s", self.document, error)
            await link.drop()
            return
        await self._replica.follow(link, missing)
        await self._changes.until(lambda: self._sender.supplied or self._link is not link)
        if self._link is link:
            self._move(Status.LIVE)
            self._sender.send()

    def _answer_step_1(self, link: Link, event: Event) -> None:
        """Send what the server lacks, as an edit of its own."""
        if event.id is not None:
            link.answer(event.id, EMPTY_UPDATE)
        missing = undisguise(self.doc.get_update(event.args[0]))
        self._sender.supply(link, missing if self.role not in ("viewer", "commenter") else EMPTY_UPDATE)

    def _notice(self, link: Link, notice: dict[str, Any]) -> None:
        self._notices.put(notice)
        code = notice.get("code")
        if code == "token_expired" and callable(self._token):
            self._errands.run(self._renew_token(link))
        elif code == "storage_unavailable" and notice.get("resolved"):
            self._sender.resume()

    async def _renew_token(self, link: Link) -> None:
        token = await current_token(self._token)
        if token is None:
            return
        answer = await link.call("authenticate", {"token": token})
        if not isinstance(answer, dict) or not answer.get("ok"):
            _log.warning("the server does not take the new token for %r", self.document)
            return
        self.info |= {"role": answer.get("role"), "expires_at": answer.get("expires_at")}
        self._sender.unblock()

    # -- presence ---------------------------------------------------------------------------------------------

    def _presence_changed(self) -> None:
        self._changes.tell()
        if self._presence_timer is None and self._link is not None:
            loop = asyncio.get_running_loop()
            self._presence_timer = loop.call_at(max(self._next_presence, loop.time()), self._send_presence)

    def _send_presence(self) -> None:
        self._presence_timer = None
        if self._link is not None:
            self._next_presence = asyncio.get_running_loop().time() + PRESENCE_INTERVAL
            self._link.emit("presence", self.presence.state)


def connect(url: str, document: str, *, doc: pycrdt.Doc[Any] | None = None, **options: Unpack[Options]) -> Session:
    """A session for one document, to be entered with ``async with``: it is live inside.

    Args:
        url: of the server, ``http://127.0.0.1:8080``.
        document: the document's name.
        doc: a document to go on with, whose content is saved too; an empty one by default.
        options: see :class:`Options`.

    Raises:
        CollabError: ``invalid_document``; on entering: the server refuses (``unauthorized``, ...).
        Unreachable: on entering: no server is reached. It is a ConnectionError and says why (``reason``).
    """
    return Session(
        document,
        dialer_of(url, options),
        doc,
        token=options.get("token"),
        user=options.get("user"),
        open_timeout=options.get("open_timeout", 30.0),
        patient="open_timeout" in options,
        close_timeout=options.get("close_timeout", 5.0),
        backoff=options.get("backoff"),
    )
