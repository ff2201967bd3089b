"""Redis goes away, in every way we could think of (rules N5 to N8): people go on, nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp

from collab.hub.neighbours import ANSWER_TIMEOUT
from tests.cluster.conftest import StartNode
from tests.support.crowd import Crowd, Watcher, same_people
from tests.support.editor import Editor
from tests.support.proxy import Proxy
from tests.support.redis_server import RedisServer
from tests.support.seeds import chosen_seed
from tests.support.server import CollabServer, lines
from tests.support.wire import Client, WebSocketWire

SECONDS = 10.0
TYPISTS = 6


def seed() -> int:
    return chosen_seed()


def degraded(editor: Editor) -> list[bool]:
    """What was told about the cluster so far: True for out of reach, False for back."""
    return [
        not notice.get("resolved") for notice in editor.client.events("notice") if notice["code"] == "cluster_degraded"
    ]


async def until(check: Callable[[], bool], words: str, within: float = 20.0) -> None:
    deadline = time.monotonic() + within
    while not check():
        assert time.monotonic() < deadline, words
        await asyncio.sleep(0.02)


async def live_through(
    crowd: Crowd, begin: Callable[[], Awaitable[None]], end: Callable[[], Awaitable[None]], hurt: range
) -> None:
    """Type before, during and after an outage; ``hurt`` are the typists whose node is in it."""
    await crowd.arrive()
    crowd.begin(5.0)
    await asyncio.sleep(1.0)
    before = [len(typist.acknowledged) for typist in crowd.typists]
    await begin()
    editors = [crowd.typists[number].editor for number in hurt]
    assert all(editors)
    await until(lambda: all(degraded(editor) == [True] for editor in editors if editor), "nobody was told", 4.0)
    await asyncio.sleep(SECONDS - 2.0)
    await end()
    returned = time.monotonic()
    await asyncio.sleep(0.5)
    await crowd.stop()
    await crowd.agree(5.0 - (time.monotonic() - returned))
    await until(lambda: all(degraded(editor) == [True, False] for editor in editors if editor), "not taken back")
    await until(
        lambda: all(len(typist.acknowledged) > had for typist, had in zip(crowd.typists, before, strict=True)),
        "nothing was acknowledged after the outage",
    )
    for typist in crowd.typists:
        assert typist.editor is not None
        assert not typist.editor.client.closed, "nobody is disconnected by an outage"
    await same_people(crowd.nodes, crowd.http, crowd.name, count=len(crowd.typists))


async def ready(node: CollabServer, http: aiohttp.ClientSession) -> int:
    async with http.get(f"{node.url}/readyz") as response:
        return response.status


async def test_redis_is_killed_and_comes_back(
    redis_server: RedisServer, start_node: StartNode, http: aiohttp.ClientSession
) -> None:
    nodes = [start_node(), start_node()]
    crowd = Crowd(nodes, http, "killed", count=TYPISTS, seed=seed())

    async def begin() -> None:
        redis_server.kill()

    async def end() -> None:
        assert await ready(nodes[0], http) == 503
        late = Client(WebSocketWire(nodes[0].url, http), "/doc/killed")
        assert (await late.connect()).type == 0, "a document that is open here can be joined"
        await late.close()
        other = await Client(WebSocketWire(nodes[0].url, http), "/doc/other").connect()
        assert other.data["data"]["code"] == "cluster_degraded"
        assert other.data["data"]["retryable"] is True
        await asyncio.to_thread(redis_server.start)

    await live_through(crowd, begin, end, range(TYPISTS))
    assert await ready(nodes[0], http) == 200


async def test_a_redis_that_forgets_everything_in_a_restart(
    tmp_path: Path, start_node: StartNode, http: aiohttp.ClientSession
) -> None:
    forgetful = RedisServer(tmp_path, appendonly=False).start()
    try:
        nodes = [start_node(forgetful.url), start_node(forgetful.url)]
        crowd = Crowd(nodes, http, "forgotten", count=TYPISTS, seed=seed())
        await crowd.arrive()
        crowd.begin(10.0)
        for _ in range(3):
            await asyncio.sleep(1.0)
            forgetful.kill()
            await asyncio.sleep(0.5)
            await asyncio.to_thread(forgetful.start)
        await asyncio.sleep(1.0)
        await crowd.stop()
        await crowd.agree()
        await same_people(nodes, http, "forgotten", count=TYPISTS)
    finally:
        forgetful.kill()


async def test_redis_stops_for_ten_seconds(
    redis_server: RedisServer, start_node: StartNode, http: aiohttp.ClientSession
) -> None:
    nodes = [start_node(), start_node()]
    crowd = Crowd(nodes, http, "stopped", count=TYPISTS, seed=seed())

    async def begin() -> None:
        redis_server.pause()

    async def end() -> None:
        redis_server.go_on()

    await live_through(crowd, begin, end, range(TYPISTS))
    with redis_server.client() as client:
        entries = client.xrange("collab:{stopped}:log")
        updates = [fields[b"u"] for _, fields in entries]
    assert len(updates) == len(set(updates)), "nothing is in the log twice"


async def test_the_network_between_one_node_and_redis_is_cut(
    redis_server: RedisServer, start_node: StartNode, http: aiohttp.ClientSession
) -> None:
    proxy = await Proxy(redis_server.port).start()
    # Not on the loop that the proxy runs on; meanwhile the other node compacts what this one has not seen.
    nodes = [
        await asyncio.to_thread(start_node, f"redis://127.0.0.1:{proxy.port}/0"),
        await asyncio.to_thread(start_node, args=["--compact-every", "60"]),
    ]
    crowd = Crowd(nodes, http, "cut", count=TYPISTS, seed=seed())

    async def begin() -> None:
        proxy.cut()

    async def end() -> None:
        proxy.heal()

    await live_through(crowd, begin, end, range(0, TYPISTS, 2))
    other = crowd.typists[1].editor
    assert other is not None
    assert degraded(other) == [], "who is not in it is not bothered"
    with redis_server.client() as client:
        assert int(client.hget("collab:{cut}:meta", "snapshot")) > 0
    await proxy.stop()


async def test_the_listening_connection_is_killed(
    redis_server: RedisServer, start_node: StartNode, http: aiohttp.ClientSession
) -> None:
    nodes = [start_node(), start_node()]
    crowd = Crowd(nodes, http, "deaf", count=TYPISTS, seed=seed())
    await crowd.arrive()
    crowd.begin(20.0)
    with redis_server.client() as client:
        for _ in range(8):
            await asyncio.sleep(0.3)
            client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    await crowd.stop()
    await crowd.agree()
    await same_people(nodes, http, "deaf", count=TYPISTS)
    assert "Traceback" not in nodes[0].stderr() + nodes[1].stderr()


async def test_introductions_that_are_lost_are_made_again(
    redis_server: RedisServer, start_node: StartNode, http: aiohttp.ClientSession
) -> None:
    """Who listens anew introduces itself, over a connection of which it does not know yet that it is gone as well."""
    nodes = [start_node(), start_node()]
    watchers = [
        await Watcher.connect(node, http, "lost", name) for node, name in zip(nodes, ("Ann", "Ben"), strict=True)
    ]
    for watcher in watchers:
        await watcher.sees("Ann", "Ben")
    with redis_server.client() as client:
        for _ in range(3):
            with client.pipeline(transaction=False) as pipeline:
                pipeline.execute_command("CLIENT", "KILL", "TYPE", "normal")
                pipeline.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
                assert sum(pipeline.execute()) >= 4
            await until(
                lambda: len(client.client_list("pubsub")) >= 2 and len(client.client_list("normal")) > 2,
                "somebody does not come back",
            )
    # Whoever gave no answer by now is not here any more.
    await asyncio.sleep(ANSWER_TIMEOUT)
    assert not any(change["left"] for watcher in watchers for change in watcher.client.events("presence"))
    for watcher in watchers:
        await watcher.sees("Ann", "Ben", within=1.0)


async def test_flushall_is_noticed_and_made_good(
    redis_server: RedisServer, start_node: StartNode, http: aiohttp.ClientSession
) -> None:
    nodes = [start_node(), start_node(), start_node()]
    crowd = Crowd(nodes, http, "flushed", count=TYPISTS, seed=seed())
    await crowd.arrive()
    crowd.begin(10.0)
    with redis_server.client() as client:
        for _ in range(3):
            await asyncio.sleep(1.0)
            client.flushall()
        await crowd.stop()
        text = await crowd.agree()
        client.flushall()
        await until(lambda: client.exists("collab:{flushed}:log") == 1, "nobody wrote it again, though nobody types")
        assert client.zrange("collab:names", 0, -1) == [b"flushed"]
    await same_people(nodes, http, "flushed", count=TYPISTS)
    await crowd.leave()
    for node in nodes:
        node.kill()
    fresh = start_node()
    client = Client(WebSocketWire(fresh.url, http), "/doc/flushed")
    await client.connect()
    editor = Editor(client)
    await editor.sync()
    assert str(editor.text) == text


async def test_a_log_that_fell_back_is_not_mistaken_for_the_old_one(
    redis_server: RedisServer, start_node: StartNode, http: aiohttp.ClientSession
) -> None:
    """An older backup has the same epoch, and positions that the nodes know for other edits."""
    nodes = [start_node(), start_node()]
    crowd = Crowd(nodes, http, "back", count=4, seed=seed())
    await crowd.arrive()
    crowd.begin(10.0)
    await asyncio.sleep(0.5)
    with redis_server.client() as client:
        saved = {key: client.dump(key) for key in client.scan_iter("collab:{back}:*")}
        await asyncio.sleep(1.0)
        with client.pipeline() as pipeline:
            for key, dump in saved.items():
                pipeline.restore(key, 0, dump, replace=True)
            pipeline.execute()
    await asyncio.sleep(1.0)
    await crowd.stop()
    await crowd.agree()


async def test_edits_are_refused_after_the_grace_and_nothing_taken_is_lost(
    redis_server: RedisServer, start_node: StartNode, http: aiohttp.ClientSession
) -> None:
    node = start_node(args=["--redis-grace", "1s"])
    client = Client(WebSocketWire(node.url, http), "/doc/grace")
    await client.connect()
    editor = Editor(client)
    await editor.sync()
    await editor.type("saved ")
    redis_server.kill()
    await until(lambda: degraded(editor) == [True], "nobody was told", 4.0)
    taken = asyncio.create_task(editor.type("taken ", None))
    await asyncio.sleep(1.5)
    assert not taken.done(), "nothing is acknowledged that is not in the log"
    update = editor.typed("refused")
    answer = await editor.client.call("sync-update", update)
    assert answer["error"]["code"] == "cluster_degraded"
    assert answer["error"]["retryable"] is True
    async with http.patch(
        f"{node.url}/api/v1/documents/grace/content",
        json={"operations": [{"op": "map.set", "path": "/m/k", "value": 1}]},
    ) as response:
        assert (response.status, (await response.json())["code"]) == (503, "cluster_degraded")
    await asyncio.to_thread(redis_server.start)
    assert (await taken)["durable"] is True
    await until(lambda: degraded(editor) == [True, False], "not taken back")
    assert (await editor.client.call("sync-update", update))["durable"] is True


async def test_what_waits_in_an_outage_is_bounded(
    redis_server: RedisServer, start_node: StartNode, http: aiohttp.ClientSession
) -> None:
    node = start_node(args=["--rate-bytes", "1GiB"])
    client = Client(WebSocketWire(node.url, http), "/doc/bounded")
    await client.connect()
    editor = Editor(client)
    await editor.sync()
    await editor.type("saved")
    redis_server.pause()
    await until(lambda: degraded(editor) == [True], "nobody was told", 5.0)
    updates = [editor.typed("x" * 2**20) for _ in range(14)]
    ids = await editor.client.send_many("sync-update", updates)
    refused = await editor.client.wait(lambda p: p.type == 3 and p.id == ids[-1])
    assert refused.data[0]["error"]["code"] in ("storage_unavailable", "missing_dependencies", "cluster_degraded")
    redis_server.go_on()
    for update in updates:
        await until_saved(editor, update)
    assert node.stop() == 0
    node.start()
    again = Editor(Client(WebSocketWire(node.url, http), "/doc/bounded"))
    await again.client.connect()
    await again.sync()
    assert str(again.text) == str(editor.text)


async def test_a_redis_that_is_full_is_told_and_recovered_from(
    redis_server: RedisServer, start_node: StartNode, http: aiohttp.ClientSession
) -> None:
    nodes = [start_node(), start_node()]
    editors = []
    for node in nodes:
        client = Client(WebSocketWire(node.url, http), "/doc/full")
        await client.connect()
        editors.append(Editor(client))
        await editors[-1].sync()
    ada, bob = editors
    await ada.type("saved ")
    await bob.wait_for("saved ")
    with redis_server.client() as client:
        client.config_set("maxmemory", "1mb")
        answer = await ada.type("unsaved ")
        assert (answer["ok"], answer["error"]["code"]) == (False, "storage_unavailable")
        assert (await ada.client.event("notice"))["code"] == "storage_unavailable"
        assert await ready(nodes[0], http) == 503
        client.config_set("maxmemory", "0")
    await bob.wait_for("saved unsaved ")
    await ada.client.wait(lambda p: p.type == 2 and p.data[0] == "notice" and p.data[1].get("resolved") is True)
    assert (await ada.type("again"))["durable"]


async def until_saved(editor: Editor, update: bytes, within: float = 20.0) -> None:
    async with asyncio.timeout(within):
        while not (answer := await editor.client.call("sync-update", update))["ok"]:
            assert answer["error"]["retryable"], answer
            await asyncio.sleep(0.05)


async def test_a_node_without_redis_waits_for_it_and_says_why(redis_server: RedisServer) -> None:
    redis_server.kill()
    node = CollabServer(redis_server.url, args=["--redis", redis_server.url, "--log-format", "json"])
    starting = asyncio.create_task(asyncio.to_thread(node.start))
    try:
        async with asyncio.timeout(15):
            while node.process is None or not lines(node, "waiting for Redis", url=redis_server.url):
                await asyncio.sleep(0.02)
        await asyncio.to_thread(redis_server.start)
        await starting
        assert node.start_line.endswith("store=redis auth=none nodes=1")
        assert lines(node, "Redis answers")
    finally:
        node.kill()
