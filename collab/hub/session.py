"""A session: one connection of a participant to one document, whatever door it came through."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Hashable
from enum import Enum
from typing import Any

import structlog

from collab.errors import CollabError
from collab.hub.outlets import Encoder, Pipe
from collab.hub.shares import Share
from collab.metrics import SESSIONS_CLOSED
from collab.types import Identity, Role

#: seconds before the end of a token at which its session is told, at most
WARN_BEFORE = 60.0

_log = structlog.get_logger("collab.session")


class State(Enum):
    """Where a session is in its life."""

    SYNCING = "syncing"
    LIVE = "live"
    BEHIND = "behind"
    CLOSED = "closed"


#: from each state, the states that may follow
MOVES: dict[State, frozenset[State]] = {
    State.SYNCING: frozenset({State.LIVE, State.BEHIND, State.CLOSED}),
    State.LIVE: frozenset({State.LIVE, State.BEHIND, State.CLOSED}),
    State.BEHIND: frozenset({State.SYNCING, State.LIVE, State.BEHIND, State.CLOSED}),
    State.CLOSED: frozenset(),
}


#: with these codes those are sent away who may not edit any more
LOST_RIGHTS = frozenset({"unauthorized", "token_expired", "forbidden"})


class Session:
    """One connection of a participant to one document.

    Attributes:
        id: the public session id.
        client_id: the Yjs client id under which the server shows the session's JSON presence.
        json_presence: whether it gets ``presence`` events instead of awareness updates.
        max_client_ids: how many awareness client ids it may own.
        participant: who it is, for people and for the log.
        author: under which name its edits are logged: agents are marked.
        owner: whose sessions count together: a participant's, or an address'; None: this one stands for itself.
        shares: of budgets that it has together with others: its participant's, its address', its document's.
        document: which it has joined.
        door: by which it came in: ``socket.io``, ``y-socket.io``, ``y-websocket``, ``hocuspocus``, ``sse`` ...
        brought: bytes of its edits that are not counted yet.
        dismissed: with which code it was sent away; None: it was not.
    """

    __slots__ = (
        "_expiry", "_joined_at", "_on_dismiss", "author", "brought", "client_id", "dismissed", "document", "door",
        "encoder", "id", "identity", "json_presence", "max_client_ids", "missed_left", "owner", "participant", "pipe",
        "request_sync", "role", "shares", "state", "unacknowledged", "write",
    )  # fmt: skip

    def __init__(
        self,
        identity: Identity,
        role: Role,
        encoder: Encoder,
        pipe: Pipe,
        *,
        door: str,
        json_presence: bool,
        max_client_ids: int,
        request_sync: Callable[[bytes], None],
        on_dismiss: Callable[[CollabError], None],
    ) -> None:
        self.id = secrets.token_urlsafe(12)
        self.client_id = secrets.randbits(32)
        self.identity = identity
        self.participant = self.author = identity.id or identity.name
        self.role = role
        self.encoder = encoder
        self.pipe = pipe
        self.write: Callable[[Any], bool] = pipe.write
        self.door = door
        self.json_presence = json_presence
        self.max_client_ids = max_client_ids
        self.request_sync = request_sync
        self.owner: Hashable | None = None
        self.shares: tuple[Share, ...] = ()
        self.state = State.SYNCING
        self.unacknowledged = 0
        self.brought = 0
        self.missed_left: list[dict[str, Any]] = []
        self.document = ""
        self._joined_at = 0.0
        self._on_dismiss = on_dismiss
        self.dismissed: str | None = None
        self._expiry: asyncio.TimerHandle | None = None

    def join(self, document: str) -> None:
        """Be in ``document`` from now on: its end is watched, and noted with its beginning."""
        self.document = document
        self.author = self.identity.author(document)
        self._joined_at = time.monotonic()
        self.watch_expiry()
        _log.info(
            "session joined",
            document=document, session=self.id[:6], participant=self.participant, role=self.role.word,
        )  # fmt: skip

    @property
    def payer(self) -> Hashable | None:
        """Whose quota of what is kept its edits are from; admins have none."""
        return self.owner if self.role < Role.ADMIN else None

    @property
    def seconds(self) -> float:
        """For how long it has been in its document."""
        return time.monotonic() - self._joined_at

    @property
    def where(self) -> dict[str, str]:
        """Which session of which document it is, for the log."""
        return {"document": self.document, "session": self.id[:6]}

    def dismiss(self, error: CollabError) -> None:
        """Send the session away through its door."""
        self.dismissed = error.code
        self._on_dismiss(error)

    def move(self, state: State) -> None:
        """Go on to ``state``; raises RuntimeError where :data:`MOVES` does not allow it."""
        if state not in MOVES[self.state]:
            raise RuntimeError(f"a session cannot go from {self.state.value} to {state.value}")
        self.state = state
        if state is State.CLOSED:
            self._stop_watching()
            SESSIONS_CLOSED.add(self.dismissed or "left")
            self._note_end()
            # What refers back to it lets go of it: the collector, which would find such circles, comes seldom.
            self.request_sync = self._on_dismiss = _nothing

    def _note_end(self) -> None:
        why = {} if self.dismissed is None else {"code": self.dismissed}
        _log.info(
            "session left",
            document=self.document, session=self.id[:6], participant=self.participant,
            seconds=round(self.seconds, 1), **why,
        )  # fmt: skip

    def require(self, role: Role) -> None:
        """Raise ``read_only`` or ``forbidden`` where the session's role is below ``role``."""
        if self.role >= role:
            return
        raise CollabError(role.refusal)

    def still_edits(self) -> None:
        """Ask again, when part of a long edit takes effect; who only went away had the right to what they sent.

        Raises:
            CollabError: ``unauthorized``, ``token_expired``, ``forbidden``, ``read_only``.
        """
        if self.dismissed in LOST_RIGHTS:
            raise CollabError(self.dismissed)
        self.require(Role.EDITOR)

    # -- who it is, for how long ----------------------------------------------------------------

    def assume(self, identity: Identity, role: Role) -> None:
        """Go on as ``identity`` with ``role``; a session that may write no more, or may now, is told."""
        before, expired = self.role, self.identity.expires_at
        self.identity, self.role = identity, role
        self.participant = identity.id or identity.name
        self.author = identity.author(self.document)
        if identity.expires_at != expired:  # else whoever is looked at often would be told late
            self.watch_expiry()
        if role is not before:
            _log.info(
                "role changed",
                document=self.document, session=self.id[:6], participant=self.participant,
                role=role.word, before=before.word,
            )  # fmt: skip
        could, can = before >= Role.EDITOR, role >= Role.EDITOR
        if could and not can:
            self.notify(CollabError("read_only"), role=role.word)
        elif can and not could:
            self.notify(CollabError("read_only", "You can change this document now."), resolved=True, role=role.word)

    def watch_expiry(self) -> None:
        """Say before the token ends that it will, and dismiss the session when it does."""
        self._stop_watching()
        expires_at = self.identity.expires_at
        if expires_at is not None:
            left = expires_at - time.time()
            self._later(left - min(WARN_BEFORE, left / 4), self._warn, expires_at)

    def _warn(self, expires_at: float) -> None:
        left = max(0.0, expires_at - time.time())
        self.notify(CollabError("token_expired", "Your sign-in expires soon.", retry_after=round(left, 1)))
        self._later(left, self.dismiss, CollabError("token_expired"))

    def _later(self, seconds: float, function: Callable[[Any], None], argument: Any) -> None:
        self._expiry = asyncio.get_running_loop().call_later(max(0.0, seconds), function, argument)

    def _stop_watching(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None

    def notify(self, error: CollabError, **more: Any) -> None:
        """Send a notice made of an error and further fields."""
        self.tell(self.encoder.notice(error.as_dict() | more))

    def tell(self, frames: Any) -> bool:
        """Send what the encoder made, if it made anything; True where more waits to be sent now than allowed."""
        return frames is not None and self.write(frames)


def _nothing(_news: object) -> None:
    """The ``request_sync`` and the ``on_dismiss`` of a session that has ended."""
