"""What is found in a store of somebody else's: documents, and what cannot be read of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from collab.documents.document import Document
from collab.errors import CollabError
from collab.protocol.codec import EMPTY_UPDATE
from collab.protocol.dependencies import TakenInPart


@dataclass(frozen=True, slots=True)
class Found:
    """A document, as one Yjs v1 update; without one ``problem`` says why, beside one it says what is missing."""

    name: str
    state: bytes | None
    problem: str | None = None


def put_together(name: str, updates: Iterable[bytes]) -> Found:
    """Make one state of all updates of a document, in whatever order they come."""
    document = Document()
    waiting: list[bytes] = []
    damaged = count = 0
    for update in updates:
        count += 1
        try:
            if not _taken(document, update):
                waiting.append(update)
        except CollabError as error:
            if document.poisoned or error.code != "invalid_update":
                return Found(name, None, error.message)
            damaged += 1
    while waiting:
        left = [update for update in waiting if not _taken(document, update)]
        if len(left) == len(waiting):
            break
        waiting = left
    state = document.encode()
    if damaged == count and count:
        return Found(name, None, "it is no Yjs document (version 1 of the encoding), or compressed or encrypted")
    problems = []
    if damaged:
        problems.append(f"{damaged} of {count} updates are damaged")
    if waiting:
        problems.append(f"{len(waiting)} of {count} updates build on something that is not there")
    return Found(name, state, " and ".join(problems) or None)


def _taken(document: Document, update: bytes) -> bool:
    if update in (b"", EMPTY_UPDATE):
        return True
    try:
        document.apply(update, in_part=True)
    except TakenInPart:
        return False
    return True
