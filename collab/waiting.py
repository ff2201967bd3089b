"""A server whose Redis is not there yet waits for it, and says so: machines start in any order.

What is waited for is the start itself. That Redis answered a question says nothing of the next one: in a Redis Cluster
that is for another master.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import TypeVar

import structlog
from aiohttp import web

from collab._version import __version__
from collab.config import Settings
from collab.doors.http.health import not_ready
from collab.errors import CollabError
from collab.listening import listen
from collab.observe.concerns import Concern
from collab.observe.watchdog import tell_systemd
from collab.stores.redis_link import shown_url
from collab.stores.redis_nodes import FAILURES, Nodes, passes
from collab.stores.urls import is_redis_url

#: seconds between two looks
INTERVAL = 0.5

_Begun = TypeVar("_Begun")

_log = structlog.get_logger("collab.app")


async def begin_on_redis(
    settings: Settings, stop: asyncio.Event, begin: Callable[[], Awaitable[_Begun]], *, answer: bool = True
) -> _Begun | None:
    """Call ``begin`` once the Redis of ``settings`` answers, and again where it was away before that was done.

    Until then ``/healthz`` answers, ``/readyz`` and everything else is 503: it lives, and is of no use yet. What no
    waiting mends, a wrong password for one, is left to ``begin`` to say.

    Args:
        begin: the start; where it fails it leaves nothing behind.
        answer: whether to; False where the address is another process's.

    Returns:
        What ``begin`` does; None: ``stop`` was set before.

    Raises:
        CollabError: ``begin`` has failed for good.
        ConfigError: nobody can listen there.
    """
    url = settings.redis or (settings.store if is_redis_url(settings.store) else None)
    if url is None:
        return await begin()
    nodes = Nodes(url)
    waits: _Waits | None = None
    async with AsyncExitStack() as stack:
        while True:
            reason = await _missing(nodes)
            if reason is None:
                try:
                    begun = await begin()
                except CollabError as error:
                    if not passes(error.__cause__):
                        raise
                    reason = error.message
                else:
                    if waits is not None:
                        _log.info("Redis answers", url=shown_url(url), seconds=round(time.monotonic() - waits.began, 1))
                    return begun
            if waits is None:
                waits = _Waits()
                _log.warning("waiting for Redis", url=shown_url(url), reason=reason)
                if answer:
                    await stack.enter_async_context(_answering(settings, waits))
            waits.reason = reason
            tell_systemd("EXTEND_TIMEOUT_USEC=10000000\nSTATUS=waiting for Redis")
            with suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL):
                    await stop.wait()
                return None


async def _missing(nodes: Nodes) -> str | None:
    """Why there is no use in beginning, in words; None: there may be, or there never will."""
    try:
        return await nodes.trouble()
    except FAILURES:
        return None


class _Waits:
    """That we wait.

    Attributes:
        began: when that began.
        reason: why, at present.
    """

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.reason = ""


@asynccontextmanager
async def _answering(settings: Settings, waits: _Waits) -> AsyncIterator[None]:
    """Whoever asks meanwhile is told."""
    app = web.Application()
    app.router.add_get("/healthz", _healthz)
    app.router.add_route("*", "/{path:.*}", partial(_unavailable, waits))
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    server = None
    try:
        if settings.port:  # one that is picked would be another one afterwards
            server = await listen(runner.server, settings)
        yield
    finally:
        if server is not None:
            server.close()
        await runner.cleanup()


async def _healthz(_request: web.Request) -> web.Response:
    return web.json_response({"status": "ok", "version": __version__, "store": "redis", "nodes": 0})


async def _unavailable(waits: _Waits, request: web.Request) -> web.Response:
    words = "The server waits for its Redis."
    if request.path == "/readyz":
        words = f"The server waits for its Redis: {waits.reason}."
        return not_ready([Concern("store", CollabError("storage_unavailable", words, retry_after=1))])
    error = CollabError("storage_unavailable", words, retry_after=1)
    return web.json_response(error.as_dict(), status=error.row.status, headers={"Retry-After": "1"})
