"""kill -9 of a node in the middle of everything (rules D1, N3). Longer by hand: COLLAB_TEST_ROUNDS=20."""

from __future__ import annotations

import asyncio
import os

import aiohttp
import pytest

from tests.cluster.conftest import StartNode
from tests.support.crowd import Crowd, same_people
from tests.support.seeds import chosen_seed

ROUNDS = int(os.environ.get("COLLAB_TEST_ROUNDS", "3"))
TYPISTS = 8


@pytest.mark.timeout(60 + 25 * ROUNDS)
async def test_clients_land_on_another_node_and_lose_nothing(
    start_node: StartNode, http: aiohttp.ClientSession
) -> None:
    seed = chosen_seed()
    nodes = [start_node(args=["--compact-every", "40"]) for _ in range(3)]
    crowd = Crowd(nodes, http, "moved", count=TYPISTS, seed=seed)
    await crowd.arrive()
    for round in range(ROUNDS):
        victim = crowd.rng.choice(nodes)
        left = [node for node in nodes if node is not victim]
        crowd.begin(20.0)
        await asyncio.sleep(crowd.rng.uniform(0.3, 1.5))
        victim.kill()
        await asyncio.sleep(0.2)
        homeless = [typist for typist in crowd.typists if typist.editor is None or typist.editor.client.closed]
        print(f"round {round}: {len(homeless)} of {TYPISTS} have to move")
        await asyncio.gather(*(typist.connect(crowd.rng.choice(left), http) for typist in homeless))
        moved = [asyncio.create_task(typist.type(20.0)) for typist in homeless]
        await asyncio.sleep(0.3)
        for task in moved:
            task.cancel()
        await asyncio.gather(*moved, return_exceptions=True)
        await crowd.stop()
        crowd.nodes = left
        await crowd.agree()
        await same_people(left, http, "moved", count=TYPISTS, within=20)
        await asyncio.to_thread(victim.start)
        crowd.nodes = nodes
        # Some go back, so that every node has people in the next round.
        for typist in crowd.rng.sample(crowd.typists, 3):
            await typist.close()
            await typist.connect(victim, http)
    await crowd.agree()
    await same_people(nodes, http, "moved", count=TYPISTS, within=20)
    assert not any("has lost entries" in node.stderr() for node in nodes), "the log was whole"
    acknowledged = sum(len(typist.acknowledged) for typist in crowd.typists)
    assert acknowledged > 20 * ROUNDS, "too few edits: the test tests nothing"
