"""``POST /recheck`` reaches everybody, whatever node they are on (A5)."""

from __future__ import annotations

import aiohttp
import pytest

from tests.cluster.conftest import StartNode
from tests.support.callback import SECRET, CallbackApp
from tests.support.redis_server import needs_redis
from tests.support.wire import Client, WebSocketWire

pytestmark = [pytest.mark.asyncio, needs_redis]


async def test_everybody_is_asked_about_on_every_node(start_node: StartNode, http: aiohttp.ClientSession) -> None:
    async with CallbackApp() as app:
        app.let_in("root", "admin")
        settings = ["--auth", "callback", "--auth-callback-url", app.url, "--auth-callback-secret", SECRET]
        one, other = start_node(args=settings), start_node(args=settings)
        clients = []
        for node, token in ((one, "ann"), (other, "ann"), (other, "bob")):
            app.let_in(token, "editor")
            clients.append(Client(WebSocketWire(node.url, http), "/doc/plan"))
            await clients[-1].connect({"token": token})
        app.let_in("ann", "viewer")
        headers = {"Authorization": "Bearer root"}
        async with http.post(f"{one.url}/api/v1/recheck", json={"participant": "ann"}, headers=headers) as answer:
            assert (answer.status, await answer.json()) == (200, {"sessions": 1})
        for client in clients[:2]:
            assert (await client.event("notice", 10.0))["role"] == "viewer"
        app.people["bob"] = 403
        async with http.post(f"{one.url}/api/v1/recheck", headers=headers) as answer:
            assert answer.status == 200
        await clients[2].wait(lambda packet: packet.type == 1, 10.0)
        assert clients[2].events("notice")[-1]["code"] == "forbidden"
        for client in clients:
            await client.close()
