"""Who follows a stream has every event once and in order, however slow they are and whatever was not heard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import orjson
import pytest

from collab.errors import CollabError
from collab.hub import stream_feed
from collab.hub.hub import Hub
from collab.hub.live_document import DocumentLimits, LiveDocument
from collab.hub.quotas import QuotaLimits
from collab.stores.memory import MemoryStore
from collab.stores.streams import StreamBounds, StreamEvent
from tests.support.peers import Peer


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    hub = Hub(MemoryStore(), DocumentLimits())
    await hub.start()
    yield hub
    await hub.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


def body(number: int) -> bytes:
    return b'{"event":"message","data":%d,"from":null}' % number


async def publish(live: LiveDocument, *numbers: int, stream: str = "chat") -> list[int]:
    """Returns once all are kept, and handed to whoever follows."""
    futures = [live.streams.publish(stream, body(number)) for number in numbers]
    given = [published.offset for published in await asyncio.gather(*futures)]
    await until(lambda: stream not in live.streams._feeds or (live.streams._feeds[stream].last or 0) >= given[-1])
    return given


def offsets(peer: Peer, stream: str = "chat") -> list[int]:
    events = [orjson.loads(content) for kind, content in peer.got if kind == "stream"]
    return [event["offset"] for event in events if event["stream"] == stream]


async def follower(hub: Hub, after: int | None = None, stream: str = "chat") -> Peer:
    peer = Peer()
    live = await hub.join("a", peer.session)
    await live.streams.subscribe(peer.session, stream, after)
    return peer


async def test_everybody_has_every_event_once_the_publisher_too(hub: Hub) -> None:
    ann, bob = await follower(hub), await follower(hub, 0)
    live = hub.documents["a"]
    assert await publish(live, *range(1, 6)) == [1, 2, 3, 4, 5]
    await publish(live, 1, stream="other")
    assert offsets(ann) == offsets(bob) == [1, 2, 3, 4, 5]


async def test_where_one_begins(hub: Hub) -> None:
    live = await hub.live("a")
    await publish(live, *range(1, 151))
    ann, bob = Peer(), Peer()
    live.join(ann.session)
    live.join(bob.session)
    newest = await live.streams.subscribe(ann.session, "chat", None)
    assert ([event.offset for event in newest.events], newest.offset, newest.gap) == (list(range(51, 151)), 150, False)
    behind = await live.streams.subscribe(bob.session, "chat", 148)
    assert ([event.offset for event in behind.events], behind.offset, behind.gap) == ([149, 150], 150, False)
    await publish(live, 151)
    assert offsets(ann) == offsets(bob) == [151]


async def test_what_is_not_kept_is_a_gap(hub: Hub) -> None:
    hub.store.streams.bounds = StreamBounds(keep=3)
    live = await hub.live("a")
    await publish(live, *range(1, 11))
    peer = Peer()
    live.join(peer.session)
    assert (await live.streams.subscribe(peer.session, "chat", 7)).gap is False
    found = await live.streams.subscribe(peer.session, "chat", 6)
    assert ([event.offset for event in found.events], found.gap) == ([8, 9, 10], True)
    beyond = await live.streams.subscribe(peer.session, "chat", 99)
    assert (beyond.events, beyond.offset, beyond.gap) == ([], 10, True)


async def test_a_long_past_comes_in_parts(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_feed, "PAGE_BYTES", 4 * len(body(1)))
    live = await hub.live("a")
    await publish(live, *range(1, 10))
    peer = Peer()
    live.join(peer.session)
    assert (await live.streams.subscribe(peer.session, "chat", 0)).offset == 4
    await publish(live, 10)
    await until(lambda: offsets(peer) == [5, 6, 7, 8, 9, 10])


async def test_somebody_slow_is_sent_the_rest_when_they_can_take_it(hub: Hub) -> None:
    slow, quick = await follower(hub), await follower(hub)
    live = hub.documents["a"]
    slow.clogged = True
    await publish(live, *range(1, 201))
    assert offsets(quick) == list(range(1, 201))
    assert offsets(slow) == [1], "nothing is queued for it"
    slow.clogged = False
    await until(lambda: len(offsets(slow)) >= 200)
    await publish(live, 201)
    assert offsets(slow) == list(range(1, 202))


async def test_somebody_who_gets_slow_again_meanwhile_misses_nothing(hub: Hub) -> None:
    slow = await follower(hub)
    live = hub.documents["a"]
    slow.clogged = True
    await publish(live, *range(1, 51))
    for _ in range(3):
        had = len(offsets(slow))
        slow.clogged = False
        slow_again = asyncio.get_running_loop().call_later(0.05, setattr, slow, "clogged", True)
        await until(lambda had=had: len(offsets(slow)) > had or len(offsets(slow)) >= 50)  # type: ignore[misc]
        slow_again.cancel()
        slow.clogged = True
    slow.clogged = False
    await publish(live, 51)
    await until(lambda: len(offsets(slow)) >= 51)
    assert offsets(slow) == list(range(1, 52))


async def test_what_was_not_heard_is_read(hub: Hub) -> None:
    peer = await follower(hub)
    live = hub.documents["a"]
    for number in (1, 2, 3):
        await hub.store.streams.publish("a", "chat", body(number))
    live.streams.heard("chat", StreamEvent(3, 0.0, b""), complete=False)
    live.streams.heard("chat", StreamEvent(2, 0.0, b""), complete=False)
    await until(lambda: offsets(peer) == [1, 2, 3])
    await hub.store.streams.publish("a", "chat", body(4))
    live.streams.counted(4)
    await until(lambda: offsets(peer) == [1, 2, 3, 4])
    await publish(live, 5)
    assert offsets(peer) == [1, 2, 3, 4, 5]


async def test_a_store_that_fails_is_asked_again(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_feed, "RETRY", 0.01)
    peer = await follower(hub)
    log, live = hub.store.streams, hub.documents["a"]
    read, failures = log.read, [CollabError("storage_unavailable")] * 3

    async def failing(*args: object, **keywords: object) -> object:
        if failures:
            raise failures.pop()
        return await read(*args, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr(log, "read", failing)
    await log.publish("a", "chat", body(1))
    live.streams.catch_up()
    await until(lambda: offsets(peer) == [1])


async def test_a_log_that_has_lost_events_goes_on(hub: Hub) -> None:
    peer = await follower(hub)
    live = hub.documents["a"]
    await publish(live, 1, 2, 3)
    store = hub.store
    assert isinstance(store, MemoryStore)
    kept = store._documents["a"].streams["chat"]
    kept.last, kept.events = 1, kept.events[:1]
    live.streams.catch_up()
    await until(lambda: live.streams._feeds["chat"].last == 1)
    await publish(live, 4)
    assert offsets(peer) == [1, 2, 3, 2]


async def test_who_has_gone_gets_nothing_and_leaves_nothing(hub: Hub) -> None:
    ann, bob = await follower(hub), await follower(hub)
    live = hub.documents["a"]
    live.streams.unsubscribe(ann.session, "chat")
    live.streams.unsubscribe(ann.session, "never")
    await publish(live, 1)
    assert (offsets(ann), offsets(bob)) == ([], [1])
    live.leave(bob.session)
    await publish(live, 2)
    assert offsets(bob) == [1]
    assert live.streams._feeds == {}


async def test_one_session_follows_so_many(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_feed, "MAX_FOLLOWED", 2)
    peer = await follower(hub)
    streams = hub.documents["a"].streams
    await streams.subscribe(peer.session, "two", None)
    with pytest.raises(CollabError, match="at most 2"):
        await streams.subscribe(peer.session, "three", None)
    await streams.subscribe(peer.session, "two", 0)


async def test_a_document_with_an_event_on_its_way_is_not_put_away(hub: Hub) -> None:
    live = await hub.live("a")
    future = live.streams.publish("chat", body(1))
    assert not live.settled
    await future
    await asyncio.sleep(0)
    assert live.settled and live.stored
    await hub.delete("a")
    with pytest.raises(CollabError, match="deleted"):
        live.streams.publish("chat", body(2))


async def test_events_count_as_what_somebody_adds() -> None:
    quotas = QuotaLimits(participant_bytes=100, participant_documents=1)
    hub = Hub(MemoryStore(), DocumentLimits(), quotas=quotas)
    await hub.start()
    live = await hub.live("a")
    for number in (1, 2, 3):
        await live.streams.publish("chat", body(number), payer="ann")
        await asyncio.sleep(0)
    with pytest.raises(CollabError, match="rate_limited"):
        live.streams.publish("chat", body(4), payer="ann")
    other = await hub.live("b")
    with pytest.raises(CollabError, match="rate_limited"):
        other.streams.publish("chat", body(1), payer="ann")
    await hub.close()
