"""One suite for the streams of every store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from collab.errors import CollabError
from collab.stores.base import Store
from collab.stores.streams import MAX_STREAMS, StreamBounds
from tests.contract.test_store import make, redis_cluster, redis_url, store

__all__ = ("make", "redis_cluster", "redis_url", "store")  # fixtures


async def publish(store: Store, *bodies: bytes, stream: str = "chat", document: str = "a") -> list[int]:
    log = store.streams
    return [one.offset for one in await asyncio.gather(*(log.publish(document, stream, body) for body in bodies))]


async def bodies(store: Store, after: int | None = None, limit: int = 100, stream: str = "chat") -> list[bytes]:
    return [event.body for event in (await store.streams.read("a", stream, after, limit)).events]


async def test_offsets_count_from_one_in_the_order_of_the_calls(store: Store) -> None:
    sent = [b'{"n":%d}' % number for number in range(300)]
    assert await publish(store, *sent) == list(range(1, 301))
    found = await store.streams.read("a", "chat", 0, 1000)
    assert [event.offset for event in found.events] == list(range(1, 301))
    assert [event.body for event in found.events] == sent
    assert (found.first, found.last) == (1, 300)
    assert [event.at for event in found.events] == sorted(event.at for event in found.events)


async def test_each_stream_of_each_document_counts_for_itself(store: Store) -> None:
    assert await publish(store, b"1", b"2") == [1, 2]
    assert await publish(store, b"3", stream="chat-2") == [1]
    assert await publish(store, b"4", document="b") == [1]
    assert await bodies(store, 0) == [b"1", b"2"]
    assert await bodies(store, 0, stream="chat-2") == [b"3"]
    assert await store.streams.names("a") == ["chat", "chat-2"]
    assert await store.streams.names("nobody") == []
    nothing = await store.streams.read("a", "other")
    assert (nothing.events, nothing.first, nothing.last) == ([], 1, 0)
    assert (await store.streams.read("nobody", "chat", 0)).events == []


async def test_it_is_read_from_any_offset_or_the_newest(store: Store) -> None:
    await publish(store, *(b"%d" % number for number in range(1, 11)))
    assert await bodies(store, 7) == [b"8", b"9", b"10"]
    assert await bodies(store, 3, 2) == [b"4", b"5"]
    assert await bodies(store, None, 2) == [b"9", b"10"]
    assert await bodies(store, 10) == await bodies(store, 99) == []


async def test_one_read_gives_so_many_bytes_but_always_an_event(store: Store) -> None:
    await publish(store, *[b"x" * 1000] * 5)
    found = await store.streams.read("a", "chat", 0, most=2500)
    assert [event.offset for event in found.events] == [1, 2]
    assert [event.offset for event in (await store.streams.read("a", "chat", 2, most=10)).events] == [3]


async def test_a_key_gives_one_event(store: Store) -> None:
    log = store.streams
    first = await log.publish("a", "chat", b"1", key="k")
    again, other, elsewhere = await asyncio.gather(
        log.publish("a", "chat", b"2", key="k"),
        log.publish("a", "chat", b"3", key="l"),
        log.publish("a", "news", b"4", key="k"),
    )
    assert (first.offset, first.fresh) == (1, True)
    assert (again.offset, again.fresh, again.at) == (1, False, first.at)
    assert (other.offset, other.fresh) == (2, True)
    assert (elsewhere.offset, elsewhere.fresh) == (1, True)
    assert await bodies(store, 0) == [b"1", b"3"]
    twice = await asyncio.gather(*(log.publish("a", "chat", b"5", key="m") for _ in range(5)))
    assert [one.offset for one in twice] == [3] * 5


async def test_only_the_newest_are_kept(store: Store) -> None:
    store.streams.bounds = StreamBounds(keep=3)
    await publish(store, *(b"%d" % number for number in range(1, 8)))
    found = await store.streams.read("a", "chat", 0)
    assert (found.first, found.last, [event.offset for event in found.events]) == (5, 7, [5, 6, 7])
    store.streams.bounds = StreamBounds(keep=2)
    assert (await store.streams.read("a", "chat", 0)).first == 6
    assert await publish(store, b"8") == [8]
    assert await bodies(store, 0) == [b"7", b"8"]


async def test_none_is_kept_for_longer_than_allowed(store: Store) -> None:
    await publish(store, b"1", b"2")
    store.streams.bounds = StreamBounds(keep_for=-1.0)  # what came before a second from now
    found = await store.streams.read("a", "chat", 0)
    assert (found.events, found.first, found.last) == ([], 3, 2)
    await store.streams.sweep()
    assert await publish(store, b"3") == [3], "offsets go on"
    store.streams.bounds = StreamBounds()
    assert await bodies(store, 0) == [b"3"]


async def test_it_makes_its_document(store: Store) -> None:
    await publish(store, b"1")
    assert [info.name for info in await store.documents()] == ["a"]
    stored = await store.load("a")
    assert stored is not None and stored.tail == []
    await store.append("a", b"update", epoch=stored.epoch)
    assert await bodies(store, 0) == [b"1"]


async def test_it_is_still_there_after_the_store_was_opened_again(make: Callable[[], Store]) -> None:
    store = make()
    await store.open()
    future = store.streams.publish("a", "chat", b"1", key="k")
    await store.close()
    assert (await future).offset == 1, "what is under way is finished"
    store = make()
    await store.open()
    assert await bodies(store, 0) == [b"1"]
    assert (await store.streams.publish("a", "chat", b"2", key="k")).offset == 1
    assert await publish(store, b"2") == [2]
    await store.close()


async def test_it_ends_with_its_document(store: Store) -> None:
    await publish(store, b"1", b"2")
    await store.delete("a")
    assert (await store.streams.read("a", "chat", 0)).last == 0
    assert await publish(store, b"3") == [1], "another document, another stream"
    assert await bodies(store, 0) == [b"3"]


async def test_it_lies_in_the_trash_and_comes_back_with_its_document(store: Store) -> None:
    await publish(store, b"1")
    assert (await store.streams.publish("a", "chat", b"2", key="k")).offset == 2
    await store.delete("a", keep=True)
    assert (await store.streams.read("a", "chat", 0)).events == []
    await publish(store, b"of another")
    await store.delete("a")
    assert await store.undelete("a")
    assert await bodies(store, 0) == [b"1", b"2"]
    assert (await store.streams.publish("a", "chat", b"2", key="k")).offset == 2
    assert await publish(store, b"3") == [3]
    await store.delete("a", keep=True)
    assert await store.purge("a") == 1
    assert await publish(store, b"4") == [1]


async def test_a_copy_of_a_life_that_has_ended_publishes_nothing(store: Store) -> None:
    await store.append("a", b"x")
    stored = await store.load("a")
    assert stored is not None
    await store.delete("a", keep=True, epoch=stored.epoch)
    with pytest.raises(CollabError, match="deleted"):
        await store.streams.publish("a", "chat", b"1", epoch=stored.epoch)
    assert await store.load("a") is None


async def test_a_document_has_so_many_streams(store: Store) -> None:
    names = [f"s-{number}" for number in range(MAX_STREAMS)]
    await asyncio.gather(*(store.streams.publish("a", name, b"1") for name in names))
    with pytest.raises(CollabError) as caught:
        await store.streams.publish("a", "one-more", b"1")
    assert caught.value.code == "document_too_large"
    assert (await store.streams.publish("a", names[0], b"2")).offset == 2
