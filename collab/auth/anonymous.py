"""No authentication: everybody is welcome, and is who they say they are."""

from __future__ import annotations

from secrets import token_hex

from collab.auth.base import Authenticator, ShownUser, clean_color, clean_name
from collab.types import Identity, Role


class AnonymousAuthenticator(Authenticator):
    """Gives everybody the same role; a token is ignored.

    Args:
        role: of everybody on every document.
    """

    def __init__(self, role: Role) -> None:
        self._role = role

    async def authenticate(self, token: str | None, user: ShownUser | None) -> Identity:
        """See :class:`Authenticator`."""
        name = clean_name(user.name if user else None, "")
        color = clean_color(user.color if user else None, name or token_hex(4))
        fields = user.fields if user else {}
        return Identity(None, name or "Anonymous", color, default_role=self._role, fields=fields)
