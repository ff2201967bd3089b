"""A node of a cluster, without a Redis: who has left, what is lost, and what does not wait."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from collab.cluster import redis as module
from collab.cluster.redis import LEASE, MAX_WAITING, MISSING, RedisCluster
from collab.errors import CollabError
from collab.protocol.bells import Note, encode_note
from collab.stores.redis_link import RedisLink


class Watcher:
    """Notes what it is told; ``fails`` makes it a bad listener."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []
        self.fails = False

    def __getattr__(self, name: str) -> Any:
        def note(*news: Any) -> None:
            self.told.append((name, *news))  # type: ignore[arg-type]
            if self.fails:
                raise ZeroDivisionError

        return note


class Loop:
    """The clock, for the test to move."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "time", lambda: self.now)


@pytest.fixture
async def cluster() -> RedisCluster:
    cluster = RedisCluster(RedisLink("redis://127.0.0.1:9/0"), "me")
    cluster._watcher = Watcher()  # type: ignore[assignment]
    return cluster


def told(cluster: RedisCluster) -> list[Any]:
    return cluster._watcher.told  # type: ignore[attr-defined,no-any-return]


async def test_a_redis_that_is_not_there_is_told_at_the_start(cluster: RedisCluster) -> None:
    with pytest.raises(CollabError) as refused:
        await cluster.open(Watcher())  # type: ignore[arg-type]
    assert refused.value.code == "cluster_degraded"
    await cluster.close()
    await cluster.close()


async def test_joining_without_a_connection_is_refused_at_once_and_leaves_nothing(cluster: RedisCluster) -> None:
    with pytest.raises(CollabError) as refused:
        await cluster.join("a", object())  # type: ignore[arg-type]
    assert (refused.value.code, refused.value.retry_after) == ("cluster_degraded", 1)
    assert (cluster._listeners, cluster._joining) == ({}, {})
    cluster.leave("a")
    cluster.renew("a")
    await asyncio.gather(*cluster._settling)


async def test_a_node_has_left_after_it_was_missing_for_a_while_and_not_before(
    cluster: RedisCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Loop(monkeypatch)
    cluster._heard_of({"me", "b", "c"})
    assert cluster.nodes == 3
    clock.now += 10
    cluster._heard_of({"me", "b"})
    clock.now += MISSING - 0.1
    cluster._heard_of({"me", "b"})
    assert (told(cluster), cluster.nodes) == ([], 3), "one heartbeat may be late"
    clock.now += 0.2
    cluster._heard_of({"me", "b"})
    assert (told(cluster), cluster.nodes) == ([("node_left", "c")], 2)
    cluster._heard_of({"me", "b"})
    assert len(told(cluster)) == 1, "once"
    cluster._heard_of({"me", "b", "c"})
    assert (told(cluster)[1:], cluster.nodes) == ([("node_returned", "c")], 3)
    cluster._heard_of({"me", "b", "c"})
    assert len(told(cluster)) == 2


async def test_one_that_is_late_again_and_again_has_not_left(
    cluster: RedisCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Loop(monkeypatch)
    for _ in range(10):
        cluster._heard_of({"me", "b"})
        clock.now += MISSING - 0.1
        cluster._heard_of({"me"})
        clock.now += 0.2
    assert told(cluster) == []


async def test_after_an_outage_of_ours_the_others_have_time_to_renew(
    cluster: RedisCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Loop(monkeypatch)
    cluster._heard_of({"me", "b"})
    clock.now += 100
    cluster._reachable_since = clock.now
    cluster._heard_of({"me"})
    clock.now += LEASE + MISSING - 0.1
    cluster._heard_of({"me"})
    assert told(cluster) == []
    clock.now += 0.2
    cluster._heard_of({"me"})
    assert told(cluster) == [("node_left", "b")]


async def test_a_watcher_that_fails_ends_nothing(cluster: RedisCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Loop(monkeypatch)
    cluster._heard_of({"me", "b", "c"})
    cluster._watcher.fails = True  # type: ignore[attr-defined]
    cluster._heard_of({"me"})
    clock.now += 100
    cluster._heard_of({"me"})
    assert sorted(told(cluster)) == [("node_left", "b"), ("node_left", "c")]
    assert cluster.nodes == 1


async def test_notes_that_are_too_many_are_lost_and_not_kept(cluster: RedisCluster) -> None:
    for number in range(MAX_WAITING + 5):
        cluster.tell("a", {"number": number})
    assert len(cluster._notes) == MAX_WAITING
    assert cluster._notes_lost


async def test_lost_notes_are_told_once_something_goes_out_again(
    cluster: RedisCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BEAT_INTERVAL", 60.0)
    runs: list[list[Any]] = []
    answers = iter([ConnectionError(), None, None])

    async def run(commands: list[Any]) -> list[Any]:
        runs.append(commands)
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return [1] * len(commands)

    async def beat() -> None:
        await run([])

    monkeypatch.setattr(cluster._pipe, "run", run)
    monkeypatch.setattr(cluster, "_beat", beat)
    speaking = asyncio.create_task(cluster._speak())
    cluster.tell("a", {"number": 1})
    async with asyncio.timeout(20):
        while not told(cluster):
            await asyncio.sleep(0.005)
    assert told(cluster) == [("notes_lost",)]
    assert [len(each) for each in runs][:2] == [1, 0], "an old note is not repeated"
    speaking.cancel()


async def test_what_is_heard_goes_to_who_listens_and_nothing_else_matters(cluster: RedisCluster) -> None:
    heard: list[Any] = []

    class Listener:
        def hear(self, message: Any) -> None:
            heard.append(message)

    channel = cluster._link.channel("a").encode()
    cluster._listeners[channel] = Listener()  # type: ignore[assignment]
    note = encode_note("b", {"x": 1})
    for message in (
        [b"message", channel, note],
        [b"message", b"other", note],
        [b"subscribe", b"other", 1],
        b"PONG",
        [],
        None,
        [b"pong", b""],
    ):
        if message != []:
            cluster._dispatch(message)
    assert [type(each) for each in heard] == [Note]
    assert (heard[0].node, heard[0].body) == ("b", {"x": 1})


async def test_alone_nobody_is_asked_who_is_elsewhere(cluster: RedisCluster) -> None:
    assert await cluster.people(["a", "b"]) == [0, 0]
    cluster._alive.add("b")
    assert await cluster.people([]) == []
    assert await cluster.people(["a", "b"]) == [0, 0], "0 where that is not known"
    assert await cluster.listeners("a") == 0
    await cluster._link.close()


class FakeEar:
    """Confirms what it is told to listen to, unless it is deaf."""

    def __init__(self, cluster: RedisCluster, address: tuple[str, int]) -> None:
        self.name, self.deaf, self.said = f"bells of {address[0]}:{address[1]}", False, list[tuple[bytes, bytes]]()
        self._cluster = cluster

    def begin(self) -> None:
        self.said.append((b"BEGIN", b""))

    async def command(self, word: bytes, channel: bytes) -> None:
        if self.deaf:
            raise ConnectionError("gone")
        self.said.append((word, channel))
        if word == b"SUBSCRIBE":
            self._cluster._dispatch([b"subscribe", channel, 1])

    async def close(self) -> None:
        self.said.append((b"CLOSE", b""))


async def test_channels_are_heard_where_their_documents_go(
    cluster: RedisCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes, one, two = cluster._link.nodes, ("one", 1), ("two", 2)
    ears: dict[Any, FakeEar] = {}
    monkeypatch.setattr(cluster, "_ear", lambda address: ears.setdefault(address, FakeEar(cluster, address)))
    nodes.divided, nodes.met, nodes.masters, nodes._owners = True, True, (one,), [one] * 16_384
    cluster._ears = {one: cluster._ear(one)}
    await cluster.join("a", object())  # type: ignore[arg-type]
    channel = b"collab:0:{a}"
    assert ears[one].said == [(b"SUBSCRIBE", channel)]
    nodes.masters, nodes._owners = (one, two), [two] * 16_384
    cluster._changed()
    cluster._changed()
    await cluster.join("b", object())  # type: ignore[arg-type]
    await asyncio.gather(*cluster._settling)
    assert ears[two].said[0] == (b"BEGIN", b"")
    assert set(ears[two].said[1:]) == {(b"SUBSCRIBE", channel), (b"SUBSCRIBE", b"collab:0:{b}")}
    assert ears[one].said[1:] == [(b"UNSUBSCRIBE", channel)], "once it is heard there"
    assert cluster._joining == {}
    nodes.masters = (two,)
    cluster._report(ears[one].name, False, "gone")
    assert cluster.trouble == "gone"
    cluster._changed()
    await asyncio.sleep(2 * module.REARRANGE)
    await asyncio.gather(*cluster._settling)
    assert ears[one].said[-1] == (b"CLOSE", b"")
    assert (cluster.trouble, cluster._health.failing, list(cluster._ears)) == ("", [], [two])
    ears[two].deaf = True
    cluster.leave("a")
    await asyncio.gather(*cluster._settling)
    await cluster.close()
