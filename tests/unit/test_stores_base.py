"""What every store has from the port: an append without a future, told once, later, with an error of the table."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from collab.errors import CollabError
from collab.stores.base import Store
from collab.stores.memory import MemoryStore


class Slow(MemoryStore):
    """Its appends end when the test says how."""

    def __init__(self) -> None:
        super().__init__()
        self.pending: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def append(
        self, document: str, update: bytes, participant: str | None = None, epoch: str = ""
    ) -> asyncio.Future[int]:
        assert (document, update, participant) == ("a", b"x", "ann")
        return self.pending


@pytest.mark.parametrize(
    ("ended", "told"),
    [
        (lambda future: future.set_result(7), 7),
        (lambda future: future.set_exception(CollabError("cluster_degraded")), "cluster_degraded"),
        (lambda future: future.set_exception(OSError("disk")), "storage_unavailable"),
        (lambda future: future.cancel(), "storage_unavailable"),
    ],
    ids=["saved", "refused", "failed", "cancelled"],
)
async def test_done_is_called_once_with_what_came_of_it(ended: Any, told: int | str) -> None:
    store, heard = Slow(), []
    store.log("a", b"x", "ann", heard.append)
    await asyncio.sleep(0)
    assert heard == []
    ended(store.pending)
    assert heard == [], "later, never inside"
    await asyncio.sleep(0)
    (result,) = heard
    assert (result.code if isinstance(result, CollabError) else result) == told


async def test_nobody_has_to_hear_of_another_medium() -> None:
    MemoryStore().on_replaced()


def test_an_adapter_has_to_have_all_of_it() -> None:
    class Half(MemoryStore):
        load = Store.load

    Half.__abstractmethods__ = frozenset({"load"})  # as ABCMeta finds for a class that leaves it out
    with pytest.raises(TypeError, match="load"):
        Half()
