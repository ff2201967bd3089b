"""A session: one connection of a participant to one document, whatever door it came through."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Collection, Hashable, Sequence
from enum import Enum
from typing import Any, Protocol

import structlog

from collab.errors import CollabError
from collab.hub.shares import Share
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


def log_refusal(error: CollabError, document: str, **known: Any) -> None:
    """Note that somebody was not let into a document; for every door.

    Args:
        document: as it was asked for.
        known: what else is known of who asked (``connection``, ``participant``).
    """
    if error.code != "invalid_document":
        known["document"] = document
    _log.info("session refused", code=error.code, **known)


class Encoder(Protocol, Hashable):
    """How a door writes what a document has to say; shared by its sessions of one document."""

    def update(self, update: bytes) -> Any:
        """A Yjs v1 update."""

    def updates(self, updates: Sequence[bytes]) -> Sequence[Any]:
        """Several updates that belong together; what is returned is sent one after the other."""

    def awareness(self, update: bytes) -> Any:
        """A y-protocols awareness update."""

    def presence(self, change: dict[str, Any]) -> Any:
        """The JSON presence event ``{joined, updated, left}``."""

    def broadcast(self, event: str, data: Any, sender: str) -> Any:
        """A broadcast of another session."""

    def notice(self, notice: dict[str, Any]) -> Any:
        """What the user should know."""

    def lane(self) -> Lane:
        """A new lane for sessions of this encoder."""


class Pipe(Protocol):
    """The way to one peer, shared by all its sessions."""

    def write(self, frames: Any, /) -> bool:
        """Send what an encoder made; True where more waits to be sent now than allowed."""

    @property
    def clogged(self) -> bool:
        """Whether more waits to be sent than allowed."""

    @property
    def waiting_bytes(self) -> int:
        """Bytes that the peer has not taken yet."""

    def cut(self) -> None:
        """Drop the peer and everything that waits for it."""


class Session:
    """One connection of a participant to one document.

    Attributes:
        id: the public session id.
        client_id: the Yjs client id under which the server shows the session's JSON presence.
        json_presence: whether it gets ``presence`` events instead of awareness updates.
        max_client_ids: how many awareness client ids it may own.
        shares: of budgets that it has together with others: its participant's, its address', its document's.
        document: which it has joined.
    """

    __slots__ = (
        "_dismissed", "_expiry", "_joined_at", "_on_dismiss", "client_id", "document", "encoder", "id", "identity",
        "json_presence", "max_client_ids", "missed_left", "pipe", "request_sync", "role", "shares",
        "state", "unacknowledged", "write",
    )  # fmt: skip

    def __init__(
        self,
        identity: Identity,
        role: Role,
        encoder: Encoder,
        pipe: Pipe,
        *,
        json_presence: bool,
        max_client_ids: int,
        request_sync: Callable[[bytes], None],
        on_dismiss: Callable[[CollabError], None],
    ) -> None:
        self.id = secrets.token_urlsafe(12)
        self.client_id = secrets.randbits(32)
        self.identity = identity
        self.role = role
        self.encoder = encoder
        self.pipe = pipe
        self.write: Callable[[Any], bool] = pipe.write
        self.json_presence = json_presence
        self.max_client_ids = max_client_ids
        self.request_sync = request_sync
        self.shares: tuple[Share, ...] = ()
        self.state = State.SYNCING
        self.unacknowledged = 0
        self.missed_left: list[dict[str, Any]] = []
        self.document = ""
        self._joined_at = 0.0
        self._on_dismiss = on_dismiss
        self._dismissed: str | None = None
        self._expiry: asyncio.TimerHandle | None = None

    def join(self, document: str) -> None:
        """Be in ``document`` from now on: its end is watched, and noted with its beginning."""
        self.document = document
        self._joined_at = time.monotonic()
        self.watch_expiry()
        _log.info(
            "session joined",
            document=document, session=self.id[:6], participant=self.participant, role=self.role.word,
        )  # fmt: skip

    def dismiss(self, error: CollabError) -> None:
        """Send the session away through its door."""
        self._dismissed = error.code
        self._on_dismiss(error)

    def move(self, state: State) -> None:
        """Go on to ``state``; raises RuntimeError where :data:`MOVES` does not allow it."""
        if state not in MOVES[self.state]:
            raise RuntimeError(f"a session cannot go from {self.state.value} to {state.value}")
        self.state = state
        if state is State.CLOSED:
            self._stop_watching()
            self._note_end()

    def _note_end(self) -> None:
        why = {} if self._dismissed is None else {"code": self._dismissed}
        _log.info(
            "session left",
            document=self.document, session=self.id[:6], participant=self.participant,
            seconds=round(time.monotonic() - self._joined_at, 1), **why,
        )  # fmt: skip

    def require(self, role: Role) -> None:
        """Raise ``read_only`` or ``forbidden`` where the session's role is below ``role``."""
        if self.role >= role:
            return
        raise CollabError("read_only" if role is Role.EDITOR else "forbidden")

    # -- who it is, for how long ----------------------------------------------------------------

    def assume(self, identity: Identity, role: Role) -> None:
        """Go on as ``identity`` with ``role``; a session that may write no more, or may now, is told."""
        before, self.identity, self.role = self.role, identity, role
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

    @property
    def participant(self) -> str:
        """Under whose name edits are logged."""
        return self.identity.id or self.identity.name

    def notify(self, error: CollabError, **more: Any) -> None:
        """Send a notice made of an error and further fields."""
        self.write(self.encoder.notice(error.as_dict() | more))


class Lane:
    """Sessions of one encoder that are sent the same; a door that can write to many at once has lanes of its own.

    Attributes:
        sessions: by their ids.
    """

    __slots__ = ("sessions",)

    def __init__(self) -> None:
        self.sessions: dict[str, Session] = {}

    def enter(self, session: Session) -> None:
        """Add a session."""
        self.sessions[session.id] = session

    def leave(self, session: Session) -> None:
        """Take a session out; idempotent."""
        self.sessions.pop(session.id, None)

    def send(self, frames: Any, without: Collection[str] = ()) -> list[Session]:
        """Send the same to all but the sessions ``without``; returns those that are clogged now."""
        return [session for id, session in self.sessions.items() if id not in without and session.write(frames)]
