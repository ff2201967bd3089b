"""Something that goes wrong for a while has one line in the log when it begins and one when it ends."""

from __future__ import annotations

import time
from typing import Any

#: the events of all incidents that there may be: an operator has to know of each, and it repeats only if it ends
NAMES: set[str] = set()


class Incident:
    """One kind of trouble, which lasts or does not.

    Args:
        log: where its lines go, a logger of structlog.
        begins, ends: the names of the events.
        level: of the first line; the last one is ``info``.
    """

    def __init__(self, log: Any, begins: str, ends: str, *, level: str = "error") -> None:
        self._log = log
        self._begins = begins
        self._ends = ends
        self._level = level
        self._since: float | None = None
        NAMES.update((begins, ends))

    @property
    def lasts(self) -> bool:
        """Whether it has begun and not ended."""
        return self._since is not None

    def begin(self, **cause: Any) -> None:
        """It happens; said once, with its cause, however often it is told."""
        if self._since is None:
            self._since = time.monotonic()
            getattr(self._log, self._level)(self._begins, **cause)

    def end(self, **more: Any) -> None:
        """It is over; nothing is said where it never began."""
        if self._since is not None:
            since, self._since = self._since, None
            self._log.info(self._ends, seconds=round(time.monotonic() - since, 1), **more)
