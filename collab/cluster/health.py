"""Whether the cluster is within reach: several parts report, a blink does not count. Pure."""

from __future__ import annotations

#: seconds that a part may fail before that is trouble
BLINK = 1.0


class Health:
    """What the parts of a connection to the cluster say of themselves.

    Args:
        parts: their names; all of them count as well to begin with.
    """

    def __init__(self, *parts: str) -> None:
        self._failing_since: dict[str, float | None] = dict.fromkeys(parts)
        self._reachable = True

    def report(self, part: str, well: bool, now: float) -> None:
        """A part works, or does not; ``now`` in seconds of any clock that does not jump."""
        if well:
            self._failing_since[part] = None
        elif self._failing_since.get(part) is None:
            self._failing_since[part] = now

    def forget(self, part: str) -> None:
        """A part is no more."""
        self._failing_since.pop(part, None)

    @property
    def failing(self) -> list[str]:
        """The parts that fail now."""
        return [part for part, since in self._failing_since.items() if since is not None]

    def judge(self, now: float) -> bool:
        """Whether everything is within reach: false once a part has failed for ``BLINK``, until all work."""
        failing = [since for since in self._failing_since.values() if since is not None]
        if not failing:
            self._reachable = True
        elif now - min(failing) >= BLINK:
            self._reachable = False
        return self._reachable
