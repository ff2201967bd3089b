"""The composition: settings in, a running server out. Adapters are named here and nowhere else."""

from __future__ import annotations

import asyncio
import secrets
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import web

from collab.auth.anonymous import AnonymousAuthenticator
from collab.auth.base import Authenticator
from collab.auth.callback import CallbackAuthenticator
from collab.auth.jwt import JwtAuthenticator
from collab.cluster.base import Cluster
from collab.cluster.local import LocalCluster
from collab.cluster.redis import RedisCluster
from collab.collector import settle
from collab.config import ConfigError, Settings, settings_from, weaknesses
from collab.content.workers import Workers
from collab.doors.admission import Admission
from collab.doors.dealt import Dealt
from collab.doors.descriptors import raise_limit
from collab.doors.door import Door
from collab.doors.gate import Gate
from collab.doors.hocuspocus import HocuspocusDoor
from collab.doors.http import health, pages
from collab.doors.http.admin.actions import Actions
from collab.doors.http.admin.admin_door import AdminDoor
from collab.doors.http.admin.overview import Overview
from collab.doors.http.counting import count_requests
from collab.doors.http.door import HttpDoor
from collab.doors.http.metrics_page import MetricsPage
from collab.doors.inprocess import InProcessDoor
from collab.doors.intake import Intake
from collab.doors.peers import Peers
from collab.doors.socketio.door import SocketIODoor, redis_manager
from collab.doors.ywebsocket import YWebSocketDoor
from collab.ending import drain
from collab.harm import Harm
from collab.hub.checkpoints import Checkpoints
from collab.hub.hub import Hub
from collab.hub.inboxes import Inboxes
from collab.hub.limits import SharedLimits
from collab.hub.live_document import DocumentLimits
from collab.hub.observer import Observer
from collab.hub.quotas import QuotaLimits
from collab.hub.renewals import Renewals
from collab.listening import listen, url_of
from collab.observe.concerns import Concerns
from collab.observe.gauges import Gauges
from collab.observe.headroom import Headroom
from collab.observe.loop import LoopLag
from collab.observe.memory_use import MemoryUse
from collab.observe.promise import PromiseWatch
from collab.observe.space import SpaceWatch
from collab.observe.trimming import Trimming, malloc_trim
from collab.observe.watchdog import Watchdog
from collab.operator_signals import reload_on_hup, stop_on_signals
from collab.stores.base import Store
from collab.stores.redis import RedisStore
from collab.stores.redis_link import RedisLink
from collab.stores.streams import StreamBounds
from collab.stores.urls import is_redis_url, store_from_url
from collab.types import Role, is_loopback
from collab.waiting import begin_on_redis
from collab.webhooks.deliveries import Deliveries

if TYPE_CHECKING:
    from collab.observe.tracing import Tracing

_log = structlog.get_logger("collab.app")


def _default_role(settings: Settings) -> Role | None:
    word = settings.default_role or ("admin" if settings.auth == "none" else "none")
    return None if word == "none" else Role.parse(word)


def authenticator_for(settings: Settings) -> Authenticator:
    """The authenticator that the settings ask for; raises ValueError for a key that is none."""
    role = _default_role(settings)
    if settings.auth == "none":
        return AnonymousAuthenticator(role or Role.ADMIN)
    if settings.auth == "callback":
        url, secret = settings.auth_callback_url, settings.auth_callback_secret
        return CallbackAuthenticator(url or "", secret or "", settings.auth_callback_ttl)
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
    link = RedisLink(settings.redis)
    cluster = RedisCluster(link, node=secrets.token_hex(6))
    return RedisStore(link, node=cluster.node, on_health=cluster.log_answered), cluster


def _manager_for(settings: Settings, cluster: Cluster) -> Any:
    """In a cluster, programs beside it may emit to clients and kick them, whatever node they are on."""
    if settings.redis is None or not isinstance(cluster, RedisCluster):
        return None
    return redis_manager(cluster.urls, RedisLink(settings.redis).shared_channel("emit"))


def _hub_for(settings: Settings, store: Store, cluster: Cluster, observer: Observer | None) -> Hub:
    """The hub, with the bounds that the settings give."""
    return Hub(
        store,
        DocumentLimits(
            max_document_bytes=settings.max_document_bytes,
            max_participants=settings.max_participants,
            rate=settings.rate_document,
        ),
        idle_timeout=settings.idle_timeout,
        compact_every=settings.compact_every,
        checkpoints=Checkpoints(settings.checkpoint_interval, settings.checkpoint_keep, settings.max_version_bytes),
        cluster=cluster,
        cluster_grace=settings.redis_grace,
        observer=observer,
        trash_keep=settings.trash_keep,
        quotas=QuotaLimits(
            max_documents=settings.max_documents,
            max_store_bytes=settings.max_store_bytes,
            max_versions=settings.max_versions,
            max_version_bytes=settings.max_version_bytes,
            participant_documents=settings.participant_documents,
            participant_bytes=settings.participant_bytes,
        ),
    )


def _traced(settings: Settings, hub: Hub, authenticator: Authenticator, workers: Workers) -> tuple[Tracing, Intake]:
    """Trace what comes in, and what becomes of it; nothing of OpenTelemetry is imported without that."""
    try:
        from collab.doors.traced import TracedIntake
        from collab.observe.tracing import Tracing
    except ModuleNotFoundError:
        raise ConfigError("tracing: this needs pip install 'collab-server[otel]'") from None
    try:
        tracing = Tracing.of_environment(settings.node_name)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    tracing.attach(hub)
    return tracing, TracedIntake(tracing, authenticator, workers, max_update_bytes=settings.max_update_bytes)


@dataclass(frozen=True, slots=True)
class _Inner:
    """What stands behind every door."""

    hub: Hub
    authenticator: Authenticator
    workers: Workers
    renewals: Renewals
    inboxes: Inboxes
    deliveries: Deliveries


@dataclass(frozen=True, slots=True)
class _Watchers:
    """What looks at all of it, and is asked by health, metrics and the admin page."""

    gauges: Gauges
    concerns: Concerns
    space: SpaceWatch
    headroom: Headroom
    lag: LoopLag
    trimming: Trimming
    #: where documents live in Redis
    promise: PromiseWatch | None


def _doors_for(settings: Settings, inner: _Inner, peers: Peers, intake: Intake) -> tuple[list[Door], SocketIODoor]:
    """Every door to documents, and that of Socket.IO, which programs may want by itself."""
    hub = inner.hub
    shared = SharedLimits(settings)
    admission = Admission(hub, inner.authenticator, settings, shared)
    socketio = SocketIODoor(
        hub,
        admission,
        intake,
        settings,
        bulk=shared.bulk,
        client_manager=_manager_for(settings, hub.cluster),
        origin_fault=peers.origin_fault,
        client_address=peers.address,
    )
    inprocess = InProcessDoor(hub)
    hub.open = inprocess.open
    http = HttpDoor(
        hub,
        inner.authenticator,
        admission,
        settings,
        peers,
        inner.workers,
        shared,
        inner.renewals.recheck,
        inner.inboxes,
        inner.deliveries,
    )
    others: list[Door] = [
        YWebSocketDoor(hub, admission, intake, settings, shared.bulk, peers),
        HocuspocusDoor(hub, admission, intake, settings, shared.bulk, peers),
    ]
    return [inprocess, socketio, *others, http], socketio


def _watchers_for(settings: Settings, inner: _Inner) -> _Watchers:
    hub = inner.hub
    promise = PromiseWatch(hub.store) if isinstance(hub.store, RedisStore) else None
    trim = malloc_trim()
    headroom = Headroom(hub, MemoryUse.of(settings.max_memory), trim)
    gauges = Gauges(
        hub, inner.workers, settings.auth, time.monotonic, promise, headroom, lambda: inner.deliveries.waiting
    )
    space = SpaceWatch(hub, gauges, settings.low_space)
    concerns = Concerns(hub, space, headroom, promise)
    trimming = Trimming(lambda: len(hub.documents) + sum(len(live.sessions) for live in hub.documents.values()), trim)
    return _Watchers(gauges, concerns, space, headroom, LoopLag(), trimming, promise)


def _admin_door_for(
    settings: Settings, inner: _Inner, peers: Peers, watchers: _Watchers, whom: Authenticator | None
) -> AdminDoor:
    overview = Overview(
        inner.hub,
        watchers.gauges,
        inner.workers,
        watchers.lag,
        settings.node_name,
        settings.auth,
        watchers.concerns,
        inner.deliveries,
    )
    return AdminDoor(whom, peers, overview, Actions(inner.hub, inner.deliveries))


@dataclass(frozen=True, slots=True)
class _Life:
    """In which order it all begins, and ends."""

    settings: Settings
    inner: _Inner
    watchers: _Watchers
    doors: list[Door]
    intake: Intake
    tracing: Tracing | None

    async def start(self, app: web.Application) -> None:
        try:
            await self._start()
        except BaseException:
            await self.stop(app)  # aiohttp does not: whoever tries again begins anew
            raise

    async def _start(self) -> None:
        inner, watchers = self.inner, self.watchers
        watchers.lag.start()
        watchers.trimming.open()
        watchers.headroom.open()
        inner.workers.open()
        inner.renewals.open()
        inner.inboxes.open()
        await inner.authenticator.open()
        await inner.hub.start()
        watchers.space.open()
        await inner.deliveries.open()
        inner.renewals.meet()
        inner.inboxes.meet()
        if watchers.promise is not None:
            promise = await watchers.promise.open()
            _log.info("one node of a cluster", nodes=inner.hub.cluster.nodes, promise=promise)
            if not is_redis_url(self.settings.store):
                store = self.settings.store
                _log.warning("in a cluster documents live in Redis; this store is not used", store=store)

    async def leave(self, _app: web.Application) -> None:
        if not self.inner.hub.draining:  # an application around this one knows of no draining
            await drain(self.inner.hub, self.doors, self.settings.drain_timeout)

    async def stop(self, _app: web.Application) -> None:
        inner, watchers = self.inner, self.watchers
        for door in self.doors:
            await door.close()
        await self.intake.close()
        await inner.inboxes.close()
        await asyncio.to_thread(inner.workers.close)
        await inner.deliveries.close()
        await inner.hub.close()
        await inner.authenticator.close()
        await inner.renewals.close()
        watchers.lag.stop()
        await watchers.trimming.close()
        await watchers.headroom.close()
        await watchers.space.close()
        if watchers.promise is not None:
            await watchers.promise.close()
        if self.tracing is not None:
            await self.tracing.close()


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
        settings = settings_from({**keywords, "auth": auth if isinstance(auth, str) else None})
    elif keywords or isinstance(auth, str):
        raise TypeError("create_app() takes settings or keywords, not both")
    authenticator = auth if isinstance(auth, Authenticator) else authenticator_for(settings)
    store, cluster = backend_for(settings)
    store.streams.bounds = StreamBounds(settings.stream_keep, settings.stream_keep_for)
    deliveries = Deliveries(store.outbox, settings.webhooks)
    hub = _hub_for(settings, store, cluster, deliveries if deliveries.looks else None)
    inner = _Inner(hub, authenticator, Workers(), Renewals(hub, authenticator), Inboxes(hub, authenticator), deliveries)
    peers = Peers(settings.trusted_proxies, settings.cors_origins)
    tracing, intake = None, Intake(authenticator, inner.workers, max_update_bytes=settings.max_update_bytes)
    if settings.tracing:
        tracing, intake = _traced(settings, hub, authenticator, inner.workers)
    doors, socketio = _doors_for(settings, inner, peers, intake)
    watchers = _watchers_for(settings, inner)
    if settings.admin:
        whom = authenticator if auth is not None or settings.auth != "none" else None
        doors.append(_admin_door_for(settings, inner, peers, watchers, whom))
    app = web.Application(middlewares=[count_requests])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", web.NotAppKeyWarning)  # plain names are what people look for
        app["hub"] = hub
        app["doors"] = doors
        app["socketio"] = socketio
    for door in doors:
        door.add_routes(app)
    health.add_routes(app, hub, watchers.concerns)
    MetricsPage(watchers.gauges, peers, settings.metrics_token).add_routes(app)
    pages.add_routes(app)
    life = _Life(settings, inner, watchers, doors, intake, tracing)
    app.on_startup.append(life.start)
    app.on_shutdown.append(life.leave)
    app.on_cleanup.append(life.stop)
    return app


async def serve(
    settings: Settings,
    on_listening: Callable[[Settings, str], None] = lambda *_: None,
    read: Callable[[], Settings] | None = None,
    link: int | None = None,
) -> int:
    """Run the server until a signal ends it, SIGTERM as a rule.

    Args:
        on_listening: called once people can come, with the address where they find it.
        read: reads the settings again, for SIGHUP.
        link: a descriptor on which the process above deals the connections, see :mod:`collab.doors.dealt`.

    Returns:
        0, or 1 where something could not be saved before the end.
    """
    stop = stop_on_signals()
    reload_on_hup(settings, read)
    for words in weaknesses(settings):
        _log.warning("a setting is unwise", setting=words)
    limit = raise_limit()
    peers = Peers(settings.trusted_proxies, settings.cors_origins)

    async def begin() -> web.AppRunner:
        app = create_app(settings)
        if settings.auth == "none" and is_loopback(settings.host):
            app.middlewares.append(peers.refuse_other_names)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=2.0)
        await runner.setup()
        return runner

    runner = await begin_on_redis(settings, stop, begin, answer=link is None)
    if runner is None:
        return 0
    app, harm, watchdog = runner.app, Harm.of(settings), None
    hub: Hub = app["hub"]
    try:
        assert runner.server is not None
        gate = Gate(runner.server, limit, settings, peers)
        try:
            listening = await _connections(gate, settings, link, stop)
        except ConfigError:
            hub.draining = True  # nobody came, so nobody has to go
            raise
        # Store and address are ours now: the notes of a server that has them are left alone. Nobody has come in yet.
        harm.open()
        hub.at_work, hub.quarantine = harm.at_work, harm
        if settings.watchdog:
            watchdog = Watchdog(settings.watchdog, errors=harm.faults, note=harm.note)
        where = f"store={app['hub'].store.adapter} auth={settings.auth} nodes={app['hub'].cluster.nodes}"
        if isinstance(listening, Dealt):
            listening.open(where)
        else:
            url = url_of(listening.sockets[0].getsockname())
            print(f"collab listening on {url} {where}", flush=True)
            on_listening(settings, url)
        if watchdog is not None:
            watchdog.start()
        settle()
        await stop.wait()
        app["hub"].draining = True
        listening.close()
        return 0 if await drain(app["hub"], app["doors"], settings.drain_timeout) else 1
    finally:
        await runner.cleanup()
        if watchdog is not None:
            watchdog.stop()
        harm.close()


async def _connections(gate: Gate, settings: Settings, link: int | None, stop: asyncio.Event) -> asyncio.Server | Dealt:
    if link is None:
        return await listen(gate, settings)
    # Without the process above nobody comes any more, and somebody else may have its address.
    return Dealt(gate, link, settings.node_name or "", stop.set)
