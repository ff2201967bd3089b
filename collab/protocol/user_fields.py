"""What somebody may be shown with besides a name and a colour: an avatar's address, a title, whatever a page likes.

Everybody in a document gets it, and other people's pages put it on the screen. So it is small, flat, and nothing in
it runs: a page that draws ``user.title`` is given a text or a number, never something that its framework stumbles
over, and an address is none of a script.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import orjson

from collab.errors import CollabError

#: fields beside name and colour
MAX_FIELDS = 16
#: bytes of all of them, as JSON: they travel with every cursor
MAX_FIELDS_BYTES = 2048

#: with rules of their own
_KNOWN = ("name", "color")
#: only the server says these
_STAMPED = ("id", "agent", "role", "session", "client_id")
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_SCRIPT = re.compile(
    r"\s*(?:(?:javascript|vbscript)\s*:|data\s*:(?!image/(?:avif|gif|jpeg|png|webp)[;,]))", re.IGNORECASE
)


def check_fields(user: Mapping[str, Any]) -> dict[str, Any]:
    """The free fields of ``user``.

    Raises:
        CollabError: ``invalid_payload``, with the path of the first that cannot be shown.
    """
    fields = {key: value for key, value in user.items() if key not in _KNOWN}
    if len(fields) > MAX_FIELDS:
        raise _refusal("user", f"{len(fields)} fields beside name and color, allowed are {MAX_FIELDS}.", MAX_FIELDS)
    for key, value in fields.items():
        fault = _fault(key, value)
        if fault is not None:
            raise _refusal(f"user.{str(key)[:64]}", fault)
    size = _size(fields)
    if size > MAX_FIELDS_BYTES:
        raise _refusal("user", f"{size} bytes, allowed are {MAX_FIELDS_BYTES}.", MAX_FIELDS_BYTES)
    return fields


def usable_fields(user: Any) -> dict[str, Any]:
    """The free fields of ``user`` without those that cannot be shown; none where it is too much, or no object."""
    if not isinstance(user, dict) or len(user) > MAX_FIELDS + len(_KNOWN) + len(_STAMPED):
        return {}
    fields = {key: value for key, value in user.items() if key not in _KNOWN and _fault(key, value) is None}
    return fields if len(fields) <= MAX_FIELDS and _size(fields) <= MAX_FIELDS_BYTES else {}


def _fault(key: Any, value: Any) -> str | None:
    if key in _STAMPED:
        return "Only the server says it."
    if not isinstance(key, str) or not _FIELD.fullmatch(key):
        return "Not the name of a field: a letter, then letters, digits and _.-, 40 at most."
    if isinstance(value, str):
        return _fault_of_text(value)
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return None if math.isfinite(value) and abs(value) <= 2**53 else "Not a number that everybody can read."
    return "Not a text, a number, true, false or null."


def _fault_of_text(value: str) -> str | None:
    if len(value) > MAX_FIELDS_BYTES:
        return f"{len(value)} characters, allowed are {MAX_FIELDS_BYTES}."
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return "Not valid Unicode."
    if _CONTROL.search(value):
        return "Control characters."
    if _SCRIPT.match(value):
        return "The address of a script."
    return None


def _size(fields: Mapping[str, Any]) -> int:
    return len(orjson.dumps(fields)) if fields else 0


def _refusal(path: str, fault: str, limit: int | None = None) -> CollabError:
    detail: dict[str, Any] = {"path": path} if limit is None else {"path": path, "limit": limit}
    return CollabError("invalid_payload", f"{path}: {fault}", detail=detail)
