"""Schemas of the HTTP API: what a request may hold, what an answer holds, and how bodies are read."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import orjson
from aiohttp import web
from marshmallow import RAISE, Schema, ValidationError, fields, post_dump, validate
from webargs.aiohttpparser import AIOHTTPParser

from collab.content.operations import MAX_OPERATIONS
from collab.doors.http.rendering import FORMATS
from collab.doors.requests import read_body
from collab.errors import CollabError
from collab.hub.in_flight import Load
from collab.protocol.schemas import MAX_EVENT_NAME, MAX_OFFSET
from collab.protocol.stream_events import DEFAULT_EVENT
from collab.types import MAX_DOCUMENT_NAME_BYTES, Role, timestamp

#: entries of one page at most: it is made in one turn of the event loop
MAX_PAGE = 1000
#: entries of a page if nobody says how many
DEFAULT_PAGE = 100
#: characters of a version's name: one line in a list
MAX_VERSION_NAME = 200
_ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"
#: characters of a JSON Pointer in a query; each may take twelve bytes of the 8 KiB that a URL may have
MAX_PATH = 500
#: no version or position is beyond (SQLite's integers)
MAX_NUMBER = 2**63 - 1


# -- fields ---------------------------------------------------------------------------------------------


class Text(fields.Str):
    """A string that can be written as UTF-8."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValidationError("Not valid Unicode.") from None
        return text


class _VersionName(Text):
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
        return None if value is None else timestamp(value)


def _number(words: str, *, least: int = 0, most: int = MAX_NUMBER, **more: Any) -> fields.Int:
    return fields.Int(validate=validate.Range(least, most), metadata={"description": words}, **more)


def _limit(default: int = DEFAULT_PAGE) -> fields.Int:
    return _number("Entries of this page.", least=1, most=MAX_PAGE, load_default=default)


def _path() -> fields.Str:
    return Text(
        validate=validate.Length(max=MAX_PATH),
        metadata={
            "description": "JSON Pointer (RFC 6901) to a part of the content, such as `/body`.",
            "pattern": "^(/([^~/]|~[01])*)*$",
        },
    )


def _format() -> fields.Str:
    return fields.Str(
        load_default="json",
        validate=validate.OneOf(FORMATS),
        metadata={
            "description": "`markdown` and `html` are for rich text; `update` is the Yjs v1 state, without `path`."
        },
    )


# -- requests -------------------------------------------------------------------------------------------


class NothingSchema(Schema):
    """No parameters."""


class ListQuery(Schema):
    prefix = Text(
        load_default="",
        validate=validate.Length(max=MAX_DOCUMENT_NAME_BYTES),
        metadata={"description": "Only documents whose name begins so."},
    )
    limit = _limit()
    after = Text(
        validate=validate.Length(max=MAX_DOCUMENT_NAME_BYTES),
        metadata={"description": "`next` of the page before."},
    )
    deleted = fields.Bool(
        load_default=False,
        metadata={"description": "What lies in the trash, instead: of each name the latest that you may bring back."},
    )


class DeleteQuery(Schema):
    forever = fields.Bool(
        load_default=False,
        metadata={"description": "For good: nothing stays, neither of it nor of what the trash has under its name."},
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
    token = Text(metadata={"description": "For browsers' EventSource, which cannot send `Authorization`."})
    name = Text(validate=validate.Length(max=200), metadata={"description": "What others see, without a token."})
    color = Text(validate=validate.Length(max=64), metadata={"description": "As `name`."})
    last_event_id = Text(
        metadata={"description": "As the header `Last-Event-ID`, for clients that cannot send it."},
    )


class OperationsSchema(Schema):
    # What an operation is allowed to be is said and checked in one place: content/operations.py.
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


class StreamQuery(Schema):
    after = _number("Events behind this offset, which is 0 for all of them; without it the newest.", most=MAX_OFFSET)
    limit = _limit()


class FollowQuery(Schema):
    after = _number("Events behind this offset (0: all of them); without it the newest 100.", most=MAX_OFFSET)
    token = Text(metadata={"description": "For browsers' EventSource, which cannot send `Authorization`."})
    name = Text(validate=validate.Length(max=200), metadata={"description": "What others see, without a token."})
    color = Text(validate=validate.Length(max=64), metadata={"description": "As `name`."})
    last_event_id = Text(
        metadata={"description": "As the header `Last-Event-ID`, for clients that cannot send it; before `after`."},
    )


class NewEventSchema(Schema):
    event = Text(
        load_default=DEFAULT_EVENT,
        validate=validate.Length(1, MAX_EVENT_NAME),
        metadata={"description": "What kind of event it is."},
    )
    data = fields.Raw(required=True, allow_none=True, metadata={"description": "Any JSON."})


# -- answers --------------------------------------------------------------------------------------------


class DocumentSchema(Schema):
    name = fields.Str(required=True)
    size = fields.Int(required=True, metadata={"description": "Bytes in the store."})
    created_at = Time(required=True)
    updated_at = Time(required=True)
    participants = fields.Int(required=True, metadata={"description": "How many are here now."})
    deleted_at = Time(metadata={"description": "Only of what is in the trash."})
    expires_at = Time(metadata={"description": "Only of what is in the trash: from when on it is gone for good."})


class DocumentsSchema(Schema):
    documents = fields.List(fields.Nested(DocumentSchema), required=True)
    next = fields.Str(required=True, allow_none=True, metadata={"description": "`after` of the next page, or null."})
    keep = fields.Float(metadata={"description": "Only of the trash: for how many seconds what is deleted is kept."})


class PositionSchema(Schema):
    position = fields.Int(
        required=True, metadata={"description": "In the document's log; the edit is on disk up to here."}
    )


class UserSchema(Schema):
    name = fields.Str(required=True)
    color = fields.Str(required=True)
    id = fields.Str(metadata={"description": "`sub` of the token; not for anonymous people."})
    agent = fields.Bool(metadata={"description": "True for those that come by a grant for agents."})

    @post_dump(pass_original=True)
    def _free_fields(self, shown: dict[str, Any], user: dict[str, Any], **_: Any) -> dict[str, Any]:
        """With what else somebody is shown with, an avatar's address perhaps."""
        return {**user, **shown}


class AccessSchema(Schema):
    role = fields.Str(required=True, validate=validate.OneOf([role.word for role in Role]))
    user = fields.Nested(UserSchema, required=True)
    expires_at = fields.Float(
        required=True, allow_none=True, metadata={"description": "Seconds since the epoch; null: never."}
    )


class ParticipantSchema(Schema):
    session = fields.Str(required=True)
    client_id = fields.Int(required=True, metadata={"description": "The Yjs client id."})
    user = fields.Nested(UserSchema, required=True)
    role = fields.Str(required=True, validate=validate.OneOf([role.word for role in Role]))
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


class SenderSchema(Schema):
    participant = fields.Str(required=True, allow_none=True, metadata={"description": "null without a token."})
    name = fields.Str(required=True)
    agent = fields.Bool(required=True)


class StreamEventSchema(Schema):
    stream = fields.Str(required=True)
    offset = fields.Int(required=True)
    event = fields.Str(required=True)
    data = fields.Raw(required=True, allow_none=True)
    sender = fields.Nested(SenderSchema, required=True, data_key="from")
    at = Time(required=True)


class StreamSchema(Schema):
    events = fields.List(fields.Nested(StreamEventSchema), required=True, metadata={"description": "Oldest first."})
    offset = fields.Int(required=True, metadata={"description": "What to ask for next, as `after`."})
    last = fields.Int(required=True, metadata={"description": "Of the newest event there ever was; 0: none."})
    gap = fields.Bool(metadata={"description": "true: some of those that were asked for are not kept any more."})


class PublishedSchema(Schema):
    offset = fields.Int(required=True, metadata={"description": "Where the event is in its stream."})
    durable = fields.Bool(required=True, metadata={"description": "true: it is on disk."})


class VersionsSchema(Schema):
    versions = fields.List(fields.Nested(VersionSchema), required=True, metadata={"description": "Newest first."})
    next = fields.Int(required=True, allow_none=True)


class HistoryEntrySchema(Schema):
    first = fields.Int(required=True, metadata={"description": "Position of the first update."})
    last = fields.Int(required=True, metadata={"description": "Position of the last update."})
    participant = fields.Str(required=True, allow_none=True)
    agent = fields.Bool(required=True, metadata={"description": "Whether that is an agent, not a person."})
    updates = fields.Int(required=True)
    size = fields.Int(required=True, metadata={"description": "Bytes of these updates."})
    started_at = Time(required=True)
    ended_at = Time(required=True)


class HistorySchema(Schema):
    history = fields.List(fields.Nested(HistoryEntrySchema), required=True, metadata={"description": "Oldest first."})
    next = fields.Int(required=True, allow_none=True)


class RecheckSchema(Schema):
    participant = fields.Str(
        load_default=None, allow_none=True, metadata={"description": "`sub` of a token; without it: everybody."}
    )


class RecheckedSchema(Schema):
    sessions = fields.Int(required=True, metadata={"description": "How many are asked about on this node."})


class MissingSchema(Schema):
    client = fields.Int(required=True, metadata={"description": "A Yjs client id."})
    start = fields.Int(required=True, data_key="from", metadata={"description": "The first of its clocks."})
    to = fields.Int(required=True, metadata={"description": "The clock behind the last one."})


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
    missing = fields.List(
        fields.Nested(MissingSchema), metadata={"description": "What the update needs and the server lacks."}
    )
    missing_more = fields.Int(metadata={"description": "Of how many more clients something is missing."})
    taken = fields.Bool(metadata={"description": "Whether a part of the update was taken nevertheless."})


# -- reading --------------------------------------------------------------------------------------------


#: under which a request knows what its body counts against
LOAD = web.RequestKey("load", Load)
#: the JSON of a body that is too large to be parsed where everybody waits for it
UNPARSED = web.RequestKey("unparsed", bytes)
#: bytes of JSON that are parsed at once
LARGE_JSON = 64 * 1024


class RequestParser(AIOHTTPParser):
    """webargs with bounded bodies, strict JSON, and our errors.

    Args:
        max_body: bytes of a body.
        body_timeout: seconds for all of it.
    """

    DEFAULT_UNKNOWN_BY_LOCATION = {"query": RAISE, "json": RAISE}

    def __init__(self, max_body: int, body_timeout: float) -> None:
        super().__init__()
        self._max_body = max_body
        self._body_timeout = body_timeout

    async def load_json(self, req: web.Request, schema: Schema) -> Any:
        """The JSON body, whatever it calls itself; an empty one is an empty object."""
        body = await read_body(req, self._max_body, self._body_timeout, load=req[LOAD])
        req[LOAD].complete()
        if len(body) > LARGE_JSON:
            if not isinstance(schema, OperationsSchema):
                raise CollabError("invalid_payload", f"More than {LARGE_JSON} bytes of JSON.")
            req[UNPARSED] = body
            return {"operations": []}
        if not body:
            return {}
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise CollabError("invalid_payload", "The body is not JSON.") from None
        if not isinstance(value, dict):
            raise CollabError("invalid_payload", "The body has to be a JSON object.")
        return value

    def handle_error(self, error: ValidationError, req: web.Request, schema: Schema, **_more: Any) -> Any:
        """Raise ``invalid_payload`` that names the first fault."""
        path, words = _first_fault(error.messages)
        raise CollabError("invalid_payload", f"{path}: {words}", detail={"path": path}) from None


def _first_fault(messages: Any) -> tuple[str, str]:
    path: list[str] = []
    while isinstance(messages, dict) and messages:
        key, messages = next(iter(messages.items()))
        path.append(str(key)[:64].encode("utf-8", "replace").decode())
    # webargs puts the location first, which is clear from the request.
    words = messages[0] if isinstance(messages, list) and messages else messages
    return ".".join(path[1:]) or "request", str(words)
