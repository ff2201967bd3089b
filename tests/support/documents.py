"""Documents that tests put into stores."""

from __future__ import annotations

from pycrdt import Doc, Text

from collab.documents.document import Document
from collab.stores.base import HistoryEntry, Version
from collab.stores.inbox import InboxEntry
from collab.stores.streams import StreamEvent
from collab.stores.whole import KeptStream, Whole


def typed(*words: str) -> list[bytes]:
    """An update for each of ``words``, typed one behind the other by one person, who is somebody else every time."""
    doc: Doc = Doc()
    text = doc.get("body", type=Text)
    updates = []
    for word in words:
        before = doc.get_state()
        text += word
        updates.append(doc.get_update(before))
    return updates


_STATE = Document.load(None, typed("hello")).snapshot()


def whole_document(name: str, *, state: bytes | None = _STATE, position: int = 3) -> Whole:
    """A document with a history and two versions of one state."""
    old = typed("hel")[0]
    return Whole(
        name, state, position, 1_000.25, 2_000.5,
        [HistoryEntry(1, 2, "ann", 2, 40, 1_000.25, 1_001.0), HistoryEntry(3, 3, None, 1, 9, 2_000.0, 2_000.5)],
        [(Version(4, "first", "ann", 2, len(old), 1_001.5), old), (Version(9, None, None, 3, len(old), 1_900.0), old)],
        [KeptStream("chat", 7, [StreamEvent(6, 2_000.125, b'{"a":1}'), StreamEvent(7, 2_000.5, b"{}")]), KeptStream("x", 3, [])],
        [
            ("bob", InboxEntry(10 + position, "mention", name, "chat", 6, 2_000.125, True, b'{"from":{"name":"A"},"excerpt":"@[bob]"}')),
            ("c d", InboxEntry(11 + position, "reply", name, "chat", 7, 2_000.5, False, b'{"from":{"name":"B"},"excerpt":"x"}')),
        ],
    )  # fmt: skip
