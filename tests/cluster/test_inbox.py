"""Inboxes across nodes: told on whichever node a participant is, kept over kill -9 of a node and of Redis (I2, I6)."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp

from tests.cluster.conftest import StartNode
from tests.support.api import SECRET, Api, EventStream, mint, where
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


async def until_told(client: Client, text: str) -> None:
    """Until it is told of an entry; or, by a node that was out of touch for a moment, that there is one."""

    def told(page: dict[str, Any]) -> bool:
        return texts(page) == [text] if page["events"] else page["unread"] == 1

    await client.wait(lambda packet: packet.type == 2 and packet.data[0] == "inbox" and told(packet.data[1]), 40)


def texts(page: dict[str, Any]) -> list[str]:
    return [each["excerpt"] for each in page["events"]]


async def until_page(stream: EventStream, expected: list[str], unread: int) -> dict[str, Any]:
    """The next event with these entries; a node that was out of touch for a moment says so in between."""
    while True:
        page: dict[str, Any] = (await stream.until("inbox", 40)).json
        if (texts(page), page["unread"]) == (expected, unread):
            return page
        assert page["events"] == [], page


async def test_on_any_node_and_over_every_kill(
    start_node: StartNode, redis_server: RedisServer, http: aiohttp.ClientSession
) -> None:
    one, two = start_node(args=JWT), start_node(args=JWT)
    ann = Api(two, http, mint("*=admin"))
    bob = Api(one, http, mint("*=viewer", sub="bob"))
    session = Client(WebSocketWire(one.url, http), "/doc/elsewhere")
    await session.connect({"token": bob.token})
    async with bob.inbox() as stream:
        await until_page(stream, [], 0)
        await say(ann, "@[bob] first")
        await until_told(session, "@[bob] first")
        first = await until_page(stream, ["@[bob] first"], 1)
        assert (await bob("POST", "/inbox/read", {"ids": [first["events"][0]["id"]]})).json == {"unread": 0}
        await until_page(stream, [], 0)
        elsewhere = Api(two, http, bob.token)
        await say(ann, "@[bob] second")
        await until_told(session, "@[bob] second")
        second = await until_page(stream, ["@[bob] second"], 1)
        assert (await elsewhere("POST", "/inbox/read", {"up_to": second["events"][0]["id"]})).json == {"unread": 0}
        await until_page(stream, [], 0)
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
    await until_told(session, "@[bob] third")
    async with elsewhere.inbox(last=last) as stream:
        await until_page(stream, ["@[bob] third"], 1)
    found = await page_of(elsewhere)
    assert [(each["excerpt"], each["read"]) for each in found["events"]] == [
        ("@[bob] first", True), ("@[bob] second", True), ("@[bob] third", False),
    ]  # fmt: skip
    await session.close()


async def test_what_is_taken_back_on_another_node_is_gone(start_node: StartNode, http: aiohttp.ClientSession) -> None:
    one, two = start_node(args=JWT), start_node(args=JWT)
    ann = Api(two, http, mint("*=admin", sub="ann"))
    mallory = Api(two, http, mint("*=admin", sub="mallory"))
    bob = Api(one, http, mint("*=viewer", sub="bob"))
    session = Client(WebSocketWire(one.url, http), "/doc/elsewhere")
    await session.connect({"token": bob.token})
    async with bob.inbox() as stream:
        await until_page(stream, [], 0)
        await say(ann, "@[bob] a secret")
        page = await until_page(stream, ["@[bob] a secret"], 1)
        await until_told(session, "@[bob] a secret")
        told = len(session.events("inbox"))
        for who, left in ((mallory, 1), (ann, 0)):
            taken = {"event": "taken-back", "data": {"offset": page["events"][0]["offset"]}}
            assert (await who("POST", where("a") + "/streams/chat", taken)).status == 201
            assert len((await page_of(bob))["events"]) == left, "gone with the ack, on every node"
        await until_page(stream, [], 0)
    await session.wait(lambda _packet: {"events": [], "unread": 0} in session.events("inbox")[told:], 40)
    await session.close()
