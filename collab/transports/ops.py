"""Routes for machines and people around the documents: health, and the pages of the demo."""

from __future__ import annotations

import asyncio
import gzip
import math
import mimetypes
from functools import cache
from pathlib import Path

from aiohttp import web

from collab import __version__
from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.transports.problems import meet_expectation

_STATIC = Path(__file__).parent.parent / "static"

#: nothing from elsewhere runs on our pages; styles inline because editors set them on elements
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self'; connect-src 'self' ws: wss:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_PAGE_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_FOREVER = "public, max-age=31536000, immutable"


def add_routes(app: web.Application, hub: Hub) -> None:
    """Add ``/healthz``, ``/readyz`` and the demo's pages to ``app``."""

    async def healthz(_request: web.Request) -> web.Response:
        return web.json_response(
            {"status": "ok", "version": __version__, "store": hub.store.adapter, "nodes": hub.cluster.nodes}
        )

    async def readyz(_request: web.Request) -> web.Response:
        error: CollabError | None
        if hub.draining:
            error = CollabError("draining", retry_after=1)
        elif not hub.cluster.reachable:
            error = CollabError("cluster_degraded", retry_after=1)
        else:
            try:
                await hub.store.check()
                error = None
            except CollabError as failure:
                error = failure
        if error is not None:
            headers = {"Retry-After": str(max(1, math.ceil(error.retry_after or 1)))}
            return web.json_response(error.as_dict(), status=error.row.status, headers=headers)
        return web.json_response({"status": "ready"})

    app.on_response_prepare.append(_harden)
    app.router.add_get("/healthz", healthz, expect_handler=meet_expectation)
    app.router.add_get("/readyz", readyz, expect_handler=meet_expectation)
    app.router.add_get("/", _page, expect_handler=meet_expectation)
    app.router.add_get("/d/{document:.+}", _page, expect_handler=meet_expectation)
    app.router.add_get("/{path:.+}", _file, expect_handler=meet_expectation)


async def _harden(_request: web.Request, response: web.StreamResponse) -> None:
    """What every answer says; pages say more."""
    headers = response.headers
    headers["Server"] = "collab"  # which versions of what are behind it is nobody's business
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")


async def _page(_request: web.Request) -> web.StreamResponse:
    return _serve(_STATIC / "index.html", "no-cache")


async def _file(request: web.Request) -> web.StreamResponse:
    if "\0" in request.match_info["path"]:
        raise web.HTTPNotFound(text="not found")
    path = (_STATIC / request.match_info["path"]).resolve()
    if not path.is_relative_to(_STATIC) or not path.is_file():
        raise web.HTTPNotFound(text="not found")
    hashed = "assets" in path.relative_to(_STATIC).parts
    response = _serve(path, _FOREVER if hashed else "no-cache")
    if not hashed or path.suffix not in (".js", ".css"):
        return response
    response.headers["Vary"] = "Accept-Encoding"
    if "gzip" not in request.headers.get("Accept-Encoding", ""):
        return response
    body = await asyncio.to_thread(_gzipped, path)
    return web.Response(body=body, headers={**response.headers, "Content-Encoding": "gzip"})


@cache
def _gzipped(path: Path) -> bytes:
    """A built file as it goes over the wire. Its name changes with its content, so once is enough."""
    return gzip.compress(path.read_bytes())


def _serve(path: Path, cache: str) -> web.StreamResponse:
    if not path.is_file():
        raise web.HTTPNotFound(text="not found")
    response = web.FileResponse(path, headers={**_PAGE_HEADERS, "Cache-Control": cache})
    kind, _ = mimetypes.guess_type(path.name)
    response.content_type = kind or "application/octet-stream"
    if response.content_type.startswith("text/") or "javascript" in response.content_type:
        response.charset = "utf-8"
    return response
