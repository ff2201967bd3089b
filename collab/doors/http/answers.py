"""A request that may be served, and how its answers are written."""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web
from marshmallow import Schema

from collab.doors.http.rates import Rate
from collab.errors import CollabError
from collab.hub.live_document import LiveDocument
from collab.types import Identity, Role, is_loopback


@dataclass(frozen=True, slots=True)
class Call:
    """A request that may be served: who asks, for which document, with which parameters.

    ``body`` is what the schema made of JSON, raw bytes, or None.
    """

    request: web.Request
    identity: Identity
    role: Role | None
    document: str
    query: dict[str, Any]
    body: Any
    rate: Rate
    address: str

    @property
    def participant(self) -> str:
        """Who asks."""
        return self.identity.id or self.identity.name

    @property
    def author(self) -> str:
        """Under which name an edit is logged."""
        return self.identity.author(self.document)

    @property
    def owner(self) -> Hashable:
        """Whose turn at the workers it takes; of this machine's address, which may be everybody's, each its own."""
        if self.identity.id is not None:
            return self.identity.id
        return id(self) if is_loopback(self.address) else (self.address,)

    @property
    def payer(self) -> Hashable | None:
        """Whose quota of what is kept it is from: admins and this machine have none."""
        if self.role is Role.ADMIN:
            return None
        if self.identity.id is not None:
            return self.identity.id
        return None if is_loopback(self.address) else (self.address,)

    def check_still(self) -> None:
        """Raise ``token_expired`` if the right to ask has ended since: asked again when a request takes effect."""
        expires_at = self.identity.expires_at
        if expires_at is not None and expires_at <= time.time():
            raise CollabError("token_expired")


def answer_json(
    schema: type[Schema], value: Any, *, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    body = orjson.dumps(schema().dump(value))
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def hashed(*parts: str | None) -> str:
    return hashlib.blake2b(orjson.dumps(parts), digest_size=12).hexdigest()


def content_tag(live: LiveDocument, *parts: str | None) -> str | None:
    """The weak ETag of a document's content; None while edits are on their way to the log.

    The position tells states apart once all edits have one; a state vector alone would not, because
    deleting does not change it. It is there for stores that begin to count anew.
    """
    if not live.journal.clean:
        return None
    return f"{live.journal.position}-" + hashed(live.document.state_vector().hex(), *parts)


def has_already(request: web.Request, tag: str | None) -> bool:
    known = request.if_none_match
    return tag is not None and known is not None and any(each.value in (tag, "*") for each in known)


def state_headers(live: LiveDocument, tag: str | None) -> dict[str, str]:
    headers = {"Cache-Control": "private, no-cache", "Collab-Position": str(live.journal.position)}
    if tag is not None:
        headers["ETag"] = f'W/"{tag}"'
    return headers


def not_modified(live: LiveDocument, tag: str | None) -> web.Response:
    return web.Response(status=304, headers=state_headers(live, tag))
