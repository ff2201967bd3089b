"""The composition: settings in, a running server out. Adapters are named here and nowhere else."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import secrets
import signal
import warnings
from dataclasses import fields
from typing import Any

import structlog
from aiohttp import web

from collab.auth.anonymous import AnonymousAuthenticator
from collab.auth.base import Authenticator
from collab.auth.jwt import JwtAuthenticator
from collab.cluster.base import Cluster
from collab.cluster.local import LocalCluster
from collab.cluster.redis import RedisCluster
from collab.config import ConfigError, Settings, load_settings, weaknesses
from collab.hub.checkpoints import Checkpoints
from collab.hub.hub import Hub
from collab.hub.limits import SharedLimits
from collab.hub.live_document import DocumentLimits
from collab.hub.reader import Reader
from collab.hub.renewals import Renewals
from collab.stores.base import Store
from collab.stores.redis import RedisStore
from collab.stores.redis_link import Link
from collab.stores.urls import is_redis_url, store_from_url
from collab.transports import ops, rest
from collab.transports.inprocess import InProcessDoor
from collab.transports.peers import Peers
from collab.transports.problems import meet_expectation
from collab.transports.socketio import SocketIODoor, redis_manager
from collab.types import Role, is_loopback

_log = structlog.get_logger("collab.app")

#: clients are asked to reconnect in so many waves when the server drains
DRAIN_WAVES = 5


def _default_role(settings: Settings) -> Role | None:
    word = settings.default_role or ("admin" if settings.auth == "none" else "none")
    return None if word == "none" else Role.parse(word)


def authenticator_for(settings: Settings) -> Authenticator:
    """The authenticator that the settings ask for; raises ValueError for a key that is none."""
    role = _default_role(settings)
    if settings.auth == "none":
        return AnonymousAuthenticator(role or Role.ADMIN)
    return JwtAuthenticator(
        secret=settings.jwt_secret,
        public_key=settings.jwt_public_key,
        jwks_url=settings.jwt_jwks_url,
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        default_role=role,
    )


def backend_for(settings: Settings) -> tuple[Store, Cluster]:
    """Where documents live, and how the nodes that share them hear of each other."""
    if settings.redis is None:
        return store_from_url(settings.store), LocalCluster()
    link = Link(settings.redis)
    cluster = RedisCluster(link, node=secrets.token_hex(6))
    return RedisStore(link, node=cluster.node, on_health=cluster.log_answered), cluster


def _manager_for(settings: Settings) -> Any:
    """In a cluster, programs beside it may emit to clients and kick them, whatever node they are on."""
    if settings.redis is None:
        return None
    return redis_manager(settings.redis, Link(settings.redis).shared_channel("emit"))


def create_app(
    settings: Settings | None = None, *, auth: Authenticator | str | None = None, **keywords: Any
) -> web.Application:
    """Build the application; ``app["hub"]`` is the hub, ``app["socketio"]`` the Socket.IO server.

    It runs by itself or below a prefix of another one: ``parent.add_subapp("/collab/", create_app(...))``.
    ``app["hub"].open("notes")`` opens a document for the program that runs it. Where somebody listens
    beyond loopback, ``auth`` is theirs to choose: here nobody looks at addresses.

    Args:
        settings: all of them; or give single ones as keywords, ``create_app(store="memory://")``. The
            environment is not read then.
        auth: an authenticator, instead of the one that the settings ask for; or that setting.

    Raises:
        ConfigError: a setting has a bad value.
        TypeError: a keyword is no setting.
    """
    if settings is None:
        settings = _settings_from({**keywords, "auth": auth if isinstance(auth, str) else None})
    elif keywords or isinstance(auth, str):
        raise TypeError("create_app() takes settings or keywords, not both")
    authenticator = auth if isinstance(auth, Authenticator) else authenticator_for(settings)
    store, cluster = backend_for(settings)
    hub = Hub(
        store,
        DocumentLimits(
            max_document_bytes=settings.max_document_bytes,
            max_participants=settings.max_participants,
            rate=settings.rate_document,
        ),
        idle_timeout=settings.idle_timeout,
        compact_every=settings.compact_every,
        checkpoints=Checkpoints(settings.checkpoint_interval, settings.checkpoint_keep),
        cluster=cluster,
        cluster_grace=settings.redis_grace,
    )
    reader = Reader()
    renewals = Renewals(hub, authenticator)
    shared = SharedLimits(settings)
    peers = Peers(settings.trusted_proxies, settings.cors_origins)
    door = SocketIODoor(
        hub,
        authenticator,
        settings,
        reader,
        shared=shared,
        client_manager=_manager_for(settings),
        origin_allowed=peers.origin_allowed,
        client_address=peers.address,
    )
    inprocess = InProcessDoor(hub)
    hub.open = inprocess.open
    app = web.Application()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", web.NotAppKeyWarning)  # plain names are what people look for
        app["hub"] = hub
        app["socketio"] = door
        app["inprocess"] = inprocess
    app.router.add_route("*", "/socket.io/", door.handle_request, expect_handler=meet_expectation)
    rest.add_routes(app, hub, authenticator, settings, peers, reader, shared=shared)
    ops.add_routes(app, hub)

    async def start(_app: web.Application) -> None:
        reader.open()
        renewals.open()
        await authenticator.open()
        await hub.start()
        if isinstance(store, RedisStore):
            _log.info("one node of a cluster", nodes=cluster.nodes, promise=await store.promise())
            if not is_redis_url(settings.store):
                _log.warning("in a cluster documents live in Redis; this store is not used", store=settings.store)

    async def leave(_app: web.Application) -> None:
        if not hub.draining:  # an application around this one knows of no draining
            await _drain(app, settings.drain_timeout)

    async def stop(_app: web.Application) -> None:
        await door.shutdown()
        await asyncio.to_thread(reader.close)
        await hub.close()
        await authenticator.close()
        await renewals.close()

    app.on_startup.append(start)
    app.on_shutdown.append(leave)
    app.on_cleanup.append(stop)
    return app


def _settings_from(keywords: dict[str, Any]) -> Settings:
    known = {field.name for field in fields(Settings)}
    for name in keywords:
        if name not in known:
            raise TypeError(f"create_app() got an unexpected keyword argument {name!r}")
    return load_settings(keywords, {})


async def serve(settings: Settings) -> int:
    """Run the server until SIGINT or SIGTERM.

    Returns:
        0, or 1 where something could not be saved before the end.
    """
    stop = _stop_on_signals()
    for words in weaknesses(settings):
        _log.warning("a setting is unwise", setting=words)
    app = create_app(settings)
    if settings.auth == "none" and is_loopback(settings.host):
        app.middlewares.append(Peers(settings.trusted_proxies, settings.cors_origins).refuse_other_names)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=2.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port, backlog=4096)
        try:
            await site.start()
        except (OSError, ValueError) as error:  # ValueError: a name that cannot be written as one
            raise ConfigError(_why_not_here(settings, error)) from None
        print(_start_line(settings, runner.addresses[0], app["hub"]), flush=True)
        # What lives now lives long: keep the collector away from it, and call it seldom.
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000, 20, 20)
        await stop.wait()
        app["hub"].draining = True
        await site.stop()
        return 0 if await _drain(app, settings.drain_timeout) else 1
    finally:
        await runner.cleanup()


def _why_not_here(settings: Settings, error: OSError | ValueError) -> str:
    number = error.errno if isinstance(error, OSError) else None
    words = os.strerror(number).lower() if number is not None and number > 0 else "no such name"
    if number in (errno.EADDRINUSE, errno.EACCES):
        allowed = "a port that is free, or 0, which picks one"
        return f"port: {settings.port} cannot be used on {settings.host!r}: {words}; allowed: {allowed}"
    return f"host: {settings.host!r} cannot be listened on: {words}; allowed: an address or a name of this machine"


def _start_line(settings: Settings, address: Any, hub: Hub) -> str:
    host, port = address[0], address[1]
    shown = f"[{host}]" if ":" in host else host
    where = f"store={hub.store.adapter} auth={settings.auth} nodes={hub.cluster.nodes}"
    return f"collab listening on http://{shown}:{port} {where}"


def _stop_on_signals() -> asyncio.Event:
    """An event that SIGINT and SIGTERM set; whoever reads the start line may send one at once."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _drain(app: web.Application, timeout: float) -> bool:
    """Let programs and people go, in waves, and save; False where something could not be saved."""
    hub: Hub = app["hub"]
    door: SocketIODoor = app["socketio"]
    inprocess: InProcessDoor = app["inprocess"]
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    await inprocess.close()
    hub.draining = True
    people = sum(len(live.sessions) for live in hub.documents.values())
    if people:
        door.announce_drain(timeout)
    waves = min(DRAIN_WAVES, max(1, people // 20))
    await door.drain(waves, pause=min(1.0, timeout / (4 * waves)))
    saved = await hub.drain(max(0.5, deadline - loop.time()))
    if not saved:
        _log.error("stopped with unsaved edits")
    return saved
