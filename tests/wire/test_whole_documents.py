"""A whole document that somebody brings along arrives, by every door, or its owner is told why not (rule D12)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pycrdt
import pytest

from collab.app import create_app
from collab.client import Status, connect
from collab.client.options import Backoff
from collab.doors.http.problems import PROBLEM_TYPE
from tests.support.server import CollabServer
from tests.wire.node.driver import NodeUnavailable, install_clients, run_script

MIB = 2**20
#: seconds; a green run on an idle machine takes a tenth of it
PATIENCE = 240.0
Start = Callable[..., CollabServer]


@pytest.fixture(scope="session")
def npm_packages() -> None:
    try:
        install_clients()
    except NodeUnavailable as missing:
        pytest.skip(str(missing))


def share(server: CollabServer, **options: Any) -> dict[str, Any]:
    """Share a large document for the first time; see ``whole.mjs``."""
    argument = {"url": server.url, "document": "whole", "patience": PATIENCE, **options}
    return run_script("whole.mjs", argument, timeout=PATIENCE + 60)


def small_edits(size: int, words: int = 60) -> pycrdt.Doc[Any]:
    """A document of ``size`` bytes, made of edits that no neighbour can be joined with."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    body = doc.get("body", type=pycrdt.Text)
    dice = random.Random(size)
    grown = 0
    while grown < size:
        with doc.transaction():
            for _ in range(200):
                length = dice.randint(1, 2 * words)
                body.insert(0, "w" * length)
                grown += length + 16
    return doc


@pytest.mark.parametrize(
    ("kind", "transports"),
    [
        ("y-socket.io", ["websocket"]),
        ("y-socket.io", ["polling"]),
        ("socket.io", ["websocket"]),
        ("edit", ["websocket"]),
    ],
    ids=["y-socket.io", "y-socket.io over polling", "answer", "edit"],
)
def test_a_document_of_small_edits_arrives(
    npm_packages: None, start_server: Start, kind: str, transports: list[str]
) -> None:
    result = share(start_server(), kind=kind, transports=transports, bytes=6 * MIB, word=400)
    assert result["size"] > 6 * MIB
    assert result["arrived"] and result["equal"], result
    assert not result["notices"] and not result["disconnects"], result
    assert [ack["ok"] for ack in result["acks"]] == [True] * len(result["acks"])


def test_twenty_mebibytes_arrive_in_bounded_memory(npm_packages: None, start_server: Start) -> None:
    server = start_server()
    before = server.memory()
    result = share(server, kind="y-socket.io", bytes=20 * MIB, word=1000)
    assert result["size"] > 20 * MIB and result["equal"], result
    assert not result["disconnects"], result
    # The document, its log (it is kept in memory here), what came in, and what goes out to the witness.
    assert server.memory() - before < 20 * 25 * MIB


@pytest.mark.parametrize("transports", [["websocket"], ["polling"]], ids=["websocket", "polling"])
@pytest.mark.parametrize("limit", ["5MiB", "4MiB"], ids=["larger than a frame", "larger than the room"])
def test_what_there_is_no_room_for_is_refused_in_words(
    npm_packages: None, start_server: Start, transports: list[str], limit: str
) -> None:
    # Frames may have what an edit may have four times, or what a document may have.
    edit = "1MiB" if limit == "5MiB" else "4MiB"
    server = start_server(args=["--max-document-bytes", limit, "--max-update-bytes", edit])
    result = share(server, kind="y-socket.io", transports=transports, bytes=6 * MIB, word=400, refused=True)
    assert [notice["code"] for notice in result["notices"]] == ["document_too_large"], result
    assert "size limit" in result["notices"][0]["message"]
    assert len(result["disconnects"]) <= 1, "and not again and again"


async def test_a_post_takes_a_whole_document(start_server: Start, http: aiohttp.ClientSession) -> None:
    server = start_server()
    update = small_edits(6 * MIB, 400).get_update()
    url = f"{server.url}/api/v1/documents/posted/update"
    async with http.post(url, data=update) as answer:
        assert answer.status == 200, await answer.text()

    async def pieces() -> Any:
        for begin in range(0, len(update), 100_000):
            yield update[begin : begin + 100_000]

    # What is known already takes no room, however often it comes, and without a Content-Length.
    async with asyncio.timeout(60):
        while True:
            async with http.post(url, data=pieces()) as answer:
                if answer.status != 429:
                    break
            await asyncio.sleep(1)
    assert answer.status == 200
    async with http.get(url) as answer:
        copy: pycrdt.Doc[Any] = pycrdt.Doc()
        copy.apply_update(await answer.read())
    assert len(copy.get("body", type=pycrdt.Text)) > 5 * MIB


async def test_what_is_known_takes_no_room(start_server: Start, http: aiohttp.ClientSession) -> None:
    server = start_server(args=["--max-document-bytes", "4MiB", "--rate-bytes", "64MiB"])
    doc = small_edits(3 * MIB, 400)
    url = f"{server.url}/api/v1/documents/twice/update"
    for _ in range(3):
        async with http.post(url, data=doc.get_update()) as answer:
            assert answer.status == 200, await answer.text()
    for _ in range(2):
        doc.get("body", type=pycrdt.Text).insert(0, "x" * MIB)
    async with http.post(url, data=doc.get_update()) as answer:
        assert (answer.status, answer.content_type) == (413, PROBLEM_TYPE)
        problem = await answer.json()
    assert problem["code"] in ("document_too_large", "update_too_large") and problem["detail"]


# -- the Python client ------------------------------------------------------------------------------------

QUICK = Backoff(base=0.05, most=0.5)


async def length_on(server: CollabServer, document: str) -> int:
    async with connect(server.url, document) as reader:
        return len(reader.doc.get("body", type=pycrdt.Text))


async def test_the_python_client_brings_a_document_in_parts(start_server: Start) -> None:
    server = start_server(args=["--max-update-bytes", "1MiB"])
    doc = small_edits(6 * MIB, 400)
    length = len(doc.get("body", type=pycrdt.Text))
    async with connect(server.url, "brought", doc=doc) as session:
        progress = set()
        saving = asyncio.create_task(session.saved(PATIENCE))
        while not saving.done():
            await asyncio.sleep(0.01)
            progress.add(session.progress)
            assert session.unsaved or session.progress is None, "unsaved tells the truth"
        await saving
        assert len(progress) > 5, "and how far it is"
        assert session.unsaved == 0
        assert await length_on(server, "brought") == length


async def test_a_server_that_comes_back_empty_gets_everything_from_the_python_client(start_server: Start) -> None:
    server = start_server("memory://")
    async with connect(server.url, "emptied", backoff=QUICK) as session:
        body = session.doc.get("body", type=pycrdt.Text)
        body += "x" * (6 * MIB)  # one edit, larger than one message may be
        await session.saved(PATIENCE)
        await asyncio.to_thread(server.restart)
        await session.reached(Status.OFFLINE, timeout=PATIENCE)
        body += "and more"
        await session.reached(Status.LIVE, timeout=PATIENCE)
        await session.saved(PATIENCE)
        assert await length_on(server, "emptied") == 6 * MIB + 8


async def test_an_interruption_in_the_middle_of_the_parts_costs_nothing(start_server: Start, tmp_path: Path) -> None:
    server = start_server(f"sqlite:///{tmp_path}/collab.db")
    async with connect(server.url, "cut", doc=small_edits(3 * MIB, 400), backoff=QUICK) as session:
        await session.until(lambda: bool(session.progress and session.progress[0]), PATIENCE)
        await asyncio.to_thread(server.kill)
        await session.reached(Status.OFFLINE, timeout=PATIENCE)
        await asyncio.to_thread(server.start)
        await session.saved(PATIENCE)
        assert await length_on(server, "cut") == len(session.doc.get("body", type=pycrdt.Text))


async def test_a_program_in_the_process_brings_a_document() -> None:
    app = create_app(store="memory://", max_update_bytes=MIB)
    hub = app["hub"]
    doc = small_edits(6 * MIB, 400)
    async with hub.open("inside", doc=doc) as session:
        await session.saved(PATIENCE)
        async with hub.open("inside") as reader:
            assert len(reader.doc.get("body", type=pycrdt.Text)) == len(doc.get("body", type=pycrdt.Text))
    await hub.close()
