"""The events of streams as they stand on every wire, and in stores: one JSON text, made once.

A store keeps what an event says and who said it (:func:`body_of`); its place and its time are the store's own, and go
in front (:func:`event_json`). So an event is written for its readers without being parsed again.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from collab.errors import CollabError
from collab.types import Identity, timestamp

#: what an event is called if nobody says
DEFAULT_EVENT = "message"
#: characters of a key under which an event is published
MAX_KEY = 200

_NAME = re.compile(r"[a-z0-9-]{1,40}")


def check_stream_name(name: str) -> str:
    """Return ``name`` unchanged if a stream may have it; raises ``invalid_payload``."""
    if _NAME.fullmatch(name) is None:
        words = "stream: a name has 1 to 40 small letters, digits and hyphens."
        raise CollabError("invalid_payload", words, detail={"path": "stream"})
    return name


def sender_of(identity: Identity, document: str) -> dict[str, Any]:
    """Who an event of a stream of ``document`` is ``from``; ``participant`` is None for whoever has no token."""
    return {"participant": identity.id, "name": identity.name, "agent": identity.is_agent(document)}


def key_of(identity: Identity, key: str | None) -> str | None:
    """The key of a publication, which is its sender's own."""
    return None if key is None else orjson.dumps([identity.id, identity.name, key]).decode()


def body_of(event: str, data: Any, sender: dict[str, Any]) -> bytes:
    """What a store keeps of an event."""
    return orjson.dumps({"event": event, "data": data, "from": sender})


def event_json(stream: str, offset: int, at: float, body: bytes) -> bytes:
    """``{stream, offset, event, data, from, at}``, as JSON."""
    return b'{"stream":"%b","offset":%d,%b,"at":"%b"}' % (stream.encode(), offset, body[1:-1], timestamp(at).encode())
