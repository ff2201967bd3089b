"""Who is to be told what: the setting ``webhooks``."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlsplit

import orjson
from marshmallow import ValidationError
from marshmallow import fields as m

from collab.protocol import webhooks
from collab.stores.outbox import TYPES
from collab.types import Grant, Role

_KEYS = ("url", "secret", "events", "documents")
#: endpoints of one server, and secrets of one of them
MOST_ENDPOINTS, MOST_SECRETS = 50, 10


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address, and what is sent to it.

    Attributes:
        secrets: each message is signed with all of them.
        events: types.
        documents: patterns, as in grants.
    """

    url: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    events: frozenset[str] = frozenset(TYPES)
    documents: tuple[str, ...] = ("*",)

    @property
    def id(self) -> str:
        """Names the address, and tells nothing of it."""
        return hashlib.blake2b(self.url.encode(), digest_size=6).hexdigest()

    @property
    def shown(self) -> str:
        """The address for people: a password, and a query, may be secrets."""
        parts = urlsplit(self.url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname}{port}{parts.path}{'?...' if parts.query else ''}"

    def wants(self, type: str, document: str) -> bool:
        """Whether it is to be told of an event of this type in this document."""
        return type in self.events and any(Grant(each, Role.VIEWER).covers(document) for each in self.documents)


class Webhooks(m.Field[tuple[Endpoint, ...]]):
    """A list of tables with ``url``, ``secret``, ``events``, ``documents``; or that as JSON."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> tuple[Endpoint, ...]:
        if isinstance(value, str):
            try:
                value = orjson.loads(value)
            except ValueError:
                raise ValidationError("this is no JSON; allowed: a list of {url, secret, events, documents}") from None
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise ValidationError("allowed: [[webhooks]] with url, secret, events and documents")
        if len(value) > MOST_ENDPOINTS:
            raise ValidationError(f"{len(value)} are too many; allowed: {MOST_ENDPOINTS}")
        found: list[Endpoint] = []
        for number, table in enumerate(value, 1):
            try:
                endpoint = _endpoint(table)
                if any(endpoint.url == each.url for each in found):
                    raise ValueError("url: this one has an entry already; allowed: one entry for each URL")
            except ValueError as error:
                raise ValidationError(f"entry {number}: {error}") from None
            found.append(endpoint)
        return tuple(found)


def _endpoint(table: dict[str, Any]) -> Endpoint:
    for key in table:
        if key not in _KEYS:
            near = get_close_matches(key, _KEYS, 1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise ValueError(f"{key}: no such key; {hint}allowed: {', '.join(_KEYS)}")
    return Endpoint(
        _url(table.get("url")),
        _secrets(table.get("secret")),
        frozenset(_events(table.get("events", list(TYPES)))),
        _documents(table.get("documents", ["*"])),
    )


def _url(value: Any) -> str:
    allowed = "allowed: an http or https URL"
    if value is None:
        raise ValueError(f"url is missing; {allowed}")
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except (ValueError, TypeError, AttributeError):
        good = False
    if not good or not isinstance(value, str) or any(char.isspace() or not char.isprintable() for char in value):
        raise ValueError(f"url: this is none; {allowed}")
    return value


def _secrets(value: Any) -> tuple[str, ...]:
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list) or not 0 < len(words) <= MOST_SECRETS:
        what = "is missing" if value is None else "(hidden) is not allowed"
        raise ValueError(f"secret {what}; allowed: {webhooks.ALLOWED}, or a list of these, the newest first")
    if not all(isinstance(word, str) and webhooks.is_secret(word) for word in words):
        raise ValueError(f"secret: (hidden) is not allowed; allowed: {webhooks.ALLOWED}")
    return tuple(words)


def _events(value: Any) -> list[str]:
    words = [value] if isinstance(value, str) else value
    allowed = f"allowed: {', '.join(TYPES)}"
    if not isinstance(words, list) or not words:
        raise ValueError(f"events: this is no list of types; {allowed}")
    for word in words:
        if word not in TYPES:
            raise ValueError(f"events: {str(word)[:60]!r} is not known; {allowed}")
    return words


def _documents(value: Any) -> tuple[str, ...]:
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list) or not words or not all(isinstance(word, str) and word for word in words):
        raise ValueError("documents: this is no list; allowed: patterns of names, such as team/*")
    return tuple(words)
