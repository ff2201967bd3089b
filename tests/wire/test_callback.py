"""Sign-in by callback, through every door: who is asked about, what is answered, what changes while people are in (A4, A5, A6)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from collab.auth import callback
from tests.support.api import Api, where
from tests.support.callback import CallbackApp
from tests.support.doors import DOORS, TIMEOUT, Peer, Refused
from tests.wire.conftest import Serve

pytestmark = pytest.mark.asyncio

every_door = pytest.mark.parametrize("door", DOORS, ids=[door.door for door in DOORS])
Knock = Callable[..., Awaitable[Peer]]


@pytest.fixture
async def app() -> AsyncIterator[CallbackApp]:
    async with CallbackApp() as app:
        app.let_in("ann", "editor", name="Ann")
        app.let_in("bob", "editor")
        app.let_in("root", "admin")
        yield app


@pytest.fixture
async def api(serve: Serve, app: CallbackApp) -> Api:
    return await serve(app.settings)


@pytest.fixture
async def knock(api: Api) -> AsyncIterator[Knock]:
    peers: list[Peer] = []

    async def knock(door: type[Peer], token: str | None, document: str = "plan") -> Peer:
        peer = door(api, document, token)
        peers.append(peer)
        await peer.enter()
        return peer

    yield knock
    for peer in peers:
        await peer.close()


def sessions(api: Api) -> list[Any]:
    return [session for live in api.server.hub.documents.values() for session in live.sessions.values()]


async def wait_until(condition: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.01)


@every_door
async def test_the_application_is_asked_by_the_name_of_the_door(
    api: Api, app: CallbackApp, knock: Knock, door: type[Peer]
) -> None:
    peer = await knock(door, "ann")
    assert app.questions == [{"token": "ann", "document": "plan", "address": "127.0.0.1", "door": door.door}]
    await peer.type("hello")
    (session,) = sessions(api)
    assert session.identity.as_user("plan")["name"] == "Ann"
    await wait_until(lambda: api.server.hub.documents["plan"].document.clocks, "not applied")


@every_door
@pytest.mark.parametrize(("answer", "word"), [(None, "unauthorized"), (401, "unauthorized"), (403, "forbidden")])
async def test_who_is_refused_is_told_why(
    app: CallbackApp, knock: Knock, door: type[Peer], answer: int | None, word: str
) -> None:
    if answer is not None:
        app.people["eve"] = answer
    with pytest.raises(Refused) as refused:
        await knock(door, None if answer is None else "eve")
    assert refused.value.args == (word,)
    assert len(app.questions) == (answer is not None)


@every_door
async def test_if_nobody_can_say_it_may_be_tried_again(
    app: CallbackApp, knock: Knock, door: type[Peer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callback, "COOLDOWN", 0.0)
    app.trouble = 500
    with pytest.raises(Refused) as refused:
        peer = await knock(door, "ann")
    assert refused.value.args == ("unauthorized",)
    app.trouble = None
    peer = await knock(door, "ann")
    await peer.type("in after all")


async def test_what_a_refusal_that_passes_looks_like(api: Api, app: CallbackApp, connect_raw: Any) -> None:
    app.trouble = 503
    answer = await api.as_("ann")("GET", f"{where('plan')}/content")
    assert (answer.status, answer.code, answer.json["retryable"]) == (401, "unauthorized", True)
    assert "Retry-After" in answer.headers
    client = await connect_raw("/doc/plan", {"token": "ann"})
    data = client.received[0].data["data"]
    assert (data["code"], data["retryable"]) == ("unauthorized", True)
    socket = await api.http.ws_connect(f"{api.server.url}/ws/plan", params={"token": "ann"})
    await socket.receive()
    assert socket.close_code == 1013, "a provider comes back after this, and not after 4401"


@pytest.fixture
async def connect_raw(api: Api) -> AsyncIterator[Any]:
    from tests.support.wire import Client, WebSocketWire

    clients: list[Client] = []

    async def connect(namespace: str, auth: dict[str, Any]) -> Client:
        clients.append(Client(WebSocketWire(api.server.url, api.http), namespace))
        await clients[-1].connect(auth)
        return clients[-1]

    yield connect
    for client in clients:
        await client.close()


@every_door
async def test_a_recheck_takes_effect_at_once(api: Api, app: CallbackApp, knock: Knock, door: type[Peer]) -> None:
    peer, bob = await knock(door, "ann"), await knock(DOORS[0], "bob")
    await peer.type("before ")
    app.let_in("ann", "viewer")
    answer = await api.as_("root")("POST", "/recheck", {"participant": "ann"})
    assert (answer.status, answer.json) == (200, {"sessions": 1})
    await wait_until(lambda: {session.role.word for session in sessions(api)} == {"viewer", "editor"}, "still editor")
    await peer.type("mine")
    assert await peer.refusal() == "read_only"
    asked = len(app.questions)
    app.people["ann"] = 403
    assert (await api.as_("root")("POST", "/recheck")).json == {"sessions": 2}
    assert await peer.end() == "forbidden"
    await wait_until(lambda: [session.participant for session in sessions(api)] == ["bob"], "still there")
    await bob.type("undisturbed")
    assert {question["token"] for question in app.questions[asked:]} >= {"ann", "bob"}


async def test_who_is_in_is_asked_about_again_by_itself(serve: Serve, app: CallbackApp) -> None:
    api = await serve({**app.settings, "auth_callback_ttl": "300ms"})
    peer = DOORS[0](api, "plan", "ann")
    await peer.enter()
    app.trouble = 500
    asked = len(app.questions)
    await wait_until(lambda: len(app.questions) > asked, "not asked")
    assert sessions(api), "nobody is sent away because the application is in trouble"
    app.trouble = None
    app.people["ann"] = 401
    assert await peer.end() == "unauthorized"
    await peer.close()


@pytest.mark.parametrize(("token", "code"), [("ann", "forbidden"), (None, "unauthorized"), ("nobody", "unauthorized")])
async def test_only_administrators_of_everything_ask_for_a_recheck(
    api: Api, app: CallbackApp, token: str | None, code: str
) -> None:
    assert (await api.as_(token)("POST", "/recheck", {})).code == code
    assert (await api.as_("root")("POST", "/recheck", {"participant": 7})).code == "invalid_payload"


async def test_the_http_api_asks_with_and_without_a_document(api: Api, app: CallbackApp) -> None:
    await api.as_("ann").write("plan", "hello")
    assert (await api.as_("ann")("GET", "/documents")).json["documents"] == []
    listed = (await api.as_("root")("GET", "/documents")).json["documents"]
    assert [document["name"] for document in listed] == ["plan"]
    assert [(question.get("document"), question["door"]) for question in app.questions] == [
        ("plan", "http"), (None, "http"), (None, "http"),
    ]  # fmt: skip
    assert (await api.as_("ann")("GET", "/documents/a%2C%2C/content")).code == "invalid_document"
    assert len(app.questions) == 3, "nobody is asked about what is no document"


async def test_a_new_token_is_asked_about_too(api: Api, app: CallbackApp, connect_raw: Any) -> None:
    client = await connect_raw("/doc/plan", {"token": "ann"})
    app.let_in("ann, anew", "viewer", sub="ann")
    answer = await client.call("authenticate", {"token": "ann, anew"})
    assert (answer["ok"], answer["role"]) == (True, "viewer")
    assert app.questions[-1] == {
        "token": "ann, anew", "document": "plan", "address": "127.0.0.1", "door": "socket.io",
    }  # fmt: skip
    assert (await client.call("authenticate", {"token": "bob"}))["error"]["code"] == "forbidden"


async def test_agents_are_shown_as_agents(api: Api, app: CallbackApp, connect_raw: Any) -> None:
    app.let_in("robot", "editor", agent=True)
    client = await connect_raw("/doc/plan", {"token": "robot", "presence": "json"})
    assert (await client.event("session"))["user"]["agent"] is True
    assert (await client.event("presence"))["joined"][0]["user"]["agent"] is True
    await api.as_("ann").write("plan", "by a person")
    await client.call("operations", {"operations": [{"op": "text.insert", "path": "/body", "index": 0, "text": "x"}]})
    people = (await api.as_("ann")("GET", f"{where('plan')}/participants")).json["participants"]
    assert [person["user"].get("agent") for person in people] == [True]
    history = (await api.as_("ann")("GET", f"{where('plan')}/history")).json["history"]
    assert [(entry["participant"], entry["agent"]) for entry in history] == [("ann", False), ("robot", True)]
