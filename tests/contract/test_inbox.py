"""One suite for the inboxes of every store (rules I1, I2, I4)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import orjson
import pytest

from collab.errors import CollabError
from collab.protocol.mentions import MAX_MENTIONS, mail_in
from collab.protocol.stream_events import body_of
from collab.stores.base import Store
from collab.stores.inbox import InboxEntry
from collab.stores.streams import Published, StreamBounds
from tests.contract.test_store import make, redis_cluster, redis_url, store

__all__ = ("make", "redis_cluster", "redis_url", "store")  # fixtures


async def say(
    store: Store,
    text: str,
    *,
    by: str | None = "ann",
    to: int | None = None,
    document: str = "a",
    key: str | None = None,
) -> Published:
    data = {"body": text} | ({} if to is None else {"reply_to": to})
    body = body_of("message", data, {"participant": by, "name": (by or "Guest").title(), "agent": False})
    return await store.streams.publish(document, "chat", body, key=key, mail=mail_in("chat", body))


async def inbox(store: Store, participant: str) -> list[tuple[str, str, int]]:
    return [(entry.type, entry.document, entry.offset) for entry in await store.inbox.read(participant)]


async def test_who_is_named_and_who_is_answered_has_it(store: Store) -> None:
    await say(store, "hello")
    await say(store, "@[bob]\n  come, and you @[cat d] too, @[bob]!", by="ann")
    await say(store, "@[ann] yes", by="bob", to=1)
    await say(store, "and I", by="cat d", to=1)
    await say(store, "I myself, @[ann]", by="ann", to=1)
    await say(store, "nobody said this", by="bob", to=99)
    assert await inbox(store, "bob") == await inbox(store, "cat d") == [("mention", "a", 2)]
    assert await inbox(store, "ann") == [("mention", "a", 3), ("reply", "a", 4)], "each message once"
    assert await inbox(store, "nobody") == []
    (entry,) = await store.inbox.read("bob")
    event = (await store.streams.read("a", "chat", 1, 1)).events[0]
    assert (entry.stream, entry.read, entry.at) == ("chat", False, event.at)
    assert orjson.loads(entry.data) == {
        "from": {"participant": "ann", "name": "Ann", "agent": False},
        "excerpt": "@[bob] come, and you @[cat d] too, @[bob]!",
    }


async def test_ids_rise_and_none_is_given_twice(store: Store) -> None:
    heard: list[tuple[str, int]] = []
    store.inbox.on_news = lambda whose, id: heard.append((whose, id))
    await asyncio.gather(*(say(store, "@[bob] @[cat]", document=f"d{n % 3}") for n in range(30)))
    ids = [entry.id for whose in ("bob", "cat") for entry in await store.inbox.read(whose)]
    assert len(set(ids)) == len(ids) == 60
    assert [entry.id for entry in await store.inbox.read("bob")] == sorted(ids[:30])
    before = max(ids)
    await store.delete("d0")
    await store.delete("d1")
    await store.delete("d2")
    await say(store, "@[bob]")
    (entry,) = await store.inbox.read("bob")
    assert entry.id > before
    if heard:  # other stores ring a bell
        assert [id for _, id in heard] == [*sorted(ids), entry.id]


async def test_what_is_published_twice_under_one_key_is_told_once(store: Store) -> None:
    await say(store, "@[bob]", key="k")
    await asyncio.gather(*(say(store, "@[bob]", key="k") for _ in range(3)))
    assert await inbox(store, "bob") == [("mention", "a", 1)]


async def test_no_entry_without_its_event(store: Store) -> None:
    await store.append("a", b"x")
    stored = await store.load("a")
    assert stored is not None
    await store.delete("a", epoch=stored.epoch)
    body = body_of("message", {"body": "@[bob]"}, {"participant": None, "name": "A", "agent": False})
    with pytest.raises(CollabError, match="deleted"):
        await store.streams.publish("a", "chat", body, epoch=stored.epoch, mail=mail_in("chat", body))
    assert await inbox(store, "bob") == []


async def test_what_was_read_stays_read(store: Store) -> None:
    for _ in range(4):
        await say(store, "@[bob]")
    await say(store, "@[cat]")
    first, second, third, fourth = (entry.id for entry in await store.inbox.read("bob"))
    (other,) = (entry.id for entry in await store.inbox.read("cat"))
    assert await store.inbox.mark("bob", [second, third, other, 10**9]) == 2
    assert await store.inbox.mark("bob", [third, fourth]) == 1
    assert await store.inbox.mark("bob", []) == 0
    assert [entry.read for entry in await store.inbox.read("bob")] == [False, True, True, True]
    assert [entry.read for entry in await store.inbox.read("cat")] == [False], "nobody else's"
    assert [entry.id for entry in await store.inbox.read("bob")] == [first, second, third, fourth]


async def test_the_newest_are_kept(store: Store) -> None:
    store.inbox.keep = 5
    for number in range(80):
        await say(store, "@[bob]", document=f"d{number % 2}")
    await say(store, "@[cat]", document="d0")
    assert [offset for _, _, offset in await inbox(store, "bob")] == [38, 39, 39, 40, 40]
    assert len(await inbox(store, "cat")) == 1


async def test_none_is_kept_for_longer_than_events_are(store: Store) -> None:
    await say(store, "@[bob]")
    store.streams.bounds = StreamBounds(keep_for=-1.0)
    assert await inbox(store, "bob") == []
    await store.streams.sweep()
    store.streams.bounds = StreamBounds()
    await say(store, "@[bob]")
    assert (await inbox(store, "bob"))[-1] == ("mention", "a", 2)


async def test_a_message_names_so_many(store: Store) -> None:
    await say(store, " ".join(f"@[p{number}]" for number in range(MAX_MENTIONS + 5)))
    assert [len(await inbox(store, f"p{number}")) for number in (0, MAX_MENTIONS - 1, MAX_MENTIONS)] == [1, 1, 0]


async def test_it_goes_with_its_document(store: Store) -> None:
    await say(store, "@[bob]")
    await say(store, "@[bob] elsewhere", document="b")
    await store.delete("a", keep=True)
    assert await inbox(store, "bob") == [("mention", "b", 1)], "what is in the trash is not shown"
    await say(store, "@[bob] in another of the same name")
    assert await inbox(store, "bob") == [("mention", "b", 1), ("mention", "a", 1)]
    await store.delete("a")
    assert await store.undelete("a")
    assert await inbox(store, "bob") == [("mention", "a", 1), ("mention", "b", 1)], "it comes back"
    await store.delete("a", keep=True)
    assert await store.purge("a") == 1
    await store.delete("b")
    assert await inbox(store, "bob") == []
    assert await store.inbox.of_document("a") == []
    await say(store, "@[cat]")
    assert await inbox(store, "bob") == []


async def test_it_is_still_there_after_the_store_was_opened_again(make: Callable[[], Store]) -> None:
    store = make()
    await store.open()
    await say(store, "@[bob]")
    await store.inbox.mark("bob", [entry.id for entry in await store.inbox.read("bob")])
    saying = asyncio.ensure_future(say(store, "@[bob] again", key="k"))
    await asyncio.sleep(0)
    await store.close()
    await saying
    store = make()
    await store.open()
    assert [(entry.offset, entry.read) for entry in await store.inbox.read("bob")] == [(1, True), (2, False)]
    await store.close()


async def test_a_copy_has_all_of_it(store: Store) -> None:
    await say(store, "@[bob] @[cat]")
    await say(store, "@[bob]", document="b")
    await say(store, "@[cat]")
    found = await store.inbox.of_document("a")
    assert [whose for whose, _ in found] == ["bob", "cat", "cat"]
    expected: list[InboxEntry] = [entry for entry in await store.inbox.read("cat") if entry.document == "a"]
    assert [entry for whose, entry in found if whose == "cat"] == expected


async def test_what_is_taken_back_is_in_no_inbox(store: Store) -> None:
    heard: list[tuple[str, int]] = []

    async def take_back(offset: int, by: str | None, *, name: str | None = None, key: str | None = None) -> None:
        sender = {"participant": by, "name": name or (by or "Guest").title(), "agent": False}
        body = body_of("taken-back", {"offset": offset}, sender)
        await store.streams.publish("a", "chat", body, key=key, mail=mail_in("chat", body))

    await say(store, "hello", by="bob")
    await say(store, "@[cat] a secret", to=1)
    await say(store, "@[cat] of a guest", by=None)
    await say(store, "@[cat] a secret", document="other")
    await say(store, "@[cat] stays")
    store.inbox.on_news = lambda whose, id: heard.append((whose, id))
    for by, name in (("mallory", "Ann"), (None, "Ann"), (None, "Mallory")):
        await take_back(2, by, name=name)
        await take_back(3, by, name=name)
    assert await inbox(store, "cat") == [
        ("mention", "a", 2), ("mention", "a", 3), ("mention", "other", 1), ("mention", "a", 4),
    ]  # fmt: skip
    assert await inbox(store, "bob") == [("reply", "a", 2)] and not heard, "nobody takes back what others wrote"
    await take_back(2, "ann", name="Ann B.", key="once")
    await take_back(3, None)
    assert await inbox(store, "cat") == [("mention", "other", 1), ("mention", "a", 4)]
    assert await inbox(store, "bob") == []
    if store.adapter != "redis":  # there every node hears a bell
        assert sorted(heard) == [("bob", 0), ("cat", 0), ("cat", 0)]
    await take_back(2, "ann", key="once")
    await take_back(99, "ann")
    assert len(await store.inbox.read("cat")) == 2
    await say(store, "@[cat] @[bob] after it")
    assert (await inbox(store, "bob"))[0][0] == "mention"
