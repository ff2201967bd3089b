"""Local edits on their way to the server: which wait, which are under way, which are durable."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import pycrdt

#: edits on their way at once; further ones are merged until one of these is acknowledged
MAX_UNACKNOWLEDGED = 32
#: bytes up to which edits that wait are merged into one update
MERGE_BYTES = 256 * 1024
#: bytes of each piece in which edits that wait are kept
COMPACT_BYTES = 8 * 1024


@dataclass(slots=True, eq=False)
class Batch:
    """The edits from number ``first`` to number ``last``, as one update; ``tries`` tells how often it was given up."""

    first: int
    last: int
    update: bytes
    tries: int = 0

    @property
    def empty(self) -> bool:
        """Whether no edit hangs on it: it repeats what is saved, in case the server had lost it."""
        return self.first > self.last


class Outbox:
    """Counts edits: ``made`` were made, and those before the first one that waits or is under way are durable."""

    def __init__(self) -> None:
        self.made = 0
        self._waiting: deque[Batch] = deque()
        self._under_way: list[Batch] = []

    @property
    def unsaved(self) -> int:
        """How many edits are not known to be durable."""
        pending = [batch.first for batch in self._under_way]
        if self._waiting:
            pending.append(self._waiting[0].first)
        return self.made - min(pending) + 1 if pending else 0

    def add(self, update: bytes) -> None:
        """An edit was made."""
        self.made += 1
        last = self._waiting[-1] if self._waiting else None
        if last is not None and not last.tries and len(last.update) + len(update) <= COMPACT_BYTES:
            last.update, last.last = _merged([last.update, update]), self.made
        else:
            self._waiting.append(Batch(self.made, self.made, update))

    def take(self, limit: int) -> Batch | None:
        """What is to be sent next: as many waiting edits as make one update of bounded size.

        Args:
            limit: bytes that the server takes at once.
        """
        if not self._waiting or len(self._under_way) >= MAX_UNACKNOWLEDGED:
            return None
        first = self._waiting.popleft()
        updates, size, last = [first.update], len(first.update), first.last
        limit = min(MERGE_BYTES, limit)
        while self._waiting and size + len(self._waiting[0].update) <= limit:
            if first.tries or self._waiting[0].tries:
                break  # what was given up goes by itself
            more = self._waiting.popleft()
            updates.append(more.update)
            size += len(more.update)
            last = more.last
        batch = Batch(first.first, last, _merged(updates), first.tries)
        self._under_way.append(batch)
        return batch

    def take_all(self, update: bytes) -> Batch:
        """Send ``update``, which holds all edits that are not durable, instead of each of them."""
        batch = Batch(self.made - self.unsaved + 1, self.made, update)
        self._waiting.clear()
        self._under_way = [batch]
        return batch

    def has_under_way(self, batch: Batch) -> bool:
        """Whether ``batch`` is under way, and no later one has taken its place."""
        return batch in self._under_way

    def settle(self, batch: Batch) -> bool:
        """``batch`` is not under way any more: durable, unless it is put back; False if it was replaced."""
        if batch not in self._under_way:
            return False
        self._under_way.remove(batch)
        return True

    def put_back(self, batch: Batch) -> None:
        """``batch`` has to be sent again."""
        self._waiting = deque(sorted((batch, *self._waiting), key=lambda each: each.first))

    def put_all_back(self) -> None:
        """The connection has ended; what it had not confirmed is to be sent again."""
        for batch in self._under_way:
            self.put_back(batch)
        self._under_way.clear()


def _merged(updates: list[bytes]) -> bytes:
    return updates[0] if len(updates) == 1 else pycrdt.merge_updates(*updates)
