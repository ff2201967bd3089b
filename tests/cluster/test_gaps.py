"""Gaps in what a client did, on two nodes (D10): nothing is lost, and in the end there is one document."""

from __future__ import annotations

import asyncio
import random

import pytest

from collab.documents.document import Document
from collab.hub.hub import Hub
from collab.hub.journal import nobody_waits
from collab.protocol.dependencies import TakenInPart
from tests.cluster.conftest import StartNode
from tests.cluster.test_copies import hubs, until
from tests.support.gapped import in_parts, write_together
from tests.wire.node.driver import NodeClients, NodeUnavailable, install_clients

__all__ = ["hubs"]


@pytest.mark.parametrize("seed", range(3))
async def test_parts_in_any_order_on_two_nodes(hubs: list[Hub], seed: int) -> None:
    rng = random.Random(seed)
    state = write_together(rng, 3, 30)
    lives = [await hub.live("doc") for hub in hubs]
    waiting = list(in_parts(rng, state))
    while waiting:
        left = []
        for update in waiting:
            try:
                rng.choice(lives).apply(update, nobody_waits, session=None, participant=None)
            except TakenInPart:
                left.append(update)
            if rng.random() < 0.3:
                await asyncio.sleep(0.01)
        await until(lambda: lives[0].document.known == lives[1].document.known, "the nodes hold different things")
        waiting = left
    whole = Document()
    whole.apply(state)
    for live in lives:
        assert live.document.known == whole.known
        assert live.document.content_hash() == whole.content_hash()
    await until(lambda: all(live.settled for live in lives), "not everything is in the log")
    stored = await hubs[0].store.load("doc")
    assert stored is not None
    assert Document.load(stored.snapshot, stored.tail).content_hash() == whole.content_hash()


@pytest.mark.timeout(200)
@pytest.mark.parametrize("second_first", [True, False], ids=["the second first", "in their order"])
def test_suggestions_on_one_node_and_old_clients_on_another(start_node: StartNode, second_first: bool) -> None:
    try:
        install_clients()
    except NodeUnavailable as missing:
        pytest.skip(str(missing))
    one, two = start_node(), start_node()
    with NodeClients(one.url, yjs=14) as new, NodeClients(two.url) as old, NodeClients(two.url, yjs=14) as far:
        bob = new.open("bob", "y-websocket-3", "doc", link=True)
        ann, eve = old.open("ann", "socket.io", "doc"), far.open("eve", "hocuspocus-4", "doc")
        for client in (ann, bob, eve):
            client.until_synced()
        ann.do("insert", index=0, text="hello world")
        bob.until_text("hello world")
        bob.do("suggest", texts=[[0, "ONE "], [-1, " TWO"]])
        bob.do("cut")
        bob.do("accept", number=1 if second_first else 0)
        bob.do("insert", index=-1, text="!")
        ann.do("insert", index=0, text="meanwhile ")
        two.restart()
        bob.do("mend")
        word = " TWO" if second_first else "ONE "
        eve.until(lambda state: word in state["text"] and "!" in state["text"], "what came over the gap")
        ann.until(lambda state: "meanwhile hello world" in state["text"] or not second_first, "what it saw before")
        one.restart()
        bob.until(lambda state: state["synced"] and state["connects"] > 2, "back")
        bob.do("accept", number=0 if second_first else 1)
        texts = {
            client.until(
                lambda state: all(word in state["text"] for word in ("ONE ", " TWO", "!", "meanwhile ")), "all of it"
            )["text"]
            for client in (ann, bob, eve)
        }
        assert len(texts) == 1
