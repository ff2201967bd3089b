"""The HTTP door: the API for scripts and services, and event streams.

Every route is a row of :data:`collab.doors.http.openapi.ROUTES`, which says its role and its schemas; the method with
the row's name, of one of the classes that serve requests, serves it. Before it is called, the caller is known, has the
role, is within its rate, and what it sent has passed the schemas.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, cast

import orjson
import structlog
from aiohttp import hdrs, web
from marshmallow import Schema
from structlog.contextvars import bound_contextvars

from collab.auth.base import Authenticator, Entrance, ShownUser
from collab.content.workers import Workers
from collab.doors.admission import Admission
from collab.doors.door import counted_sign_in
from collab.doors.http.answers import Call, answer_json
from collab.doors.http.api_page import api_page
from collab.doors.http.api_schemas import LOAD, RecheckedSchema, RequestParser
from collab.doors.http.content import ContentRoutes
from collab.doors.http.documents import DocumentRoutes
from collab.doors.http.event_streams import DocumentReader, EventStreams, Reader
from collab.doors.http.inbox_routes import InboxRoutes
from collab.doors.http.lookup import Lookup
from collab.doors.http.openapi import PREFIX, ROUTES, openapi_document
from collab.doors.http.pages import CONTENT_SECURITY_POLICY
from collab.doors.http.problems import answer_with_problems
from collab.doors.http.rates import Rates
from collab.doors.http.route import Route
from collab.doors.http.stream_reader import StreamReader
from collab.doors.http.stream_routes import StreamRoutes, begin_of, stream_of
from collab.doors.http.versions import VersionRoutes
from collab.doors.http.webhook_routes import WebhookRoutes
from collab.doors.peers import Peers
from collab.doors.requests import ADDRESS_KEY, Handler, meet_expectation, read_body
from collab.errors import CollabError
from collab.hub.bulk import Turn
from collab.hub.hub import Hub
from collab.hub.in_flight import Load
from collab.hub.inboxes import Inboxes
from collab.hub.limits import SharedLimits
from collab.types import Identity, Role, check_document_name
from collab.webhooks.deliveries import Deliveries

_log = structlog.get_logger("collab.http")

_PARAMETER = re.compile(r"{(\w+)}")
_EXPOSED = "Collab-Position, ETag, Location, Retry-After"
_PAGE_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


class HttpDoor:
    """Serves ``/api/v1``, ``/openapi.json`` and ``/api``.

    Args:
        hub: where the documents are.
        authenticator: finds out who somebody is.
        admission: lets readers of event streams in.
        settings: an object with the limits of ``collab.config.Settings``.
        peers: tells addresses and allowed origins of requests.
        workers: the processes that look into content.
        shared: what this door counts together with others.
        recheck: has a participant (None: everybody) asked about again; says how many sessions that is.
        inboxes: of participants.
        deliveries: of webhooks.
    """

    def __init__(
        self,
        hub: Hub,
        authenticator: Authenticator,
        admission: Admission,
        settings: Any,
        peers: Peers,
        workers: Workers,
        shared: SharedLimits,
        recheck: Callable[[str | None], int],
        inboxes: Inboxes,
        deliveries: Deliveries,
    ) -> None:
        self._hub = hub
        self._recheck = recheck
        self._authenticator = authenticator
        self._admission = admission
        self._max_body: int = settings.max_update_bytes
        self._bulk = shared.bulk
        self._peers = peers
        self._participants = shared.participants
        self._body_timeout: float = settings.body_timeout
        self._parser = RequestParser(self._max_body, self._body_timeout)
        self._rates = Rates(settings.rate_updates, settings.rate_bytes)
        self._streams = EventStreams(admission, send_buffer_bytes=settings.send_buffer_bytes)
        self._inbox = InboxRoutes(inboxes, admission, send_buffer_bytes=settings.send_buffer_bytes)
        documents = Lookup(hub)
        content = ContentRoutes(documents, workers, self._max_body)
        self._served_by = (
            DocumentRoutes(hub, documents), content, VersionRoutes(hub, documents, content),
            StreamRoutes(hub, documents), self._inbox, WebhookRoutes(deliveries), self,
        )  # fmt: skip

    def add_routes(self, app: web.Application) -> None:
        """Add the API and its description to ``app``."""
        app.add_subapp(PREFIX, self._application())
        _add_description(app)

    async def drain(self, waves: int, pause: float) -> None:
        """End all streams: their readers come back by themselves."""
        await self.close()

    async def close(self) -> None:
        """End all streams."""
        self._streams.end_all()
        self._inbox.end_all()

    def _application(self) -> web.Application:
        """The routes as an application of their own, to be mounted."""
        app = web.Application(middlewares=[answer_with_problems, self._check_origin])
        for route in ROUTES:
            # A segment may hold anything but a slash, braces included; %2F is undone behind the match.
            path = _PARAMETER.sub(r"{\1:[^/]+}", route.path)
            resource = app.router.add_resource(path, name=None)
            handler = partial(self._serve, route, route.query(), _body_schema(route))
            resource.add_route(route.method, handler, expect_handler=meet_expectation)
            if route.method == "GET" and not route.lasting:
                resource.add_route("HEAD", handler, expect_handler=meet_expectation)
        app.on_response_prepare.append(self._prepare)
        return app

    # -- before a request is served -------------------------------------------------------------

    @web.middleware
    async def _check_origin(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Pages from elsewhere may not use what the browser's owner may, unless the settings say so."""
        request[ADDRESS_KEY] = self._peers.address(request)
        fault = self._peers.origin_fault(request)
        if fault is not None:
            raise CollabError("forbidden", fault)
        if request.method == "OPTIONS" and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers:
            return web.Response(
                status=204,
                headers={
                    "Access-Control-Allow-Methods": "GET, HEAD, PUT, POST, PATCH, DELETE",
                    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, If-None-Match,"
                    " Last-Event-ID",
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
        who = {"address": request[ADDRESS_KEY]}
        try:
            return await self._answer(route, query, body, request, who)
        except CollabError as error:
            if route.lasting and "document" in request.match_info:
                self._admission.note_refusal(error, "sse", request.match_info["document"], **who)
            elif error.code != "not_found":  # which is an answer like any other
                _log.info("request refused", code=error.code, route=route.name, **who)
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
        address = request[ADDRESS_KEY]
        rate = self._rates.of(address)
        await rate.wait()
        document = request.match_info.get("document", "")
        known = {"document": check_document_name(document)} if document else {}
        with bound_contextvars(address=address, **known), counted_sign_in():  # for what the authenticator has to say
            identity = await self._identify(route, request, document, address)
        if identity.id is not None:
            who["participant"] = identity.id
        role = self._check_role(route, identity, document, request) if document else None
        values = await self._parser.parse(query, request, location="query")
        async with self._room(request, address, documents=body is bytes) as (load, turn):
            payload: Any = None
            if body is bytes:
                payload = await self._read_update(request, load, turn)
                rate.spend_bytes(len(payload))
            elif isinstance(body, Schema):
                request[LOAD] = load
                payload = await self._parser.parse(body, request, location="json")
                rate.spend_bytes(request.content.total_bytes)
            if identity.id is not None:
                await rate.share(self._participants.of(identity.id), request.content.total_bytes)
            call = Call(request, identity, role, document, values, payload, rate, address)
            call.check_still()
            method = self._method(route.name)
            return cast("web.StreamResponse", await method(call))

    @asynccontextmanager
    async def _room(
        self, request: web.Request, address: str, *, documents: bool
    ) -> AsyncIterator[tuple[Load, Turn | None]]:
        """What a body counts against until it is dealt with, and a turn if it may be larger than an edit."""
        load = self._bulk.in_flight.load(address, partial(_cut, request))
        turn = None
        try:
            size = request.content_length
            if documents and (size is None or size > self._max_body):
                turn = self._bulk.turn(partial(_cut, request))
                await turn.wait()
            yield load, turn
        finally:
            load.release()
            if turn is not None:
                turn.release()

    async def _read_update(self, request: web.Request, load: Load, turn: Turn | None) -> bytes:
        if turn is None:
            body = await read_body(request, self._max_body, self._body_timeout, load=load)
        else:
            body = await read_body(request, self._bulk.most, self._body_timeout, heard=turn.heard)
            turn.complete()
        load.complete()
        return body

    async def _identify(self, route: Route, request: web.Request, document: str, address: str) -> Identity:
        token = _bearer_token(request)
        if not route.lasting:
            return await self._authenticator.admit(token, None, Entrance(document or None, address, "http"))
        # A browser's EventSource sends no headers of our choice.
        shown = ShownUser(request.query.get("name"), request.query.get("color"))
        entrance = Entrance(document or None, address, "sse")
        return await self._authenticator.admit(token or request.query.get("token"), shown, entrance)

    def _check_role(self, route: Route, identity: Identity, document: str, request: web.Request) -> Role:
        role = identity.role_for(document)
        if role is None:
            raise CollabError("unauthorized" if identity.id is None else "forbidden")
        if route.role is not None and role < route.role:
            raise CollabError(route.role.refusal)
        return role

    def _method(self, name: str) -> Callable[[Call], Any]:
        (method,) = (getattr(routes, name) for routes in self._served_by if hasattr(routes, name))
        return cast("Callable[[Call], Any]", method)

    async def recheck(self, call: Call) -> web.Response:
        """Ask the authenticator again about those who are here."""
        if not call.identity.administers_everything:
            raise CollabError("unauthorized" if call.identity.id is None else "forbidden")
        return answer_json(RecheckedSchema, {"sessions": self._recheck(call.body["participant"])})

    async def get_events(self, call: Call) -> web.StreamResponse:
        """Follow the document."""
        said = call.request.headers.get("Last-Event-ID") or call.query.get("last_event_id")
        return await self._follow(call, DocumentReader(said))

    async def follow_stream(self, call: Call) -> web.StreamResponse:
        """Follow a stream of the document."""
        return await self._follow(call, StreamReader(stream_of(call), begin_of(call)))

    async def _follow(self, call: Call, reader: Reader) -> web.StreamResponse:
        assert call.role is not None
        address = self._peers.address(call.request)
        return await self._streams.serve(
            call.request, call.document, call.identity, call.role, address=address, reader=reader
        )


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


def _cut(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _bearer_token(request: web.Request) -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _body_schema(route: Route) -> Schema | type[bytes] | None:
    if route.body is None or route.body is bytes:
        return route.body
    return cast("type[Schema]", route.body)()
