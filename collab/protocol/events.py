"""The table of events that a client may send; its names are those of the Socket.IO door.

Per event: whether its payload is binary or JSON, the weakest role that may send it, and the
budget that it is counted against. The door checks all three before the document hears of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from collab.types import Role

BudgetKind = Literal["updates", "awareness", "requests"]


@dataclass(frozen=True, slots=True)
class EventRule:
    """One row of the table."""

    name: str
    payload: Literal["binary", "json"]
    role: Role
    budget: BudgetKind
    #: the payload may be left out
    optional: bool = False


_ROWS = (
    EventRule("sync-step-1", "binary", Role.VIEWER, "requests"),
    EventRule("sync-update", "binary", Role.EDITOR, "updates"),
    EventRule("awareness-update", "binary", Role.VIEWER, "awareness"),
    EventRule("presence", "json", Role.VIEWER, "awareness"),
    EventRule("cursor", "json", Role.VIEWER, "awareness"),
    EventRule("operations", "json", Role.EDITOR, "updates"),
    EventRule("content", "json", Role.VIEWER, "requests", optional=True),
    EventRule("broadcast", "json", Role.VIEWER, "awareness"),
    EventRule("publish", "json", Role.COMMENTER, "updates"),
    EventRule("subscribe", "json", Role.VIEWER, "requests"),
    EventRule("unsubscribe", "json", Role.VIEWER, "requests"),
    EventRule("authenticate", "json", Role.VIEWER, "requests"),
)

EVENTS: dict[str, EventRule] = {row.name: row for row in _ROWS}
