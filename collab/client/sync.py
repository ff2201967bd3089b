"""The blocking twin of the client, for scripts.

    from collab.client.sync import connect

    with connect("http://127.0.0.1:8080", "notes") as session:
        body = session.doc.get("body", type=Text)
        body += "hello"
        session.saved()

A thread of its own keeps the connection alive. It has its own replica of the document, because a
``pycrdt.Doc`` is not safe to share between threads; the two exchange updates. Edits of
``session.doc`` go out at once. What others do comes in when the script asks: at every use of
``session.doc`` and in every method that waits. So nothing changes under a running loop.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

import pycrdt

from collab.client import session as live
from collab.client.following import StreamEvent, StreamEvents
from collab.client.options import Options
from collab.client.presence import Participant
from collab.client.refusals import RefusedEdit
from collab.client.replica import Change
from collab.client.status import Status
from collab.errors import CollabError
from collab.protocol.codec import EMPTY_UPDATE
from collab.protocol.stream_events import check_stream_name

__all__ = ["Change", "Presence", "Session", "Status", "Stream", "StreamEvent", "connect"]

T = TypeVar("T")
#: the connection's thread says with it that there is nothing more to come
_END = None


class Presence:
    """Who is here, and what this session shows."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def set(self, state: dict[str, Any] | None) -> None:
        """Show ``state`` (a JSON object; None: nothing) to everybody, now and after every reconnect."""
        self._session._on_loop(lambda inner: inner.presence.set(state))

    @property
    def everybody(self) -> list[Participant]:
        """All sessions that are here, this one included; empty while offline."""
        return self._session._on_loop(lambda inner: inner.presence.everybody)

    @property
    def others(self) -> list[Participant]:
        """All sessions but this one."""
        return self._session._on_loop(lambda inner: inner.presence.others)


class Session:
    """One document, live. Made by :func:`connect`; a context manager; for the thread that entered it."""

    def __init__(self, doc: pycrdt.Doc[Any] | None, open_session: Callable[[pycrdt.Doc[Any]], live.Session]) -> None:
        self.presence = Presence(self)
        self._doc: pycrdt.Doc[Any] = doc if doc is not None else pycrdt.Doc()
        self._open_session = open_session
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="collab client", daemon=True)
        self._inner: live.Session | None = None
        self._forwarding: asyncio.Task[None] | None = None
        self._subscription: Any = None
        self._incoming: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._applying = False
        self._ended = False
        self._iterations: list[deque[Change]] = []

    # -- what the script sees -----------------------------------------------------------------------------

    @property
    def doc(self) -> pycrdt.Doc[Any]:
        """The document, with everything that has come in so far."""
        self.pull()
        return self._doc

    @property
    def status(self) -> Status:
        """Where the session is in its life."""
        return self._look(lambda inner: inner.status)

    @property
    def unsaved(self) -> int:
        """How many local edits are not known to be durable on the server; 0: everything is saved."""
        return self._look(lambda inner: inner.unsaved)

    @property
    def refused(self) -> list[RefusedEdit]:
        """Edits that the server would not have, in order; they are not in the document any more."""
        return self._look(lambda inner: inner.refused)

    @property
    def role(self) -> str | None:
        """``viewer``, ``commenter``, ``editor`` or ``admin``."""
        return self._look(lambda inner: inner.role)

    def saved(self, timeout: float | None = None) -> None:
        """Return once every edit made so far is durable on the server.

        Raises:
            CollabError, ConnectionError, TimeoutError: as the asynchronous twin.
        """
        self._wait(self._session.saved(timeout))
        self.pull()

    def pull(self) -> None:
        """Take in what has arrived; never waits."""
        while True:
            try:
                self._take(self._incoming.get_nowait())
            except queue.Empty:
                return

    def until(self, condition: Callable[[], bool], timeout: float | None = None) -> None:
        """Wait until ``condition`` holds; it is looked at after every change that comes in.

        Raises:
            TimeoutError: ``timeout`` seconds were not enough.
            CollabError, ConnectionError: the session has ended, and the condition does not hold.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        self.pull()
        while not condition():
            if self._ended:
                raise (self._inner and self._inner.error) or ConnectionError("the session has ended")
            # Presence and status change without an update: look again before long.
            left = 0.1 if deadline is None else min(0.1, deadline - time.monotonic())
            if left <= 0:
                raise TimeoutError
            self._await_update(left)

    def changes(self, timeout: float | None = None) -> Iterator[Change]:
        """Changes by others from now on; each is in the document when it is given out.

        The iteration ends with the session, or when nothing came for ``timeout`` seconds.
        """
        self.pull()
        mine: deque[Change] = deque()
        self._iterations.append(mine)
        return self._iterate(mine, timeout)

    def stream(self, name: str) -> Stream:
        """A stream of the document, ``[a-z0-9-]{1,40}``: to publish events into, and to iterate over."""
        return Stream(self, name)

    def close(self) -> None:
        """Save what can be saved within a few seconds, leave, stop. The document remains usable."""
        if not self._thread.is_alive():
            return
        try:
            if self._inner is not None:
                self._wait(self._leave(self._inner))
            self.pull()
        finally:
            self._shut_down()

    def open(self) -> Self:
        """Open it and return once it is live, where no ``with`` fits. Ends with :meth:`close`.

        Raises:
            CollabError, Unreachable: as entering.
        """
        self._thread.start()
        try:
            self._wait(self._open(self._doc.get_update()))
        except BaseException:
            self._shut_down()
            raise
        self._subscription = self._doc.observe(self._observed)
        self.pull()
        return self

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- on the script's thread ---------------------------------------------------------------------------

    @property
    def _session(self) -> live.Session:
        if self._inner is None or not self._thread.is_alive():
            raise ConnectionError("the session is not open")
        return self._inner

    def _wait(self, task: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(task, self._loop).result()

    def _on_loop(self, look: Callable[[live.Session], T]) -> T:
        inner = self._session

        async def there() -> T:
            return look(inner)

        return self._wait(there())

    def _look(self, look: Callable[[live.Session], T]) -> T:
        """As :meth:`_on_loop`; also once the session is closed, when nothing changes any more."""
        if self._inner is not None and not self._thread.is_alive():
            return look(self._inner)
        return self._on_loop(look)

    def _observed(self, event: Any) -> None:
        update: bytes = event.update
        if not self._applying and update != EMPTY_UPDATE and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._forward, update)

    def _take(self, update: bytes | None) -> None:
        if update is _END:
            self._ended = True
            return
        self._applying = True
        try:
            self._doc.apply_update(update)
        finally:
            self._applying = False
        for iteration in self._iterations:
            iteration.append(Change(update, remote=True))

    def _await_update(self, timeout: float | None) -> bool:
        try:
            self._take(self._incoming.get(timeout=timeout))
        except queue.Empty:
            return False
        return True

    def _iterate(self, mine: deque[Change], timeout: float | None) -> Iterator[Change]:
        try:
            while True:
                while mine:
                    yield mine.popleft()
                self.pull()
                if not mine and (self._ended or not self._await_update(timeout)):
                    return
        finally:
            self._iterations.remove(mine)

    def _shut_down(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        if self._subscription is not None:
            self._doc.unobserve(self._subscription)
            self._subscription = None

    # -- on the connection's thread -----------------------------------------------------------------------

    async def _open(self, state: bytes) -> None:
        replica: pycrdt.Doc[Any] = pycrdt.Doc()
        if state != EMPTY_UPDATE:
            replica.apply_update(state)
        inner = self._open_session(replica)
        changes = inner.changes()
        await inner.__aenter__()
        self._inner = inner
        self._incoming.put(replica.get_update())
        self._forwarding = asyncio.create_task(self._hand_over(changes))

    async def _hand_over(self, changes: AsyncIterator[Change]) -> None:
        with suppress(CollabError, ConnectionError):  # the session keeps it as its `error`
            async for change in changes:
                self._incoming.put(change.update)
        self._incoming.put(_END)

    async def _leave(self, inner: live.Session) -> None:
        await inner.close()
        if self._forwarding is not None:
            await self._forwarding
        await self._loop.shutdown_asyncgens()

    def _forward(self, update: bytes) -> None:
        if self._inner is not None:
            self._inner.doc.apply_update(update)


class Stream:
    """The blocking twin of :class:`collab.client.following.Stream`."""

    def __init__(self, session: Session, name: str) -> None:
        self.name = check_stream_name(name)
        self._owner = session

    def publish(
        self, data: Any, event: str = "message", *, key: str | None = None, timeout: float | None = None
    ) -> int:
        """Append an event; returns its offset once it is durable. Raises as the asynchronous twin."""
        inner = self._owner._session
        return self._owner._wait(inner.stream(self.name).publish(data, event, key=key, timeout=timeout))

    def events(self, after: int | None = None, timeout: float | None = None) -> Iterator[StreamEvent]:
        """Events behind the offset ``after`` (without it: the newest 100), then every one that comes.

        The iteration ends with the session, or when nothing came for ``timeout`` seconds.
        """
        events = self._owner._on_loop(lambda inner: inner.stream(self.name).events(after))
        return self._iterate(events, timeout)

    def __iter__(self) -> Iterator[StreamEvent]:
        return self.events()

    def _iterate(self, events: StreamEvents, timeout: float | None) -> Iterator[StreamEvent]:
        async def following() -> StreamEvent | None:
            try:
                async with asyncio.timeout(timeout):
                    return await anext(events, None)
            except TimeoutError:
                return None

        try:
            while (event := self._owner._wait(following())) is not None:
                yield event
        finally:
            if self._owner._thread.is_alive():
                self._owner._loop.call_soon_threadsafe(events.close)


def connect(url: str, document: str, *, doc: pycrdt.Doc[Any] | None = None, **options: Unpack[Options]) -> Session:
    """A session for one document, to be entered with ``with``: it is live inside.

    Args:
        url: of the server, ``http://127.0.0.1:8080``.
        document: the document's name.
        doc: a document to go on with; an empty one by default.
        options: see :class:`collab.client.options.Options`.

    Raises:
        CollabError, ConnectionError: on entering, as the asynchronous twin.
    """
    return Session(doc, lambda replica: live.connect(url, document, doc=replica, **options))
