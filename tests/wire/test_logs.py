"""What the log says of sessions and of every refusal (C14), whatever their door; and what it never says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import aiohttp
import pytest

from tests.support.api import SECRET, mint
from tests.support.editor import Editor
from tests.support.server import CollabServer, line, lines
from tests.support.wire import Client, WebSocketWire
from tests.wire.conftest import Connect

pytestmark = pytest.mark.asyncio
Start = Callable[..., CollabServer]


@pytest.fixture
def guarded(start_server: Start) -> Iterator[CollabServer]:
    """A server that wants tokens, and says everything in JSON; no token is in its log."""
    server = start_server(args=["--auth", "jwt", "--jwt-secret", SECRET, "--log-level", "debug"])
    yield server
    shown = server.stderr()
    assert "Traceback" not in shown
    assert SECRET not in shown
    assert "eyJ" not in shown, "every token begins like that"


async def entered(connect: Connect, server: CollabServer, token: str, namespace: str = "/doc/plan") -> Client:
    client = await connect(namespace, {"token": token}, server=server)
    await client.event("session")
    return client


async def test_who_came_and_how_long_they_stayed(connect: Connect, guarded: CollabServer) -> None:
    client = await connect("/doc/plan", {"token": mint("*=editor")}, server=guarded)
    session = await client.event("session")
    joined = await line(guarded, "session joined")
    assert (joined["level"], joined["document"], joined["participant"]) == ("info", "plan", "ann")
    assert joined["session"] == session["session"][:6]
    assert joined["role"] == "editor"
    await asyncio.sleep(0.3)
    await client.close()
    left = await line(guarded, "session left")
    assert (left["document"], left["session"], left["participant"]) == ("plan", joined["session"], "ann")
    assert 0.2 <= left["seconds"] < 5
    assert "code" not in left, "they went by themselves"


async def test_readers_of_events_are_sessions_too(guarded: CollabServer, http: aiohttp.ClientSession) -> None:
    url = f"{guarded.url}/api/v1/documents/plan/events"
    headers = {"Authorization": f"Bearer {mint('plan=viewer')}"}
    async with http.get(url, headers=headers) as response:
        await response.content.readany()
        await line(guarded, "session joined", document="plan", participant="ann", role="viewer")
    await line(guarded, "session left", document="plan", participant="ann")
    async with http.get(url.replace("plan", "secrets"), headers=headers) as response:
        assert response.status == 403
    await line(guarded, "session refused", document="secrets", participant="ann", code="forbidden")
    async with http.get(url, headers={"Authorization": "Bearer eyJ.eyJ.x"}) as response:
        assert response.status == 401
    await line(guarded, "session refused", document="plan", code="unauthorized")
    await line(guarded, "token refused", document="plan", reason="DecodeError")


async def test_who_was_refused_what(connect: Connect, guarded: CollabServer) -> None:
    await connect("/doc/secrets", {"token": mint("plan=editor")}, server=guarded)
    refused = await line(guarded, "session refused", document="secrets", participant="ann", code="forbidden")
    assert refused["level"] == "info"
    assert refused["connection"]
    await connect("/doc/plan", {"token": mint("*=editor") + "x"}, server=guarded)
    await line(guarded, "token refused", document="plan")
    refused = await line(guarded, "session refused", document="plan", code="unauthorized")
    assert "participant" not in refused
    await connect("/doc/plan", {"token": mint("*=editor", ttl=-60)}, server=guarded)
    await line(guarded, "session refused", document="plan", code="token_expired")
    await connect("/doc/no//such", {"token": mint("*=editor")}, server=guarded)
    assert "document" not in await line(guarded, "session refused", code="invalid_document")


async def test_why_somebody_had_to_go(connect: Connect, guarded: CollabServer, http: aiohttp.ClientSession) -> None:
    await entered(connect, guarded, mint("*=editor", sub="bob", ttl=1.0))
    await line(guarded, "session left", participant="bob", code="token_expired")
    client = await connect("/doc/plan", {"token": mint("*=editor", sub="eve")}, server=guarded)
    session = (await client.event("session"))["session"]
    url = f"{guarded.url}/api/v1/documents/plan/participants/{session}"
    async with http.delete(url, headers={"Authorization": f"Bearer {mint('*=admin')}"}) as response:
        assert response.status == 204
    await line(guarded, "session left", participant="eve", code="forbidden", session=session[:6])


async def test_a_role_that_changes(connect: Connect, guarded: CollabServer) -> None:
    client = await entered(connect, guarded, mint("*=editor"))
    assert (await client.call("authenticate", {"token": mint("*=viewer")}))["ok"]
    await line(guarded, "role changed", document="plan", participant="ann", before="editor", role="viewer")
    assert not (await client.call("authenticate", {"token": mint("*=admin") + "x"}))["ok"]
    known = await line(guarded, "token refused", document="plan", participant="ann")
    assert known["session"] == (await line(guarded, "session joined"))["session"]


async def test_faults_name_who_made_them(connect: Connect, guarded: CollabServer) -> None:
    client = await entered(connect, guarded, mint("*=editor"))
    await client.wire.send("4nonsense")
    await line(guarded, "protocol error", document="plan", participant="ann")
    client = await entered(connect, guarded, mint("*=editor", sub="bob"))
    for _ in range(200):
        await client.emit("no-such-event")
    await line(guarded, "connection cut after repeated faults", document="plan", participant="bob")


async def test_content_is_nowhere_in_the_log(connect: Connect, guarded: CollabServer) -> None:
    editor = Editor(await entered(connect, guarded, mint("*=editor")))
    await editor.sync()
    await editor.type("sesame")
    await editor.client.call("presence", {"note": "sesame"})
    await editor.client.call("sesame", "sesame")
    await editor.client.close()
    await line(guarded, "session left")
    assert "sesame" not in guarded.stderr()


async def test_a_storm_does_not_fill_the_log(start_server: Start, http: aiohttp.ClientSession) -> None:
    server = start_server()
    for number in range(100):
        client = Client(WebSocketWire(server.url, http), f"/doc/{number}")
        await client.connect({"user": {"name": str(number % 50)}})
        await client.close()
    await line(server, "session joined", document="0")
    assert len(server.stderr().splitlines()) <= 2 * 40 + 1, "and the one of the start"


# -- refusals ---------------------------------------------------------------------------------------


POLLING = {"EIO": "4", "transport": "polling"}
#: path, query, method, and what the log says
REFUSALS: list[tuple[str, dict[str, str], str, dict[str, Any]]] = [
    ("/socket.io/", {}, "GET", {"event": "request refused", "code": 0}),
    ("/socket.io/", {**POLLING, "sid": "x"}, "GET", {"event": "request refused", "code": 1}),
    ("/socket.io/", POLLING, "POST", {"event": "request refused", "code": 2}),
    ("/socket.io/", {**POLLING, "j": "0"}, "GET", {"event": "request refused", "code": 3}),
    ("/socket.io/", {**POLLING, "transport": "websocket"}, "GET", {"event": "request refused", "code": 3}),
    ("/socket.io/", {**POLLING, "EIO": "3"}, "GET", {"event": "request refused", "code": 5}),
    ("/api/v1/documents/plan/content", {}, "GET", {"event": "request refused", "code": "unauthorized"}),
    ("/api/v1/documents/plan/events", {}, "GET", {"event": "session refused", "code": "unauthorized"}),
    ("/api/v1/documents", {"limit": "x"}, "GET", {"event": "request refused", "code": "unauthorized"}),
    ("/api/v1/documents", {}, "PATCH", {"event": "request refused", "code": "invalid_payload"}),
]


async def test_no_request_is_refused_in_silence_or_without_its_address(
    guarded: CollabServer, http: aiohttp.ClientSession
) -> None:
    for path, query, method, known in REFUSALS:
        async with http.request(method, guarded.url + path, params=query) as response:
            assert response.status >= 400
        await line(guarded, **known, address="127.0.0.1")


async def test_whose_token_is_refused(guarded: CollabServer, http: aiohttp.ClientSession) -> None:
    headers = {"Authorization": "Bearer nonsense"}
    async with http.get(f"{guarded.url}/api/v1/documents", headers=headers) as response:
        assert response.status == 401
    async with http.post(f"{guarded.url}/admin", data={"token": "nonsense"}) as response:
        assert response.status == 401
    for event in ("token refused", "sign-in to the admin page refused"):
        await line(guarded, event, address="127.0.0.1")


async def test_no_event_is_refused_in_silence(connect: Connect, guarded: CollabServer) -> None:
    client = await entered(connect, guarded, mint("*=viewer"))
    refused = {
        "read_only": ("operations", {"operations": []}),
        "invalid_payload": ("presence", 5),
        "unknown_event": ("no-such-event", 1),
    }
    for code, event in refused.items():
        await client.emit(*event)
        await line(guarded, "event refused", code=code, document="plan", participant="ann")


async def test_a_namespace_that_is_no_document_is_named(connect: Connect, guarded: CollabServer) -> None:
    await connect("/chat", server=guarded)
    assert "/doc/" in (await line(guarded, "namespace refused", namespace="/chat"))["allowed"]


async def test_who_was_cut_for_sending_too_fast(connect: Connect, start_server: Start) -> None:
    server = start_server(args=["--rate-bytes", "1KiB"])
    client = await connect("/doc/plan", server=server)
    await client.event("session")
    for _ in range(40):
        with suppress(aiohttp.ClientError, ConnectionError):
            await client.emit("presence", {"filler": "x" * 900})
    await line(server, "connection cut over its rate", within=60.0, scope="connection")


async def test_a_page_of_another_origin_is_named_once_with_the_setting(
    guarded: CollabServer, http: aiohttp.ClientSession
) -> None:
    evil = {"Origin": "https://elsewhere.example"}
    for path in ("/socket.io/?EIO=4&transport=polling", "/api/v1/documents"):
        for _ in range(30):
            async with http.get(guarded.url + path, headers=evil) as response:
                assert response.status == 403
                assert "cors-origins" in await response.text(), "whoever opens the network tab reads why"
    named = await line(guarded, "page of another origin refused", origin="https://elsewhere.example")
    assert (named["setting"], named["level"]) == ("cors-origins", "warning")
    assert len(lines(guarded, "page of another origin refused")) == 1
    for number in range(100):
        headers = {"Origin": f"https://{number}.example"}
        async with http.get(f"{guarded.url}/socket.io/", headers=headers) as response:
            assert response.status == 403
    assert len(lines(guarded, "page of another origin refused")) <= 20, "everybody can send a header"


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
async def test_a_proxy_that_nobody_told_us_of_is_named_once(
    start_server: Start, http: aiohttp.ClientSession, header: str
) -> None:
    server = start_server(args=["--max-connections-per-ip", "2"])
    for _ in range(3):
        wire = WebSocketWire(server.url, http)
        await wire.open({header: "for=192.0.2.1" if header == "Forwarded" else "192.0.2.1"})
    await line(server, "forwarded headers ignored: all who come through this proxy count as one address",
               proxy="127.0.0.1", setting="trusted-proxies", limit="max-connections-per-ip")  # fmt: skip
    assert len([text for text in server.stderr().splitlines() if "trusted-proxies" in text]) == 1


async def test_who_is_no_proxy_or_a_trusted_one_is_not_named(start_server: Start, http: aiohttp.ClientSession) -> None:
    server = start_server(args=["--trusted-proxies", "127.0.0.1"])
    for headers in ({}, {"X-Forwarded-For": "192.0.2.1"}):
        client = Client(WebSocketWire(server.url, http), "/doc/plan")
        await client.connect(headers=headers)
        await client.close()
    await line(server, "session left")
    assert "trusted-proxies" not in server.stderr()


async def test_a_page_by_another_name_is_named_with_the_setting(
    start_server: Start, http: aiohttp.ClientSession
) -> None:
    server = start_server()
    headers = {"Host": "docs.example.com", "User-Agent": "Mozilla/5.0"}
    for _ in range(3):
        async with http.get(server.url, headers=headers) as response:
            assert response.status == 403
    await line(server, "request by another name refused", host="docs.example.com")
    assert len(lines(server, "request by another name refused")) == 1


async def test_a_token_in_an_address_is_in_no_line(guarded: CollabServer, http: aiohttp.ClientSession) -> None:
    token = mint("plan=editor")
    for path, query in (("/ws/plan", token), ("/ws/a,b", token), ("/ws/plan", token + "x"), ("/ws/other", token)):
        socket = await http.ws_connect(f"{guarded.url}{path}", params={"token": query})
        with suppress(aiohttp.ClientError):  # whoever is refused cannot say much
            await socket.send_bytes(b"\xff" * 20)
        await asyncio.wait_for(socket.receive(), 10)
        await socket.close()
    for path in ("/ws/plan", "/nothing", "/api/v1/nothing"):
        async with http.get(f"{guarded.url}{path}", params={"token": token}) as response:
            assert response.status >= 400
    await line(guarded, "session joined", document="plan", participant="ann")
    await line(guarded, "protocol error")
    await line(guarded, "session refused", code="unauthorized", door="y-websocket")
