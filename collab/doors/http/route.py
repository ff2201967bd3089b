"""What a route of the API is: one row that says everything about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from marshmallow import Schema

from collab.doors.http.api_schemas import NothingSchema
from collab.errors import CODES
from collab.types import Role

#: what an event stream calls itself
EVENTS = "text/event-stream"
#: codes that any request may meet
_ANYWHERE = ("invalid_payload", "unauthorized", "token_expired", "forbidden", "rate_limited", "draining", "internal")
_ANY_DOCUMENT = ("invalid_document", "storage_unavailable")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a route answers when all is well: a schema, or media types of raw content; nothing: no body."""

    words: str
    schema: type[Schema] | None = None
    media: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the API.

    ``name`` is the operation id and the name of the method that serves it; ``role`` the weakest one
    that may use it (None: asks for no role on a document); ``body`` is a schema, or ``bytes``.
    """

    method: str
    path: str
    name: str
    group: str
    summary: str
    answers: Mapping[int, Answer]
    role: Role | None = Role.VIEWER
    words: str = ""
    query: type[Schema] = NothingSchema
    body: type[Schema] | type[bytes] | None = None
    errors: Sequence[str] = field(default=())

    @property
    def lasting(self) -> bool:
        """Whether it is served for as long as somebody reads: by Server-Sent Events."""
        return any(EVENTS in answer.media for answer in self.answers.values())

    @property
    def codes(self) -> list[str]:
        """All codes with which it may refuse."""
        own = [*_ANYWHERE, *self.errors]
        if self.path.startswith("/documents"):
            own += _ANY_DOCUMENT if self.path != "/documents" else ("storage_unavailable",)
        return [code for code in CODES if code in own]
