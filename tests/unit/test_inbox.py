"""The port of inboxes; what adapters do is in tests/contract/test_inbox.py."""

from __future__ import annotations

import pytest

from collab.errors import CollabError
from collab.stores.inbox import InboxLog
from collab.stores.memory import MemoryStore
from collab.types import check_document_name


def test_no_document_has_the_name_of_the_channel() -> None:
    with pytest.raises(CollabError, match="invalid_document"):
        check_document_name(InboxLog.CHANNEL)


def test_nobody_need_listen() -> None:
    store = MemoryStore()
    assert store.inbox is store.streams.inbox
    store.inbox.on_news("bob", 1)
