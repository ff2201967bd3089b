"""The port of inboxes: what participants were named in, or answered, newest last; written with the event it tells of.

An entry belongs to its document: in the trash it is not shown, for good it goes along. It goes when its message is
taken back. Ids rise over all inboxes of a
store, and none is given twice. How events bring entries: ``mail`` of :meth:`collab.stores.streams.StreamLog.publish`.

Every adapter passes ``tests/contract/test_inbox.py``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from dataclasses import dataclass

#: entries of one participant that are kept: an inbox is read whole, to count what may be seen of it
KEEP = 500


@dataclass(frozen=True, slots=True)
class InboxEntry:
    """An entry: ``type`` is ``mention`` or ``reply``, ``at`` in seconds since the epoch, ``data`` as of a ``Mail``."""

    id: int
    type: str
    document: str
    stream: str
    offset: int
    at: float
    read: bool
    data: bytes


def _nobody(_participant: str, _id: int) -> None:
    pass


class InboxLog(ABC):
    """Where inboxes are kept.

    Attributes:
        keep: newest entries of each participant.
        on_news: called on the event loop once an entry is durable, in the order of ids, and with :data:`GONE` once some
            are gone. A shared store rings the bell :data:`CHANNEL` instead, for every node.
    """

    #: where nodes tell each other of entries (``{participant, id}``); no document has this name
    CHANNEL = "?inbox"
    #: in the place of an id: entries have changed, or are gone
    GONE = 0

    def __init__(self) -> None:
        self.keep = KEEP
        self.on_news: Callable[[str, int], None] = _nobody

    @abstractmethod
    async def read(self, participant: str) -> list[InboxEntry]:
        """Everything in an inbox whose document is there, and which is no older than events may be; oldest first."""

    @abstractmethod
    async def mark(self, participant: str, ids: Collection[int]) -> int:
        """Note that entries were read; how many were not before. Durable when it returns."""

    @abstractmethod
    async def of_document(self, document: str) -> list[tuple[str, InboxEntry]]:
        """Every entry of a document, with whose it is, by id: for who copies it."""
