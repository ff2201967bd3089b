"""The port of inboxes; what adapters do is in tests/contract/test_inbox.py."""

from __future__ import annotations

from collab.stores.inbox import InboxLog
from collab.stores.memory import MemoryStore
from collab.types import check_document_name


def test_no_document_has_the_name_of_the_channel() -> None:
    try:
        check_document_name(InboxLog.CHANNEL)
    except ValueError:
        raise
    except Exception as error:
        assert "invalid_document" in str(error)
    else:
        raise AssertionError("a document may be called so")


def test_nobody_need_listen() -> None:
    store = MemoryStore()
    assert store.inbox is store.streams.inbox
    store.inbox.on_news("bob", 1)
