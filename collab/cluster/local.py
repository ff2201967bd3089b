"""No cluster: one process, which holds everything there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from collab.cluster.base import Cluster, Listener, Watcher


class LocalCluster(Cluster):
    """A cluster of one."""

    node = "local"

    @property
    def nodes(self) -> int:
        """See :class:`Cluster`."""
        return 1

    @property
    def reachable(self) -> bool:
        """See :class:`Cluster`."""
        return True

    async def open(self, watcher: Watcher) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Nothing to do."""

    async def join(self, document: str, listener: Listener) -> None:
        """Nothing to hear."""

    def leave(self, document: str) -> None:
        """Nothing to do."""

    def renew(self, document: str) -> None:
        """Nothing to do."""

    def tell(self, document: str, body: Mapping[str, Any]) -> None:
        """Nobody to tell."""

    async def listeners(self, document: str) -> int:
        """See :class:`Cluster`."""
        return 0

    def count(self, people: Mapping[str, int]) -> None:
        """Nobody to tell."""

    async def people(self, documents: Sequence[str]) -> list[int]:
        """See :class:`Cluster`."""
        return [0] * len(documents)
