"""The documents that an agent has open: it is there while it works, and a while after, where others see it."""

from __future__ import annotations

import asyncio
import base64
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from collab.client import Session, Status, connect
from collab.commands.api_client import ApiClient, ApiError, document_path
from collab.content.editing import edit
from collab.content.texts import Place, replacement
from collab.errors import CollabError
from collab.protocol.codec import EMPTY_UPDATE
from collab.protocol.disguise import undisguise
from collab.protocol.emptying import inserted_by

#: documents that are open at a time, and seconds after which one that nobody uses is left
MOST_OPEN, IDLE = 20, 300.0
#: seconds in which a document has to be open: a model waits for it
OPEN_TIMEOUT = 10.0
#: seconds in which an edit has to be on the server's disk
SAVE_TIMEOUT = 30.0
#: seconds between two times that somebody is told of changes
QUIET = 0.5
#: seconds until a document is followed again that was lost
RETRY_AFTER = 2.0

#: makes operations from the state that they are for
Plan = Callable[[bytes], list[dict[str, Any]]]


@dataclass(slots=True)
class _Open:
    session: Session
    used_at: float = 0.0
    listeners: list[Callable[[], None]] = field(default_factory=list)
    following: asyncio.Task[None] | None = None


class Workspace:
    """What one agent has open on one server; an asynchronous context manager.

    Args:
        url: of the server.
        token: who the agent is; None: nobody, where there is no auth.
        name: what it is called where its token does not say it.
    """

    def __init__(self, url: str, token: str | None, name: str) -> None:
        self.api = ApiClient(url, token)
        self._url, self._token = url, token
        self._user = {"name": name}
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self._opening: dict[str, asyncio.Lock] = {}
        self._tidying: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.api.__aenter__()
        self._tidying = asyncio.get_running_loop().create_task(self._tidy())
        return self

    async def __aexit__(self, *_exception: object) -> None:
        if self._tidying is not None:
            self._tidying.cancel()
        for document in list(self._open):
            await self._leave(document)
        await self.api.__aexit__()

    # -- being there ----------------------------------------------------------------------------

    async def enter(self, document: str) -> Session:
        """The live session of a document; others see the agent in it from now on.

        Raises:
            CollabError: the server refuses.
            ConnectionError: it cannot be reached.
        """
        return (await self._entered(document)).session

    async def _entered(self, document: str) -> _Open:
        async with self._opening.setdefault(document, asyncio.Lock()):
            opened = self._open.get(document)
            if opened is not None and opened.session.status is Status.CLOSED:
                opened.session = await self._connected(document)
            elif opened is None:
                opened = self._open[document] = _Open(await self._connected(document))
            opened.used_at = time.monotonic()
            self._open.move_to_end(document)
        await self._make_room()
        await opened.session.reached(Status.LIVE, timeout=SAVE_TIMEOUT)
        return opened

    async def _connected(self, document: str) -> Session:
        session = connect(self._url, document, token=self._token, user=self._user, open_timeout=OPEN_TIMEOUT)
        return await session.__aenter__()

    async def _make_room(self) -> None:
        for document, opened in list(self._open.items())[:-1]:
            if len(self._open) > MOST_OPEN and not opened.listeners:
                await self._leave(document)

    async def _leave(self, document: str) -> None:
        opened = self._open.pop(document, None)
        self._opening.pop(document, None)
        if opened is not None:
            if opened.following is not None:
                opened.following.cancel()
            await opened.session.close()

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(IDLE / 10)
            for document, opened in list(self._open.items()):
                if not opened.listeners and time.monotonic() - opened.used_at > IDLE:
                    await self._leave(document)

    # -- reading and editing --------------------------------------------------------------------

    async def position(self, document: str) -> int:
        """Where the log of a document ends; 0 of one that does not exist.

        Raises:
            ApiError
        """
        opened = self._open.get(document)
        known = base64.urlsafe_b64encode(opened.session.doc.get_state()).decode() if opened is not None else None
        try:
            answer = await self.api.call("GET", document_path(document, "update"), query={"state_vector": known})
        except ApiError as error:
            if error.code == "not_found":
                return 0
            raise
        return int(answer.headers["Collab-Position"])

    async def edit(self, document: str, plan: Plan) -> int:
        """Edit a document by operations, made for the state that it has here and now; returns its position then.

        What others do meanwhile merges with it. It is on the server's disk when this returns.

        Raises:
            CollabError: the operations or the server do not allow it; nothing has changed then.
            ApiError, ConnectionError, TimeoutError: the server cannot be reached; what was done is sent when it can.
        """
        session = await self.enter(document)
        if session.role in ("viewer", "commenter"):
            raise CollabError("read_only")
        # An id of its own: two edits from one state under the same would be taken for each other.
        author = secrets.randbits(31)
        state = undisguise(session.doc.get_update())
        update = await asyncio.to_thread(lambda: edit(state, plan(state), client_id=author))
        if update != EMPTY_UPDATE:
            session.doc.apply_update(update)
            try:
                await session.saved(SAVE_TIMEOUT)
            except CollabError:
                await self._leave(document)  # what it holds now, the server will not have
                raise
            self._show_cursor(session, update, author)
        return await self.position(document)

    async def replace(self, document: str, old: str, new: str, path: str | None = None) -> tuple[int, Place]:
        """Put ``new`` in the place of ``old``, which has to stand in the document once; its position, and the place.

        Raises:
            CollabError, ApiError, ConnectionError, TimeoutError: as :meth:`edit`.
        """
        found: list[Place] = []

        def plan(state: bytes) -> list[dict[str, Any]]:
            operations, place = replacement(state, old, new, path)
            found.append(place)
            return operations

        position = await self.edit(document, plan)
        return position, found[-1]

    @staticmethod
    def _show_cursor(session: Session, update: bytes, author: int) -> None:
        """Show a caret behind what was inserted last, as Yjs editors show theirs."""
        ranges = inserted_by(update)[0].get(author)
        if ranges:
            item = {"client": author, "clock": ranges[-1][1] - 1}
            spot = {"type": None, "tname": None, "item": item, "assoc": -1}
            session.presence.set({"cursor": {"anchor": spot, "head": spot}})

    # -- hearing of changes ---------------------------------------------------------------------

    async def watch(self, document: str, changed: Callable[[], None]) -> Callable[[], None]:
        """Have ``changed`` called whenever somebody has changed the document; returns what ends that.

        Raises:
            CollabError, ConnectionError: as :meth:`enter`.
        """
        opened = await self._entered(document)
        opened.listeners.append(changed)
        if opened.following is None:
            opened.following = asyncio.get_running_loop().create_task(self._follow(document, opened))

        def end() -> None:
            if changed in opened.listeners:
                opened.listeners.remove(changed)
            if not opened.listeners and opened.following is not None:
                opened.following.cancel()
                opened.following = None

        return end

    async def _follow(self, document: str, opened: _Open) -> None:
        while True:
            try:
                async for _ in opened.session.changes(local=True):
                    for changed in list(opened.listeners):
                        changed()
                    await asyncio.sleep(QUIET)  # what happens meanwhile is told as one
            except CollabError as error:
                if not error.retryable and error.code != "token_expired":
                    return  # it may not be seen any more
            await asyncio.sleep(RETRY_AFTER)
            try:
                await self._entered(document)
            except (CollabError, ConnectionError, TimeoutError):
                continue
