"""Inboxes in memory lie with their documents; the rest is in tests/contract/test_inbox.py."""

from __future__ import annotations

from collab.protocol.mentions import mail_in
from collab.protocol.stream_events import body_of
from collab.stores.memory import MemoryStore


async def test_it_is_told_as_it_is_kept() -> None:
    store, heard = MemoryStore(), []
    store.inbox.on_news = lambda whose, id: heard.append((whose, id))
    body = body_of("message", {"body": "@[bob] @[cat]"}, {"participant": None, "name": "Ann", "agent": False})
    published = await store.streams.publish("a", "chat", body, mail=mail_in("chat", body))
    assert published.told == (("bob", 1), ("cat", 2))
    assert heard == [("bob", 1), ("cat", 2)]
    assert (await store.streams.publish("a", "chat", b'{"data":"@[bob]"}')).told == ()
