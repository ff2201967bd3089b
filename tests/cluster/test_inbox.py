"""Inboxes across nodes: told on whichever node a participant is, kept over kill -9 of a node and of Redis (I2, I6)."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp

from tests.cluster.conftest import StartNode
from tests.support.api import SECRET, Api, mint, where
from tests.support.redis_server import RedisServer
from tests.support.wire import Client, WebSocketWire

JWT = ("--auth", "jwt", "--jwt-secret", SECRET)


async def say(api: Api, text: str, document: str = "a") -> None:
    async with asyncio.timeout(40):
        headers = {"Idempotency-Key": text}
        while (
            await api("POST", where(document) + "/streams/chat", {"data": {"body": text}}, headers=headers)
        ).status != 201:
            await asyncio.sleep(0.1)


async def page_of(api: Api) -> dict[str, Any]:
    async with asyncio.timeout(40):
        while (answer := await api("GET", "/inbox")).status != 200:
            await asyncio.sleep(0.1)
    page: dict[str, Any] = answer.json
    return page


async def until_told(client: Client, match: Any) -> None:
    await client.wait(lambda packet: packet.type == 2 and packet.data[0] == "inbox" and match(packet.data[1]), 40)


async def test_on_any_node_and_over_every_kill(
    start_node: StartNode, redis_server: RedisServer, http: aiohttp.ClientSession
) -> None:
    one, two = start_node(args=JWT), start_node(args=JWT)
    ann = Api(two, http, mint("*=admin"))
    bob = Api(one, http, mint("*=viewer", sub="bob"))
    session = Client(WebSocketWire(one.url, http), "/doc/elsewhere")
    await session.connect({"token": bob.token})
    async with bob.inbox() as stream:
        assert (await stream.until("inbox")).json == {"events": [], "unread": 0}
        await say(ann, "@[bob] first")
        await until_told(session, lambda page: [each["excerpt"] for each in page["events"]] == ["@[bob] first"])
        (first,) = (await stream.until("inbox", 40)).json["events"]
        assert (await bob.as_(bob.token)("POST", "/inbox/read", {"ids": [first["id"]]})).json == {"unread": 0}
        assert (await stream.until("inbox", 40)).json == {"events": [], "unread": 0}
        elsewhere = Api(two, http, bob.token)
        await say(ann, "@[bob] second")
        await until_told(session, lambda page: page["events"] and page["events"][0]["excerpt"] == "@[bob] second")
        second = (await stream.until("inbox", 40)).json
        assert second["unread"] == 1
        assert (await elsewhere("POST", "/inbox/read", {"up_to": second["events"][0]["id"]})).json == {"unread": 0}
        assert (await stream.until("inbox", 40)).json == {"events": [], "unread": 0}, "read on another node"
        last = stream.last
    two.kill()
    redis_server.kill()
    await asyncio.to_thread(redis_server.start)
    # What bells did not tell while Redis was away is looked at once it is back.
    told = len(session.events("inbox"))
    await session.wait(lambda _packet: len(session.events("inbox")) > told, 40)
    assert session.events("inbox")[-1] == {"events": [], "unread": 0}
    await asyncio.to_thread(two.start)
    await say(ann, "@[bob] third")
    await until_told(session, lambda page: page["events"] and page["events"][0]["excerpt"] == "@[bob] third")
    async with elsewhere.inbox(last=last) as stream:
        (third,) = (await stream.until("inbox", 40)).json["events"]
        assert third["excerpt"] == "@[bob] third"
    found = await page_of(elsewhere)
    assert [(each["excerpt"], each["read"]) for each in found["events"]] == [
        ("@[bob] first", True), ("@[bob] second", True), ("@[bob] third", False),
    ]  # fmt: skip
    await session.close()
