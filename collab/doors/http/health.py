"""Whether the server is alive and ready, for machines that look after it."""

from __future__ import annotations

import asyncio
import math

from aiohttp import web

from collab._version import __version__
from collab.doors.http.counting import ID_HEADER, ID_KEY
from collab.doors.requests import meet_expectation
from collab.doors.served import SERVER
from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.observe.concerns import Concern, Concerns

#: seconds for which the store's answer stands, however many ask: asking it writes to the disk
CHECK_INTERVAL = 1.0


class Readiness:
    """Whether newcomers may be sent here.

    Args:
        hub: which is asked.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._checking: asyncio.Task[CollabError | None] | None = None
        self._checked_at = float("-inf")

    async def fault(self) -> Concern | None:
        """What stands against it; None: nothing."""
        if self._hub.draining:
            return Concern("draining", CollabError("draining", retry_after=1))
        if not self._hub.cluster.reachable:
            trouble = self._hub.cluster.trouble
            words = f"The server has lost touch with its neighbours: {trouble}." if trouble else None
            return Concern("cluster", CollabError("cluster_degraded", words, retry_after=1))
        now = asyncio.get_running_loop().time()
        if self._checking is None or (self._checking.done() and now - self._checked_at >= CHECK_INTERVAL):
            self._checked_at = now
            self._checking = asyncio.get_running_loop().create_task(self._check())
        error = await asyncio.shield(self._checking)
        return None if error is None else Concern("store", error)

    async def _check(self) -> CollabError | None:
        try:
            await self._hub.store.check()
        except CollabError as error:
            return error
        return None


def not_ready(faults: list[Concern]) -> web.Response:
    """The answer of ``/readyz`` where the first of ``faults`` stands against it."""
    error = faults[0].error
    headers = {"Retry-After": str(max(1, math.ceil(error.retry_after or 1)))}
    reasons = [each.as_dict() for each in faults]
    body = {"status": "not ready", **error.as_dict(), "reasons": reasons}
    return web.json_response(body, status=503, headers=headers)


def add_routes(app: web.Application, hub: Hub, concerns: Concerns) -> None:
    """Add ``/healthz`` and ``/readyz`` to ``app``, and what every answer says.

    Args:
        concerns: what is told beside, and stands against nothing.
    """

    async def healthz(_request: web.Request) -> web.Response:
        return web.json_response(
            {"status": "ok", "version": __version__, "store": hub.store.adapter, "nodes": hub.cluster.nodes}
        )

    readiness = Readiness(hub)

    async def readyz(_request: web.Request) -> web.Response:
        fault = await readiness.fault()
        if fault is not None:
            return not_ready([fault, *concerns.all()])
        return web.json_response({"status": "ready", "reasons": [each.as_dict() for each in concerns.all()]})

    app.on_response_prepare.append(_harden)
    app.router.add_get("/healthz", healthz, expect_handler=meet_expectation)
    app.router.add_get("/readyz", readyz, expect_handler=meet_expectation)


async def _harden(request: web.Request, response: web.StreamResponse) -> None:
    """What every answer says; pages say more."""
    headers = response.headers
    if ID_KEY in request:
        headers[ID_HEADER] = request[ID_KEY]
    headers["Server"] = SERVER
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
