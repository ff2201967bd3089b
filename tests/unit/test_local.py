"""No cluster: one process, which is all there is, and hears nothing of anybody."""

from __future__ import annotations

from typing import Any

from collab.cluster.base import Cluster
from collab.cluster.local import LocalCluster


class Deaf:
    """Hears nothing, or the test fails."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"told: {name}")


async def test_it_is_alone_and_always_reachable() -> None:
    cluster: Cluster = LocalCluster()
    nobody: Any = Deaf()
    await cluster.open(nobody)
    await cluster.join("a", nobody)
    assert (cluster.nodes, cluster.reachable, await cluster.listeners("a")) == (1, True, 0)
    cluster.tell("a", {"any": "thing"})
    cluster.renew("a")
    cluster.count({"a": 3})
    assert await cluster.people(["a", "b"]) == [0, 0], "the people elsewhere; those here are counted by whoever asks"
    assert await cluster.people([]) == []
    cluster.leave("a")
    cluster.leave("a")
    await cluster.close()
    await cluster.close()
    assert cluster.nodes == 1
