"""A server whose Redis is not there yet waits for it, and says so: machines start in any order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext, suppress

import structlog
from aiohttp import web
from redis import exceptions as redis_faults

from collab._version import __version__
from collab.config import Settings
from collab.doors.http.health import not_ready
from collab.errors import CollabError
from collab.listening import listen
from collab.observe.concerns import Concern
from collab.observe.watchdog import tell_systemd
from collab.stores.redis_link import ANSWER_TIMEOUT, RedisLink, shown_url
from collab.stores.urls import is_redis_url

#: seconds between two looks
INTERVAL = 0.5
#: out of reach, or loading: it may be otherwise soon
_PASSING = (
    redis_faults.BusyLoadingError, redis_faults.ConnectionError, redis_faults.TimeoutError, OSError, EOFError,
)  # fmt: skip

_log = structlog.get_logger("collab.app")


async def wait_for_redis(settings: Settings, stop: asyncio.Event, *, answer: bool = True) -> bool:
    """Return once the Redis of ``settings`` answers; at once where there is none.

    Until then ``/healthz`` answers, ``/readyz`` and everything else is 503: it lives, and is of no use yet. What no
    waiting mends, a wrong password for one, is left to the start to say.

    Args:
        answer: whether to; False where the address is another process's.

    Returns:
        False: ``stop`` was set before.

    Raises:
        ConfigError: nobody can listen there.
    """
    url = settings.redis or (settings.store if is_redis_url(settings.store) else None)
    if url is None:
        return True
    link = RedisLink(url)
    try:
        reason = await _missing(link)
        if reason is None:
            return True
        began = time.monotonic()
        _log.warning("waiting for Redis", url=shown_url(url), reason=reason)
        async with _answering(settings) if answer else nullcontext():
            while reason is not None:
                tell_systemd("EXTEND_TIMEOUT_USEC=10000000\nSTATUS=waiting for Redis")
                with suppress(TimeoutError):
                    async with asyncio.timeout(INTERVAL):
                        await stop.wait()
                    return False
                reason = await _missing(link)
        _log.info("Redis answers", url=shown_url(url), seconds=round(time.monotonic() - began, 1))
        return True
    finally:
        await link.close()


async def _missing(link: RedisLink) -> str | None:
    """Why Redis does not answer, in its words or the system's; None: it does, or refuses us for good."""
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT):
            await link.client.ping()
    except redis_faults.AuthenticationError:  # a kind of ConnectionError, and none that passes
        return None
    except _PASSING as error:
        return str(error).rstrip(".") or type(error).__name__
    except redis_faults.RedisError:
        return None
    return None


@asynccontextmanager
async def _answering(settings: Settings) -> AsyncIterator[None]:
    """Whoever asks meanwhile is told."""
    app = web.Application()
    app.router.add_get("/healthz", _healthz)
    app.router.add_route("*", "/{path:.*}", _unavailable)
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


async def _unavailable(request: web.Request) -> web.Response:
    error = CollabError("storage_unavailable", "The server waits for its Redis.", retry_after=1)
    if request.path == "/readyz":
        return not_ready([Concern("store", error)])
    return web.json_response(error.as_dict(), status=error.row.status, headers={"Retry-After": "1"})
