"""How long people go on editing while the cluster is out of reach."""

from __future__ import annotations

import time

from collab.errors import CollabError


class Outage:
    """Whether the cluster is out of reach, and since when; shared by all documents of a hub.

    Args:
        grace: seconds for which edits are taken all the same.
    """

    def __init__(self, grace: float = 60.0) -> None:
        self._grace = grace
        self._since: float | None = None

    @property
    def lasts(self) -> bool:
        """Whether the cluster is out of reach."""
        return self._since is not None

    def begin(self) -> None:
        """The cluster has gone."""
        if self._since is None:
            self._since = time.monotonic()

    def end(self) -> None:
        """The cluster is back."""
        self._since = None

    def check(self) -> None:
        """Raise ``cluster_degraded`` where edits have been taken for long enough."""
        if self._since is not None and time.monotonic() - self._since > self._grace:
            raise CollabError(
                "cluster_degraded",
                "The server has lost touch with its neighbours for too long to take more edits. Yours are kept.",
                retry_after=1,
            )
