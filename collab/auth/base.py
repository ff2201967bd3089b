"""The auth port: who is behind a connection."""

from __future__ import annotations

import re
import zlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

from collab.types import AGENT_MARK, Identity, Role

#: equally bright, distinct in light and dark, chosen by hash so that a person keeps theirs
PEOPLE_COLORS = (
    "#e5484d", "#f76b15", "#d9a404", "#46a758", "#12a594", "#0ea5c6",
    "#3e63dd", "#6e56cf", "#ab4aba", "#e93d82", "#8d6e63", "#5b7083",
)  # fmt: skip
MAX_NAME = 80
_COLOR = re.compile(r"#[0-9a-fA-F]{3,8}|[a-zA-Z]{1,30}|(?:rgb|hsl)a?\([0-9a-z.,%/ ]{1,60}\)")


@dataclass(frozen=True, slots=True)
class ShownUser:
    """What somebody calls themselves; for display only. ``fields`` are further ones, within bounds."""

    name: str | None = None
    color: str | None = None
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entrance:
    """Where somebody wants to come in.

    ``document``: its name; None where they ask for none. ``address``: where they come from. ``door``: ``socket.io``,
    ``y-socket.io``, ``y-websocket``, ``hocuspocus``, ``http`` or ``sse``.
    """

    document: str | None
    address: str
    door: str


class Authenticator(ABC):
    """Tells who somebody is from the token that they present.

    Every adapter passes ``tests/contract/test_auth.py``.
    """

    def changed(self, participant: str | None = None) -> None:  # noqa: B027
        """Say that what a participant may do has changed (None: anybody's may have).

        For the authenticator and whoever embeds the server to call, from any thread: live sessions are
        looked at again, by :meth:`renew`, and follow within a second. The server puts its own in this
        one's place before :meth:`open`.
        """

    def forget(self, participant: str | None = None) -> None:  # noqa: B027 - most adapters keep no answers
        """Forget what was found out about a participant (None: about anybody): they are about to be asked again."""

    async def renew(self, identity: Identity) -> Identity:
        """Who somebody is now, whom :meth:`authenticate` let in and whose session is live.

        Called after :attr:`changed`. An authenticator that hears of changes, or looks for them in a task
        of its own, overrides this; by default nothing changes before the token ends.

        Raises:
            CollabError: ``unauthorized`` and the like, which ends the session.
        """
        return identity

    async def open(self) -> None:  # noqa: B027 - most adapters have nothing to open
        """Make ready; called once before the first :meth:`authenticate`."""

    async def close(self) -> None:  # noqa: B027
        """Let go of what :meth:`open` took."""

    async def admit(self, token: str | None, user: ShownUser | None, entrance: Entrance) -> Identity:
        """Who presents ``token`` there; what every door calls. For most authenticators it is the same everywhere.

        Raises:
            CollabError: as :meth:`authenticate`.
        """
        return await self.authenticate(token, user)

    async def role_on(self, identity: Identity, document: str) -> Role | None:
        """What somebody who was let in somewhere may do in any document; None: not even read it.

        Raises:
            CollabError: nobody can say now.
        """
        return identity.role_for(document)

    @abstractmethod
    async def authenticate(self, token: str | None, user: ShownUser | None) -> Identity:
        """Who presents ``token``.

        Args:
            token: as the client sent it; None where it sent none.
            user: what it wants to be called, if it said so.

        Raises:
            CollabError: ``unauthorized``, ``token_expired``.
        """


def is_subject(subject: str) -> bool:
    """Whether somebody can go by the name of ``subject``."""
    if subject.startswith(AGENT_MARK):
        return False
    return clean_name(subject, "") != "" and subject == subject.encode("utf-8", "replace").decode()


def color_for(who: str) -> str:
    """A colour that the same name always gets."""
    return PEOPLE_COLORS[zlib.crc32(who.encode("utf-8", "replace")) % len(PEOPLE_COLORS)]


def clean_name(name: str | None, otherwise: str) -> str:
    """``name`` without control characters, on one line, of bounded length."""
    if name is None:
        return otherwise
    shown = " ".join("".join(char if char.isprintable() else " " for char in name).split())
    return shown[:MAX_NAME] or otherwise


def clean_color(color: str | None, who: str) -> str:
    """``color`` where it is a CSS colour; the hash's otherwise."""
    if color is not None and _COLOR.fullmatch(color):
        return color
    return color_for(who)
