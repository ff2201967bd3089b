"""Requests about one's own inbox, and following it by Server-Sent Events."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from functools import partial
from typing import Any

from aiohttp import web

from collab.doors.admission import Admission
from collab.doors.connection import Connection
from collab.doors.http import event_streams
from collab.doors.http.answers import Call, answer_json
from collab.doors.http.event_streams import DOOR, RECONNECT_NEVER, EventBytes, EventPipe, json_event, send_events
from collab.doors.http.inbox_api import UnreadSchema
from collab.doors.http.stream_routes import begin_of
from collab.errors import CollabError
from collab.hub.inboxes import Follower, Inboxes, page_json
from collab.stores.inbox import InboxEntry

#: seconds between two looks whether a reader has gone, wants a heartbeat, or has a token that ended
LOOK_INTERVAL = 1.0


class InboxRoutes:
    """Serves what is asked about inboxes.

    Args:
        inboxes: whoever shows them.
        admission: counts those who follow one.
        send_buffer_bytes: unsent bytes after which a reader counts as slow.
    """

    def __init__(self, inboxes: Inboxes, admission: Admission, *, send_buffer_bytes: int) -> None:
        self._inboxes = inboxes
        self._admission = admission
        self._limit = send_buffer_bytes
        self._heartbeat = event_streams.HEARTBEAT
        self._pipes: set[EventPipe] = set()

    async def read_inbox(self, call: Call) -> web.Response:
        """Entries behind an id, or the newest."""
        seen = await self._inboxes.look(call.identity)
        entries = [entry for entry in seen.entries if not (call.query["unread"] and entry.read)]
        after, limit = call.query.get("after"), call.query["limit"]
        page = entries[-limit:] if after is None else [entry for entry in entries if entry.id > after][:limit]
        return web.Response(body=page_json(page, seen.unread), content_type="application/json")

    async def mark_inbox(self, call: Call) -> web.Response:
        """Entries are read."""
        unread = await self._inboxes.mark(call.identity, set(call.body.get("ids", ())), call.body.get("up_to", 0))
        return answer_json(UnreadSchema, {"unread": unread})

    async def follow_inbox(self, call: Call) -> web.StreamResponse:
        """Every entry as it comes, until the reader goes or is sent away."""
        if call.identity.id is None:
            await self._inboxes.look(call.identity)  # says why not
        self._admission.knock(call.address)
        pipe = EventPipe(self._limit, call.address)
        connection: Connection[Any] = self._admission.connect(pipe, call.address, Connection, DOOR)
        follower = Follower(call.identity, begin_of(call), partial(_tell, pipe), partial(_dismiss, pipe))
        watching = None
        try:
            if connection.refused is not None:
                raise connection.refused
            if connection.deadline is not None:  # it has no session, and lives on
                connection.deadline.cancel()
                connection.deadline = None
            await self._inboxes.follow(follower)
            self._pipes.add(pipe)
            watching = asyncio.get_running_loop().create_task(self._watch(pipe, follower))
            return await send_events(call.request, pipe)
        finally:
            if watching is not None:
                watching.cancel()
            self._inboxes.unfollow(follower)
            self._pipes.discard(pipe)
            pipe.end()
            self._admission.disconnect(connection)

    async def _watch(self, pipe: EventPipe, follower: Follower) -> None:
        while not pipe.closed:
            await asyncio.sleep(LOOK_INTERVAL)
            expires_at = follower.identity.expires_at
            if pipe.lost:
                pipe.end()
            elif expires_at is not None and expires_at <= time.time():
                _dismiss(pipe, CollabError("token_expired"))
            elif time.monotonic() - pipe.written_at >= self._heartbeat and not pipe.waiting_bytes:
                pipe.write(event_streams.BEAT)
                with suppress(CollabError):  # it is looked at again
                    await self._inboxes.check(follower)

    def end_all(self) -> None:
        """End every stream; its reader comes back by itself."""
        for pipe in list(self._pipes):
            pipe.end()


def _tell(pipe: EventPipe, entries: list[InboxEntry], unread: int) -> None:
    id = f"id: {entries[-1].id}\n" if entries else ""
    pipe.write(EventBytes(f"{id}event: inbox\ndata: {page_json(entries, unread).decode()}\n\n"))


def _dismiss(pipe: EventPipe, error: CollabError) -> None:
    pipe.write(json_event("notice", error.as_dict()))
    if not error.retryable:
        pipe.write(EventBytes(f"retry: {RECONNECT_NEVER}\n\n"))
    pipe.end()
