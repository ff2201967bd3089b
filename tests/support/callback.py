"""An application that is asked who somebody is: it verifies what asks, remembers it, and answers as it is told."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook

SECRET = "whsec_" + base64.b64encode(b"thirty-two bytes of no secret...").decode()


class CallbackApp:
    """Listens on a port of its own; an asynchronous context manager.

    Attributes:
        people: token -> the answer of 200, or the status of another; unknown tokens get 401.
        questions: what was asked, in order.
        trouble: an answer to everybody instead: a status, or ``redirect``, ``text``, ``large``, ``hang``, ``close``.
    """

    def __init__(self) -> None:
        self.people: dict[str, dict[str, Any] | int] = {}
        self.questions: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.trouble: int | str | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.waiting = 0
        self.url = ""
        self._runner: web.AppRunner

    async def __aenter__(self) -> CallbackApp:
        app = web.Application()
        app.router.add_post("/who", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/who"
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.gate.set()
        await self._runner.cleanup()

    @property
    def settings(self) -> dict[str, Any]:
        """What a server that asks here is started with."""
        return {"auth": "callback", "auth_callback_url": self.url, "auth_callback_secret": SECRET}

    def let_in(self, token: str, /, role: str, **more: Any) -> None:
        """Answer a token with a role, and the token as ``sub``."""
        self.people[token] = {"sub": token, "role": role, **more}

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        question = Webhook(SECRET).verify(body, dict(request.headers))
        assert request.content_type == "application/json"
        self.questions.append(question)
        self.headers.append(dict(request.headers))
        self.waiting += 1
        await self.gate.wait()
        self.waiting -= 1
        if isinstance(self.trouble, int):
            return web.Response(status=self.trouble)
        if self.trouble == "redirect":
            return web.Response(status=307, headers={"Location": self.url})
        if self.trouble == "text":
            return web.Response(text="<html>Please sign in</html>")
        if self.trouble == "large":
            return web.json_response({"sub": "ann", "role": "editor", "x": "x" * 1_000_000})
        if self.trouble == "close":
            assert request.transport is not None
            request.transport.abort()
        answer = self.people.get(question["token"], 401)
        return web.Response(status=answer) if isinstance(answer, int) else web.json_response(answer)
