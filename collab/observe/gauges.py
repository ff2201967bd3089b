"""What gauges say: looked up in the hub and around it when somebody reads."""

from __future__ import annotations

import math
import platform
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import structlog

from collab import metrics
from collab._version import __version__
from collab.content.workers import Workers
from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.hub.journal import NOTHING_WAITS
from collab.hub.session import State
from collab.metrics import Labels
from collab.observe.exposition import Readings
from collab.observe.headroom import Headroom
from collab.observe.promise import PromiseWatch
from collab.stores.base import Space

#: seconds for which an answer about the room of the store stands: Redis is asked over the network
SPACE_INTERVAL = 5.0

_log = structlog.get_logger("collab.observe")


class Gauges:
    """Looks at a hub.

    Args:
        hub: whose.
        workers: the processes that look into content.
        auth: the word for who may connect.
        clock: in seconds, and does not jump.
        promise: looks after what an ack is worth; None: nobody can change that.
        headroom: looks after memory; None: nobody does.
        webhooks: how many deliveries wait, and for how many seconds the oldest has.
    """

    def __init__(
        self,
        hub: Hub,
        workers: Workers,
        auth: str,
        clock: Callable[[], float],
        promise: PromiseWatch | None = None,
        headroom: Headroom | None = None,
        webhooks: Callable[[], tuple[int, float]] = lambda: (0, 0.0),
    ) -> None:
        self._headroom = headroom
        self._webhooks = webhooks
        self._promise = promise
        self._hub = hub
        self._workers = workers
        self._auth = auth
        self._clock = clock
        self._space: Space | None = None
        self._space_at = -math.inf

    async def refresh(self) -> None:
        """Ask for what cannot be looked up at once; what was known stands where that fails."""
        now = self._clock()
        if now - self._space_at < SPACE_INTERVAL:
            return
        self._space_at = now
        try:
            self._space = await self._hub.store.space()
        except CollabError:
            self._space = None

    @property
    def space(self) -> Space | None:
        """The room of the store, as of the last :meth:`refresh`; None where it cannot be told."""
        return self._space

    @property
    def memory(self) -> tuple[int | None, int | None]:
        """Bytes of memory that count against the bound, and the bound; None: there is none."""
        return (None, None) if self._headroom is None else (self._headroom.used, self._headroom.limit)

    def look(self) -> Readings:
        """What each gauge says now."""
        hub, space = self._hub, self._space
        sessions: defaultdict[Labels, int] = defaultdict(int)
        waiting = unsaved = lag = 0
        oldest = 0.0
        # With ten thousand documents this takes most of the time that a scrape takes.
        for live in hub.documents.values():
            for session in live.sessions.values():
                sessions[session.door, session.pipe.transport, session.state._value_] += 1
            if live.ledger is not None:
                lag += live.ledger.lag
            backlog = live.journal.backlog
            if backlog is not NOTHING_WAITS:
                waiting, unsaved, oldest = waiting + backlog[0], unsaved + backlog[1], max(oldest, backlog[2])
        behind = sum(count for (_, _, state), count in sessions.items() if state == State.BEHIND.value)
        pending, pending_for = self._webhooks()
        build: Labels = (__version__, platform.python_version(), hub.store.adapter, self._auth)
        single: dict[metrics.Gauge, float] = {
            metrics.DOCUMENTS: len(hub.documents),
            metrics.QUARANTINED: len(hub.quarantine),
            metrics.MEMORY_USED: _or_nan(self.memory[0]),
            metrics.MEMORY_LIMIT: _or_nan(self.memory[1]),
            metrics.ACKS_WAITING: waiting,
            metrics.UNSAVED_BYTES: unsaved,
            metrics.UNSAVED_OLDEST: oldest,
            metrics.STORE_BYTES: _or_nan(None if space is None else space.taken),
            metrics.STORE_FREE_BYTES: _or_nan(None if space is None else space.free),
            metrics.STORE_PROMISE_KEPT: self._promise is None or self._promise.kept,
            metrics.SESSIONS_BEHIND: behind,
            metrics.READER_JOBS: self._workers.jobs,
            metrics.DRAINING: hub.draining,
            metrics.CLUSTER_NODES: hub.cluster.nodes,
            metrics.CLUSTER_CONNECTED: hub.cluster.reachable,
            metrics.CLUSTER_LAG: lag,
            metrics.WEBHOOK_PENDING: pending,
            metrics.WEBHOOK_OLDEST: pending_for,
        }
        readings: dict[str, Any] = {gauge.name: {(): float(value)} for gauge, value in single.items()}
        readings[metrics.SESSIONS.name] = sessions
        readings[metrics.BUILD.name] = {build: 1.0}
        return readings


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
