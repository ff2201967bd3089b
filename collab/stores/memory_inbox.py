"""Inboxes in memory: entries lie with their documents, and are gone with the process."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from collab.protocol.mentions import Mail
from collab.stores.inbox import InboxEntry, InboxLog

#: of each document, by its name: the entries of each participant
Inboxes = Mapping[str, dict[str, list[InboxEntry]]]


class MemoryInbox(InboxLog):
    """Keeps entries where the documents are.

    Args:
        inboxes: of all documents that are there.
        of: of one of them.

    Attributes:
        keep_for: seconds for which events are kept, and so what tells of them.
    """

    keep_for: Callable[[], float]

    def __init__(self, inboxes: Callable[[], Inboxes], of: Callable[[str], dict[str, list[InboxEntry]]]) -> None:
        super().__init__()
        self._inboxes = inboxes
        self._of = of
        self._last = 0

    def deliver(
        self, mail: Mail, answered: bytes | None, document: str, stream: str, offset: int, now: float
    ) -> tuple[tuple[str, int], ...]:
        """Keep the entries of an event, or forget those of the message that it takes back; whose they are, and ids."""
        if mail.takes_back is not None:
            return self._take_back(mail, document, stream)
        told = []
        for participant, kind in mail.recipients(answered):
            self._last += 1
            entry = InboxEntry(self._last, kind, document, stream, offset, now, False, mail.data)
            self._of(document).setdefault(participant, []).append(entry)
            self._trim(participant)
            self.on_news(participant, entry.id)
            told.append((participant, entry.id))
        return tuple(told)

    def _take_back(self, mail: Mail, document: str, stream: str) -> tuple[tuple[str, int], ...]:
        told = []
        for participant, entries in self._of(document).items():
            meant = [each for each in entries if (each.stream, each.offset) == (stream, mail.takes_back)]
            for entry in (each for each in meant if mail.takes(each.data)):
                entries.remove(entry)
                self.on_news(participant, self.GONE)
                told.append((participant, self.GONE))
        return tuple(told)

    def _trim(self, participant: str) -> None:
        kept = [entries for inbox in self._inboxes().values() if (entries := inbox.get(participant))]
        if sum(map(len, kept)) > self.keep:
            del min(kept, key=lambda entries: entries[0].id)[0]

    async def read(self, participant: str) -> list[InboxEntry]:
        """See :class:`InboxLog`."""
        oldest = time.time() - self.keep_for()
        found = [entry for inbox in self._inboxes().values() for entry in inbox.get(participant, ())]
        return sorted((entry for entry in found if entry.at >= oldest), key=lambda entry: entry.id)[-self.keep :]

    async def mark(self, participant: str, ids: Collection[int]) -> int:
        """See :class:`InboxLog`."""
        marked = 0
        for inbox in self._inboxes().values():
            entries = inbox.get(participant, [])
            for at, entry in enumerate(entries):
                if entry.id in ids and not entry.read:
                    entries[at] = replace(entry, read=True)
                    marked += 1
        return marked

    async def of_document(self, document: str) -> list[tuple[str, InboxEntry]]:
        """See :class:`InboxLog`."""
        found = [(whose, entry) for whose, entries in self._inboxes().get(document, {}).items() for entry in entries]
        return sorted(found, key=lambda each: each[1].id)
