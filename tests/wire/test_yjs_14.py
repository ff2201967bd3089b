"""Yjs 13 and 14 on one document: who accepts the second of two suggestions leaves a gap, and nothing is lost for it (D10)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from collab.documents.document import Document
from tests.support.server import CollabServer
from tests.wire.node.driver import NodeClient, NodeClients, NodeUnavailable, install_clients

#: by each wire: who edits with Yjs 14, and who looks on with 13
KINDS = ("y-websocket-3", "socket.io", "y-socket.io", "hocuspocus-4")


@pytest.fixture(scope="module", autouse=True)
def npm_packages() -> None:
    try:
        install_clients()
    except NodeUnavailable as missing:
        pytest.skip(str(missing))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[CollabServer]:
    server = CollabServer(f"sqlite:///{tmp_path}/collab.db", args=["--drain-timeout", "3s"]).start()
    yield server
    shown = server.stderr()
    server.kill()
    assert "Traceback" not in shown, shown[shown.index("Traceback") :][:3000]


@pytest.fixture
def old(server: CollabServer) -> Iterator[NodeClients]:
    """A process of clients with Yjs 13."""
    with NodeClients(server.url) as clients:
        yield clients


@pytest.fixture
def new(server: CollabServer) -> Iterator[NodeClients]:
    """A process of clients with Yjs 14."""
    with NodeClients(server.url, yjs=14) as clients:
        yield clients


def come(clients: NodeClients, kind: str, document: str, name: str = "") -> NodeClient:
    client = clients.open(name or kind, kind, document, link=True)
    client.until_synced()
    return client


@pytest.mark.parametrize("kind", KINDS)
def test_both_versions_type_on_one_document(old: NodeClients, new: NodeClients, kind: str) -> None:
    ann, bob = come(old, kind, "both"), come(new, kind, "both")
    ann.do("insert", index=0, text="from 13")
    bob.until_text("from 13")
    bob.do("insert", index=-1, text=" and 14 😀")
    ann.until_text("from 13 and 14 😀")
    ann.do("remove", index=0, length=5)
    bob.until_text("13 and 14 😀")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("offline_first", [False, True], ids=["accepted online", "accepted offline"])
def test_a_suggestion_with_a_gap_then_work_offline_then_a_restart(
    server: CollabServer, old: NodeClients, new: NodeClients, kind: str, offline_first: bool
) -> None:
    ann, bob = come(old, kind, "gap"), come(new, kind, "gap")
    watcher = come(new, "y-websocket-3", "gap", "watcher")
    ann.do("insert", index=0, text="hello world")
    bob.until_text("hello world")
    bob.do("suggest", texts=[[0, "ONE "], [-1, " TWO"]])
    if offline_first:
        bob.do("cut")
    bob.do("accept", number=1)
    if not offline_first:
        watcher.until_text("hello world TWO")
        bob.do("cut")
    bob.do("insert", index=0, text="offline ")
    bob.do("insert", index=-1, text="!")
    ann.do("insert", index=0, text="meanwhile ")
    server.restart()
    bob.do("mend")

    def whole(text: str) -> bool:
        return all(word in text for word in ("offline ", "meanwhile ", "hello world", " TWO!")) and len(text) == 34

    watcher.until(lambda state: whole(state["text"]), "everything of everybody")
    bob.until(lambda state: whole(state["text"]) and state["synced"], "everything of everybody")
    ann.until(
        lambda state: all(word in state["text"] for word in ("offline ", "meanwhile ", "hello world")),
        "what does not lean on the gap",
    )
    # Whoever comes anew sees no less, and what an old client writes reaches all.
    late = come(old, "y-websocket-3", "gap", "late")
    assert late.state["text"] == ann.state["text"]
    late.do("insert", index=0, text="late ")
    watcher.until(lambda state: state["text"].startswith("late "), "what an old client wrote")
    server.restart()
    for client in (ann, bob, watcher, late):
        client.until(lambda state: state["synced"] and state["connects"] > 1, "back")
    bob.do("insert", index=-1, text="?")
    watcher.until(lambda state: "TWO!?" in state["text"], "an edit behind the gap")
    assert "ONE" not in watcher.state["text"], "nobody accepted it"
    bob.do("accept", number=0)
    (text,) = {
        client.until(lambda state: "ONE " in state["text"] and "TWO!?" in state["text"], "all of it")["text"]
        for client in (ann, bob, watcher, late)
    }
    assert len(text) == 44
    states = [Document.load(None, [bytes(client.do("encoded"))]) for client in (ann, bob, watcher, late)]
    assert len({state.content_hash() for state in states}) == 1
    assert not any(state.known.behind for state in states)
