"""What answers of a server have to look like, so that whatever else one sends is one line on stderr.

A shape is a type; a tuple of shapes, one of which fits; a list with one shape, for each of its entries; or a dict
with the keys that have to be there. What a shape does not name is let through.
"""

from __future__ import annotations

from typing import Any, Final

from collab.errors import CollabError
from collab.types import check_document_name

#: seconds that a server may ask to wait
LONGEST_WAIT: Final = 60.0
_PERSON: Final = {"session": str, "user": {"name": str}}
DOCUMENT: Final = {"name": str, "size": int, "updated_at": str, "participants": int}
DOCUMENTS: Final = {"documents": [DOCUMENT], "next": (str, None)}
TRASH: Final = {"documents": [DOCUMENT | {"deleted_at": str, "expires_at": str}], "next": (str, None)}
PARTICIPANTS: Final = {"participants": [_PERSON | {"role": str}]}
VERSION: Final = {
    "id": int, "name": (str, None), "created_at": str, "participant": (str, None), "size": int,
}  # fmt: skip
VERSIONS: Final = {"versions": [VERSION], "next": (int, None)}
WEBHOOKS: Final = {
    "webhooks": [
        {
            "id": str, "url": str, "events": [str], "documents": [str], "waiting": int, "oldest_seconds": (int, float),
            "failed": int, "disabled_at": (str, None),
        }
    ]
}  # fmt: skip
DELIVERIES: Final = {
    "deliveries": [
        {
            "id": str, "endpoint": str, "type": str, "document": str, "at": str, "attempts": int,
            "next_at": (str, None), "failed_at": (str, None), "reason": (str, None),
        }
    ]
}  # fmt: skip
TESTED: Final = {"results": [{"endpoint": str, "url": str, "ok": bool, "reason": str, "seconds": (int, float)}]}
RETRIED: Final = {"retried": int}
POSITION: Final = {"position": int}
PRESENCE: Final = {"joined": [_PERSON], "updated": [_PERSON], "left": [_PERSON]}
NOTICE: Final = {"code": str, "message": str}


class ApiError(Exception):
    """The server refused, or cannot be reached; the message is one line for a person.

    ``code`` is from the server's table, or ``unreachable``.
    """

    def __init__(self, code: str, message: str, *, status: int = 0, fields: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.fields = fields or {}

    @property
    def retry_after(self) -> float | None:
        """Seconds, where the same request makes sense again."""
        seconds = self.fields.get("retry_after", 1.0)
        if self.fields.get("retryable") and self.status in (429, 503) and isinstance(seconds, int | float):
            return min(max(float(seconds), 0.0), LONGEST_WAIT)
        return None


def checked(value: Any, shape: Any) -> Any:
    """``value``, if it has the shape.

    Raises:
        ApiError: it has not.
    """
    if not _fits(value, shape):
        raise ApiError("unreachable", "This is not a collab server: its answer makes no sense.")
    return value


def checked_name(name: str) -> str:
    """The name of a document that a server has sent.

    Raises:
        ApiError: no document can have it.
    """
    try:
        return check_document_name(name)
    except CollabError:
        raise ApiError("unreachable", "This is not a collab server: it lists what can be no document.") from None


def _fits(value: Any, shape: Any) -> bool:
    if shape is None:
        return value is None
    if isinstance(shape, tuple):
        return any(_fits(value, each) for each in shape)
    if isinstance(shape, list):
        return isinstance(value, list) and all(_fits(each, shape[0]) for each in value)
    if isinstance(shape, dict):
        return isinstance(value, dict) and all(key in value and _fits(value[key], each) for key, each in shape.items())
    return isinstance(value, shape) and not (shape is int and isinstance(value, bool))
