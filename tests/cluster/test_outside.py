"""Programs beside the cluster: emits and kicks through python-socketio's Redis manager (rule N9)."""

from __future__ import annotations

import asyncio

import aiohttp
import socketio

from tests.cluster.conftest import StartNode
from tests.support.editor import Editor
from tests.support.redis_server import RedisServer
from tests.support.wire import Client, WebSocketWire


async def test_an_emit_from_outside_reaches_clients_on_all_nodes(
    redis_server: RedisServer, start_node: StartNode, http: aiohttp.ClientSession
) -> None:
    nodes = [start_node(), start_node()]
    clients = []
    for node in nodes:
        client = Client(WebSocketWire(node.url, http), "/doc/news")
        await client.connect()
        clients.append(client)
    elsewhere = Client(WebSocketWire(nodes[0].url, http), "/doc/other")
    await elsewhere.connect()
    outside = socketio.AsyncRedisManager(redis_server.url, channel="collab:0:emit", write_only=True)

    async def emit_until_heard(name: str) -> None:
        async with asyncio.timeout(15):
            while not all(client.events(name) for client in clients):
                await outside.emit(name, {"text": "hello"}, namespace="/doc/news")
                await asyncio.sleep(0.1)

    await emit_until_heard("announcement")
    assert clients[0].events("announcement")[0] == {"text": "hello"}
    assert not elsewhere.events("announcement")
    # Its listener loses its connection, as it does whenever Redis restarts; editing goes on, and so does it.
    with redis_server.client() as client:
        client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    editors = [Editor(client) for client in clients]
    for editor in editors:
        await editor.sync()
    assert (await editors[0].type("still here"))["durable"]
    await editors[1].wait_for("still here")
    await emit_until_heard("again")
    sid = next(packet.data["sid"] for packet in clients[1].received if packet.type == 0)
    await outside.can_disconnect(sid, "/doc/news")  # publishes the kick, where the client is not its own
    notice = await clients[1].event("notice")
    assert (notice["code"], notice["message"]) == ("forbidden", "You were disconnected.")
    await outside.redis.aclose()
    for node in nodes:
        assert node.stop() == 0
        assert "Traceback" not in node.stderr()
