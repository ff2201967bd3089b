"""Words that every floor of the house uses: names, roles, identities."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from enum import IntEnum
from fnmatch import fnmatchcase
from ipaddress import ip_address
from typing import Any

from collab.errors import CollabError

MAX_DOCUMENT_NAME_BYTES = 200
_FORBIDDEN_IN_NAME = frozenset(",?#%\\")


def check_document_name(name: str) -> str:
    """Return ``name`` unchanged if it is a valid document name.

    A name has 1 to 200 bytes of UTF-8 in NFC, no control characters, none of ``, ? # % \\``,
    no empty, ``.`` or ``..`` segment between slashes, and no slash or space at either end.

    Raises:
        CollabError: ``invalid_document``, whose message says which rule was broken.
    """
    fault = _name_fault(name)
    if fault is not None:
        raise CollabError("invalid_document", f"This is not a valid document name: {fault}.")
    return name


def _name_fault(name: str) -> str | None:
    try:
        size = len(name.encode("utf-8"))
    except UnicodeEncodeError:
        return "it is not valid Unicode"
    if not 1 <= size <= MAX_DOCUMENT_NAME_BYTES:
        return f"it has {size} bytes, allowed are 1 to {MAX_DOCUMENT_NAME_BYTES}"
    if not _FORBIDDEN_IN_NAME.isdisjoint(name):
        return "none of , ? # % \\ may stand in it"
    if any(unicodedata.category(char) == "Cc" for char in name):
        return "it holds a control character"
    if not unicodedata.is_normalized("NFC", name):
        return "it is not in Unicode normal form NFC"
    if name[0] in "/ " or name[-1] in "/ ":
        return "it begins or ends with a slash or a space"
    if any(segment in ("", ".", "..") for segment in name.split("/")):
        return "it holds an empty, '.' or '..' segment"
    return None


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``, an address or a name."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class Role(IntEnum):
    """What a participant may do; a higher role may do all that a lower one may."""

    VIEWER = 1
    EDITOR = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        """The role as it stands on the wire: ``viewer``, ``editor`` or ``admin``."""
        return self.name.lower()

    @classmethod
    def parse(cls, word: str) -> Role:
        """Return the role that ``word`` names; raises ValueError for any other word."""
        for role in cls:
            if role.word == word:
                return role
        raise ValueError(f"unknown role {word!r}: allowed are viewer, editor, admin")


@dataclass(frozen=True, slots=True)
class Grant:
    """A role on all documents whose name matches a shell-style pattern."""

    pattern: str
    role: Role

    def covers(self, document: str) -> bool:
        """Whether the grant applies to ``document`` (``*`` also matches slashes)."""
        return fnmatchcase(document, self.pattern)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is behind a connection, as the authenticator found out.

    ``id`` is the token's ``sub``, or None for an anonymous participant; ``expires_at`` is in
    seconds since the epoch (None: never); ``default_role`` applies where no grant does.
    """

    id: str | None
    name: str
    color: str
    grants: tuple[Grant, ...] = ()
    default_role: Role | None = None
    expires_at: float | None = None
    claims: dict[str, Any] = field(default_factory=dict, compare=False)

    def role_for(self, document: str) -> Role | None:
        """The strongest role on ``document``, or None where the participant may not even read."""
        roles = [grant.role for grant in self.grants if grant.covers(document)]
        if not roles:
            return self.default_role
        return max(roles)

    def as_user(self) -> dict[str, Any]:
        """The public part, as it stands in ``session`` and ``presence`` events."""
        user: dict[str, Any] = {"name": self.name, "color": self.color}
        if self.id is not None:
            user["id"] = self.id
        return user
