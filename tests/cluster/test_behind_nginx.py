"""Several nodes behind nginx: one document for people who never notice which node they are on.

``COLLAB_TEST_SEEDS`` and ``COLLAB_TEST_ROUNDS`` make the simulation and the killing longer.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import aiohttp
import pytest
from pycrdt import Doc

from collab.documents.document import Document
from collab.protocol.codec import read_state_vector
from tests.cluster.conftest import StartNginx, StartNode
from tests.support.api import Api, where
from tests.support.nginx import Nginx
from tests.support.server import CollabServer
from tests.support.writers import Writers
from tests.wire.node.driver import NodeUnavailable, install_clients, run_script

pytestmark = pytest.mark.asyncio

SEEDS = range(1, 1 + int(os.environ.get("COLLAB_TEST_SEEDS", "1")))
ROUNDS = int(os.environ.get("COLLAB_TEST_ROUNDS", "2"))
PEOPLE = 30
#: nodes believe nginx, and put away soon what nobody has open
FLAGS = ("--trusted-proxies", "127.0.0.1", "--idle-timeout", "1s")


class Site:
    """Nodes with names, and nginx in front of them."""

    def __init__(self, nodes: dict[str, CollabServer], nginx: Nginx, http: aiohttp.ClientSession) -> None:
        self.nodes, self.nginx, self.http = nodes, nginx, http

    @property
    def url(self) -> str:
        """Where people go."""
        return self.nginx.url

    async def ready(self, name: str) -> None:
        """Wait until a node says that it is ready."""
        async with asyncio.timeout(20):
            while True:
                async with self.http.get(f"{self.nodes[name].url}/readyz") as response:
                    if response.status == 200:
                        return
                await asyncio.sleep(0.05)

    async def holds(self, name: str, document: str) -> tuple[dict[int, int], str]:
        """State vector and content hash of a document, as a node has it."""
        api = Api(self.nodes[name], self.http)
        answer = await api("GET", f"{where(document)}/content?format=update")
        assert answer.status == 200, answer.body
        doc: Doc[Any] = Doc()
        doc.apply_update(answer.body)
        return read_state_vector(doc.get_state()), Document.load(answer.body, []).content_hash()

    async def participants(self, name: str, document: str) -> set[str]:
        """Who is in a document, as a node tells it."""
        api = Api(self.nodes[name], self.http)
        answer = await api("GET", f"{where(document)}/participants")
        return {each["session"] for each in answer.json["participants"]}

    async def same_everywhere(self, document: str, timeout: float = 30.0) -> None:
        """Every node holds the same content and knows the same people."""
        deadline = time.monotonic() + timeout
        while True:
            held = [await self.holds(name, document) for name in self.nodes]
            here = [await self.participants(name, document) for name in self.nodes]
            if all(each == held[0] for each in held) and all(each == here[0] for each in here):
                return
            words = f"people: {[len(each) for each in here]}, content: {[digest[:8] for _, digest in held]}"
            assert time.monotonic() < deadline, f"not the same on all nodes after {timeout} s: {words}"
            await asyncio.sleep(0.1)

    async def read_after_all(self, document: str) -> str:
        """The text that a node reads which is started when all others have ended."""
        for node in self.nodes.values():
            await asyncio.to_thread(node.kill)
        node = next(iter(self.nodes.values()))
        await asyncio.to_thread(node.start)
        return await Api(node, self.http).read(document)


@pytest.fixture
def site(start_node: StartNode, start_nginx: StartNginx, http: aiohttp.ClientSession) -> Callable[..., Site]:
    """``site(3, *flags)``: so many nodes behind nginx."""

    def build(count: int, *flags: str) -> Site:
        names = "abcde"[:count]
        with ThreadPoolExecutor(count) as at_once:
            started = at_once.map(lambda name: start_node(args=["--node-name", name, *FLAGS, *flags]), names)
            nodes = dict(zip(names, started, strict=True))
        return Site(nodes, start_nginx(nodes), http)

    return build


def spread(crowd: Writers) -> list[int]:
    """How many people each node has."""
    nodes = [writer.node for writer in crowd.writers]
    return sorted(nodes.count(name) for name in set(nodes))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("nodes", [2, 3])
async def test_thirty_npm_clients_type_and_are_cut(site: Callable[..., Site], nodes: int, seed: int) -> None:
    try:
        install_clients()
    except NodeUnavailable as missing:
        pytest.skip(str(missing))
    there = site(nodes, "--ping-interval", "1s", "--ping-timeout", "2s")
    settings = {"url": there.url, "document": f"crowd-{seed}", "seed": seed, "clients": PEOPLE, "edits": 12}
    result = await asyncio.to_thread(run_script, "convergence.mjs", settings, timeout=90)
    print({key: value for key, value in result.items() if key != "encoded"})
    assert (result["edits"], result["cuts"] > 0) == (PEOPLE * 12, True)
    await there.same_everywhere(f"crowd-{seed}")
    pools = {line.rpartition(" ")[2] for line in there.nginx.requests()}
    assert pools >= {f"collab_node_{name}" for name in there.nodes}, "everybody was on one node"


@pytest.mark.parametrize("nodes", [2, 3])
async def test_everybody_is_seen_everywhere(site: Callable[..., Site], nodes: int) -> None:
    there = site(nodes)
    async with Writers(there.url, "seen", PEOPLE, seed=nodes) as crowd:
        assert len(spread(crowd)) == nodes
        everybody = await crowd.see_everybody()
        for name in there.nodes:
            assert await there.participants(name, "seen") == everybody
        crowd.write(2.0)
        await asyncio.sleep(1.0)
        await crowd.rest()
        text = await crowd.agree()
        assert not crowd.missing(crowd.words, text)
        await there.same_everywhere("seen")


async def look_in(there: Site, document: str) -> None:
    """Ask for readiness and content through nginx, again and again; no request may fail."""
    api = Api(there.nginx, there.http)
    while True:
        async with there.http.get(f"{there.url}/readyz") as response:
            assert response.status == 200
        assert "<" in await api.read(document)
        await asyncio.sleep(0.05)


async def test_a_rolling_restart_loses_nothing(site: Callable[..., Site]) -> None:
    """SIGTERM node by node while 30 people type (rule C11); each comes back by itself, no acknowledged word is lost."""
    there = site(3)
    async with Writers(there.url, "rolled", PEOPLE, seed=5) as crowd:
        crowd.write(2.0)
        await asyncio.sleep(1.0)
        visitor = asyncio.create_task(look_in(there, "rolled"))
        for name, node in there.nodes.items():
            assert await asyncio.to_thread(node.stop) == 0, f"{name} could not save"
            assert "Traceback" not in node.stderr()
            await asyncio.to_thread(node.start)
            await there.ready(name)
            await asyncio.sleep(0.5)
        assert not visitor.done(), visitor.result()
        visitor.cancel()
        await crowd.rest()
        text = await crowd.agree()
        lost = crowd.missing(crowd.words, text)
        assert not lost, f"lost of {len(crowd.words)}: {lost[:5]}"
        await crowd.see_everybody()
        await there.same_everywhere("rolled")
        away = crowd.away
        assert len(away) >= PEOPLE, "everybody's node was restarted"
        assert all(writer.node in there.nodes for writer in crowd.writers)
        print(
            f"{len(crowd.words)} words; away {len(away)} times: median {away[len(away) // 2]:.2f} s,"
            f" longest {away[-1]:.2f} s; nodes have {spread(crowd)}"
        )
        # One second as the server asks for, up to one of jitter, and the way back.
        assert away[len(away) // 2] < 4.0
        assert away[-1] < 15.0
        words = crowd.words
    assert not crowd.missing(words, await there.read_after_all("rolled"))


async def test_kill_9_of_a_node_behind_nginx(site: Callable[..., Site]) -> None:
    there = site(3)
    rng = random.Random(9)
    async with Writers(there.url, "killed", PEOPLE, seed=9) as crowd:
        crowd.write(2.0)
        for round_ in range(ROUNDS):
            await asyncio.sleep(rng.uniform(0.5, 1.5))
            name = rng.choice(sorted(there.nodes))
            gone = [writer for writer in crowd.writers if writer.node == name]
            there.nodes[name].kill()
            began = time.monotonic()
            async with asyncio.timeout(20):
                while any(writer.node == name or writer.session.status.value != "live" for writer in gone):
                    await asyncio.sleep(0.02)
            print(f"round {round_}: {len(gone)} people of {name} elsewhere after {time.monotonic() - began:.1f} s")
            # Whoever is left sees everybody, once each: the dead node's lease has ended.
            await crowd.see_everybody(15.0)
            there.nodes[name].start()
            await there.ready(name)
        await crowd.rest()
        text = await crowd.agree()
        words = crowd.words
        lost = crowd.missing(words, text)
        assert not lost, f"lost of {len(words)}: {lost[:5]}"
        await there.same_everywhere("killed")
    assert not crowd.missing(words, await there.read_after_all("killed"))
