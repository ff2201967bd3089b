"""Who wants to hear of commits, edit by edit: tracing.

There is nobody by default, and nothing is called then: whoever writes asks first whether somebody listens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

#: an edit that is traced, as whoever listens knows it; None: one that is not
Trace = object | None


class Commits(Protocol):
    """Hears what is committed together."""

    def current(self) -> Trace:
        """Whose update is being handed over right now."""

    def carried(self, traces: Sequence[Trace]) -> str:
        """What other nodes are to know of these, as one word without spaces; ``""``: nothing."""

    def committed(self, traces: Sequence[Trace], seconds: float, error: str | None) -> None:
        """They were written in one go, which has just ended; in any thread.

        Args:
            error: why it is not known to be durable; None: it is.
        """
