"""The composition: settings in, a running server out. Adapters are named here and nowhere else."""

from __future__ import annotations

import asyncio
import gc
import signal
from typing import Any

import structlog
from aiohttp import web

from collab.auth.anonymous import AnonymousAuthenticator
from collab.auth.base import Authenticator
from collab.auth.jwt import JwtAuthenticator
from collab.config import Settings
from collab.hub.checkpoints import Checkpoints
from collab.hub.hub import Hub
from collab.hub.live_document import DocumentLimits
from collab.hub.reader import Reader
from collab.stores.urls import store_from_url
from collab.transports import ops, rest
from collab.transports.peers import Peers
from collab.transports.socketio import SocketIODoor
from collab.types import Role

_log = structlog.get_logger("collab.app")

#: clients are asked to reconnect in so many waves when the server drains
DRAIN_WAVES = 5


def authenticator_for(settings: Settings) -> Authenticator:
    """The authenticator that the settings ask for."""
    if settings.auth == "none":
        return AnonymousAuthenticator(Role.parse(settings.default_role or "admin"))
    return JwtAuthenticator(
        secret=settings.jwt_secret,
        public_key=settings.jwt_public_key,
        jwks_url=settings.jwt_jwks_url,
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        default_role=Role.parse(settings.default_role) if settings.default_role else None,
    )


def create_app(settings: Settings, *, auth: Authenticator | None = None) -> web.Application:
    """Build the application; ``app["hub"]`` is the hub, ``app["socketio"]`` the Socket.IO server.

    Args:
        auth: replaces the authenticator that ``settings`` ask for.
    """
    authenticator = auth or authenticator_for(settings)
    hub = Hub(
        store_from_url(settings.store),
        DocumentLimits(
            max_document_bytes=settings.max_document_bytes,
            max_participants=settings.max_participants,
        ),
        idle_timeout=settings.idle_timeout,
        compact_every=settings.compact_every,
        checkpoints=Checkpoints(settings.checkpoint_interval, settings.checkpoint_keep),
    )
    reader = Reader()
    peers = Peers(settings.trusted_proxies, settings.cors_origins)
    door = SocketIODoor(
        hub,
        authenticator,
        settings,
        reader,
        origin_allowed=peers.origin_allowed,
        client_address=peers.address,
    )
    app = web.Application()
    app["hub"] = hub
    app["socketio"] = door
    app.router.add_route("*", "/socket.io/", door.handle_request)
    rest.add_routes(app, hub, authenticator, settings, peers, reader)
    ops.add_routes(app, hub)

    async def start(_app: web.Application) -> None:
        reader.open()
        await authenticator.open()
        await hub.start()

    async def stop(_app: web.Application) -> None:
        await door.shutdown()
        await asyncio.to_thread(reader.close)
        await hub.close()
        await authenticator.close()

    app.on_startup.append(start)
    app.on_cleanup.append(stop)
    return app


async def serve(settings: Settings) -> int:
    """Run the server until SIGINT or SIGTERM.

    Returns:
        0, or 1 where something could not be saved before the end.
    """
    stop = _stop_on_signals()
    app = create_app(settings)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=2.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port, backlog=4096)
        await site.start()
        print(_start_line(settings, runner.addresses[0], app["hub"].store.adapter), flush=True)
        # What lives now lives long: keep the collector away from it, and call it seldom.
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000, 20, 20)
        await stop.wait()
        return await _drain(app, site, settings.drain_timeout)
    finally:
        await runner.cleanup()


def _start_line(settings: Settings, address: Any, adapter: str) -> str:
    host, port = address[0], address[1]
    shown = f"[{host}]" if ":" in host else host
    return f"collab listening on http://{shown}:{port} store={adapter} auth={settings.auth} nodes=1"


def _stop_on_signals() -> asyncio.Event:
    """An event that SIGINT and SIGTERM set; whoever reads the start line may send one at once."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _drain(app: web.Application, site: web.TCPSite, timeout: float) -> int:
    """Stop accepting, save, ask clients to reconnect in waves."""
    hub: Hub = app["hub"]
    door: SocketIODoor = app["socketio"]
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    hub.draining = True
    await site.stop()
    people = sum(len(live.sessions) for live in hub.documents.values())
    if people:
        door.announce_drain(timeout)
    waves = min(DRAIN_WAVES, max(1, people // 20))
    await door.drain(waves, pause=min(1.0, timeout / (4 * waves)))
    saved = await hub.drain(max(0.5, deadline - loop.time()))
    if not saved:
        _log.error("stopped with unsaved edits")
    return 0 if saved else 1
