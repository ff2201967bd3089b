"""What the log says of sessions, whatever their door; and what it never says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
import pytest

from tests.support.api import SECRET, mint
from tests.support.editor import Editor
from tests.support.server import CollabServer
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


async def line(server: CollabServer, event: str, **fields: Any) -> dict[str, Any]:
    """The first line of ``event`` that holds ``fields``; waits for it."""
    async with asyncio.timeout(5):
        while True:
            for text in server.stderr().splitlines():
                found: dict[str, Any] = json.loads(text)
                if found["event"] == event and fields.items() <= found.items():
                    return found
            await asyncio.sleep(0.02)


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
    assert len(server.stderr().splitlines()) <= 2 * 40
