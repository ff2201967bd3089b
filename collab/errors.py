"""Every error that leaves the server: one tree, one table of codes, used by every door.

CollabError                    an error with a code from the table
├── Refused                    somebody asked for something that they may not have
│   (unauthorized, token_expired, forbidden, read_only, not_found, document_deleted, document_exists)
├── BadInput                   what arrived cannot be used
│   (invalid_document, invalid_payload, invalid_update, missing_dependencies, unknown_event)
├── LimitReached               too much, too many, too fast
│   (document_full, document_too_large, update_too_large, too_many_connections,
│    too_many_documents, rate_limited, lagging, store_full)
└── Unavailable                our side cannot do it now
    (storage_unavailable, cluster_degraded, draining, internal)

``CollabError("code", ...)`` returns an instance of the class that the table names, so that
callers catch families and write codes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Code:
    """One row of the table.

    ``status`` is the HTTP status, ``retryable`` whether the same request can succeed later
    without a change, ``message`` the default words for a person, ``advice`` what a client does.
    """

    code: str
    family: str
    status: int
    retryable: bool
    message: str
    advice: str


_ROWS = (
    Code("invalid_document", "BadInput", 400, False, "This is not a valid document name.", "Use another name."),
    Code(
        "invalid_payload",
        "BadInput",
        400,
        False,
        "The server could not read this request.",
        "Correct the payload; `message` names the fault.",
    ),
    Code(
        "invalid_update",
        "BadInput",
        422,
        False,
        "This edit is damaged and was not applied.",
        "Discard it and sync again.",
    ),
    Code(
        "missing_dependencies",
        "BadInput",
        409,
        True,
        "This edit builds on changes that the server has not seen.",
        "Answer the sync-step-1 that follows.",
    ),
    Code(
        "unknown_event", "BadInput", 400, False, "The server does not know this kind of event.", "Do not send it again."
    ),
    Code(
        "unauthorized",
        "Refused",
        401,
        False,
        "You need to sign in to open this document.",
        "Get a token, then connect again.",
    ),
    Code(
        "token_expired",
        "Refused",
        401,
        False,
        "Your sign-in has expired.",
        "Get a new token and send `authenticate`, or connect again.",
    ),
    Code("forbidden", "Refused", 403, False, "You do not have access to this.", "Ask an admin of the document."),
    Code(
        "read_only", "Refused", 403, False, "You can view this document but not change it.", "Ask for the editor role."
    ),
    Code("not_found", "Refused", 404, False, "There is nothing here.", "Check the name."),
    Code(
        "document_deleted",
        "Refused",
        410,
        False,
        "This document was deleted.",
        "Close it; keep a local copy if you need one.",
    ),
    Code(
        "document_exists",
        "Refused",
        409,
        False,
        "There is a document with this name.",
        "Rename or delete that one first.",
    ),
    Code(
        "document_full",
        "LimitReached",
        503,
        True,
        "This document is full. Try again in a minute.",
        "Wait `retry_after` seconds.",
    ),
    Code(
        "document_too_large",
        "LimitReached",
        413,
        False,
        "This document has reached its size limit.",
        "Delete content or start another document.",
    ),
    Code("update_too_large", "LimitReached", 413, False, "This edit is too large.", "Split it into smaller edits."),
    Code(
        "too_many_connections",
        "LimitReached",
        429,
        True,
        "There are too many connections from your address.",
        "Close some, or wait `retry_after` seconds.",
    ),
    Code(
        "too_many_documents",
        "LimitReached",
        429,
        False,
        "Too many documents are open on one connection.",
        "Close some, or open another connection.",
    ),
    Code(
        "rate_limited", "LimitReached", 429, True, "You are sending faster than allowed.", "Wait `retry_after` seconds."
    ),
    Code("lagging", "LimitReached", 503, True, "Your connection is slow; catching up.", "Read faster, or wait."),
    Code(
        "store_full",
        "LimitReached",
        507,
        True,
        "The server has no room left. Deleting still works.",
        "Keep the edit, and delete what is not needed; try again after `retry_after` seconds.",
    ),
    Code(
        "storage_unavailable",
        "Unavailable",
        503,
        True,
        "The server cannot save right now. Your changes are kept and will be retried.",
        "Keep the edit and wait.",
    ),
    Code(
        "cluster_degraded",
        "Unavailable",
        503,
        True,
        "The server has lost touch with its neighbours; changes reach others later.",
        "Go on; wait.",
    ),
    Code(
        "draining",
        "Unavailable",
        503,
        True,
        "The server is moving. You will be reconnected.",
        "Reconnect after `retry_after` seconds.",
    ),
    Code(
        "internal", "Unavailable", 500, True, "Something went wrong on the server.", "Try again; report it if it stays."
    ),
)

CODES: dict[str, Code] = {row.code: row for row in _ROWS}


class CollabError(Exception):
    """An error that a client may see.

    Args:
        code: a key of :data:`CODES`.
        message: words for a person; the table's by default. Never holds content or secrets.
        retry_after: seconds after which a retry makes sense, where that is known.
        detail: further JSON-ready fields (``index`` of an operation, ``limit``, ``path``).
        retryable: whether it may be tried again, where that is not as the table has it.
    """

    def __new__(cls, code: str, *_args: Any, **_kwargs: Any) -> CollabError:
        family = _FAMILIES[CODES[code].family]
        return super().__new__(family if cls is CollabError else cls)

    def __init__(
        self,
        code: str,
        message: str | None = None,
        *,
        retry_after: float | None = None,
        detail: dict[str, Any] | None = None,
        retryable: bool | None = None,
    ) -> None:
        self.row = CODES[code]
        self.retryable = self.row.retryable if retryable is None else retryable
        self.message = message or self.row.message
        self.retry_after = retry_after
        self.detail = detail or {}
        super().__init__(f"{code}: {self.message}")

    @property
    def code(self) -> str:
        """The code, as it stands on the wire."""
        return self.row.code

    def as_dict(self) -> dict[str, Any]:
        """The error as every door sends it: ``{code, message, retryable, retry_after?, ...}``."""
        out: dict[str, Any] = {
            "code": self.row.code,
            "message": self.message,
            "retryable": self.retryable,
        }
        if self.retry_after is not None:
            out["retry_after"] = self.retry_after
        return out | self.detail


class BadInput(CollabError):
    """What arrived cannot be used."""


class Refused(CollabError):
    """Somebody asked for something that they may not have."""


class LimitReached(CollabError):
    """Too much, too many, too fast."""


class Unavailable(CollabError):
    """Our side cannot do it now."""


_FAMILIES: dict[str, type[CollabError]] = {
    family.__name__: family for family in (BadInput, Refused, LimitReached, Unavailable)
}
