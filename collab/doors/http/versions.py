"""Requests about the versions of a document."""

from __future__ import annotations

import re
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from collab.content.restore import restore
from collab.doors.http.answers import Call, answer_json, has_already, hashed
from collab.doors.http.api_schemas import VersionSchema, VersionsSchema
from collab.doors.http.content import ContentRoutes
from collab.doors.http.lookup import Lookup
from collab.doors.http.rendering import Format
from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.stores.base import Version
from collab.stores.outbox import Event
from collab.types import Role

_VERSION_ID = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)


class VersionRoutes:
    """Serves what is asked about versions.

    Args:
        hub: where documents are.
        documents: finds them.
        content: renders and edits them.
    """

    def __init__(self, hub: Hub, documents: Lookup, content: ContentRoutes) -> None:
        self._hub = hub
        self._documents = documents
        self._content = content

    async def list_versions(self, call: Call) -> web.Response:
        """A page of versions, newest first."""
        await self._documents.require(call.document)
        limit, after = call.query["limit"], call.query.get("after")
        versions = await self._hub.store.versions(call.document, limit + 1, after)
        page = versions[:limit]
        following = page[-1].id if len(versions) > limit else None
        return answer_json(
            VersionsSchema, {"versions": [described_version(version) for version in page], "next": following}
        )

    async def create_version(self, call: Call) -> web.Response:
        """Keep the present state."""
        await self._documents.require(call.document)
        live = await self._documents.live(call.document)
        # Versions without a name are checkpoints, which are forgotten after a while.
        name = call.body["name"] or datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        version = await self._hub.keeping.version(live, name, call.participant, call.payer)
        headers = {"Location": f"{call.request.rel_url.raw_path}/{version.id}"}
        return answer_json(VersionSchema, described_version(version), status=201, headers=headers)

    async def get_version(self, call: Call) -> web.StreamResponse:
        """The content of a version."""
        format: Format = call.query["format"]
        path = call.query.get("path")
        version, state = await self._version(call)
        tag = hashed(f"version {version.id}", format, path)
        headers = {"ETag": f'W/"{tag}"', "Cache-Control": "private, no-cache", "Collab-Position": str(version.position)}
        if has_already(call.request, tag):
            return web.Response(status=304, headers=headers)
        async with self._content.workers.turn(call.owner):
            body = await self._content.rendered(state, path, format)
        return await self._content.answer(call, body, format, headers)

    async def restore_version(self, call: Call) -> web.Response:
        """Give the document the content of a version, by an ordinary edit."""
        await self._documents.require(call.document)
        live = await self._documents.live(call.document)  # before the version is read, which belongs to this life
        version, state = await self._version(call)
        data = {"version": version.id, "name": version.name, "author": call.author}
        event = Event(call.document, "version.restored", time.time(), data)
        return await self._content.edit(call, restore, state, of=live, event=event)

    async def delete_version(self, call: Call) -> web.Response:
        """Forget a version."""
        version, _ = await self._version(call)
        if call.role is not Role.ADMIN and (call.identity.id is None or version.participant != call.identity.id):
            raise CollabError("forbidden", "Only admins delete versions that others have kept.")
        if not await self._hub.store.delete_version(call.document, version.id):
            raise _no_version()
        return web.Response(status=204)

    async def _version(self, call: Call) -> tuple[Version, bytes]:
        id = call.request.match_info["version"]
        found = await self._hub.store.version(call.document, int(id)) if _VERSION_ID.fullmatch(id) else None
        if found is None:
            raise _no_version()
        return found


def _no_version() -> CollabError:
    return CollabError("not_found", "This document has no such version.")


def described_version(version: Version) -> dict[str, Any]:
    return {**asdict(version), "automatic": version.name is None}
