"""Several nodes, one document."""

from __future__ import annotations

import asyncio

import aiohttp

from tests.cluster.conftest import StartNode
from tests.support.editor import Editor
from tests.support.server import CollabServer
from tests.support.wire import Client, WebSocketWire


async def opened(server: CollabServer, http: aiohttp.ClientSession, name: str) -> Editor:
    client = Client(WebSocketWire(server.url, http), f"/doc/{name}")
    await client.connect()
    editor = Editor(client)
    await editor.sync()
    return editor


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
    await asyncio.sleep(0)
