"""What presence is made of: sessions, the client ids that they announced, and a change of either."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson


@dataclass(slots=True, eq=False)
class Announced:
    """One client id: ``state`` is JSON text, None once removed; ``clock`` is what others see.

    ``lead`` is how far that clock is ahead of the owner's own; ``heard_at`` is when the owner said it last.
    """

    client: int
    session: str
    state: str | None
    clock: int
    lead: int = 0
    heard_at: float = 0.0


@dataclass(slots=True, eq=False)
class Present:
    """One session: the identity that the server stamped, its own client id, its JSON state.

    ``node`` is the node that it is connected to, ``""`` for this one; of a session elsewhere ``shared`` is
    what that node told last.
    """

    session: str
    client_id: int
    user: dict[str, Any]
    max_ids: int
    clients: list[int] = field(default_factory=list)
    state: Any = None
    shown: bool = False
    node: str = ""
    shared: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class PresenceChange:
    """What a flush has to tell.

    ``awareness`` is an encoded awareness update (None: nothing), ``presence`` the JSON event
    (None: nothing), ``sole`` the only session that changed, if it was one; ``sessions`` all of them.
    """

    awareness: bytes | None
    presence: dict[str, Any] | None
    sole: str | None
    sessions: frozenset[str] = frozenset()


def equal(announced: str | None, shown: str | None, user: dict[str, Any]) -> bool:
    """Whether what somebody announces is what is shown, however it is written."""
    if announced is None or shown is None:
        return announced is shown
    return bool(orjson.loads(stamp(announced, user)) == orjson.loads(shown))


def stamp(state: str, user: dict[str, Any]) -> str:
    """``state`` with the user that the token names; anonymous people may call themselves anything."""
    if "id" not in user:
        return state
    value = orjson.loads(state)
    if not isinstance(value, dict):
        return state
    return orjson.dumps({**value, "user": user}).decode()
