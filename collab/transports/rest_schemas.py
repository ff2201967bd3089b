"""Schemas of the HTTP API: what a request may hold, what an answer holds, and how bodies are read."""

from __future__ import annotations

import asyncio
import base64
import binascii
from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp import web
from marshmallow import RAISE, Schema, ValidationError, fields, validate
from webargs.aiohttpparser import AIOHTTPParser

from collab.documents.operations import MAX_OPERATIONS
from collab.errors import CollabError
from collab.types import MAX_DOCUMENT_NAME_BYTES

#: entries of one page, at most and by default
MAX_PAGE = 1000
DEFAULT_PAGE = 100
MAX_VERSION_NAME = 200
_ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"
#: characters of a JSON Pointer in a query; each may take twelve bytes of the 8 KiB that a URL may have
MAX_PATH = 500
#: no version or position is beyond (SQLite's integers)
MAX_NUMBER = 2**63 - 1
#: seconds that a client may pause in the middle of a body
BODY_PATIENCE = 30.0


def timestamp(seconds: float) -> str:
    """Seconds since the epoch as RFC 3339, in UTC, with milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# -- fields ---------------------------------------------------------------------------------------------


class _Text(fields.Str):
    """A string that can be written as UTF-8."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValidationError("Not valid Unicode.") from None
        return text


class _VersionName(_Text):
    """What somebody calls a version: one line, without space at its ends."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return super()._deserialize(value, attr, data, **kwargs).strip()


class Base64Url(fields.Str):
    """Bytes in base64url, with or without padding."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs).rstrip("=")
        try:
            return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise ValidationError("Not base64url.") from None


class Time(fields.DateTime):
    """Seconds since the epoch, shown as RFC 3339."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return timestamp(value)


def _number(words: str, *, least: int = 0, most: int = MAX_NUMBER, **more: Any) -> fields.Int:
    return fields.Int(validate=validate.Range(least, most), metadata={"description": words}, **more)


def _limit(default: int = DEFAULT_PAGE) -> fields.Int:
    return _number("Entries of this page.", least=1, most=MAX_PAGE, load_default=default)


def _path() -> fields.Str:
    return _Text(
        validate=validate.Length(max=MAX_PATH),
        metadata={
            "description": "JSON Pointer (RFC 6901) to a part of the content, such as `/body`.",
            "pattern": "^(/([^~/]|~[01])*)*$",
        },
    )


def _format() -> fields.Str:
    return fields.Str(
        load_default="json",
        validate=validate.OneOf(["json", "text", "update"]),
        metadata={"description": "`update` is the Yjs v1 state; `path` has no meaning for it."},
    )


# -- requests -------------------------------------------------------------------------------------------


class NothingSchema(Schema):
    """No parameters."""


class ListQuery(Schema):
    prefix = _Text(
        load_default="",
        validate=validate.Length(max=MAX_DOCUMENT_NAME_BYTES),
        metadata={"description": "Only documents whose name begins so."},
    )
    limit = _limit()
    after = _Text(
        validate=validate.Length(max=MAX_DOCUMENT_NAME_BYTES),
        metadata={"description": "`next` of the page before."},
    )


class ContentQuery(Schema):
    format = _format()
    path = _path()


class DiffQuery(Schema):
    state_vector = Base64Url(
        metadata={"description": "What you have already (Yjs v1, base64url); without it you get everything."}
    )


class VersionsQuery(Schema):
    limit = _limit()
    after = _number("`next` of the page before.")


class HistoryQuery(Schema):
    limit = _limit(MAX_PAGE)
    after = _number("Only what was changed beyond this position; `next` of the page before.", load_default=0)


class EventsQuery(Schema):
    token = _Text(metadata={"description": "For browsers' EventSource, which cannot send `Authorization`."})
    name = _Text(validate=validate.Length(max=200), metadata={"description": "What others see, without a token."})
    color = _Text(validate=validate.Length(max=64), metadata={"description": "As `name`."})
    last_event_id = _Text(
        metadata={"description": "As the header `Last-Event-ID`, for clients that cannot send it."},
    )


class OperationsSchema(Schema):
    # What an operation is allowed to be is said and checked in one place: documents/operations.py.
    operations = fields.List(
        fields.Raw(allow_none=True),
        required=True,
        validate=validate.Length(max=MAX_OPERATIONS),
        metadata={"description": "Carried out in this order, in one transaction, or not at all."},
    )


class NewVersionSchema(Schema):
    name = _VersionName(
        allow_none=True,
        load_default=None,
        validate=[
            validate.Length(1, MAX_VERSION_NAME),
            validate.Regexp(_ONE_LINE, error="It holds control characters or line breaks."),
        ],
        metadata={"description": "The time of now, if it has no other name."},
    )


# -- answers --------------------------------------------------------------------------------------------


class DocumentSchema(Schema):
    name = fields.Str(required=True)
    size = fields.Int(required=True, metadata={"description": "Bytes in the store."})
    created_at = Time(required=True)
    updated_at = Time(required=True)
    participants = fields.Int(required=True, metadata={"description": "How many are here now."})


class DocumentsSchema(Schema):
    documents = fields.List(fields.Nested(DocumentSchema), required=True)
    next = fields.Str(required=True, allow_none=True, metadata={"description": "`after` of the next page, or null."})


class PositionSchema(Schema):
    position = fields.Int(
        required=True, metadata={"description": "In the document's log; the edit is on disk up to here."}
    )


class UserSchema(Schema):
    name = fields.Str(required=True)
    color = fields.Str(required=True)
    id = fields.Str(metadata={"description": "`sub` of the token; not for anonymous people."})


class ParticipantSchema(Schema):
    session = fields.Str(required=True)
    client_id = fields.Int(required=True, metadata={"description": "The Yjs client id."})
    user = fields.Nested(UserSchema, required=True)
    role = fields.Str(required=True, validate=validate.OneOf(["viewer", "editor", "admin"]))
    state = fields.Raw(required=True, allow_none=True, metadata={"description": "Its presence, any JSON."})


class ParticipantsSchema(Schema):
    participants = fields.List(fields.Nested(ParticipantSchema), required=True)


class VersionSchema(Schema):
    id = fields.Int(required=True)
    name = fields.Str(required=True, allow_none=True, metadata={"description": "null for automatic checkpoints."})
    automatic = fields.Bool(required=True)
    participant = fields.Str(required=True, allow_none=True, metadata={"description": "Who kept it."})
    position = fields.Int(required=True)
    size = fields.Int(required=True, metadata={"description": "Bytes of its Yjs v1 state."})
    created_at = Time(required=True)


class VersionsSchema(Schema):
    versions = fields.List(fields.Nested(VersionSchema), required=True, metadata={"description": "Newest first."})
    next = fields.Int(required=True, allow_none=True)


class HistoryEntrySchema(Schema):
    first = fields.Int(required=True, metadata={"description": "Position of the first update."})
    last = fields.Int(required=True, metadata={"description": "Position of the last update."})
    participant = fields.Str(required=True, allow_none=True)
    updates = fields.Int(required=True)
    size = fields.Int(required=True, metadata={"description": "Bytes of these updates."})
    started_at = Time(required=True)
    ended_at = Time(required=True)


class HistorySchema(Schema):
    history = fields.List(fields.Nested(HistoryEntrySchema), required=True, metadata={"description": "Oldest first."})
    next = fields.Int(required=True, allow_none=True)


class ProblemSchema(Schema):
    type = fields.Str(required=True, metadata={"format": "uri-reference"})
    title = fields.Str(required=True)
    status = fields.Int(required=True)
    detail = fields.Str(required=True, metadata={"description": "Words for a person."})
    code = fields.Str(required=True, metadata={"description": "What programs look at."})
    retryable = fields.Bool(required=True)
    retry_after = fields.Float(metadata={"description": "Seconds."})
    path = fields.Str(allow_none=True, metadata={"description": "Where in the request or in the document."})
    index = fields.Int(metadata={"description": "Of the operation that was refused."})
    limit = fields.Float(metadata={"description": "What is allowed."})
    scope = fields.Str(metadata={"description": "Whose limit it is."})
    of = fields.Str(metadata={"description": "What is counted."})
    kept = fields.Bool(
        metadata={"description": "The edit is done and will be saved; sending it again would do it twice."}
    )
    state_vector = fields.Str(metadata={"description": "What the server has, base64url."})


# -- reading --------------------------------------------------------------------------------------------


class RequestParser(AIOHTTPParser):
    """webargs with bounded bodies, strict JSON, and our errors.

    Args:
        max_body: bytes of a body.
    """

    DEFAULT_UNKNOWN_BY_LOCATION = {"query": RAISE, "json": RAISE}

    def __init__(self, max_body: int) -> None:
        super().__init__()
        self._max_body = max_body

    async def load_json(self, req: web.Request, schema: Schema) -> Any:
        """The JSON body, whatever it calls itself; an empty one is an empty object."""
        body = await read_body(req, self._max_body)
        if not body:
            return {}
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise CollabError("invalid_payload", "The body is not JSON.") from None
        if not isinstance(value, dict):
            raise CollabError("invalid_payload", "The body has to be a JSON object.")
        return value

    def handle_error(
        self, error: ValidationError, req: web.Request, schema: Schema, **_more: Any
    ) -> Any:
        """Raise ``invalid_payload`` that names the first fault."""
        path, words = _first_fault(error.messages)
        raise CollabError("invalid_payload", f"{path}: {words}", detail={"path": path}) from None


async def read_body(request: web.Request, most: int) -> bytes:
    """The body of a request.

    Raises:
        CollabError: ``update_too_large`` past ``most`` bytes, ``invalid_payload`` where it stops
            coming or is not encoded as it says.
    """
    too_large = CollabError("update_too_large", f"The body has more than {most} bytes.", detail={"limit": most})
    if (request.content_length or 0) > most:
        raise too_large
    body = bytearray()
    try:
        while True:
            async with asyncio.timeout(BODY_PATIENCE):
                piece = await request.content.readany()
            if not piece:
                return bytes(body)
            body += piece
            if len(body) > most:
                raise too_large
    except TimeoutError:
        raise CollabError("invalid_payload", "The body did not arrive in time.") from None
    except web.RequestPayloadError:
        raise CollabError("invalid_payload", "The body is not encoded as its headers say.") from None


def _first_fault(messages: Any) -> tuple[str, str]:
    path: list[str] = []
    while isinstance(messages, dict) and messages:
        key, messages = next(iter(messages.items()))
        path.append(str(key)[:64].encode("utf-8", "replace").decode())
    # webargs puts the location first, which is clear from the request.
    words = messages[0] if isinstance(messages, list) and messages else messages
    return ".".join(path[1:]) or "request", str(words)
