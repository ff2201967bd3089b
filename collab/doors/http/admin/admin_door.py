"""``/admin``: who may see it, what it is sent, and what it may ask for.

Nobody else learns anything: without a token 401, with one that is no administrator's 403, and where there is no auth
404 for everybody who is not on this machine. The token comes in the header, or in a cookie that scripts cannot read
and other sites do not send; never in the address.
"""

from __future__ import annotations

import asyncio
import time
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import structlog
from aiohttp import web

from collab.auth.base import Authenticator, Entrance
from collab.doors.door import counted_sign_in
from collab.doors.http.admin.actions import Actions
from collab.doors.http.admin.overview import Overview
from collab.doors.http.pages import PAGE_HEADERS
from collab.doors.peers import Peers
from collab.doors.requests import meet_expectation
from collab.errors import CollabError
from collab.types import Identity

COOKIE = "collab_admin"
#: seconds between two looks, and where there are many documents
INTERVAL, SLOW_INTERVAL, MANY = 1.0, 3.0, 1000
#: bytes of a token, or of what is to be done
MAX_BODY = 20 * 1024
_FOLDER = Path(__file__).parent
_FILES = {"admin.css": "text/css", "admin.js": "text/javascript"}

_log = structlog.get_logger("collab.admin")


class AdminDoor:
    """Serves the page; a door like all others, of which nobody enters a document.

    Args:
        authenticator: finds out who somebody is; None: there is no auth, and this machine may.
        peers: tells who is on this machine, and whose pages ask.
        overview: what is shown.
        actions: what can be done.
    """

    def __init__(self, authenticator: Authenticator | None, peers: Peers, overview: Overview, actions: Actions) -> None:
        self._authenticator = authenticator
        self._peers = peers
        self._overview = overview
        self._actions = actions
        self._latest: bytes = b""
        self._news = asyncio.Condition()
        self._watching = 0
        self._looking: asyncio.Task[None] | None = None
        self._ended = False

    def add_routes(self, app: web.Application) -> None:
        """See :class:`collab.doors.door.Door`."""
        for path, handler in (("/admin", self._page), ("/admin/events", self._events), ("/admin/now", self._now)):
            app.router.add_get(path, handler, expect_handler=meet_expectation)
        app.router.add_get("/admin/{file:admin\\.(?:css|js)}", self._file, expect_handler=meet_expectation)
        for path, action in (("/admin", self._sign_in), ("/admin/sign-out", self._sign_out), ("/admin/do", self._do)):
            app.router.add_post(path, action, expect_handler=meet_expectation)

    async def drain(self, waves: int, pause: float) -> None:
        """See :class:`collab.doors.door.Door`."""
        await self.close()

    async def close(self) -> None:
        """End every stream."""
        self._ended = True
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None
        async with self._news:
            self._news.notify_all()

    # -- who may --------------------------------------------------------------------------------

    async def _administrator(self, request: web.Request) -> Identity | None:
        """Who asks; None: whoever is on this machine.

        Raises:
            HTTPNotFound: it is not for them to know that there is such a page.
            CollabError: ``unauthorized``, ``forbidden`` ...
        """
        if self._authenticator is None:
            if not (self._peers.this_machine(request) and self._peers.name_allowed(request)):
                raise web.HTTPNotFound(text="not found")
            return None
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        shown = token.strip() if scheme.lower() == "bearer" else request.cookies.get(COOKIE, "")
        return await self._identify(shown, request)

    async def _identify(self, token: str, request: web.Request) -> Identity:
        assert self._authenticator is not None
        entrance = Entrance(None, self._peers.address(request), "http")
        with counted_sign_in():
            identity = await self._authenticator.admit(token or None, None, entrance)
        if not sees_everything(identity):
            raise CollabError("forbidden", "This page is for administrators of all documents.")
        return identity

    def _check_page(self, request: web.Request) -> None:
        fault = self._peers.origin_fault(request)
        if fault is not None:
            raise web.HTTPForbidden(text=fault)

    # -- the page -------------------------------------------------------------------------------

    async def _page(self, request: web.Request) -> web.Response:
        try:
            await self._administrator(request)
        except CollabError as error:
            return self._ask_token(error, tried=bool(request.cookies.get(COOKIE)))
        signed_in = self._authenticator is not None
        return _html(_read("admin.html").replace("{signed}", "signed" if signed_in else "open"))

    def _ask_token(self, error: CollabError, *, tried: bool) -> web.Response:
        words = "" if error.code == "unauthorized" and not tried else error.message
        page = _read("sign-in.html").replace("{words}", _escaped(words))
        return _html(page, 403 if error.code == "forbidden" else error.row.status)

    async def _sign_in(self, request: web.Request) -> web.Response:
        self._check_page(request)
        if self._authenticator is None:
            await self._administrator(request)
            raise web.HTTPSeeOther(request.path)
        form = await _form(request)
        token = str(form.get("token", "")).strip()
        try:
            await self._identify(token, request)
        except CollabError as error:
            _log.info("sign-in to the admin page refused", code=error.code, address=self._peers.address(request))
            return self._ask_token(error, tried=True)
        answer = web.Response(status=303, headers={"Location": request.path, "Cache-Control": "no-store"})
        secure = request.secure or request.headers.get("X-Forwarded-Proto") == "https"
        answer.set_cookie(COOKIE, token, httponly=True, samesite="Strict", path=request.path, secure=secure)
        return answer

    async def _sign_out(self, request: web.Request) -> web.Response:
        self._check_page(request)
        above = request.path.removesuffix("/sign-out")
        answer = web.Response(status=303, headers={"Location": above, "Cache-Control": "no-store"})
        answer.del_cookie(COOKIE, path=above)
        return answer

    async def _file(self, request: web.Request) -> web.Response:
        name = request.match_info["file"]
        if self._authenticator is None:
            await self._administrator(request)
        headers = {**PAGE_HEADERS, "Cache-Control": "no-cache"}
        return web.Response(text=_read(name), content_type=_FILES[name], charset="utf-8", headers=headers)

    # -- what it shows --------------------------------------------------------------------------

    async def _now(self, request: web.Request) -> web.Response:
        try:
            await self._administrator(request)
        except CollabError as error:
            return _refusal(error)
        return _json(await self._overview.look())

    async def _events(self, request: web.Request) -> web.StreamResponse:
        try:
            identity = await self._administrator(request)
        except CollabError as error:
            return _refusal(error)
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )
        await response.prepare(request)
        self._watching += 1
        if self._looking is None and not self._ended:
            self._looking = asyncio.get_running_loop().create_task(self._look())
        try:
            if self._latest:
                await response.write(b"data: %b\n\n" % self._latest)
            while not self._ended and not _expired(identity):
                async with self._news:
                    await self._news.wait()
                if not self._ended:
                    await response.write(b"data: %b\n\n" % self._latest)
        except (ConnectionError, RuntimeError):
            pass  # whoever watched is gone
        finally:
            self._watching -= 1
        return response

    async def _look(self) -> None:
        """Look for as long as somebody watches."""
        try:
            while self._watching:
                try:
                    shown = await self._overview.look()
                except Exception:
                    _log.exception("the admin page cannot be made")
                    await asyncio.sleep(SLOW_INTERVAL)
                    continue
                self._latest = orjson.dumps(shown)
                async with self._news:
                    self._news.notify_all()
                await asyncio.sleep(INTERVAL if shown["now"]["documents"] < MANY else SLOW_INTERVAL)
        finally:
            self._looking, self._latest = None, b""

    # -- what it does ---------------------------------------------------------------------------

    async def _do(self, request: web.Request) -> web.Response:
        self._check_page(request)
        try:
            identity = await self._administrator(request)
            # A form of another site cannot send this media type.
            if request.content_type != "application/json":
                raise CollabError("invalid_payload", "JSON is needed.")
            try:
                wanted = orjson.loads(await _body(request))
            except orjson.JSONDecodeError:
                raise CollabError("invalid_payload") from None
            by = "this machine" if identity is None else identity.id or identity.name
            return _json({"ok": True, "message": await self._actions.do(wanted, by)})
        except CollabError as error:
            return _refusal(error)


def sees_everything(identity: Identity) -> bool:
    """Whether somebody is an administrator of all documents, whatever they are called."""
    return identity.administers_everything


def _expired(identity: Identity | None) -> bool:
    return identity is not None and identity.expires_at is not None and identity.expires_at <= time.time()


async def _body(request: web.Request) -> bytes:
    body = await request.content.read(MAX_BODY + 1)
    while not request.content.at_eof() and len(body) <= MAX_BODY:
        body += await request.content.read(MAX_BODY + 1)
    if len(body) > MAX_BODY:
        raise web.HTTPRequestEntityTooLarge(MAX_BODY, len(body), text="too large")
    return body


async def _form(request: web.Request) -> dict[str, str]:
    from urllib.parse import parse_qsl

    return dict(parse_qsl((await _body(request)).decode("utf-8", "replace")))


@cache
def _read(name: str) -> str:
    return (_FOLDER / name).read_text("utf-8")


def _escaped(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;")


def _html(text: str, status: int = 200) -> web.Response:
    headers = {**PAGE_HEADERS, "Cache-Control": "no-store"}
    return web.Response(text=text, status=status, content_type="text/html", charset="utf-8", headers=headers)


def _json(value: Any, status: int = 200) -> web.Response:
    headers = {"Cache-Control": "no-store"}
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json", headers=headers)


def _refusal(error: CollabError) -> web.Response:
    return _json({"ok": False, "error": error.as_dict()}, error.row.status)
