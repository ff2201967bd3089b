"""Whose address, whose page, whose name: proxies, origins and headers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest

from tests.support.editor import Editor
from tests.support.server import CollabServer
from tests.support.wire import Client, PollingWire, WebSocketWire
from tests.wire.conftest import Connect

# -- over the wire ----------------------------------------------------------------------------------


async def test_a_server_of_this_machine_hides_from_other_names(
    shared_server: CollabServer, http: aiohttp.ClientSession
) -> None:
    evil = {"Host": "evil.test"}
    for path in ("/", "/api/v1/documents", "/socket.io/?EIO=4&transport=polling", "/healthz"):
        async with http.get(shared_server.url + path, headers=evil) as response:
            assert response.status == 403, path
        async with http.get(shared_server.url + path, headers={"User-Agent": "anything"}) as response:
            assert response.status == 200, path


@pytest.mark.parametrize("wire", [WebSocketWire, PollingWire])
async def test_origins_count_for_polling_and_websocket_alike(
    start_server: Callable[..., CollabServer], http: aiohttp.ClientSession, wire: Any
) -> None:
    server = start_server(args=["--cors-origins", "https://app.example.com"])
    for origin, allowed in (
        ("https://app.example.com", True),
        (server.url, True),
        ("https://evil.example.com", False),
        ("null", False),
    ):
        opening = wire(server.url, http).open({"Origin": origin})
        if allowed:
            assert "sid" in await opening
        else:
            with pytest.raises((aiohttp.WSServerHandshakeError, AssertionError)) as caught:
                await opening
            assert "403" in repr(caught.value) or '"code": 4' in str(caught.value)
    url = f"{server.url}/socket.io/?EIO=4&transport=polling"
    async with http.get(url, headers={"Origin": "https://app.example.com"}) as response:
        assert response.headers["Access-Control-Allow-Origin"] == "https://app.example.com"
        assert response.headers["Access-Control-Allow-Credentials"] == "true"
        assert "Origin" in response.headers["Vary"]
    async with http.get(f"{server.url}/api/v1/documents", headers={"Origin": "https://evil.example.com"}) as response:
        assert response.status == 403
        assert json.loads(await response.text())["code"] == "forbidden"


PAGES = ["/", "/d/notes", "/api"]


@pytest.mark.parametrize(
    "path",
    [
        *PAGES,
        "/openapi.json",
        "/healthz",
        "/readyz",
        "/nothing",
        "/api/v1/documents",
        "/api/v1/nothing",
        "/socket.io/?EIO=4&transport=polling",
        "/socket.io/",
    ],
)
async def test_every_answer_has_the_usual_headers(
    shared_server: CollabServer, http: aiohttp.ClientSession, path: str
) -> None:
    async with http.get(shared_server.url + path) as response:
        headers = response.headers
        await response.read()
    assert headers["X-Content-Type-Options"] == "nosniff"
    policy = headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy.split("style-src")[0]
    assert "aiohttp" not in headers["Server"]
    if path in PAGES and path != "/api":
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["X-Frame-Options"] == "DENY"
    if path in PAGES:
        assert "script-src 'self'" in policy or "script-src" in policy
    if path.startswith(("/api/v1", "/socket.io")):
        assert headers["Cache-Control"] == "no-store"


# -- budgets of many --------------------------------------------------------------------------------


@pytest.fixture
async def come(http: aiohttp.ClientSession) -> AsyncIterator[Callable[..., Any]]:
    """``await come(server, document, address)``: an editor who comes from there through a trusted proxy."""
    clients: list[Client] = []

    async def come(server: CollabServer, document: str, address: str, **auth: Any) -> Editor:
        client = Client(WebSocketWire(server.url, http), f"/doc/{document}")
        clients.append(client)
        await client.connect(auth, {"X-Forwarded-For": f"6.6.6.6, {address}"})
        editor = Editor(client, root=f"by {len(clients)}")
        await editor.sync()
        return editor

    yield come
    for client in clients:
        await client.close()


async def burst(editor: Editor, count: int) -> float:
    """Type so often at once; the seconds until all of it is acknowledged."""
    began = asyncio.get_running_loop().time()
    updates = [editor.typed("x") for _ in range(count)]
    first, *_ = await asyncio.gather(*(editor.client.call("sync-update", update, timeout=60) for update in updates))
    assert first["ok"]
    return asyncio.get_running_loop().time() - began


@pytest.mark.parametrize("scope", ["address", "document"])
async def test_a_crowd_is_slowed_and_its_neighbours_are_not(
    start_server: Callable[..., CollabServer], come: Callable[..., Any], scope: str
) -> None:
    """Four of one address, or in one document, have what two may send; somebody else who sends little never waits."""
    args = ["--trusted-proxies", "127.0.0.1", "--rate-updates", "40", f"--rate-{scope}", "2"]
    server = start_server(args=args)
    crowd = [
        await come(
            server,
            f"d{number}" if scope == "address" else "d",
            "192.0.2.1" if scope == "address" else f"192.0.2.{number}",
        )
        for number in range(4)
    ]
    neighbour = await come(server, "d0" if scope == "address" else "d", "198.51.100.1")

    async def type_on() -> float:
        slowest = 0.0
        for _ in range(20):
            began = asyncio.get_running_loop().time()
            assert (await neighbour.type("y"))["ok"]
            slowest = max(slowest, asyncio.get_running_loop().time() - began)
            await asyncio.sleep(0.1)
        return slowest

    slowest, *took = await asyncio.gather(type_on(), *(burst(editor, 120) for editor in crowd))
    # Each may send 80 at once and 40 a second; together 160 and 80 a second: 480 take 4 s instead of 1.
    assert max(took) > 2.5, took
    assert slowest < 1.0, slowest
    notices = [notice for editor in crowd for notice in editor.client.events("notice")]
    assert all(notice["code"] == "rate_limited" for notice in notices)
    assert all(notice["scope"] in (scope, "connection") for notice in notices)


async def test_connections_of_an_address_behind_a_proxy_are_counted(
    connect: Connect, start_server: Callable[..., CollabServer]
) -> None:
    server = start_server(args=["--trusted-proxies", "127.0.0.1", "--max-connections-per-ip", "2"])
    addresses = ["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1"]
    came = [await connect("/doc/a", server=server, headers={"X-Forwarded-For": address}) for address in addresses]
    assert [client.received[0].type for client in came] == [0, 0, 4, 0], "three of one /64"
    error = came[2].received[0].data["data"]
    assert (error["code"], error["limit"], error["scope"]) == ("too_many_connections", 2, "address")
