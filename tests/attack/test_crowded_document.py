"""Many sessions of one participant do not close a document to others: whoever has most gives way (rule S9)."""

from __future__ import annotations

import aiohttp

from tests.support.api import JWT, ApiServer, mint
from tests.support.wire import Client, Packet, WebSocketWire
from tests.wire.conftest import Serve

ROOM = 6


async def knock(server: ApiServer, http: aiohttp.ClientSession, sub: str) -> tuple[Client, Packet]:
    client = Client(WebSocketWire(server.url, http), "/doc/notes")
    return client, await client.connect({"token": mint("*=viewer", sub=sub)})


async def enter(server: ApiServer, http: aiohttp.ClientSession, sub: str) -> Client:
    client, answer = await knock(server, http, sub)
    assert answer.type == 0, answer
    return client


async def refused(server: ApiServer, http: aiohttp.ClientSession, sub: str) -> str:
    client, answer = await knock(server, http, sub)
    await client.close()
    assert answer.type == 4, answer
    return str(answer.data["data"]["code"])


async def test_who_has_most_sessions_gives_way(serve: Serve, http: aiohttp.ClientSession) -> None:
    server: ApiServer = (await serve({**JWT, "max_participants": ROOM})).server
    crowd = [await enter(server, http, "ann") for _ in range(ROOM)]
    assert await refused(server, http, "ann") == "document_full"
    others = [await enter(server, http, f"guest {number}") for number in range(ROOM - 1)]
    live = server.hub.documents["notes"]
    assert sorted(session.participant for session in live.sessions.values()) == [
        "ann", *(f"guest {number}" for number in range(ROOM - 1)),
    ]  # fmt: skip
    last = await crowd[-1].event("notice")
    assert (last["code"], "6 times" in last["message"]) == ("document_full", True)
    assert not crowd[0].events("notice"), "the oldest stays"
    assert await refused(server, http, "one more") == "document_full", "everybody has one now"
    for client in (*crowd, *others):
        await client.close()
