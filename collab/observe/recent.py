"""The latest refusals and faults, for whoever looks at the admin page: kept as they stand in the log."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import MutableMapping
from typing import Any

#: lines that are kept
MOST = 60
#: ordinary lines that are kept too
_REFUSALS = frozenset({
    "session refused", "event refused", "request refused", "protocol error", "namespace refused",
    "session cut: it takes nothing", "connection cut: it takes none of its answers", "an administrator did something",
})  # fmt: skip
_SEVERE = frozenset({"warning", "error", "critical"})
#: fields that say nothing to a person
_LEFT_OUT = frozenset({"event", "level", "exc_info", "exception", "timestamp"})

#: newest last: when, level, event, fields
LINES: deque[tuple[float, str, str, dict[str, Any]]] = deque(maxlen=MOST)


def note_line(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A processor for structlog that keeps what is worth showing."""
    level, name = str(event.get("level")), str(event.get("event"))
    if level in _SEVERE or name in _REFUSALS:
        fields = {key: value for key, value in event.items() if key not in _LEFT_OUT}
        LINES.append((time.time(), level, name, fields))
    return event
