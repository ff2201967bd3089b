"""What a document may cost the CRDT library beyond its size."""

from __future__ import annotations

import time
from collections.abc import Callable

from collab.errors import CollabError

#: seconds of CPU that a document may cost because of structs whose place has to be looked for
MAX_TANGLE = 0.5
#: seconds of CPU that one such struct may take without being counted
_LOOSE_SECONDS = 20e-6
#: the same for each byte of a document that is loaded
_LOAD_SECONDS_PER_BYTE = 0.2e-6
#: structs that are looked at closely after one that took longer
_WATCHED = 50
#: sub-documents in one document: the CRDT library takes 1 KB and 30 us for each, whatever it holds
MAX_SUBDOCUMENTS = 2000


class Costs:
    """What one document has cost so far.

    Attributes:
        tangle: seconds of CPU that went into looking for places.
        subdocuments: how many there are; None: not counted yet.
    """

    __slots__ = ("_watched", "subdocuments", "tangle")

    def __init__(self) -> None:
        self.tangle = 0.0
        self.subdocuments: int | None = None
        self._watched = 0

    def loaded(self, seconds: float, size: int) -> None:
        """A document of ``size`` bytes took ``seconds`` of CPU to load."""
        self.tangle = max(0.0, seconds - _LOAD_SECONDS_PER_BYTE * size)

    def integrate(self, integrate: Callable[[bytes], None], update: bytes, loose: int) -> None:
        """Integrate ``loose`` structs whose place the CRDT has to look for, and count what that costs.

        A document of n such structs takes time that grows with n squared, to build and whenever it is loaded.

        Raises:
            CollabError: ``document_too_large`` where it has cost too much already; nothing is integrated.
        """
        if self.tangle > MAX_TANGLE:
            raise CollabError(
                "document_too_large",
                "This document has become too costly to edit in this way.",
                detail={"limit": MAX_TANGLE, "scope": "document"},
            )
        # The wall's clock is cheap; the one that others on this machine do not disturb is a system call.
        clock = time.thread_time if self._watched else time.perf_counter
        began = clock()
        integrate(update)
        took = clock() - began
        if took > _LOOSE_SECONDS * (loose + 4):
            if self._watched:
                self.tangle += took
            self._watched = _WATCHED
        elif self._watched:
            self._watched -= 1

    def add_subdocuments(self, more: int, count: Callable[[], int]) -> None:
        """Nobody but their own editors reads sub-documents; the server keeps them as any other content.

        Args:
            count: counts those that the document has; asked once.

        Raises:
            CollabError: ``document_too_large`` where ``more`` would be too many.
        """
        if self.subdocuments is None:
            self.subdocuments = count()
        if self.subdocuments + more > MAX_SUBDOCUMENTS:
            raise CollabError(
                "document_too_large",
                f"A document may hold {MAX_SUBDOCUMENTS} sub-documents.",
                detail={"limit": MAX_SUBDOCUMENTS, "scope": "document"},
            )
        self.subdocuments += more
