"""Every HTTP request has an id, and is counted, by its route and not by its path, which holds whatever somebody put
there."""

from __future__ import annotations

import re
import secrets
import time

from aiohttp import web
from structlog.contextvars import bound_contextvars

from collab.doors.requests import Handler
from collab.metrics import REQUEST_SECONDS, REQUESTS

#: routes whose requests last as long as somebody is there
_LASTING = frozenset(
    {"/socket.io/", "/socket.io", "/ws/{document}", "/hocuspocus", "/api/v1/documents/{document}/events",
     "/api/v1/documents/{document}/streams/{stream}/events",
     "/admin/events"}
)  # fmt: skip
#: in which a request says its id, and an answer repeats it
ID_HEADER = "X-Request-Id"
ID_KEY = web.RequestKey("request_id", str)
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@web.middleware
async def count_requests(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A middleware that counts what was answered, and how long that took; lines of the log name the request's id."""
    given = request.headers.get(ID_HEADER, "")
    id = request[ID_KEY] = given if _ID.fullmatch(given) else secrets.token_hex(6)
    with bound_contextvars(request=id):
        return await _count(request, handler)


async def _count(request: web.Request, handler: Handler) -> web.StreamResponse:
    began = time.perf_counter()
    status = 500
    try:
        response = await handler(request)
        status = response.status
        return response
    except web.HTTPException as refusal:
        status = refusal.status
        raise
    finally:
        resource = request.match_info.route.resource
        route = "other" if resource is None else resource.canonical
        method = request.method if request.method in _METHODS else "other"
        REQUESTS.values[route, method, str(status)] += 1
        if route not in _LASTING:
            REQUEST_SECONDS.at(route).observe(time.perf_counter() - began)
