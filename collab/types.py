"""Words that every floor of the house uses: names, roles, identities."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from fnmatch import fnmatchcase
from ipaddress import ip_address
from typing import Any

from collab.errors import CollabError

MAX_DOCUMENT_NAME_BYTES = 200
_FORBIDDEN_IN_NAME = frozenset(",?#%\\")
#: zero width (non-)joiner: part of words in Persian and many scripts of India, and of emoji
_JOINERS = "\u200c\u200d"
#: the first letter of the scripts that use them; Latin, Greek, Cyrillic and Armenian come before
_FIRST_JOINED = "\u0590"


def check_document_name(name: str) -> str:
    """Return ``name`` unchanged if it is a valid document name.

    A name has 1 to 200 bytes of UTF-8 in NFC, no control characters, nothing that cannot be seen (two names that look
    alike are a trap), none of ``, ? # % \\``, no empty, ``.`` or ``..`` segment between slashes, and no slash or space
    at either end.

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
    if any(_unseen(name, at) for at in range(len(name))):
        return "it holds a character that cannot be seen"
    if not unicodedata.is_normalized("NFC", name):
        return "it is not in Unicode normal form NFC"
    if name[0] in "/ " or name[-1] in "/ ":
        return "it begins or ends with a slash or a space"
    if any(segment in ("", ".", "..") for segment in name.split("/")):
        return "it holds an empty, '.' or '..' segment"
    return None


def _unseen(name: str, at: int) -> bool:
    """Whether a character shows nothing of itself: it turns the direction, or stands between letters for nothing."""
    char = name[at]
    if unicodedata.category(char) not in ("Cf", "Zl", "Zp"):
        return False
    if char not in _JOINERS:
        return True
    neighbours = name[at - 1 : at] + name[at + 1 : at + 2] if at else ""
    return len(neighbours) < 2 or any(each < _FIRST_JOINED or each in _JOINERS for each in neighbours)


def timestamp(seconds: float) -> str:
    """Seconds since the epoch as RFC 3339, in UTC, with milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


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
    COMMENTER = 2
    EDITOR = 3
    ADMIN = 4

    @property
    def refusal(self) -> str:
        """The code for whoever has a lower role, where this one is needed."""
        return "forbidden" if self is Role.ADMIN else "read_only"

    @property
    def word(self) -> str:
        """The role as it stands on the wire: ``viewer``, ``commenter``, ``editor`` or ``admin``."""
        return self.name.lower()

    @classmethod
    def parse(cls, word: str) -> Role:
        """Return the role that ``word`` names; raises ValueError for any other word."""
        for role in cls:
            if role.word == word:
                return role
        raise ValueError(f"unknown role {word!r}: allowed are {', '.join(role.word for role in cls)}")


#: what the log writes before the names of agents; no participant's name begins with it
AGENT_MARK = "\x1f"

_PATTERN_SIGN = re.compile(r"[*?\[]")
_ONE_SIGN = re.compile(r"\[([*?\[])\]")  # a sign that stands for itself


@dataclass(frozen=True, slots=True)
class Grant:
    """A role on all documents whose name matches a shell-style pattern; ``agent``: whoever uses it is no person."""

    pattern: str
    role: Role
    agent: bool = False

    @staticmethod
    def pattern_for(document: str) -> str:
        """The pattern that matches the document of this name, and no other."""
        return _PATTERN_SIGN.sub(r"[\g<0>]", document)

    @property
    def head(self) -> str:
        """What the names of all documents begin with that the pattern matches."""
        head = _PATTERN_SIGN.split(_ONE_SIGN.sub("\0", self.pattern), maxsplit=1)[0]
        signs = iter(_ONE_SIGN.findall(self.pattern))
        return "".join(next(signs) if char == "\0" else char for char in head)

    def covers(self, document: str) -> bool:
        """Whether the grant applies to ``document`` (``*`` also matches slashes)."""
        return fnmatchcase(document, self.pattern)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is behind a connection, as the authenticator found out.

    ``id`` is the token's ``sub``, or None for an anonymous participant; ``expires_at`` is in
    seconds since the epoch (None: never); ``default_role`` applies where no grant does; ``fields`` is what
    else they are shown with (:mod:`collab.protocol.user_fields`).
    """

    id: str | None
    name: str
    color: str
    grants: tuple[Grant, ...] = ()
    default_role: Role | None = None
    expires_at: float | None = None
    claims: dict[str, Any] = field(default_factory=dict, compare=False)
    fields: dict[str, Any] = field(default_factory=dict, compare=False)

    def role_for(self, document: str) -> Role | None:
        """The strongest role on ``document``, or None where the participant may not even read."""
        roles = [grant.role for grant in self.grants if grant.covers(document)]
        if not roles:
            return self.default_role
        return max(roles)

    def is_agent(self, document: str) -> bool:
        """Whether the strongest role on ``document`` is by a grant for agents."""
        covering = [grant for grant in self.grants if grant.covers(document)]
        most = max((grant.role for grant in covering), default=None)
        return any(grant.agent for grant in covering if grant.role is most)

    @property
    def administers_everything(self) -> bool:
        """Whether somebody is an administrator of all documents, whatever they are called."""
        if any(grant.role is Role.ADMIN and not grant.pattern.strip("*") and grant.pattern for grant in self.grants):
            return True
        return not self.grants and self.default_role is Role.ADMIN

    def author(self, document: str) -> str:
        """Under whose name an edit of ``document`` is logged; see :func:`author_of`."""
        name = self.id or self.name
        return AGENT_MARK + name if self.is_agent(document) else name

    def as_user(self, document: str | None = None) -> dict[str, Any]:
        """The public part, as it stands in ``session`` and ``presence`` events of ``document``."""
        user: dict[str, Any] = {**self.fields, "name": self.name, "color": self.color}
        if self.id is not None:
            user["id"] = self.id
        if document is not None and self.is_agent(document):
            user["agent"] = True
        return user


def author_of(logged: str | None) -> tuple[str | None, bool]:
    """Who is behind the name under which an edit was logged, and whether that is an agent."""
    if logged is not None and logged.startswith(AGENT_MARK):
        return logged.removeprefix(AGENT_MARK), True
    return logged, False
