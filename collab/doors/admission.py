"""Who comes in, by the same steps whatever the wire: address, token, role, counters, open, join; then all of it back.

A door calls :meth:`Admission.connect` for each connection, then :meth:`Admission.enter` for each document on it, or
the steps of that one by one; :meth:`Admission.detach` and :meth:`Admission.disconnect` give back what was taken.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog
from structlog.contextvars import bound_contextvars

from collab.auth.base import Authenticator, Entrance, ShownUser
from collab.doors.connection import Attachment, Connection
from collab.doors.door import Wire, counted_sign_in
from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.hub.limits import Budget, SharedLimits
from collab.hub.live_document import LiveDocument
from collab.metrics import CONNECTIONS, JOINED, REFUSED
from collab.types import Identity, Role, check_document_name, is_loopback

_log = structlog.get_logger("collab.doors")

ConnectionT = TypeVar("ConnectionT", bound=Connection[Any])
AttachmentT = TypeVar("AttachmentT", bound=Attachment)


@dataclass(frozen=True, slots=True)
class Knock:
    """Who wants to come in, and where to.

    Attributes:
        document: its name, as it was asked for.
        door: as in logs and metrics.
        token: what they present; None: nothing.
        shown: what they want to be called.
        fault: what is wrong with how they asked.
    """

    document: str
    door: str
    token: str | None = None
    shown: ShownUser = field(default_factory=ShownUser)
    fault: CollabError | None = None


class Admission:
    """Lets people in.

    Args:
        hub: where the documents are.
        authenticator: finds out who somebody is.
        settings: an object with the limits of ``collab.config.Settings``.
        shared: what all doors of the process count together.
    """

    def __init__(self, hub: Hub, authenticator: Authenticator, settings: Any, shared: SharedLimits) -> None:
        self._hub = hub
        self._authenticator = authenticator
        self._settings = settings
        self._counter = shared.connections
        self._participants, self._addresses = shared.participants, shared.addresses

    # -- connections ----------------------------------------------------------------------------

    def knock(self, address: str) -> None:
        """Asked before a connection is made.

        Raises:
            CollabError: ``too_many_connections``: of this address there are so many that it is not even refused, or
                it comes too often.
        """
        try:
            self._counter.knock(address)
        except CollabError as error:
            _log.warning("connection refused", code=error.code, address=address, limit=error.detail["limit"])
            raise

    def connect(self, wire: Wire, address: str, make: type[ConnectionT], door: str) -> ConnectionT:
        """Count a new connection.

        Whoever is one too many gets a connection all the same, with the reason in ``refused``: a refusal needs
        somebody to hear it.

        Args:
            make: the door's own kind of connection.
            door: as in logs and metrics.
        """
        CONNECTIONS.add(door, wire.transport)
        settings = self._settings
        budget = Budget(
            updates_per_second=settings.rate_updates,
            bytes_per_second=settings.rate_bytes,
            awareness_per_second=settings.rate_awareness,
        )
        connection = make(wire, address, budget)
        try:
            self._counter.acquire(address)
        except CollabError as error:
            connection.refused = error
        if not is_loopback(address):
            # Behind a proxy that nobody told us of, this machine's address is everybody's.
            connection.shares = (self._addresses.join(address),)
        self._set_deadline(connection)
        return connection

    def disconnect(self, connection: Connection[Any]) -> None:
        """Give back what a connection took, with all its sessions. Once."""
        if connection.deadline is not None:
            connection.deadline.cancel()
            connection.deadline = None
        self._counter.release(connection.address, refused=connection.refused is not None)
        for share in connection.shares:
            self._addresses.leave(connection.address, share)
        for attachment in list(connection.attachments.values()):
            self.detach(attachment)

    def _set_deadline(self, connection: Connection[Any]) -> None:
        """A connection without a session does not live on."""
        loop = asyncio.get_running_loop()
        connection.deadline = loop.call_later(self._settings.connect_timeout, _expire, connection)

    # -- sessions -------------------------------------------------------------------------------

    async def enter(
        self,
        connection: Connection[AttachmentT],
        key: str,
        knock: Knock,
        make: Callable[[Identity, Role], AttachmentT],
        refuse: Callable[[CollabError], None],
    ) -> AttachmentT | None:
        """The whole way in; the key stands in ``connection.entering`` meanwhile.

        Args:
            key: under which the connection will know the session.
            make: makes the attachment, with its session.
            refuse: tells the peer why it is not let in.

        Returns:
            The attachment, which is in its document now; None: refused, or nobody is there any more.
        """
        connection.entering.add(key)
        began = time.perf_counter()
        try:
            self.check(connection, knock.document)
            if knock.fault is not None:
                raise knock.fault
            identity, role = await self.identify(connection, knock)
            attachment = make(identity, role)
            self.join(attachment, await self.open(connection, knock.document))
            JOINED.at(knock.door).observe(time.perf_counter() - began)
            return attachment
        except CollabError as error:
            self.note_refusal(error, knock.door, knock.document, **connection.who)
            connection.count_fault(error)
            if not connection.wire.closed:
                refuse(error)
        except ConnectionAbortedError:
            pass  # nobody is there any more to be told
        except Exception:
            _log.exception("entering failed", **connection.who)
            refuse(CollabError("internal"))
        finally:
            connection.entering.discard(key)
        return None

    def check(self, connection: Connection[Any], document: str) -> None:
        """Raise what can be said before anybody knows who it is.

        The key is in ``connection.entering`` by then, so that those on their way in count, too.

        Raises:
            CollabError: ``too_many_connections``, ``invalid_document``, ``too_many_documents``.
        """
        if connection.refused is not None:
            raise connection.refused
        check_document_name(document)
        limit = self._settings.max_documents_per_connection
        if len(connection.attachments) + len(connection.entering) > limit:
            raise CollabError("too_many_documents", detail={"limit": limit, "scope": "connection"})

    async def identify(self, connection: Connection[Any], knock: Knock) -> tuple[Identity, Role]:
        """Find out who somebody is, and what they may do in the document.

        Raises:
            CollabError: ``unauthorized``, ``token_expired``, ``forbidden``.
        """
        document, entrance = knock.document, Entrance(knock.document, connection.address, knock.door)
        # For what the authenticator has to say.
        with bound_contextvars(document=document, address=connection.address), counted_sign_in():
            identity = await self._authenticator.admit(knock.token, knock.shown, entrance)
        connection.participant = identity.id
        role = identity.role_for(document)
        if role is None:
            raise CollabError("unauthorized" if knock.token is None else "forbidden")
        return identity, role

    def note_refusal(self, error: CollabError, door: str, document: str, **who: Any) -> None:
        """Note that somebody was not let into a document.

        Args:
            document: as it was asked for.
            who: what else is known of who asked (``connection``, ``participant``).
        """
        if error.code != "invalid_document":
            who["document"] = document
        _log.info("session refused", code=error.code, door=door, **who)
        REFUSED.add(error.code)
        if self._hub.observer is not None:
            self._hub.observer.refused(error, door, who.get("document"))

    async def open(self, connection: Connection[Any], document: str) -> LiveDocument:
        """The open document; it is to be joined before the next ``await``.

        Raises:
            CollabError: as :meth:`Hub.live`.
            ConnectionAbortedError: the connection ended meanwhile.
        """
        live = await self._hub.live(document)
        if connection.wire.closed:
            raise ConnectionAbortedError("the connection ended before its session began")
        return live

    def join(self, attachment: Attachment, live: LiveDocument) -> None:
        """Let ``attachment.session`` into ``live``.

        Raises:
            CollabError: ``document_full``, ``document_deleted``.
        """
        connection, session = attachment.connection, attachment.session
        session.shares = connection.shares
        participant = session.identity.id
        # Behind a proxy that nobody told us of, this machine's address is everybody's.
        session.owner = participant or (None if is_loopback(connection.address) else (connection.address,))
        live.join(session)
        if participant is not None:
            attachment.share = self._participants.join(participant)
            session.shares = (*session.shares, attachment.share)
        attachment.live = live
        connection.attachments[attachment.key] = attachment
        attachment.attached = True
        if connection.deadline is not None:
            connection.deadline.cancel()
            connection.deadline = None

    def detach(self, attachment: Attachment) -> bool:
        """Take a session out of its document and give back its share; False where that was done before."""
        connection = attachment.connection
        if not attachment.attached:
            return False
        attachment.attached = False
        del connection.attachments[attachment.key]
        if attachment.share is not None:
            self._participants.leave(attachment.session.participant, attachment.share)
        attachment.live.leave(attachment.session)
        if not connection.attachments and not connection.wire.closed:
            self._set_deadline(connection)
        return True


def _expire(connection: Connection[Any]) -> None:
    if not connection.attachments:
        connection.wire.expel(None)
