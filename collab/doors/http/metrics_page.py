"""``/metrics``, for this machine and for whoever has the token; nobody else learns that it is there."""

from __future__ import annotations

import hmac
from typing import Any

from aiohttp import web

from collab.doors.peers import Peers
from collab.doors.requests import meet_expectation
from collab.observe.exposition import Exposition
from collab.observe.gauges import Gauges


class MetricsPage:
    """Serves it.

    Args:
        gauges: what can be looked up.
        peers: tells who is on this machine.
        token: what others present; None: others get nothing.
    """

    def __init__(self, gauges: Gauges, peers: Peers, token: str | None) -> None:
        self._gauges = gauges
        self._exposition = Exposition(gauges.look)
        self._peers = peers
        self._token = token

    def add_routes(self, app: web.Application) -> None:
        """Add it to ``app``."""
        app.router.add_get("/metrics", self._serve, expect_handler=meet_expectation)

    async def _serve(self, request: web.Request) -> web.Response:
        if not self._may_read(request):
            raise web.HTTPNotFound(text="not found")
        await self._gauges.refresh()
        body, media_type = self._exposition.text(request.headers.get("Accept", ""))
        headers: dict[str, Any] = {"Content-Type": media_type, "Cache-Control": "no-store"}
        return web.Response(body=body, headers=headers)

    def _may_read(self, request: web.Request) -> bool:
        scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._token is not None and hmac.compare_digest(shown.strip().encode(), self._token.encode())
        return self._peers.this_machine(request)
