"""Several nodes, one document (rules N1 to N4)."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.cluster.conftest import StartNode
from tests.support.crowd import Crowd, Watcher, people, same_people
from tests.support.redis_server import BINARY, RedisServer
from tests.support.seeds import chosen_seed
from tests.support.server import CollabServer
from tests.support.typists import opened
from tests.support.wire import Client, WebSocketWire

Pair = tuple[CollabServer, CollabServer]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Two nodes for the tests that leave them as they were."""
    if BINARY is None:
        pytest.skip("redis-server is not installed")
    redis_server = RedisServer(tmp_path_factory.mktemp("redis")).start()
    first, second = (CollabServer(redis_server.url, args=["--redis", redis_server.url]).start() for _ in range(2))
    yield first, second
    for server in (first, second, redis_server):
        server.kill()


async def test_two_nodes_share_a_document(start_node: StartNode, http: aiohttp.ClientSession) -> None:
    first, second = start_node(), start_node()
    assert second.start_line.endswith("store=redis auth=none nodes=2")
    ada, bob = await opened(first, http, "notes"), await opened(second, http, "notes")
    assert (await ada.type("from one "))["durable"]
    await bob.wait_for("from one ")
    assert (await bob.type("from two"))["durable"]
    await ada.wait_for("from one from two")
    late = await opened(second, http, "notes")
    await late.wait_for("from one from two")
    first.kill()
    second.kill()
    third = start_node()
    again = await opened(third, http, "notes")
    await again.wait_for("from one from two")


async def test_a_store_of_one_node_alone_is_not_used(
    redis_server: RedisServer, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    nodes = [
        CollabServer(store, args=["--redis", redis_server.url]).start()
        for store in ("memory://", f"sqlite:///{tmp_path}/unused.db")
    ]
    try:
        assert nodes[1].start_line.endswith("store=redis auth=none nodes=2")
        for node in nodes:
            assert "this store is not used" in node.stderr()
        assert not (tmp_path / "unused.db").exists()
        ada, bob = [await opened(node, http, "shared") for node in nodes]
        await ada.type("seen")
        await bob.wait_for("seen")
    finally:
        for node in nodes:
            node.kill()


def test_check_says_what_an_ack_is_worth(redis_server: RedisServer) -> None:
    def check() -> str:
        done = subprocess.run(
            [sys.executable, "-m", "collab", "check", "--redis", redis_server.url],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return " ".join(done.stdout.split())

    with redis_server.client() as client:
        assert "appendfsync everysec); a crash of its machine may lose the last second" in check()
        client.config_set("appendfsync", "always")
        assert "an ack means: on the disk of Redis" in check()
        client.config_set("appendonly", "no")
        assert "an ack means: in the memory of Redis" in check()
        client.config_set("maxmemory-policy", "allkeys-lru")
        assert "DANGER" not in check()
        client.config_set("maxmemory", "100mb")
        assert "DANGER: maxmemory-policy allkeys-lru throws documents away" in check()
    redis_server.kill()
    done = subprocess.run(
        [sys.executable, "-m", "collab", "check", "--redis", redis_server.url],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Cannot reach Redis" in done.stderr


@pytest.mark.parametrize("count", [2, 3])
async def test_typing_and_moving_converges(start_node: StartNode, http: aiohttp.ClientSession, count: int) -> None:
    seed = chosen_seed()
    nodes = [start_node(args=["--compact-every", "40"]) for _ in range(count)]
    crowd = Crowd(nodes, http, "moving", count=9, seed=seed)
    await crowd.arrive()
    for _ in range(4):
        crowd.begin(20.0)
        await asyncio.sleep(0.7)
        moving = crowd.rng.sample(crowd.typists, 4)
        for typist in moving:
            await typist.close()
        await crowd.stop()
        for typist in moving:
            await typist.connect(crowd.rng.choice(nodes), http)
    await crowd.agree()
    await same_people(nodes, http, "moving", count=9)
    for node in nodes:
        assert "cannot be applied" not in node.stderr()
        assert "has lost entries" not in node.stderr(), "nothing was lost"
        assert "Traceback" not in node.stderr()
    await crowd.leave()
    await same_people(nodes, http, "moving", count=0)


async def test_a_large_update_and_a_long_log_reach_the_others(
    start_node: StartNode, http: aiohttp.ClientSession
) -> None:
    first, second = start_node(args=["--rate-bytes", "1GiB", "--rate-updates", "100000"]), start_node()
    ada, bob = await opened(first, http, "large"), await opened(second, http, "large")
    await ada.type("x" * 300_000)
    await ada.type("y")
    await bob.wait_for("x" * 300_000 + "y")
    eve = await opened(first, http, "long")
    ids = await eve.client.send_many("sync-update", [eve.typed(f"{number} ") for number in range(2500)])
    await eve.client.wait(lambda p: p.type == 3 and p.id == ids[-1], timeout=30)
    late = await opened(second, http, "long")
    assert str(late.text) == str(eve.text)


# -- people -------------------------------------------------------------------------------------------


async def test_who_is_here_is_known_everywhere(pair: Pair, start_node: StartNode, http: aiohttp.ClientSession) -> None:
    first, second = pair
    ada = await Watcher.connect(first, http, "people", "Ada")
    bob = await Watcher.connect(second, http, "people", "Bob")
    await ada.sees("Ada", "Bob", within=20)
    await bob.sees("Ada", "Bob", within=20)
    await ada.client.emit("cursor", {"at": 7})
    packet = await bob.client.wait(
        lambda p: p.type == 2 and p.data[0] == "presence" and any(
            person["state"] == {"cursor": {"at": 7}} for person in p.data[1]["updated"]
        )
    )  # fmt: skip
    assert packet.data[1]["updated"][0]["user"]["name"] == "Ada"
    told = await same_people([first, second], http, "people", count=2)
    assert {person["role"] for person in told} == {"admin"}
    third = start_node(pair[0].store)
    assert len(await people(third, http, "people")) == 2, "known on a node that has nobody in it"
    await ada.client.close()
    await bob.sees("Bob", within=20)


async def test_yjs_awareness_crosses_nodes_and_moves_with_its_client(
    start_node: StartNode, http: aiohttp.ClientSession
) -> None:
    from collab.protocol.awareness import AwarenessEntry, decode_awareness, encode_awareness

    first, second = start_node(), start_node()
    ada, bob = await opened(first, http, "aware"), await opened(second, http, "aware")

    def seen_by_bob() -> dict[int, str | None]:
        states: dict[int, tuple[int, str | None]] = {}
        for update in bob.client.events("awareness-update"):
            for entry in decode_awareness(update):
                clock = states.get(entry.client, (-1, None))[0]
                if entry.clock > clock or (entry.clock == clock and entry.state is None):
                    states[entry.client] = entry.clock, entry.state
        return {client: state for client, (_, state) in states.items()}

    async def until(state: str | None, within: float = 20.0) -> None:
        deadline = time.monotonic() + within
        while seen_by_bob().get(77, "never") != state:
            assert time.monotonic() < deadline, f"sees {seen_by_bob()}, not {state}"
            await asyncio.sleep(0.02)

    await ada.client.emit("awareness-update", encode_awareness([AwarenessEntry(77, 1, '{"x":1}')]))
    await until('{"x":1}')
    await ada.client.close()
    await until(None)
    again = await opened(second, http, "aware")
    await again.client.emit("awareness-update", encode_awareness([AwarenessEntry(77, 1, '{"x":1}')]))
    await until('{"x":1}')
    await again.client.close()
    # From a node that dies: the id is claimed while the dead node still owns it.
    moving = await opened(first, http, "aware")
    await moving.client.emit("awareness-update", encode_awareness([AwarenessEntry(77, 2, '{"x":2}')]))
    await until('{"x":2}')
    first.kill()
    moved = await opened(second, http, "aware")
    await moved.client.emit("awareness-update", encode_awareness([AwarenessEntry(77, 3, '{"x":3}')]))
    await until('{"x":3}')
    await same_people([second], http, "aware", count=2)


async def test_a_dead_node_takes_its_people_with_it(start_node: StartNode, http: aiohttp.ClientSession) -> None:
    first, second = start_node(), start_node()
    ada = await Watcher.connect(first, http, "ghosts", "Ada")
    bob = await Watcher.connect(second, http, "ghosts", "Bob")
    await bob.sees("Ada", "Bob")
    first.kill()
    await bob.sees("Bob", within=20)
    first.start()
    again = await Watcher.connect(first, http, "ghosts", "Ada")
    await bob.sees("Ada", "Bob")
    await again.sees("Ada", "Bob")
    second.restart()
    await again.sees("Ada", within=20)
    await ada.client.close()


async def test_limits_kicks_numbers_and_broadcasts_reach_across(
    start_node: StartNode, http: aiohttp.ClientSession
) -> None:
    first, second = (start_node(args=["--max-participants", "2"]) for _ in range(2))
    ada = await Watcher.connect(first, http, "across", "Ada")
    bob = await Watcher.connect(second, http, "across", "Bob")
    await ada.sees("Ada", "Bob")
    await bob.sees("Ada", "Bob")
    refused = await Client(WebSocketWire(second.url, http), "/doc/across").connect()
    assert refused.data["data"]["code"] == "document_full"
    await ada.client.emit("broadcast", {"event": "wave", "data": {"hand": "left"}})
    wave = await bob.client.event("broadcast")
    assert (wave["event"], wave["data"]) == ("wave", {"hand": "left"})
    await (await opened_anyway(first, http, "across")).close()
    deadline = time.monotonic() + 5
    third = start_node()
    while True:
        async with http.put(f"{third.url}/api/v1/documents/across") as response:
            counted = (await response.json())["participants"]
        if counted == 2:
            break
        assert time.monotonic() < deadline, counted
        await asyncio.sleep(0.1)
    session = next(p["session"] for p in await people(first, http, "across") if p["user"]["name"] == "Bob")
    async with http.delete(f"{first.url}/api/v1/documents/across/participants/{session}") as response:
        assert response.status == 204
    await ada.sees("Ada")
    assert (await bob.client.event("notice"))["code"] == "forbidden"


async def opened_anyway(server: CollabServer, http: aiohttp.ClientSession, name: str) -> Client:
    """A connection that was refused or not: it does not matter."""
    client = Client(WebSocketWire(server.url, http), f"/doc/{name}")
    await client.connect()
    return client


# -- deletion, versions -------------------------------------------------------------------------------


async def test_a_deleted_document_is_gone_on_every_node(pair: Pair, http: aiohttp.ClientSession) -> None:
    first, second = pair
    ada, bob = await opened(first, http, "doomed"), await opened(second, http, "doomed")
    await ada.type("to be forgotten")
    await bob.wait_for("to be forgotten")
    async with http.delete(f"{first.url}/api/v1/documents/doomed") as response:
        assert response.status == 204
    for editor in (ada, bob):
        assert (await editor.client.event("notice"))["code"] == "document_deleted"
    new = await opened(second, http, "doomed")
    assert str(new.text) == ""
    await new.type("new")
    other = await opened(first, http, "doomed")
    await other.wait_for("new")


async def test_a_version_kept_on_one_node_is_restored_on_another(pair: Pair, http: aiohttp.ClientSession) -> None:
    first, second = pair
    ada, bob = await opened(first, http, "kept"), await opened(second, http, "kept")
    await ada.type("good")
    await bob.wait_for("good")
    async with http.post(f"{second.url}/api/v1/documents/kept/versions", json={"name": "v"}) as response:
        version = (await response.json())["id"]
    await bob.type(" and bad")
    await ada.wait_for("good and bad")
    async with http.post(f"{first.url}/api/v1/documents/kept/versions/{version}/restore") as response:
        assert response.status == 200
    await ada.wait_for("good")
    await bob.wait_for("good")
