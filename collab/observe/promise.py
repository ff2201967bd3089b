"""Whether an ack is still worth what it was at the start: a Redis can be told otherwise while it runs.

``CONFIG SET appendonly no``, or a policy that throws documents away when memory is full, changes what "durable" means
for everybody, and nothing fails that anybody would notice.
"""

from __future__ import annotations

import asyncio

import structlog

from collab.errors import CollabError
from collab.incidents import Incident
from collab.stores.redis import RedisStore

#: seconds between two looks
INTERVAL = 15.0

_log = structlog.get_logger("collab.observe")


class PromiseWatch:
    """Looks after it.

    Attributes:
        kept: whether acks are worth what they were at the start.
    """

    def __init__(self, store: RedisStore) -> None:
        self._store = store
        self._at_start = ""
        self._task: asyncio.Task[None] | None = None
        self._broken = Incident(_log, "an ack is worth something else than at the start", "an ack is worth what it was")

    @property
    def kept(self) -> bool:
        """See above."""
        return not self._broken.lasts

    async def open(self) -> str:
        """Begin; returns what an ack is worth now, in words.

        Raises:
            CollabError: ``storage_unavailable``.
        """
        self._at_start = await self._store.promise()
        self._task = asyncio.get_running_loop().create_task(self._look())
        return self._at_start

    async def close(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL)
            try:
                now = await self._store.promise()
            except CollabError:  # that it is out of reach is told elsewhere
                continue
            if now == self._at_start:
                self._broken.end(promise=now)
            else:
                self._broken.begin(promise=now, before=self._at_start)
