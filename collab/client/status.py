"""Where a session is in its life, and what may follow."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """Where a session is in its life."""

    CONNECTING = "connecting"
    SYNCING = "syncing"
    LIVE = "live"
    OFFLINE = "offline"
    CLOSED = "closed"


#: from each status, those that may follow
MOVES: dict[Status, frozenset[Status]] = {
    Status.CONNECTING: frozenset({Status.SYNCING, Status.OFFLINE, Status.CLOSED}),
    Status.SYNCING: frozenset({Status.LIVE, Status.OFFLINE, Status.CLOSED}),
    Status.LIVE: frozenset({Status.OFFLINE, Status.CLOSED}),
    Status.OFFLINE: frozenset({Status.CONNECTING, Status.CLOSED}),
    Status.CLOSED: frozenset(),
}
