"""How long people go on editing while the cluster is out of reach."""

from __future__ import annotations

import time

from collab.errors import CollabError


class Outage:
    """Whether the cluster is out of reach, and since when; shared by all documents of a hub.

    Args:
        grace: seconds for which edits are taken all the same.

    Attributes:
        lasts: whether the cluster is out of reach.
    """

    def __init__(self, grace: float = 60.0) -> None:
        self._grace = grace
        self._since = 0.0
        self.lasts = False

    def begin(self) -> None:
        """The cluster has gone."""
        if not self.lasts:
            self.lasts, self._since = True, time.monotonic()

    def end(self) -> None:
        """The cluster is back."""
        self.lasts = False

    def check(self) -> None:
        """Raise ``cluster_degraded`` where edits have been taken for long enough."""
        if self.lasts and time.monotonic() - self._since > self._grace:
            raise CollabError(
                "cluster_degraded",
                "The server has lost touch with its neighbours for too long to take more edits. Yours are kept.",
                retry_after=1,
            )
