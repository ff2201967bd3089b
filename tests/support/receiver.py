"""Another system that is told what happens: it verifies what comes, remembers it, and answers as it is told."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook

SECRET = "whsec_" + base64.b64encode(b"thirty-two bytes of no secret...").decode()
#: generous: machines are slow
SOON = 30.0


class Receiver:
    """Listens on a port of its own, which it keeps; an asynchronous context manager.

    Attributes:
        came: every attempt whose signature is right: the message, with its ``webhook-id`` as ``id``.
        taken: those of them that were answered 200.
        trouble: the answer to everything instead: a status, or ``redirect``, ``close``, ``stall``.
        refuse: says of a message whether it is answered 500.
    """

    def __init__(self, secret: str = SECRET) -> None:
        self.secret = secret
        self.came: list[dict[str, Any]] = []
        self.taken: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.trouble: int | str | None = None
        self.refuse: Callable[[dict[str, Any]], bool] = lambda _message: False
        self.news = asyncio.Event()
        self.port = 0
        self._release = asyncio.Event()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Receiver:
        await self.start()
        return self

    async def start(self) -> None:
        """Listen, on the port of before where there was one."""
        app = web.Application()
        app.router.add_post("/{path:.*}", self._answer)
        self._release.clear()
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Nobody listens there any more."""
        self._release.set()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def __aexit__(self, *_error: object) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        """Where it is told."""
        return f"http://127.0.0.1:{self.port}/hook"

    def table(self, **more: Any) -> dict[str, Any]:
        """An entry of the setting ``webhooks``."""
        return {"url": self.url, "secret": self.secret, **more}

    def args(self, **more: Any) -> list[str]:
        """Flags of a server that tells this one, and nobody else."""
        return ["--webhooks", json.dumps([self.table(**more)])]

    def of(self, type: str, document: str | None = None) -> list[dict[str, Any]]:
        """What was taken of a type."""
        found = [each for each in self.taken if each["type"] == type]
        return [each for each in found if document is None or each["data"].get("document") == document]

    async def until(self, condition: Callable[[], Any], within: float = SOON) -> None:
        """Wait until ``condition`` holds; it is looked at whenever something comes."""
        try:
            async with asyncio.timeout(within):
                while not condition():
                    self.news.clear()
                    await self.news.wait()
        except TimeoutError:
            raise AssertionError(f"it did not come; taken: {self.taken[-20:]}; came: {len(self.came)}") from None

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        message = Webhook(self.secret).verify(body, dict(request.headers))
        assert request.content_type == "application/json"
        message["id"] = request.headers["webhook-id"]
        self.came.append(message)
        self.headers.append(dict(request.headers))
        self.bodies.append(body)
        self.news.set()
        if isinstance(self.trouble, int):
            return web.Response(status=self.trouble)
        if self.trouble == "redirect":
            return web.Response(status=307, headers={"Location": f"http://127.0.0.1:{self.port}/elsewhere"})
        if self.trouble == "close":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if self.trouble == "stall":
            await self._release.wait()
        if self.refuse(message):
            return web.Response(status=500)
        self.taken.append(message)
        return web.Response(status=204)


def write_config(folder: Path, *tables: dict[str, Any]) -> Path:
    """A TOML file with these webhooks."""
    lines = []
    for table in tables:
        lines.append("[[webhooks]]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    path = folder / "collab.toml"
    path.write_text("\n".join(lines) + "\n")
    return path
