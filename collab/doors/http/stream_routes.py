"""Requests about the streams of a document."""

from __future__ import annotations

import asyncio
import re

import orjson
from aiohttp import web

from collab.doors.http.answers import Call, answer_json
from collab.doors.http.api_schemas import PublishedSchema
from collab.doors.http.lookup import Lookup
from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.hub.stream_feed import subscribed_fields, subscribed_from
from collab.protocol.schemas import MAX_OFFSET, check_stream_data
from collab.protocol.stream_events import MAX_KEY, body_of, check_stream_name, key_of, sender_of

_OFFSET = re.compile(r"[0-9]{1,16}", re.ASCII)


class StreamRoutes:
    """Serves what is asked about streams, but for following them.

    Args:
        hub: where documents are.
        documents: finds them.
    """

    def __init__(self, hub: Hub, documents: Lookup) -> None:
        self._hub = hub
        self._documents = documents

    async def read_stream(self, call: Call) -> web.Response:
        """Events from an offset on, or the newest."""
        stream = stream_of(call)
        await self._documents.require(call.document)
        after: int | None = call.query.get("after")
        found = await self._hub.store.streams.read(call.document, stream, after, call.query["limit"])
        answer = subscribed_fields(stream, subscribed_from(found, after)) | {"last": found.last}
        return web.Response(body=orjson.dumps(answer), content_type="application/json")

    async def publish_event(self, call: Call) -> web.Response:
        """Append an event; answered once it is on disk."""
        stream, key = stream_of(call), key_of(call.identity, _key(call.request))
        check_stream_data(call.body["data"])
        body = body_of(call.body["event"], call.body["data"], sender_of(call.identity, call.document))
        live = await self._documents.live(call.document)
        await call.rate.share(live.pool, len(body))
        call.check_still()
        live = await self._documents.live(call.document)
        published = await asyncio.shield(live.streams.publish(stream, body, key=key, payer=call.payer))
        return answer_json(PublishedSchema, {"offset": published.offset, "durable": True}, status=201)


def stream_of(call: Call) -> str:
    """Which stream a request is about; raises ``invalid_payload``."""
    return check_stream_name(call.request.match_info["stream"])


def begin_of(call: Call) -> int | None:
    """Behind which event somebody begins to follow: what came last counts for more than where it began at first."""
    for said in (call.request.headers.get("Last-Event-ID"), call.query.get("last_event_id")):
        if said is not None and _OFFSET.fullmatch(said) and int(said) <= MAX_OFFSET:
            return int(said)
    after: int | None = call.query.get("after")
    return after


def _key(request: web.Request) -> str | None:
    key: str | None = request.headers.get("Idempotency-Key")
    if key is not None and not (1 <= len(key) <= MAX_KEY and key.isprintable()):
        words = f"Idempotency-Key: 1 to {MAX_KEY} printable characters are needed."
        raise CollabError("invalid_payload", words, detail={"path": "Idempotency-Key"})
    try:
        (key or "").encode()
    except UnicodeEncodeError:
        raise CollabError("invalid_payload", "Idempotency-Key: Not valid Unicode.") from None
    return key
