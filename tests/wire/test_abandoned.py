"""What a session took is given back when it is over, at once: the collector, which finds circles, comes seldom."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
from collections import Counter
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from collab.doors.connection import Attachment, Connection
from collab.doors.socketio.engine_socket import EngineSocket
from collab.doors.websocket.frame_socket import FrameSocket
from collab.doors.websocket.writer import SocketWriter
from collab.hub.in_flight import Load
from collab.hub.limits import Budget
from collab.hub.session import Session
from tests.support.api import Api
from tests.support.attack import Line
from tests.wire.conftest import Serve

pytestmark = pytest.mark.asyncio

OURS = (
    Session, Attachment, Connection, EngineSocket, SocketWriter, FrameSocket, Budget, web.Request, Load,
)  # fmt: skip
#: enough that a few which somebody still looks at do not matter
COUNT = 30
POLLING = {"EIO": "4", "transport": "polling"}

Visit = Callable[[str, aiohttp.ClientSession, int], Awaitable[None]]


def kept() -> Counter[str]:
    """What there is of everything that belongs to sessions."""
    return Counter(type(each).__name__ for each in gc.get_objects() if isinstance(each, OURS))


async def opened(url: str, http: aiohttp.ClientSession, _number: int) -> dict[str, str]:
    async with http.get(f"{url}/socket.io/", params=POLLING) as response:
        return {**POLLING, "sid": json.loads((await response.text())[1:])["sid"]}


async def only_opened(url: str, http: aiohttp.ClientSession, number: int) -> None:
    await opened(url, http, number)


async def joined(url: str, http: aiohttp.ClientSession, number: int) -> None:
    query = await opened(url, http, number)
    async with http.post(f"{url}/socket.io/", params=query, data=f"40/doc/{number % 3},") as response:
        assert response.status == 200


async def polled_and_cut_off(url: str, http: aiohttp.ClientSession, number: int) -> None:
    query = await opened(url, http, number)
    async with http.post(f"{url}/socket.io/", params=query, data=f"40/doc/{number % 3},") as response:
        assert response.status == 200
    poll = asyncio.create_task(http.get(f"{url}/socket.io/", params=query).__aenter__())
    await asyncio.wait([poll], timeout=0.05)
    if poll.done():
        poll.result().close()
    poll.cancel()


async def websocket(url: str, http: aiohttp.ClientSession, number: int) -> None:
    async with http.ws_connect(f"{url}/socket.io/", params={"EIO": "4", "transport": "websocket"}) as wire:
        await wire.receive()
        await wire.send_str(f"40/doc/{number % 3},")
        await wire.receive()


async def upgraded(url: str, http: aiohttp.ClientSession, number: int) -> None:
    query = await opened(url, http, number)
    for words in (["nonsense"], ["2probe", "5"]):  # a probe that fails, and one that does not
        address = f"{url}/socket.io/"
        async with http.ws_connect(address, params={**query, "transport": "websocket"}) as wire:
            for word in words:
                await wire.send_str(word)
            await wire.receive()


async def y_websocket(url: str, http: aiohttp.ClientSession, number: int) -> None:
    async with http.ws_connect(f"{url}/ws/{number % 3}") as wire:
        await wire.receive()


async def event_stream(url: str, http: aiohttp.ClientSession, number: int) -> None:
    async with http.get(f"{url}/api/v1/documents/{number % 3}/events") as response:
        await response.content.readany()


async def requested(url: str, http: aiohttp.ClientSession, number: int) -> None:
    insert = {"op": "map.set", "path": "/m/k", "value": number}
    document = f"{url}/api/v1/documents/{number % 3}"
    async with http.patch(f"{document}/content", json={"operations": [insert]}) as response:
        assert response.status == 200, await response.text()
    async with http.patch(f"{document}/content", json={"operations": [[]]}) as response:
        assert response.status == 400
    async with http.get(f"{document}/content") as response:
        assert response.status == 200


async def broken_off(url: str, _http: aiohttp.ClientSession, number: int) -> None:
    for head in (f"POST /api/v1/documents/{number % 3}/update", "POST /socket.io/?EIO=4&transport=polling", "GET /"):
        line = await Line(url).open()
        await line.send(
            f"{head} HTTP/1.1\r\nHost: {URL(url).host}\r\nContent-Length: 9000\r\n\r\n{'x' * 4000}".encode()
        )
        await asyncio.sleep(0.1)
        line.close()


@pytest.mark.parametrize(
    "visit",
    [
        only_opened, joined, polled_and_cut_off, websocket, upgraded, y_websocket, event_stream, requested, broken_off,
    ],
)  # fmt: skip
async def test_nothing_of_a_session_that_is_over_waits_for_the_collector(
    serve: Serve, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is logged is kept by the test runner, and what it leads to.
    monkeypatch.setattr(logging.getLogger("aiohttp.server"), "disabled", True)
    api: Api = await serve({"ping_interval": 0.5, "ping_timeout": 0.5, "connect_timeout": 1.0})
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        await visit(api.server.url, http, 0)
    gc.collect()
    before = kept()
    gc.disable()
    try:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
            await asyncio.gather(*(visit(api.server.url, http, number) for number in range(COUNT)))
        async with asyncio.timeout(30):
            while (left := kept() - before) and max(left.values()) > COUNT // 10:
                await asyncio.sleep(0.1)
    except TimeoutError:
        pytest.fail(f"left of {COUNT}: {dict(left)}")
    finally:
        gc.enable()
