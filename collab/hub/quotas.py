"""How much may be kept: documents and bytes of the store, versions of a document, what one participant adds in an hour.

Each is asked before something is taken; what a store holds is looked at every second, and counted on meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

import structlog

from collab.errors import CollabError
from collab.stores.base import Store

#: seconds between two looks at what the store holds
LOOK_INTERVAL = 1.0
#: seconds that are named where only deleting helps
RETRY = 30.0
#: participants of the last hour that are known; beyond, those are forgotten who have used least
KNOWN = 20_000
_HOUR = 3600.0

_log = structlog.get_logger("collab.hub")


@dataclass(frozen=True, slots=True)
class QuotaLimits:
    """Bounds of what is kept; sizes in bytes, None: no bound. Of a participant: in an hour, admins excepted."""

    max_documents: int | None = None
    max_store_bytes: int | None = None
    max_versions: int = 1000
    max_version_bytes: int = 256 * 2**20
    participant_documents: int = 1000
    participant_bytes: int = 2 * 2**30


class Quotas:
    """What one hub may still take.

    Attributes:
        full: the store has as many bytes as it may.
        exhausted: participants who have added as much as they may for now.
    """

    def __init__(self, store: Store, limits: QuotaLimits) -> None:
        self._store = store
        self.limits = limits
        self.full = False
        self.exhausted: set[Hashable] = set()
        self._documents = 0
        self._made = _Hourly(limits.participant_documents)
        self._brought = _Hourly(limits.participant_bytes)

    # -- the store ------------------------------------------------------------------------------

    async def watch(self, tell: Callable[[bool], None]) -> None:
        """Look at what the store holds, for ever; ``tell`` is called when it gets full, or no longer is."""
        if self.limits.max_documents is None and self.limits.max_store_bytes is None:
            return
        while True:
            was = self.full
            try:
                await self._look()
            except CollabError as error:
                _log.info("the size of the store cannot be told now", code=error.code)
            if was != self.full:
                _log.warning("the store is full" if self.full else "the store has room again")
                tell(self.full)
            await asyncio.sleep(LOOK_INTERVAL)

    async def _look(self) -> None:
        usage = await self._store.usage()
        self._documents = usage.documents
        self.full = self.limits.max_store_bytes is not None and usage.size >= self.limits.max_store_bytes

    async def check_new(self, owner: Hashable | None) -> None:
        """Raise ``store_full`` or ``rate_limited`` if there may not be one more document."""
        if self.limits.max_documents is not None or self.limits.max_store_bytes is not None:
            await self._look()
        self._check_new(owner)

    def _check_new(self, owner: Hashable | None) -> None:
        most = self.limits.max_documents
        if self.full:
            raise self.store_full()
        if most is not None and self._documents >= most:
            words = f"The server has {most} documents, and no room for another. Delete one first."
            raise CollabError(
                "store_full", words, retry_after=RETRY, detail={"limit": most, "scope": "store", "of": "documents"}
            )
        if owner is not None and (wait := self._made.debt(owner)):
            raise _too_much("documents", self.limits.participant_documents, wait)

    def made(self, owner: Hashable | None) -> None:
        """There is a new document."""
        self._documents += 1
        if owner is not None:
            self._made.add(owner, 1)

    def gone(self) -> None:
        """A document was deleted."""
        self._documents = max(0, self._documents - 1)

    def store_full(self) -> CollabError:
        """Why nothing is added any more."""
        limit = self.limits.max_store_bytes
        return CollabError("store_full", retry_after=RETRY, detail={"limit": limit, "scope": "store", "of": "bytes"})

    # -- edits ----------------------------------------------------------------------------------

    def check_edit(self, owner: Hashable | None, *, new: bool) -> None:
        """Raise ``store_full`` or ``rate_limited`` for an edit that adds something.

        Args:
            new: it makes the document.
        """
        if self.full:
            raise self.store_full()
        if owner in self.exhausted:
            wait = self._brought.debt(owner)
            if wait:
                raise _too_much("bytes", self.limits.participant_bytes, wait)
            self.exhausted.discard(owner)
        if new:
            self._check_new(owner)

    def brought(self, owner: Hashable, size: int) -> None:
        """Somebody has added so many bytes."""
        if self._brought.add(owner, size):
            self.exhausted.add(owner)

    # -- versions -------------------------------------------------------------------------------

    async def room_for_version(self, document: str, state: bytes, owner: Hashable | None) -> int:
        """How many bytes of versions of a document have to go before ``state`` may be kept.

        Raises:
            CollabError: ``store_full``, ``rate_limited``; ``document_too_large`` where no other version may go
                for it, or where there are too many.
        """
        if self.limits.max_store_bytes is not None:
            await self._look()
        self.check_edit(owner, new=False)
        count, taken = await self._store.version_usage(document, state)
        if count >= self.limits.max_versions or len(state) > self.limits.max_version_bytes:
            raise self.too_many_versions()
        return max(0, taken - self.limits.max_version_bytes)

    def too_many_versions(self) -> CollabError:
        """Why a version is not kept."""
        limits = self.limits
        return CollabError(
            "document_too_large",
            f"This document may have {limits.max_versions} versions, of {limits.max_version_bytes / 2**20:.3g} MiB"
            " together. Delete one first.",
            detail={"limit": limits.max_version_bytes, "scope": "document", "of": "versions"},
        )


class _Hourly:
    """What each of many has used of a quantity in the last hour, which comes back evenly."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rate = limit / _HOUR
        self._used: dict[Hashable, tuple[float, float]] = {}

    def add(self, owner: Hashable, amount: float) -> bool:
        """Note some more; True where it is too much now."""
        now = time.monotonic()
        used = self._now(owner, now) + amount
        self._used[owner] = used, now
        if len(self._used) > KNOWN:
            for each in sorted(self._used, key=lambda one: self._now(one, now))[: KNOWN // 2]:
                del self._used[each]
        return used >= self._limit

    def debt(self, owner: Hashable) -> float:
        """Seconds until there is room for one more (0: there is)."""
        over = self._now(owner, time.monotonic()) + 1 - self._limit
        return max(1.0, over / self._rate) if over > 0 else 0.0

    def _now(self, owner: Hashable, now: float) -> float:
        used, at = self._used.get(owner, (0.0, now))
        return max(0.0, used - (now - at) * self._rate)


def _too_much(what: str, limit: int, wait: float) -> CollabError:
    return CollabError(
        "rate_limited",
        f"You have added as much as one participant may: {limit} {what} an hour.",
        retry_after=round(wait, 1),
        detail={"limit": limit, "scope": "participant", "of": f"{what} an hour"},
    )
