"""The pages of the demo, and the browser client, as they were built."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import mimetypes
from functools import cache
from pathlib import Path

from aiohttp import web

from collab.doors.requests import meet_expectation

_STATIC = Path(__file__).parents[2] / "static"

#: nothing from elsewhere runs on our pages; styles inline because editors set them on elements
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self'; connect-src 'self' ws: wss:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
#: of every page
PAGE_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}
#: of the browser client: pages of other origins load it too
_CLIENT_HEADERS = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
#: what the table of types takes for something else
_CONTENT_TYPES = {".tgz": "application/gzip"}
_FOREVER = "public, max-age=31536000, immutable"


def add_routes(app: web.Application) -> None:
    """Add the home page, ``/d/<document>``, the files that they need and ``/client/`` to ``app``."""
    app.router.add_get("/", _page, expect_handler=meet_expectation)
    app.router.add_get("/d/{document:.+}", _page, expect_handler=meet_expectation)
    app.router.add_get("/{path:.+}", _file, expect_handler=meet_expectation)


async def _page(_request: web.Request) -> web.StreamResponse:
    return _serve(_STATIC / "index.html", "no-cache")


def _found(name: str) -> Path | None:
    """The built file of that name, if there is one."""
    try:
        path = (_STATIC / name).resolve()
        return path if path.is_relative_to(_STATIC) and path.is_file() else None
    except (OSError, ValueError):  # longer than a name may be, or no name of a file at all
        return None


async def _file(request: web.Request) -> web.StreamResponse:
    path = _found(request.match_info["path"])
    if path is None:
        raise web.HTTPNotFound(text="not found")
    folder = path.relative_to(_STATIC).parts[0]
    hashed = folder == "assets"
    response = _serve(path, _FOREVER if hashed else "no-cache")
    if folder == "client":
        response.headers.update(_CLIENT_HEADERS)
    if folder not in ("assets", "client") or path.suffix not in (".js", ".css"):
        return response
    response.headers["Vary"] = "Accept-Encoding"
    if "gzip" not in request.headers.get("Accept-Encoding", ""):
        return response
    body = await asyncio.to_thread(_gzipped, path)
    small = web.Response(body=body, headers={**response.headers, "Content-Encoding": "gzip"})
    small.etag = tag = hashlib.sha256(body).hexdigest()[:32]
    if any(known.value in (tag, "*") for known in request.if_none_match or ()):
        small.set_status(304)
        small.body = None
    return small


@cache
def _gzipped(path: Path) -> bytes:
    """A built file as it goes over the wire. It is another one only with another release, so once is enough."""
    return gzip.compress(path.read_bytes(), mtime=0)


def _serve(path: Path, cache: str) -> web.StreamResponse:
    if not path.is_file():
        raise web.HTTPNotFound(text="not found")
    response = web.FileResponse(path, headers={**PAGE_HEADERS, "Cache-Control": cache})
    kind = _CONTENT_TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
    response.content_type = kind or "application/octet-stream"
    if response.content_type.startswith("text/") or "javascript" in response.content_type:
        response.charset = "utf-8"
    return response
