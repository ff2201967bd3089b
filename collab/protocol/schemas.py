"""Schemas of the JSON payloads: what a client may send, and the words when it sends something else.

Unknown fields are refused with their path, but for those of ``user``, which are free within bounds. Binary events
never come here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson
from marshmallow import INCLUDE, RAISE, Schema, ValidationError, fields, validate

from collab.errors import CollabError
from collab.protocol.awareness import MAX_STATE_BYTES, MAX_STATE_DEPTH, depth_exceeds
from collab.protocol.stream_events import DEFAULT_EVENT, MAX_KEY, check_stream_name
from collab.protocol.user_fields import check_fields, usable_fields

MAX_EVENT_NAME = 64
MAX_BROADCAST_BYTES = 64 * 1024
#: bytes of what an event of a stream says
MAX_STREAM_BYTES = 64 * 1024
#: no offset is beyond what a JavaScript number holds
MAX_OFFSET = 2**53 - 1
#: characters of a token
MAX_TOKEN = 16 * 1024


class _Text(fields.Str):
    """A string of Unicode that can be written as UTF-8."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise ValidationError("Not valid Unicode.") from None
        return text


class _List(fields.Raw):
    """A list, whatever is in it: nobody looks at every item here."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        if not isinstance(value, list):
            raise ValidationError("Not a valid list.")
        return value


class UserSchema(Schema):
    """What somebody wants to be called; :mod:`collab.protocol.user_fields` knows about further fields."""

    class Meta:
        unknown = INCLUDE

    name = _Text(validate=validate.Length(max=200))
    color = _Text(validate=validate.Length(max=64))


class ConnectSchema(Schema):
    """``auth`` of a connection to ``/doc/``."""

    token = _Text(allow_none=True, validate=validate.Length(max=MAX_TOKEN))
    user = fields.Nested(UserSchema, allow_none=True)
    presence = fields.Str(validate=validate.OneOf(["json"]), allow_none=True)


class BroadcastSchema(Schema):
    """``broadcast``."""

    event = _Text(required=True, validate=validate.Length(1, MAX_EVENT_NAME))
    data = fields.Raw(load_default=None, allow_none=True)


class PublishSchema(Schema):
    """``publish``."""

    stream = fields.Str(required=True)
    event = _Text(load_default=DEFAULT_EVENT, validate=validate.Length(1, MAX_EVENT_NAME))
    data = fields.Raw(required=True, allow_none=True)
    key = _Text(load_default=None, allow_none=True, validate=validate.Length(1, MAX_KEY))


class SubscribeSchema(Schema):
    """``subscribe``."""

    stream = fields.Str(required=True)
    after = fields.Int(strict=True, load_default=None, allow_none=True, validate=validate.Range(0, MAX_OFFSET))


class UnsubscribeSchema(Schema):
    """``unsubscribe``."""

    stream = fields.Str(required=True)


class AuthenticateSchema(Schema):
    """``authenticate``."""

    token = _Text(required=True, validate=validate.Length(max=MAX_TOKEN))


class OperationsSchema(Schema):
    """``operations``; the operations themselves are checked where they are carried out."""

    operations = _List(required=True)


class ContentSchema(Schema):
    """``content``."""

    path = _Text(load_default=None, allow_none=True, validate=validate.Length(max=2000))
    format = fields.Str(load_default="json", validate=validate.OneOf(["json", "text", "markdown", "html"]))


_CONNECT = ConnectSchema(unknown=RAISE)
#: what socket.io-client adds by itself when it was connected to a server with connection state recovery before
_RECOVERY = ("pid", "offset")
_BROADCAST = BroadcastSchema(unknown=RAISE)
_PUBLISH = PublishSchema(unknown=RAISE)
_SUBSCRIBE = SubscribeSchema(unknown=RAISE)
_UNSUBSCRIBE = UnsubscribeSchema(unknown=RAISE)
_AUTHENTICATE = AuthenticateSchema(unknown=RAISE)
_OPERATIONS = OperationsSchema(unknown=RAISE)
_CONTENT = ContentSchema(unknown=RAISE)


@dataclass(frozen=True, slots=True)
class ConnectRequest:
    """What a client says when it opens a document."""

    token: str | None = None
    name: str | None = None
    color: str | None = None
    json_presence: bool = False
    fields: dict[str, Any] = field(default_factory=dict)


def load_connect(payload: Any, *, strict: bool) -> ConnectRequest:
    """Read ``auth`` of a connection.

    Args:
        payload: the JSON object of the CONNECT packet, or None.
        strict: refuse what the schema does not know; otherwise only ``token`` and ``user`` are
            looked at and everything else, wrong types included, is left alone.

    Raises:
        CollabError: ``invalid_payload``.
    """
    if payload is None:
        return ConnectRequest()
    if not strict:
        return _lenient(payload)
    if isinstance(payload, dict):
        payload = {key: value for key, value in payload.items() if key not in _RECOVERY}
    values = _load(_CONNECT, payload)
    user = values.get("user") or {}
    free = check_fields(payload.get("user") or {})  # in the order in which they were said
    return ConnectRequest(
        values.get("token"), user.get("name"), user.get("color"), values.get("presence") == "json", free
    )


def _lenient(payload: dict[str, Any]) -> ConnectRequest:
    user = payload.get("user")
    user = user if isinstance(user, dict) else {}
    token, name, color = payload.get("token"), user.get("name"), user.get("color")
    return ConnectRequest(
        token if isinstance(token, str) and len(token) <= MAX_TOKEN else None,
        name if isinstance(name, str) and len(name) <= 200 else None,
        color if isinstance(color, str) and len(color) <= 64 else None,
        fields=usable_fields(user),
    )


def load_presence(value: Any) -> dict[str, Any] | None:
    """Check a JSON presence state: an object of bounded size and depth, or None.

    Raises:
        CollabError: ``invalid_payload``.
    """
    if value is None:
        return None
    if not isinstance(value, dict):
        raise CollabError("invalid_payload", "Presence is an object or null.")
    _check_json(value, MAX_STATE_BYTES, "presence")
    return value


def load_broadcast(value: Any) -> tuple[str, Any]:
    """Check ``{event, data}``; returns the two. Raises ``invalid_payload``."""
    values = _load(_BROADCAST, value)
    _check_json(values["data"], MAX_BROADCAST_BYTES, "data")
    return values["event"], values["data"]


@dataclass(frozen=True, slots=True)
class Draft:
    """An event that somebody wants to publish; ``key``: the same once more is none."""

    stream: str
    event: str
    data: Any
    key: str | None


def load_publish(value: Any) -> Draft:
    """Check ``{stream, event?, data, key?}``. Raises ``invalid_payload``."""
    values = _load(_PUBLISH, value)
    check_stream_name(values["stream"])
    check_stream_data(values["data"])
    return Draft(values["stream"], values["event"], values["data"], values["key"])


def check_stream_data(data: Any) -> None:
    """Check what an event says. Raises ``invalid_payload``."""
    _check_json(data, MAX_STREAM_BYTES, "data")


def load_subscribe(value: Any) -> tuple[str, int | None]:
    """Check ``{stream, after?}``; returns the two. Raises ``invalid_payload``."""
    values = _load(_SUBSCRIBE, value)
    return check_stream_name(values["stream"]), values["after"]


def load_unsubscribe(value: Any) -> str:
    """Check ``{stream}``; returns it. Raises ``invalid_payload``."""
    return check_stream_name(_load(_UNSUBSCRIBE, value)["stream"])


def load_authenticate(value: Any) -> str:
    """Check ``{token}``; returns the token. Raises ``invalid_payload``."""
    token: str = _load(_AUTHENTICATE, value)["token"]
    return token


def load_operations(value: Any) -> list[Any]:
    """Check ``{operations}``; returns the list. Raises ``invalid_payload``."""
    operations: list[Any] = _load(_OPERATIONS, value)["operations"]
    return operations


def load_content(value: Any) -> tuple[str | None, str]:
    """Check ``{path?, format?}``; returns the two. Raises ``invalid_payload``."""
    values = _load(_CONTENT, value)
    return values["path"], values["format"]


def _check_json(value: Any, most: int, what: str) -> None:
    if depth_exceeds(value, MAX_STATE_DEPTH):
        raise CollabError("invalid_payload", f"{what}: nested too deep.", detail={"path": what})
    try:
        size = len(orjson.dumps(value))
    except (TypeError, ValueError):  # an attachment, or text with lone surrogates
        raise CollabError("invalid_payload", f"{what}: not JSON.", detail={"path": what}) from None
    if size > most:
        raise CollabError(
            "invalid_payload", f"{what}: {size} bytes, allowed are {most}.", detail={"path": what, "limit": most}
        )


def _load(schema: Schema, payload: Any) -> dict[str, Any]:
    if not isinstance(payload, dict):
        raise CollabError("invalid_payload", "An object is needed.")
    _check_known(schema, payload, "")
    try:
        values: dict[str, Any] = schema.load(payload)
    except ValidationError as error:
        path, words = _first_fault(error.messages)
        raise CollabError("invalid_payload", f"{path}: {words}", detail={"path": path}) from None
    return values


def _check_known(schema: Schema, payload: dict[str, Any], path: str) -> None:
    """Refuse the first field that the schema does not know: marshmallow makes an error of each one."""
    for key, value in payload.items():
        known = schema.fields.get(key)
        if known is None and schema.unknown == INCLUDE:
            continue
        if known is None:
            where = path + str(key)[:64]
            raise CollabError("invalid_payload", f"{where}: Unknown field.", detail={"path": where})
        if isinstance(known, fields.Nested) and isinstance(value, dict):
            _check_known(known.schema, value, f"{path}{key}.")


def _first_fault(messages: Any) -> tuple[str, str]:
    path: list[str] = []
    while isinstance(messages, dict):
        key, messages = next(iter(messages.items()))
        if key != "_schema":  # marshmallow's word for the object itself
            path.append(str(key)[:64])
    return ".".join(path), str(messages[0] if isinstance(messages, list) else messages)
