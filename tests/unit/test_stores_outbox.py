"""What every outbox has in common; what adapters do is in ``tests/contract/test_outbox.py``."""

from __future__ import annotations

from collab.stores.memory_outbox import MemoryOutbox
from collab.stores.outbox import TYPES, Event


def test_what_is_attached_waits_for_its_document_and_can_be_taken_back() -> None:
    outbox = MemoryOutbox()
    event = Event("notes", "version.restored", 1.0, {"version": 1})
    outbox.attach(event)
    assert outbox.notes == {}, "nobody wants it"
    outbox.wanted = frozenset(TYPES)
    outbox.attach(event)
    assert outbox.notes == {"notes": [event]}
    assert outbox.detach(event) and not outbox.detach(event)
    assert outbox.notes == {}
