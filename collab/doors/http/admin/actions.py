"""What an administrator can do from the page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.hub.live_document import LiveDocument
from collab.webhooks.deliveries import Deliveries

_log = structlog.get_logger("collab.admin")


class Actions:
    """Does it, and says in words what came of it.

    Args:
        hub: where.
        deliveries: tells other systems what happens.
    """

    def __init__(self, hub: Hub, deliveries: Deliveries) -> None:
        self._hub = hub
        self._deliveries = deliveries
        self._known: dict[str, Callable[[dict[str, Any]], Awaitable[str]]] = {
            "disconnect": self._disconnect,
            "unload": self._unload,
            "compact": self._compact,
            "check": self._check,
            "release": self._release,
            "undelete": self._undelete,
            "webhook-test": self._webhook_test,
            "webhook-retry": self._webhook_retry,
        }

    async def do(self, wanted: Any, by: str) -> str:
        """Do what ``wanted`` says (``action``, and ``document``, ``session`` or ``endpoint``).

        Args:
            by: who wants it, for the log.

        Raises:
            CollabError: ``invalid_payload``, ``not_found``, or why it cannot be done.
        """
        action = wanted.get("action") if isinstance(wanted, dict) else None
        known = self._known.get(action) if isinstance(action, str) else None
        if known is None:
            raise CollabError("invalid_payload", f"Possible are {', '.join(self._known)}.")
        words = await known(wanted)
        about = {key: str(wanted[key])[:200] for key in ("document", "session", "endpoint") if key in wanted}
        _log.info("an administrator did something", action=action, by=by, **about)
        return words

    def _live(self, wanted: dict[str, Any]) -> LiveDocument:
        live = self._hub.documents.get(str(wanted.get("document")))
        if live is None:
            raise CollabError("not_found", "This document is not open on this node.")
        return live

    async def _disconnect(self, wanted: dict[str, Any]) -> str:
        session = self._live(wanted).sessions.get(str(wanted.get("session")))
        if session is None:
            raise CollabError("not_found", "This session is not here any more.")
        session.dismiss(CollabError("forbidden", "You were disconnected."))
        return f"{session.identity.name} was disconnected."

    async def _unload(self, wanted: dict[str, Any]) -> str:
        live = self._live(wanted)
        if live.sessions:
            raise CollabError("invalid_payload", "People are in this document: disconnect them first.")
        if not live.settled:
            raise CollabError("storage_unavailable", "Some of it is not saved yet.", retry_after=1)
        await self._hub.put_away(live)
        return f"“{live.name}” was put away."

    async def _compact(self, wanted: dict[str, Any]) -> str:
        live = self._live(wanted)
        before = live.logged_since_snapshot
        await self._hub.upkeep.compact(live)
        done = before - live.logged_since_snapshot
        return f"“{live.name}”: {done} logged edits became a snapshot." if done > 0 else "There was nothing to compact."

    async def _release(self, wanted: dict[str, Any]) -> str:
        name = str(wanted.get("document"))
        if not self._hub.quarantine.release(name):
            raise CollabError("not_found", "This document is not in quarantine on this node.")
        return f"“{name}” is opened again from now on."

    async def _undelete(self, wanted: dict[str, Any]) -> str:
        name = str(wanted.get("document"))
        if not await self._hub.undelete(name):
            raise CollabError("not_found", "This document is not in the trash.")
        return f"“{name}” is back, with its versions and its history."

    async def _webhook_test(self, wanted: dict[str, Any]) -> str:
        lanes = self._deliveries.find(str(wanted.get("endpoint")))
        attempt = await self._deliveries.test(lanes.endpoint.id)
        if attempt.result != "ok":
            return f"The test did not arrive at {lanes.endpoint.shown}: {attempt.reason}."
        return f"The test arrived at {lanes.endpoint.shown}: HTTP {attempt.status} after {attempt.seconds:.3f} s."

    async def _webhook_retry(self, wanted: dict[str, Any]) -> str:
        lanes = self._deliveries.find(str(wanted.get("endpoint")))
        count = await self._deliveries.retry(lanes.endpoint.id)
        more = f" {count} that had failed for good are sent once more." if count else ""
        return f"{lanes.endpoint.shown} is told what waits.{more}"

    async def _check(self, _wanted: dict[str, Any]) -> str:
        report = await self._hub.store.check()
        damaged = ", ".join(sorted(report.damaged)[:5])
        more = f" {len(report.damaged)} are damaged: {damaged}." if damaged else ""
        return f"The store answers and keeps what is written. Documents: {report.documents}.{more} {report.promise}."
