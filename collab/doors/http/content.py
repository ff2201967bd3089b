"""Requests that read and edit what is in a document.

Foreign content is read and edited in a worker process. An edit is computed there on a copy, then applied
here as any other update: what others did meanwhile merges with it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from collab.content.editing import edit, edit_json
from collab.content.workers import Workers
from collab.doors.http.answers import (
    Call,
    answer_json,
    base64url,
    content_tag,
    has_already,
    not_modified,
    state_headers,
)
from collab.doors.http.api_schemas import UNPARSED, PositionSchema
from collab.doors.http.large_answers import LargeAnswers
from collab.doors.http.lookup import Lookup
from collab.doors.http.rendering import HTML_HEADERS, MEDIA_TYPES, Format, render_body
from collab.errors import CollabError
from collab.hub.live_document import LiveDocument
from collab.metrics import ACKED, UPDATE_BYTES, UPDATES_RECEIVED, UPDATES_REFUSED
from collab.stores.outbox import Event, Outbox

#: seconds that an edit waits for a store that fails at the moment
SAVE_PATIENCE = 5.0
#: seconds that computing an edit may take: restoring takes 0.5 s per 300 KB
COMPUTE_TIMEOUT = 30.0


class ContentRoutes:
    """Serves reads and edits of content.

    Args:
        documents: finds documents.
        workers: the processes that look into content.
        max_update_bytes: of one edit.
    """

    def __init__(self, documents: Lookup, workers: Workers, max_update_bytes: int) -> None:
        self._documents = documents
        self.workers = workers
        self._max_update_bytes = max_update_bytes
        self._large = LargeAnswers()

    async def get_content(self, call: Call) -> web.StreamResponse:
        """Content as JSON, text, Markdown or HTML, or as the raw state."""
        format: Format = call.query["format"]
        path = call.query.get("path")
        await self._documents.require(call.document)
        salvaged = await self._documents.salvaged(call.document, call.role, self.workers)
        if salvaged is not None:
            return await self.answer(call, await self.rendered(salvaged, path, format), format, {})
        live = await self._documents.live(call.document)
        tag = content_tag(live, format, path)
        if has_already(call.request, tag):
            return not_modified(live, tag)
        async with self.workers.turn(call.owner):
            live = await self._documents.live(call.document)
            tag, state = content_tag(live, format, path), live.document.encode()
            headers = state_headers(live, tag)
            body = await self.rendered(state, path, format)
        return await self.answer(call, body, format, headers)

    async def answer(self, call: Call, body: bytes, format: Format, headers: dict[str, str]) -> web.StreamResponse:
        """Answer with content."""
        charset = "utf-8" if MEDIA_TYPES[format].startswith("text/") else None
        if format == "html":
            headers = headers | HTML_HEADERS
        return await self._large.send(call, body, headers, MEDIA_TYPES[format], charset)

    async def rendered(self, state: bytes, path: str | None, format: Format) -> bytes:
        if format == "update":
            return state
        return await self.workers.run(render_body, state, path, format)

    async def edit_content(self, call: Call) -> web.Response:
        """Carry out operations, all or none."""
        large = call.request.get(UNPARSED)
        compute, given = (edit, call.body["operations"]) if large is None else (edit_json, large)
        return await self.edit(call, compute, given, self._max_update_bytes, at_once=True)

    async def get_update(self, call: Call) -> web.StreamResponse:
        """What somebody with a state vector lacks."""
        state_vector: bytes | None = call.query.get("state_vector")
        await self._documents.require(call.document)
        salvaged = await self._documents.salvaged(call.document, call.role, self.workers)
        if salvaged is not None:
            return await self.answer(call, salvaged, "update", {})
        live = await self._documents.live(call.document)
        tag = content_tag(live, "diff", (state_vector or b"").hex())
        if has_already(call.request, tag):
            return not_modified(live, tag)
        try:
            update = live.document.diff(state_vector)
        except CollabError as error:
            raise CollabError(error.code, error.message, detail={"path": "state_vector"}) from None
        return await self.answer(call, update, "update", state_headers(live, tag))

    async def post_update(self, call: Call) -> web.Response:
        """Apply a raw update; answered once it is on disk."""
        return await self._apply(call, call.body)

    async def edit(
        self,
        call: Call,
        compute: Callable[..., bytes],
        *args: Any,
        at_once: bool = False,
        of: LiveDocument | None = None,
        event: Event | None = None,
    ) -> web.Response:
        """Compute an edit in a worker, and apply it.

        Args:
            of: only to this life of the document, which what is to be written belongs to.
            event: goes into the outbox with it.
        """
        for last_try in (False, True):
            async with self.workers.turn(call.owner):
                call.check_still()
                live = await self._live(call.document, of)
                update = await self.workers.run(compute, live.document.encode(), *args, timeout=COMPUTE_TIMEOUT)
            try:
                return await self._apply(call, update, at_once=at_once, of=live, event=event)
            except CollabError as error:
                # Where the document had to be read from the log again, the edit has lost its ground.
                if error.code != "missing_dependencies" or last_try:
                    raise
        raise AssertionError("unreachable")

    async def _live(self, document: str, of: LiveDocument | None) -> LiveDocument:
        """The open document, if it is the one that ``of`` is or was."""
        if of is not None and of.deleted:
            raise CollabError("document_deleted")
        live = await self._documents.live(document)
        if of is not None and live is not of and live.epoch != of.epoch:
            raise CollabError("document_deleted")
        return live

    async def _apply(
        self,
        call: Call,
        update: bytes,
        *,
        at_once: bool = False,
        of: LiveDocument | None = None,
        event: Event | None = None,
    ) -> web.Response:
        live = await self._live(call.document, of)
        await call.rate.share(live.pool, len(update))
        call.check_still()
        live = await self._live(call.document, of)
        saved: asyncio.Future[int | CollabError] = asyncio.get_running_loop().create_future()

        def done(result: int | CollabError) -> None:
            if not isinstance(result, CollabError):
                ACKED.observe(time.perf_counter() - began)
            if not saved.done():
                saved.set_result(result)

        UPDATES_RECEIVED.add("http")
        UPDATE_BYTES.observe(len(update))
        began = time.perf_counter()
        outbox = live.journal.store.outbox
        if event is not None:
            outbox.attach(event)
        try:
            live.apply(update, done, session=None, participant=call.author, at_once=at_once, owner=call.payer)
        except CollabError as error:
            if event is not None:
                outbox.detach(event)
            UPDATES_REFUSED.add(error.code)
            if error.code == "missing_dependencies":
                error.detail["state_vector"] = base64url(live.document.state_vector())
            raise
        try:
            async with asyncio.timeout(SAVE_PATIENCE):
                result = await asyncio.shield(saved)
        except TimeoutError:
            if live.outage.lasts:
                raise CollabError("cluster_degraded", retry_after=1, detail={"kept": True}) from None
            result = await saved
        if event is not None:
            await _tell_alone(outbox, event, result)
        if isinstance(result, CollabError):
            if result.code == "document_deleted":
                raise CollabError("document_deleted")
            # The edit is made, others see it; only the store is in trouble.
            if not await live.journal.drain(SAVE_PATIENCE):
                raise CollabError(result.code, retry_after=result.retry_after, detail={"kept": True})
            result = live.journal.position
        return answer_json(PositionSchema, {"position": result}, headers={"Collab-Position": str(result)})


async def _tell_alone(outbox: Outbox, event: Event, result: int | CollabError) -> None:
    """See to an event that was to go with an edit of which ``result`` came."""
    there = outbox.detach(event)
    if not isinstance(result, CollabError):
        if there:  # nothing had to be changed
            await outbox.put([event])
    elif result.code != "document_deleted":
        outbox.attach(event)  # the edit is kept, and it goes along when that is logged
