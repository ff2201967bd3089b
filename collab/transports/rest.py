"""The HTTP API for scripts and services: the same live documents, the same promises.

Every route is a row of :data:`collab.transports.openapi.ROUTES`, which says its role and its schemas; the
method of :class:`RestDoor` with the row's name serves it. Before a method is called, the caller is
known, has the role, is within its rate, and what it sent has passed the schemas.

Foreign content is read and edited in a worker process. An edit is computed there on a copy, then applied
here as any other update: what others did meanwhile merges with it.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast

import orjson
from aiohttp import hdrs, web
from marshmallow import Schema
from structlog.contextvars import bound_contextvars

from collab.auth.base import Authenticator, ShownUser
from collab.documents.editing import edit
from collab.documents.restore import restore
from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.hub.limits import SharedLimits
from collab.hub.live_document import LiveDocument
from collab.hub.reader import Reader
from collab.hub.session import log_refusal
from collab.stores.base import DocumentInfo, Version
from collab.transports.api_page import api_page
from collab.transports.openapi import PREFIX, ROUTES, Route, openapi_document
from collab.transports.ops import CONTENT_SECURITY_POLICY
from collab.transports.peers import Peers
from collab.transports.problems import Handler, answer_with_problems, meet_expectation
from collab.transports.rates import Rate, Rates
from collab.transports.rendering import MEDIA_TYPES, Format, render
from collab.transports.rest_schemas import (
    DocumentSchema,
    DocumentsSchema,
    HistorySchema,
    ParticipantsSchema,
    PositionSchema,
    RequestParser,
    VersionSchema,
    VersionsSchema,
    read_body,
)
from collab.transports.sse import HEARTBEAT, EventStreams
from collab.types import Identity, Role, check_document_name

#: documents that are encoded for a worker at the same time
READS_AT_ONCE = 4
#: seconds that an edit waits for a store that fails at the moment
SAVE_PATIENCE = 5.0
#: seconds that computing an edit may take: restoring takes 0.5 s per 300 KB
COMPUTE_TIMEOUT = 30.0
#: rows that a listing reads from the store in one go
SCAN = 1000

_PARAMETER = re.compile(r"{(\w+)}")
_WILDCARD = re.compile(r"[*?\[]")
_VERSION_ID = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
_EXPOSED = "Collab-Position, ETag, Location, Retry-After"
_PAGE_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


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

    @property
    def participant(self) -> str:
        """Under whose name an edit is logged."""
        return self.identity.id or self.identity.name


def add_routes(
    app: web.Application,
    hub: Hub,
    authenticator: Authenticator,
    settings: Any,
    peers: Peers,
    reader: Reader | None = None,
    *,
    shared: SharedLimits | None = None,
    heartbeat: float = HEARTBEAT,
) -> None:
    """Add ``/api/v1``, ``/openapi.json`` and ``/api`` to ``app``.

    Args:
        settings: an object with the limits of ``collab.config.Settings``.
        peers: tells addresses and allowed origins of requests.
        reader: the worker processes; without it the door has its own, for as long as ``app`` runs.
        shared: what this door counts together with others.
        heartbeat: seconds of silence after which an event stream gets a comment.
    """
    shared = shared or SharedLimits(settings)
    streams = EventStreams(
        hub,
        send_buffer_bytes=settings.send_buffer_bytes,
        counter=shared.connections,
        heartbeat=heartbeat,
    )
    readers = reader or Reader()
    door = RestDoor(hub, authenticator, settings, peers, readers, streams, shared)
    app.add_subapp(PREFIX, door.application())
    _add_description(app)

    async def end_streams(_app: web.Application) -> None:
        streams.end_all()

    app.on_shutdown.append(end_streams)
    if reader is None:

        async def start(_app: web.Application) -> None:
            readers.open()

        async def stop(_app: web.Application) -> None:
            await asyncio.to_thread(readers.close)

        app.on_startup.append(start)
        app.on_cleanup.append(stop)


def _add_description(app: web.Application) -> None:
    document = openapi_document()
    description = orjson.dumps(document, option=orjson.OPT_INDENT_2)
    page = api_page(document)

    async def openapi(request: web.Request) -> web.Response:
        body = description
        above = request.path.removesuffix("/openapi.json")
        if above:  # mounted in another application
            servers = [{"url": above + PREFIX}]
            body = orjson.dumps({**document, "servers": servers}, option=orjson.OPT_INDENT_2)
        return web.Response(body=body, content_type="application/json", headers=_PAGE_HEADERS)

    async def readable(_request: web.Request) -> web.Response:
        return web.Response(text=page, content_type="text/html", headers=_PAGE_HEADERS)

    app.router.add_get("/openapi.json", openapi, expect_handler=meet_expectation)
    app.router.add_get("/api", readable, expect_handler=meet_expectation)


class RestDoor:
    """Serves the rows of :data:`ROUTES`. Arguments as for :func:`add_routes`."""

    def __init__(
        self,
        hub: Hub,
        authenticator: Authenticator,
        settings: Any,
        peers: Peers,
        reader: Reader,
        streams: EventStreams,
        shared: SharedLimits,
    ) -> None:
        self._hub = hub
        self._authenticator = authenticator
        self._max_body: int = settings.max_update_bytes
        self._peers = peers
        self._reader = reader
        self._streams = streams
        self._participants = shared.participants
        self._parser = RequestParser(self._max_body)
        self._rates = Rates(settings.rate_updates, settings.rate_bytes)
        self._reading = asyncio.Semaphore(READS_AT_ONCE)

    def application(self) -> web.Application:
        """The routes as an application of their own, to be mounted."""
        app = web.Application(middlewares=[answer_with_problems, self._check_origin])
        for route in ROUTES:
            # A segment may hold anything but a slash, braces included; %2F is undone behind the match.
            path = _PARAMETER.sub(r"{\1:[^/]+}", route.path)
            resource = app.router.add_resource(path, name=None)
            handler = partial(self._serve, route, route.query(), _body_schema(route))
            resource.add_route(route.method, handler, expect_handler=meet_expectation)
            if route.method == "GET" and route.name != "get_events":
                resource.add_route("HEAD", handler, expect_handler=meet_expectation)
        app.on_response_prepare.append(self._prepare)
        return app

    # -- before a request is served -------------------------------------------------------------

    @web.middleware
    async def _check_origin(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Pages from elsewhere may not use what the browser's owner may, unless the settings say so."""
        if not self._peers.origin_allowed(request):
            raise CollabError("forbidden", "Pages of this origin may not use this server.")
        if request.method == "OPTIONS" and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers:
            return web.Response(
                status=204,
                headers={
                    "Access-Control-Allow-Methods": "GET, HEAD, PUT, POST, PATCH, DELETE",
                    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-None-Match, Last-Event-ID",
                    "Access-Control-Max-Age": "600",
                },
            )
        return await handler(request)

    async def _prepare(self, request: web.Request, response: web.StreamResponse) -> None:
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.add("Vary", "Origin")
        origin = request.headers.get("Origin")
        if origin is not None and self._peers.origin_allowed(request):
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = _EXPOSED

    async def _serve(
        self, route: Route, query: Schema, body: Schema | type[bytes] | None, request: web.Request
    ) -> web.StreamResponse:
        who: dict[str, str] = {}
        try:
            return await self._answer(route, query, body, request, who)
        except CollabError as error:
            if route.name == "get_events":
                log_refusal(error, request.match_info["document"], **who)
            raise

    async def _answer(
        self,
        route: Route,
        query: Schema,
        body: Schema | type[bytes] | None,
        request: web.Request,
        who: dict[str, str],
    ) -> web.StreamResponse:
        """Serve a request; ``who`` is told who it comes from, as soon as that is known."""
        if self._hub.draining:
            raise CollabError("draining", retry_after=1)
        rate = self._rates.of(self._peers.address(request))
        await rate.wait()
        document = request.match_info.get("document", "")
        known = {"document": document} if document else {}
        with bound_contextvars(**known):  # for what the authenticator has to say
            identity = await self._identify(route, request)
        if identity.id is not None:
            who["participant"] = identity.id
        role = self._check_role(route, identity, document, request) if document else None
        values = await self._parser.parse(query, request, location="query")
        payload: Any = None
        if body is bytes:
            payload = await read_body(request, self._max_body)
            rate.spend_bytes(len(payload))
        elif isinstance(body, Schema):
            payload = await self._parser.parse(body, request, location="json")
            rate.spend_bytes(request.content.total_bytes)
        if identity.id is not None:
            await rate.share(self._participants.of(identity.id), request.content.total_bytes)
        call = Call(request, identity, role, document, values, payload, rate)
        method: Callable[[Call], Any] = getattr(self, route.name)
        return cast("web.StreamResponse", await method(call))

    async def _identify(self, route: Route, request: web.Request) -> Identity:
        token = _bearer_token(request)
        if route.name != "get_events":
            return await self._authenticator.authenticate(token, None)
        # A browser's EventSource sends no headers of our choice.
        shown = ShownUser(request.query.get("name"), request.query.get("color"))
        return await self._authenticator.authenticate(token or request.query.get("token"), shown)

    def _check_role(self, route: Route, identity: Identity, document: str, request: web.Request) -> Role:
        check_document_name(document)
        role = identity.role_for(document)
        if role is None:
            raise CollabError("unauthorized" if identity.id is None else "forbidden")
        if route.role is not None and role < route.role:
            raise CollabError("read_only" if route.role is Role.EDITOR else "forbidden")
        return role

    # -- documents ------------------------------------------------------------------------------

    async def list_documents(self, call: Call) -> web.Response:
        """A page of the documents that the caller may know of."""
        limit = call.query["limit"]
        prefix, after = call.query["prefix"], call.query.get("after")
        found: list[DocumentInfo] = []
        for head in _heads(call.identity):
            if head.startswith(prefix) or prefix.startswith(head):
                longer = max(head, prefix, key=len)
                found += await self._visible(call.identity, longer, limit + 1 - len(found), after)
            if len(found) > limit:
                break
        page = found[:limit]
        answer = {
            "documents": await self._described(page),
            "next": page[-1].name if len(found) > limit else None,
        }
        return _json(DocumentsSchema, answer)

    async def _visible(
        self, identity: Identity, prefix: str, limit: int, after: str | None
    ) -> list[DocumentInfo]:
        """The first ``limit`` documents below ``prefix`` that a grant covers."""
        everything = _sees_everything(identity)
        found: list[DocumentInfo] = []
        while True:
            rows = await self._hub.store.documents(prefix, SCAN, after)
            for row in rows:
                if everything or any(grant.covers(row.name) for grant in identity.grants):
                    found.append(row)
                    if len(found) == limit:
                        return found
            if len(rows) < SCAN:
                return found
            after = rows[-1].name

    async def _described(self, infos: Sequence[DocumentInfo]) -> list[dict[str, Any]]:
        people = await self._hub.people([info.name for info in infos])
        return [{**asdict(info), "participants": count} for info, count in zip(infos, people, strict=True)]

    async def _stored(self, document: str) -> DocumentInfo | None:
        rows = await self._hub.store.documents(document, 1)
        return rows[0] if rows and rows[0].name == document else None

    async def get_document(self, call: Call) -> web.Response:
        """What the store knows of a document."""
        info = await self._stored(call.document)
        if info is None:
            raise _no_document()
        return _json(DocumentSchema, (await self._described([info]))[0])

    async def create_document(self, call: Call) -> web.Response:
        """Create a document, if it does not exist."""
        created = await self._hub.store.create(call.document)
        info = await self._stored(call.document)
        if info is None:  # deleted in between
            raise CollabError("document_deleted")
        headers = {"Location": call.request.rel_url.raw_path} if created else None
        described = (await self._described([info]))[0]
        return _json(DocumentSchema, described, status=201 if created else 200, headers=headers)

    async def delete_document(self, call: Call) -> web.Response:
        """Delete a document for good."""
        if await self._stored(call.document) is None and self._opened(call.document) is None:
            raise _no_document()
        await self._hub.delete(call.document)
        return web.Response(status=204)

    # -- content --------------------------------------------------------------------------------

    async def get_content(self, call: Call) -> web.Response:
        """Content as JSON, as text, or as the raw state."""
        format: Format = call.query["format"]
        path = call.query.get("path")
        await self._require(call.document)
        live = await self._live(call.document)
        tag = _tag(live, format, path)
        if _has_already(call.request, tag):
            return _not_modified(live, tag)
        async with self._reading:
            live = await self._live(call.document)
            tag, state = _tag(live, format, path), live.document.encode()
            headers = _state_headers(live, tag)
            body = await self._rendered(state, path, format)
        return _content(body, format, headers)

    async def _rendered(self, state: bytes, path: str | None, format: Format) -> bytes:
        if format == "update":
            return state
        return await self._reader.run(render, state, path, format)

    async def edit_content(self, call: Call) -> web.Response:
        """Carry out operations, all or none."""
        return await self._edit(call, edit, call.body["operations"], self._max_body, at_once=True)

    async def get_update(self, call: Call) -> web.Response:
        """What somebody with a state vector lacks."""
        state_vector: bytes | None = call.query.get("state_vector")
        await self._require(call.document)
        live = await self._live(call.document)
        tag = _tag(live, "diff", (state_vector or b"").hex())
        if _has_already(call.request, tag):
            return _not_modified(live, tag)
        try:
            update = live.document.diff(state_vector)
        except CollabError as error:
            raise CollabError(error.code, error.message, detail={"path": "state_vector"}) from None
        return _content(update, "update", _state_headers(live, tag))

    async def post_update(self, call: Call) -> web.Response:
        """Apply a raw update; answered once it is on disk."""
        return await self._apply(call, call.body)

    async def get_events(self, call: Call) -> web.StreamResponse:
        """Follow the document."""
        assert call.role is not None
        return await self._streams.serve(
            call.request,
            call.document,
            call.identity,
            call.role,
            address=self._peers.address(call.request),
            last_event_id=call.request.headers.get("Last-Event-ID") or call.query.get("last_event_id"),
        )

    async def _edit(
        self, call: Call, compute: Callable[..., bytes], *args: Any, at_once: bool = False
    ) -> web.Response:
        """Apply the update that ``compute(state, *args)`` returns in a worker process."""
        for last_try in (False, True):
            async with self._reading:
                live = await self._live(call.document)
                update = await self._reader.run(compute, live.document.encode(), *args, timeout=COMPUTE_TIMEOUT)
            if live.deleted:
                raise CollabError("document_deleted")
            try:
                return await self._apply(call, update, at_once=at_once)
            except CollabError as error:
                # Where the document had to be read from the log again, the edit has lost its ground.
                if error.code != "missing_dependencies" or last_try:
                    raise
        raise AssertionError("unreachable")

    async def _apply(self, call: Call, update: bytes, *, at_once: bool = False) -> web.Response:
        live = await self._live(call.document)
        await call.rate.share(live.pool, len(update))
        live = await self._live(call.document)
        saved: asyncio.Future[int | CollabError] = asyncio.get_running_loop().create_future()

        def done(result: int | CollabError) -> None:
            if not saved.done():
                saved.set_result(result)

        try:
            live.apply(update, done, session=None, participant=call.participant, at_once=at_once)
        except CollabError as error:
            if error.code == "missing_dependencies":
                error.detail["state_vector"] = _base64url(live.document.state_vector())
            raise
        try:
            async with asyncio.timeout(SAVE_PATIENCE):
                result = await asyncio.shield(saved)
        except TimeoutError:
            if live.outage.lasts:
                raise CollabError("cluster_degraded", retry_after=1, detail={"kept": True}) from None
            result = await saved
        if isinstance(result, CollabError):
            # The edit is made, others see it; only the store is in trouble.
            if not await live.journal.drain(SAVE_PATIENCE):
                raise CollabError(result.code, retry_after=result.retry_after, detail={"kept": True})
            result = live.journal.position
        return _json(PositionSchema, {"position": result}, headers={"Collab-Position": str(result)})

    # -- participants ---------------------------------------------------------------------------

    async def list_participants(self, call: Call) -> web.Response:
        """Who is here, on every node."""
        live = await self._hub.gathering(call.document)
        if live is None or not live.presence.sessions:
            await self._require(call.document)
        people = []
        if live is not None:
            for entry in live.presence.everybody():
                role = live.role_of(entry["session"])
                if role is not None:
                    people.append({**entry, "role": role})
        return _json(ParticipantsSchema, {"participants": people})

    async def disconnect_participant(self, call: Call) -> web.Response:
        """Send somebody away, whatever node they are on."""
        live = await self._hub.gathering(call.document)
        name = call.request.match_info["session"]
        session = live.sessions.get(name) if live is not None else None
        if session is not None:
            session.dismiss(CollabError("forbidden", "You were disconnected."))
        elif live is not None and live.neighbours is not None and name in live.presence.sessions:
            live.neighbours.dismiss(name)
        else:
            raise CollabError("not_found", "This session is not here.")
        return web.Response(status=204)

    # -- versions -------------------------------------------------------------------------------

    async def list_versions(self, call: Call) -> web.Response:
        """A page of versions, newest first."""
        await self._require(call.document)
        limit, after = call.query["limit"], call.query.get("after")
        versions = [
            version for version in await self._hub.store.versions(call.document) if after is None or version.id < after
        ]
        page = versions[:limit]
        following = page[-1].id if len(versions) > limit else None
        return _json(VersionsSchema, {"versions": [_as_dict(version) for version in page], "next": following})

    async def create_version(self, call: Call) -> web.Response:
        """Keep the present state."""
        await self._require(call.document)
        live = await self._live(call.document)
        state, position = live.document.encode(), live.journal.position
        # Versions without a name are checkpoints, which are forgotten after a while.
        name = call.body["name"] or datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        version = await self._hub.store.add_version(call.document, state, position, name, call.participant)
        headers = {"Location": f"{call.request.rel_url.raw_path}/{version.id}"}
        return _json(VersionSchema, _as_dict(version), status=201, headers=headers)

    async def get_version(self, call: Call) -> web.Response:
        """The content of a version."""
        format: Format = call.query["format"]
        path = call.query.get("path")
        version, state = await self._version(call)
        tag = _hashed(f"version {version.id}", format, path)
        headers = {"ETag": f'W/"{tag}"', "Cache-Control": "private, no-cache", "Collab-Position": str(version.position)}
        if _has_already(call.request, tag):
            return web.Response(status=304, headers=headers)
        async with self._reading:
            body = await self._rendered(state, path, format)
        return _content(body, format, headers)

    async def restore_version(self, call: Call) -> web.Response:
        """Give the document the content of a version, by an ordinary edit."""
        _, state = await self._version(call)
        return await self._edit(call, restore, state)

    async def _version(self, call: Call) -> tuple[Version, bytes]:
        id = call.request.match_info["version"]
        found = await self._hub.store.version(call.document, int(id)) if _VERSION_ID.fullmatch(id) else None
        if found is None:
            raise CollabError("not_found", "This document has no such version.")
        return found

    async def get_history(self, call: Call) -> web.Response:
        """Who changed how much, when."""
        await self._require(call.document)
        limit, after = call.query["limit"], call.query["after"]
        entries = await self._hub.store.history(call.document, after, limit + 1)
        page = entries[:limit]
        following = page[-1].last if len(entries) > limit else None
        return _json(HistorySchema, {"history": [asdict(entry) for entry in page], "next": following})

    # -- what stands behind a name --------------------------------------------------------------

    async def _live(self, document: str) -> LiveDocument:
        live = await self._hub.live(document)
        if live.deleted:
            raise CollabError("document_deleted")
        if live.document.poisoned:
            raise CollabError("storage_unavailable", "The document is being loaded again.", retry_after=1)
        return live

    def _opened(self, document: str) -> LiveDocument | None:
        """The document, if somebody has it open or it holds something."""
        live = self._hub.documents.get(document)
        if live is None or not (live.sessions or live.document.clocks):
            return None
        return live

    async def _require(self, document: str) -> None:
        """Raise ``not_found`` for a document that nobody ever created; reading does not create one."""
        if self._opened(document) is None and await self._stored(document) is None:
            raise _no_document()


# -- who may see what -------------------------------------------------------------------------------------


def _bearer_token(request: web.Request) -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _sees_everything(identity: Identity) -> bool:
    return identity.default_role is Role.ADMIN


def _heads(identity: Identity) -> list[str]:
    """What the names of all documents that a listing may show begin with; none begins with another."""
    if _sees_everything(identity):
        return [""]
    heads: list[str] = []
    for head in sorted({_WILDCARD.split(grant.pattern, maxsplit=1)[0] for grant in identity.grants}):
        if not heads or not head.startswith(heads[-1]):
            heads.append(head)
    return heads


# -- answers ----------------------------------------------------------------------------------------------


def _body_schema(route: Route) -> Schema | type[bytes] | None:
    if route.body is None or route.body is bytes:
        return route.body
    return cast("type[Schema]", route.body)()


def _json(
    schema: type[Schema], value: Any, *, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    body = orjson.dumps(schema().dump(value))
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")


def _content(body: bytes, format: Format, headers: dict[str, str]) -> web.Response:
    charset = "utf-8" if format == "text" else None
    return web.Response(body=body, content_type=MEDIA_TYPES[format], charset=charset, headers=headers)


def _no_document() -> CollabError:
    return CollabError("not_found", "This document does not exist.")


def _as_dict(version: Version) -> dict[str, Any]:
    return {**asdict(version), "automatic": version.name is None}


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _hashed(*parts: str | None) -> str:
    return hashlib.blake2b(orjson.dumps(parts), digest_size=12).hexdigest()


def _tag(live: LiveDocument, *parts: str | None) -> str | None:
    """The weak ETag of a document's content; None while edits are on their way to the log.

    The position tells states apart once all edits have one; a state vector alone would not, because
    deleting does not change it. It is there for stores that begin to count anew.
    """
    if not live.journal.clean:
        return None
    return f"{live.journal.position}-" + _hashed(live.document.state_vector().hex(), *parts)


def _has_already(request: web.Request, tag: str | None) -> bool:
    known = request.if_none_match
    return tag is not None and known is not None and any(each.value in (tag, "*") for each in known)


def _state_headers(live: LiveDocument, tag: str | None) -> dict[str, str]:
    headers = {"Cache-Control": "private, no-cache", "Collab-Position": str(live.journal.position)}
    if tag is not None:
        headers["ETag"] = f'W/"{tag}"'
    return headers


def _not_modified(live: LiveDocument, tag: str | None) -> web.Response:
    return web.Response(status=304, headers=_state_headers(live, tag))

