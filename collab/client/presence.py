"""Who is here, as the server tells it in JSON, and what this session shows of itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict

import orjson


class Participant(TypedDict):
    """One session of somebody: ``user`` is what the server says, ``state`` what the session shows."""

    session: str
    client_id: int
    user: dict[str, Any]
    state: Any


class Presence:
    """The presence of one document, seen from one session.

    Args:
        changed: called when this session wants to show something else.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._present: dict[str, Participant] = {}
        self._own: str | None = None
        self.state: dict[str, Any] | None = {}

    def set(self, state: dict[str, Any] | None) -> None:
        """Show ``state`` (a JSON object; None: nothing) to everybody, now and after every reconnect.

        Raises:
            TypeError: it is not a JSON object.
        """
        if state is not None and not isinstance(state, dict):
            raise TypeError("presence is a JSON object or None")
        orjson.dumps(state)  # what is not JSON fails here, where somebody sees it
        self.state = state
        own = self._present.get(self._own or "")
        if own is not None:
            own["state"] = state
        self._changed()

    @property
    def everybody(self) -> list[Participant]:
        """All sessions that are here, this one included; empty while offline."""
        return list(self._present.values())

    @property
    def others(self) -> list[Participant]:
        """All sessions but this one."""
        return [entry for entry in self._present.values() if entry["session"] != self._own]

    def _begin(self, own: str) -> None:
        """A connection has begun, on which this session is called ``own``."""
        self._present.clear()
        self._own = own

    def _update(self, change: dict[str, list[Participant]]) -> None:
        for entry in (*change.get("joined", ()), *change.get("updated", ())):
            self._present[entry["session"]] = entry
        for entry in change.get("left", ()):
            self._present.pop(entry["session"], None)
        own = self._present.get(self._own or "")
        if own is not None:
            own["state"] = self.state

    def _end(self) -> None:
        self._present.clear()
        self._own = None
