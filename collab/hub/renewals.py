"""What people may do changes while they are here: live sessions follow, whatever door they came through."""

from __future__ import annotations

import asyncio
import contextlib
import time

import structlog

from collab.auth.base import Authenticator
from collab.errors import CollabError, Refused
from collab.hub.hub import Hub
from collab.hub.live_document import LiveDocument
from collab.hub.session import Session
from collab.protocol.bells import Message, Note
from collab.types import Identity

#: identities that are looked at again at the same time
AT_ONCE = 32
#: seconds that looking at one may take
TIMEOUT = 5.0
#: seconds until it is tried again if that failed
RETRY_AFTER = 0.5
#: where nodes tell each other whom to ask about; no document has this name
CHANNEL = "?recheck"

_log = structlog.get_logger("collab.auth")


class Renewals:
    """Asks the authenticator again who somebody is, when it says that something has changed.

    Args:
        hub: whose sessions follow.
        authenticator: what says so, through :attr:`Authenticator.changed`.
    """

    def __init__(self, hub: Hub, authenticator: Authenticator) -> None:
        self._hub = hub
        self._authenticator = authenticator
        self._noted: set[str | None] = set()
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._joining: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to listen; called on the event loop."""
        loop = asyncio.get_running_loop()

        def changed(participant: str | None = None) -> None:
            loop.call_soon_threadsafe(self._note, participant)

        self._authenticator.changed = changed  # type: ignore[method-assign]
        self._task = loop.create_task(self._run())

    def meet(self) -> None:
        """Hear from now on whom other nodes are asked to look at; the hub has started."""
        self._joining = asyncio.get_running_loop().create_task(self._join())

    async def _join(self) -> None:
        while True:
            try:
                await self._hub.cluster.join(CHANNEL, self)
                return
            except CollabError:
                await asyncio.sleep(RETRY_AFTER)

    def hear(self, message: Message) -> None:
        """Another node was asked to look at somebody."""
        if isinstance(message, Note) and message.node != self._hub.cluster.node:
            participant = message.body.get("participant")
            if participant is None or isinstance(participant, str):
                self._recheck(participant)

    def recheck(self, participant: str | None) -> int:
        """Ask about a participant (None: about everybody) now, on every node; how many sessions that is on this one."""
        self._hub.cluster.tell(CHANNEL, {"participant": participant})
        self._recheck(participant)
        return sum(len(sessions) for _, sessions in self._affected({participant}))

    def _recheck(self, participant: str | None) -> None:
        self._authenticator.forget(participant)
        self._note(participant)

    async def close(self) -> None:
        """Listen no more."""
        if self._joining is not None:
            self._joining.cancel()
            self._hub.cluster.leave(CHANNEL)
        task, self._task = self._task, None
        if task is not None:
            with contextlib.suppress(AttributeError):  # never set, or taken away already
                del self._authenticator.changed  # its own is back
            task.cancel()
            await asyncio.wait([task])

    def _note(self, participant: str | None) -> None:
        self._noted.add(participant)
        self._news.set()

    async def _run(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            noted, self._noted = self._noted, set()
            turn = asyncio.Semaphore(AT_ONCE)
            await asyncio.gather(*(self._renew(one, sessions, turn) for one, sessions in self._affected(noted)))

    def _affected(self, noted: set[str | None]) -> list[tuple[Identity, list[tuple[LiveDocument, Session]]]]:
        """The identities that have to be looked at, each with its sessions: one look is enough for all of them."""
        found: dict[int, tuple[Identity, list[tuple[LiveDocument, Session]]]] = {}
        for live in self._hub.documents.values():
            for session in live.sessions.values():
                identity = session.identity
                if None in noted or identity.id in noted:
                    found.setdefault(id(identity), (identity, []))[1].append((live, session))
        return list(found.values())

    async def _renew(
        self, identity: Identity, sessions: list[tuple[LiveDocument, Session]], turn: asyncio.Semaphore
    ) -> None:
        error: CollabError | None = None
        renewed = identity
        try:
            async with turn, asyncio.timeout(TIMEOUT):
                renewed = await self._authenticator.renew(identity)
        except Refused as refusal:
            error = refusal
        except Exception as failure:
            # Nobody is sent away because something else is in trouble.
            _log.error("who somebody is cannot be found out", participant=identity.id, reason=type(failure).__name__)
            asyncio.get_running_loop().call_later(RETRY_AFTER, self._note, identity.id)
            return
        for live, session in sessions:
            if live.sessions.get(session.id) is session and session.identity is identity:
                _follow(live, session, renewed, error)


def _follow(live: LiveDocument, session: Session, identity: Identity, error: CollabError | None) -> None:
    role = identity.role_for(live.name)
    if error is None and identity.id != session.identity.id:
        error = CollabError("unauthorized")
    if error is None and identity.expires_at is not None and identity.expires_at <= time.time():
        error = CollabError("token_expired")
    if error is None and role is None:
        error = CollabError("forbidden")
    if error is not None or role is None:
        session.dismiss(error or CollabError("forbidden"))
    else:
        session.assume(identity, role)
