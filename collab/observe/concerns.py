"""What an operator should look at although the server serves: told by ``/readyz``, and on top of ``/admin``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from collab.errors import CollabError
from collab.hub.hub import Hub
from collab.observe.headroom import RETRY, Headroom
from collab.observe.promise import PromiseWatch
from collab.observe.space import SpaceWatch


@dataclass(frozen=True, slots=True)
class Concern:
    """One of them: a word for machines, and what would be, or is, refused."""

    reason: str
    error: CollabError

    def as_dict(self) -> dict[str, Any]:
        """``{reason, code, message, retryable, ...}``."""
        return {"reason": self.reason} | self.error.as_dict()


class Concerns:
    """Asks whoever looks after something.

    Args:
        promise: None: nobody can change what an ack is worth.
    """

    def __init__(self, hub: Hub, space: SpaceWatch, headroom: Headroom, promise: PromiseWatch | None) -> None:
        self._hub = hub
        self._space = space
        self._headroom = headroom
        self._promise = promise

    def all(self) -> list[Concern]:
        """Those of now."""
        found = []
        if self._hub.quotas.full:
            found.append(Concern("store-full", self._hub.quotas.store_full()))
        elif self._space.low:
            words = "The store runs out of room. Make some before nothing can be saved."
            found.append(Concern("space", CollabError("store_full", words, detail={"free": self._space.free})))
        if self._headroom.short:
            words = "Memory is short: documents that are not open are refused."
            detail = {"used": self._headroom.used, "limit": self._headroom.limit}
            error = CollabError("too_many_documents", words, retry_after=RETRY, detail=detail, retryable=True)
            found.append(Concern("memory", error))
        if self._promise is not None and not self._promise.kept:
            words = (
                "An ack is worth something else than at the start: somebody changed how Redis keeps what it is given."
            )
            found.append(Concern("promise", CollabError("storage_unavailable", words)))
        if len(self._hub.quarantine):
            words = f"Documents that are not opened because they have harmed the process: {len(self._hub.quarantine)}."
            found.append(Concern("quarantine", CollabError("storage_unavailable", words)))
        return found
