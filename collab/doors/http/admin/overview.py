"""What the admin page shows, as plain values: looked up in the hub, once for everybody who watches."""

from __future__ import annotations

import math
import os
import resource
import time
from contextlib import suppress
from heapq import nlargest
from typing import Any

from collab import metrics
from collab._version import __version__
from collab.content.workers import Workers
from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.hub.live_document import LiveDocument
from collab.hub.session import Session, State
from collab.observe.concerns import Concerns
from collab.observe.gauges import Gauges
from collab.observe.headroom import largest
from collab.observe.loop import LoopLag
from collab.observe.memory_use import resident
from collab.observe.recent import LINES
from collab.stores.outbox import TYPES, EndpointState
from collab.webhooks.deliveries import Deliveries
from collab.webhooks.lanes import Lanes

#: rows of each table
MOST_DOCUMENTS = 100
MOST_PEOPLE = 200
MOST_DELETED = 50


class Overview:
    """Looks at a hub; rates are of the time since it looked last.

    Args:
        hub: whose.
        gauges: what is looked up for the metrics.
        workers: the processes that look into content.
        lag: how late the event loop is.
        node: our name, if we have one.
        auth: the word for who may connect.
        concerns: what an administrator should look at.
        deliveries: tells other systems what happens.
    """

    def __init__(
        self,
        hub: Hub,
        gauges: Gauges,
        workers: Workers,
        lag: LoopLag,
        node: str | None,
        auth: str,
        concerns: Concerns,
        deliveries: Deliveries,
    ) -> None:
        self._concerns = concerns
        self._deliveries = deliveries
        self._endpoints: dict[str, EndpointState] = {}
        self._hub = hub
        self._gauges = gauges
        self._workers = workers
        self._lag = lag
        self._about = {"version": __version__, "node": node, "auth": auth, "store": hub.store.adapter}
        self._started = time.monotonic()
        self._looked_at = self._started
        self._totals: dict[str, float] = {}
        self._edits: dict[str, int] = {}
        self._deleted: list[dict[str, Any]] = []

    async def look(self) -> dict[str, Any]:
        """Everything that the page shows."""
        await self._gauges.refresh()
        now = time.monotonic()
        passed, self._looked_at = max(now - self._looked_at, 0.001), now
        documents, people, waiting = self._documents(passed)
        return {
            "about": {**self._about, "uptime": round(now - self._started), "draining": self._hub.draining},
            "concerns": [each.error.message for each in self._concerns.all()],
            "rates": self._rates(passed),
            "now": {
                "sessions": sum(len(live.sessions) for live in self._hub.documents.values()),
                "documents": len(self._hub.documents),
                "behind": sum(live.behind for live in self._hub.documents.values()),
                **waiting,
            },
            "process": self._process(),
            "cluster": {"nodes": self._hub.cluster.nodes, "reachable": self._hub.cluster.reachable},
            "store": self._store(),
            "workers": {
                "alive": self._workers.alive,
                "jobs": self._workers.jobs,
                "lost": sum(metrics.READER_KILLED.values.values()),
            },
            "quarantine": sorted(self._hub.quarantine),
            "trash": await self._trash(),
            "webhooks": await self._webhooks(),
            "documents": documents,
            "largest": largest(self._hub),
            "people": people,
            "recent": [
                {
                    "at": at,
                    "level": level,
                    "event": event,
                    "fields": {key: _shown(value) for key, value in more.items()},
                }
                for at, level, event, more in reversed(LINES)
            ],
        }

    async def _trash(self) -> list[dict[str, Any]]:
        """What can be brought back, by name; what was known stands where the store does not answer."""
        try:
            found = await self._hub.trash(limit=MOST_DELETED) if self._hub.trash_keep else []
        except CollabError:
            return self._deleted
        now = time.time()
        self._deleted = [
            {"name": each.name, "size": each.size, "ago": max(0, round(now - each.deleted_at))} for each in found
        ]
        return self._deleted

    async def _webhooks(self) -> list[dict[str, Any]]:
        """Who is told what, and how that goes; what was known stands where the store does not answer."""
        with suppress(CollabError):
            self._endpoints = await self._deliveries.states()
        now = time.time()
        return [
            _endpoint(lanes, self._endpoints.get(id, EndpointState()), now)
            for id, lanes in self._deliveries.lanes.items()
        ]

    # -- documents and people -------------------------------------------------------------------

    def _documents(self, passed: float) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, Any]]:
        edits: dict[str, int] = {}
        rows: list[tuple[float, int, LiveDocument]] = []
        count = size = 0
        oldest = 0.0
        for name, live in self._hub.documents.items():
            edits[name] = live.journal.appended
            rate = (edits[name] - self._edits.get(name, edits[name])) / passed
            rows.append((rate, len(live.sessions), live))
            if not live.journal.clean:
                more, bytes_, age = live.journal.backlog
                count, size, oldest = count + more, size + bytes_, max(oldest, age)
        self._edits = edits
        chosen = nlargest(MOST_DOCUMENTS, rows, key=lambda row: (row[2].behind > 0, row[0], row[1]))
        people = [_person(live, session) for _, _, live in chosen for session in live.sessions.values()]
        people.sort(key=lambda row: (row["state"] != State.BEHIND.value, -row["waiting"], row["document"]))
        unsaved = {"unsaved": count, "unsaved_bytes": size, "unsaved_oldest": round(oldest, 2)}
        return [_document(live, rate) for rate, _, live in chosen], people[:MOST_PEOPLE], unsaved

    # -- the rest -------------------------------------------------------------------------------

    def _rates(self, passed: float) -> dict[str, float]:
        metrics.total_outgoing()
        totals: dict[str, float] = {
            "edits": sum(metrics.UPDATES_RECEIVED.values.values()),
            "messages": sum(metrics.SENDS.values.values()),
            "bytes": sum(metrics.SENT_BYTES.values.values()),
            "connections": sum(metrics.CONNECTIONS.values.values()),
            "refusals": sum(metrics.REFUSED.values.values()),
            "requests": sum(metrics.REQUESTS.values.values()),
        }
        rates = {name: round((total - self._totals.get(name, total)) / passed, 1) for name, total in totals.items()}
        self._totals = totals
        return rates

    def _process(self) -> dict[str, Any]:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "memory": resident(),
            "memory_used": self._gauges.memory[0],
            "memory_limit": self._gauges.memory[1],
            "cpu": round(usage.ru_utime + usage.ru_stime, 1),
            "files": _open_files(),
            "files_limit": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
            "lag": round(self._lag.latest, 4),
            "stalls": metrics.LOOP_STALLS.values[()],
        }

    def _store(self) -> dict[str, Any]:
        space, buckets = self._gauges.space, metrics.COMMIT.of[()]
        commits = sum(buckets.counts)
        return {
            "bytes": None if space is None else space.taken,
            "free": None if space is None else space.free,
            "errors": sum(metrics.STORE_ERRORS.values.values()),
            "commits": commits,
            "commit_mean": round(buckets.sum / commits, 5) if commits else None,
            "compactions_failed": metrics.COMPACTION_FAILURES.values[()],
        }


def _document(live: LiveDocument, rate: float) -> dict[str, Any]:
    unsaved, _, age = live.journal.backlog
    return {
        "name": live.name,
        "sessions": len(live.sessions),
        "edits": round(rate, 1),
        "size": live.document.size,
        "log": live.logged_since_snapshot,
        "behind": live.behind,
        "unsaved": unsaved,
        "unsaved_for": round(age, 1),
    }


def _endpoint(lanes: Lanes, state: EndpointState, now: float) -> dict[str, Any]:
    endpoint, answer = lanes.endpoint, None
    if lanes.latest is not None:
        attempt, at = lanes.latest
        answer = {
            "ok": attempt.result == "ok",
            "words": attempt.reason or f"HTTP {attempt.status}",
            "seconds": round(attempt.seconds, 3),
            "ago": max(0, round(now - at)),
        }
    return {
        "id": endpoint.id,
        "url": endpoint.shown,
        "events": [] if endpoint.events >= set(TYPES) else sorted(endpoint.events),
        "documents": list(endpoint.documents),
        "waiting": state.waiting,
        "oldest": None if state.oldest is None else max(0.0, round(now - state.oldest, 1)),
        "failed": state.failed,
        "disabled": None if state.disabled_at is None else max(0, round(now - state.disabled_at)),
        "answer": answer,
    }


def _person(live: LiveDocument, session: Session) -> dict[str, Any]:
    return {
        "session": session.id,
        "document": live.name,
        "name": session.identity.name,
        "participant": session.identity.id,
        "color": session.identity.color,
        "role": session.role.word,
        "door": session.door,
        "transport": session.pipe.transport,
        "state": session.state.value,
        "waiting": session.pipe.waiting_bytes,
        "seconds": round(session.seconds),
    }


def _shown(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, str | int | float | bool | None) else str(value)[:200]


def _open_files() -> int | None:
    try:
        return len(os.listdir("/proc/self/fd"))
    except OSError:
        return None
