"""Who you are and what you may do, over the wire (rules D4, P1, P5, S3)."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import orjson
import pytest
from pycrdt import Doc, Text

from collab.protocol.awareness import AwarenessEntry, decode_awareness, encode_awareness
from collab.protocol.codec import write_state_vector
from collab.protocol.events import EVENTS
from collab.types import Role
from tests.support.editor import Editor
from tests.support.server import CollabServer
from tests.support.wire import PLACEHOLDER, Client, PollingWire, WebSocketWire
from tests.wire.conftest import Connect

pytestmark = pytest.mark.asyncio

SECRET = "a secret of more than thirty-two bytes"
EMPTY = b"\0\0"
ANN = {"id": "ann", "name": "Ann", "color": "#123456"}


@pytest.fixture(scope="module")
def guarded() -> Iterator[CollabServer]:
    """A server that wants tokens; nobody has a role without a grant."""
    args = ["--auth", "jwt", "--jwt-secret", SECRET, "--jwt-issuer", "tests"]
    server = CollabServer("memory://", args=args).start()
    yield server
    shown = server.stderr()
    server.kill()
    assert "Traceback" not in shown, shown
    assert SECRET not in shown


Join = Callable[..., Awaitable[Client]]


@pytest.fixture
def join(connect: Connect, guarded: CollabServer) -> Join:
    """``await join(document, role=..., sub=..., ttl=...)``: a client with such a token."""

    async def join(
        document: str, door: str = "/doc/", polling: bool = False, auth: dict[str, Any] | None = None, **token: Any
    ) -> Client:
        return await connect(door + document, {"token": mint(**token), **(auth or {})}, server=guarded, polling=polling)

    return join


def mint(
    role: str | None = "editor", sub: str | None = "ann", ttl: float = 600.0, pattern: str = "*", **more: Any
) -> str:
    grants = [{"documents": pattern, "role": role}] if role else []
    claims = {
        "sub": sub,
        "exp": time.time() + ttl,
        "iss": "tests",
        "name": str(sub).title(),
        "color": "#123456",
        "grants": grants,
        **more,
    }
    return jwt.encode({key: value for key, value in claims.items() if value is not None}, SECRET, algorithm="HS256")


def refused(client: Client) -> dict[str, Any]:
    """``err.data`` of a refused connection."""
    answer = client.received[0]
    assert answer.type == 4, answer
    assert answer.data["message"] == answer.data["data"]["message"]
    return dict(answer.data["data"])


async def content(join: Join, document: str) -> bytes:
    """What the server has, as an update that a newcomer gets."""
    client = await join(document, role="viewer", sub="witness")
    state: bytes = await client.call("sync-step-1", write_state_vector({}))
    return state


async def until(condition: Callable[[], bool], client: Client, timeout: float = 30.0) -> None:
    """Wait for news of ``client`` until ``condition`` holds."""
    async with asyncio.timeout(timeout):
        while not condition():
            client._news.clear()
            await client._news.wait()


# -- at the door ------------------------------------------------------------------------------------

FOREIGN = jwt.encode(
    {"sub": "ann", "exp": 9e9, "iss": "tests"}, "another secret of more than 32 bytes", algorithm="HS256"
)
UNSIGNED = jwt.encode({"sub": "ann", "exp": 9e9, "iss": "tests"}, None, algorithm="none")  # type: ignore[arg-type]


@pytest.mark.parametrize("door", ["/doc/", "/yjs|"])
@pytest.mark.parametrize("polling", [False, True])
@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: None, "unauthorized"),
        (dict, "unauthorized"),
        (lambda: {"token": ""}, "unauthorized"),
        (lambda: {"token": "nonsense"}, "unauthorized"),
        (lambda: {"token": "x" * 10_000}, "unauthorized"),
        (lambda: {"token": FOREIGN}, "unauthorized"),
        (lambda: {"token": UNSIGNED}, "unauthorized"),
        (lambda: {"token": mint(iss="others")}, "unauthorized"),
        (lambda: {"token": mint(exp=None)}, "unauthorized"),
        (lambda: {"token": mint(sub=None)}, "unauthorized"),
        (lambda: {"token": mint(grants="all")}, "unauthorized"),
        (lambda: {"token": mint(nbf=time.time() + 600)}, "unauthorized"),
        (lambda: {"token": mint(ttl=-600)}, "token_expired"),
        (lambda: {"token": mint(role=None)}, "forbidden"),
        (lambda: {"token": mint(pattern="elsewhere/*")}, "forbidden"),
    ],
    ids=["no-auth", "empty-auth", "empty", "nonsense", "huge", "foreign", "alg-none", "issuer", "no-exp", "no-sub", "grants", "nbf",
         "expired", "no-grant", "other-grant"],
)  # fmt: skip
async def test_refused_tokens_have_a_code(
    connect: Connect, guarded: CollabServer, make: Callable[[], Any], code: str, door: str, polling: bool
) -> None:
    auth = make()
    client = await connect(door + "private", auth, server=guarded, polling=polling)
    error = refused(client)
    assert (error["code"], error["retryable"]) == (code, False)
    assert not auth or not auth.get("token") or auth["token"] not in json.dumps(error)


@pytest.mark.parametrize("door", ["/doc/", "/yjs|"])
async def test_a_refused_client_is_nowhere(
    connect: Connect, guarded: CollabServer, http: aiohttp.ClientSession, join: Join, door: str
) -> None:
    ann = await join("empty-room", auth={"presence": "json"})
    stranger = await connect(door + "empty-room", {"token": mint(sub="eve", pattern="other")}, server=guarded)
    assert refused(stranger)["code"] == "forbidden"
    bob = await join("empty-room", sub="bob", auth={"presence": "json"})
    names = [entry["user"]["name"] for entry in (await bob.event("presence"))["joined"]]
    assert names == ["Ann", "Bob"]
    assert all(entry["user"]["name"] != "Eve" for change in ann.events("presence") for entry in change["joined"])
    # A packet for a namespace that refused somebody breaks the protocol.
    await stranger.wire.send(f'42{door}empty-room,0["sync-step-1",{json.dumps(PLACEHOLDER)}]')
    await stranger.wait_closed()


async def test_a_refused_client_may_try_again_on_the_same_connection(connect: Connect, guarded: CollabServer) -> None:
    client = await connect("/doc/again", {"token": "nonsense"}, server=guarded)
    assert refused(client)["code"] == "unauthorized"
    await client.wire.send("40/doc/again," + json.dumps({"token": mint()}))
    assert (await client.event("session"))["role"] == "editor"


async def test_guessing_tokens_ends_the_connection(connect: Connect, guarded: CollabServer) -> None:
    client = await connect("/doc/guess", {"token": "guess"}, server=guarded)
    for number in range(300):
        count = len(client.received)
        try:
            await client.wire.send("40/doc/guess," + json.dumps({"token": f"guess{number}"}))
        except ConnectionError:
            break
        await until(lambda count=count: client.closed or len(client.received) > count, client)
    await client.wait_closed()


async def test_the_session_says_who_and_what(join: Join) -> None:
    client = await join("hello", ttl=500, auth={"user": {"name": "Root", "color": "red"}})
    session = await client.event("session")
    assert session["user"] == ANN
    assert session["role"] == "editor"
    assert session["expires_at"] == pytest.approx(time.time() + 500, abs=5)


@pytest.mark.parametrize(
    ("grants", "role"),
    [
        ([("team/*", "viewer"), ("team/plan", "admin"), ("*", "viewer")], "admin"),
        ([("team/*", "viewer"), ("team/other", "admin")], "viewer"),
        ([("*", "editor"), ("team/*", "viewer")], "editor"),
        ([("Team/*", "admin"), ("team/pla?", "editor")], "editor"),
    ],
)
async def test_the_strongest_matching_grant_wins(join: Join, grants: list[tuple[str, str]], role: str) -> None:
    listed = [{"documents": pattern, "role": word} for pattern, word in grants]
    client = await join("team/plan", grants=listed)
    assert (await client.event("session"))["role"] == role


# -- what viewers may do ----------------------------------------------------------------------------


def update_of(text: str) -> bytes:
    doc: Doc[Any] = Doc()
    doc.get("body", type=Text).insert(0, text)
    return doc.get_update()


async def seeded(join: Join, document: str) -> bytes:
    """A document with content; returns its state."""
    editor = Editor(await join(document, role="editor", sub="owner"))
    await editor.sync()
    assert (await editor.type("untouched"))["ok"]
    return await content(join, document)


@pytest.mark.parametrize("door", ["/doc/", "/yjs|"])
@pytest.mark.parametrize("polling", [False, True])
async def test_a_viewer_changes_nothing_whatever_it_sends(join: Join, door: str, polling: bool) -> None:
    document = f"view-{door[1:4]}-{polling}"
    before = await seeded(join, document)
    viewer = await join(document, door=door, polling=polling, role="viewer", sub="eve")
    foreign = update_of("graffiti")
    # The server's step 1 is the other way in: what the peer says that the server lacks.
    viewer.answer_steps = lambda _state: foreign
    assert await viewer.call("sync-step-1", write_state_vector({})) == before
    payloads: dict[str, list[Any]] = {"binary": [foreign], "json": [{"operations": []}]}
    for event, rule in EVENTS.items():
        answer = await viewer.call(
            event, *(payloads[rule.payload] if event != "sync-step-1" else [write_state_vector({})])
        )
        if rule.role > Role.VIEWER:
            assert answer["ok"] is False, event
            assert answer["error"]["code"] == "read_only", event
            assert answer["error"]["retryable"] is False
    for event in ("sync-step-2", "sync", "update", "operations", "document-delete", "restore", "delete"):
        answer = await viewer.call(event, foreign)
        assert answer["error"]["code"] in ("unknown_event", "read_only"), event
    # Without an ack, and written so that the header is not recognised as the usual one.
    await viewer.emit("sync-update", foreign)
    notice = await viewer.event("notice")
    assert notice["code"] == "read_only"
    unusual = json.dumps(["sync-update", {"num": 0, "_placeholder": True}], indent=1)
    header = f"451-{door}{document},77{unusual}"
    if isinstance(viewer.wire, PollingWire):
        await viewer.wire.send(header, foreign)
    else:
        await viewer.wire.send(header)
        await viewer.wire.send(foreign)
    answer = await viewer.wait(lambda packet: packet.type == 3 and packet.id == 77)
    assert answer.data[0]["error"]["code"] == "read_only"
    assert (await viewer.call("presence", {"still": "here"}))["ok"]
    assert await content(join, document) == before


async def test_a_viewer_that_answers_step_1_with_edits_is_not_told_off(join: Join) -> None:
    """Every provider answers, and what it has may be older than its role: no fault, and no effect."""
    before = await seeded(join, "quiet")
    viewer = await join("quiet", role="viewer", sub="eve")
    step = await viewer.wait(lambda packet: packet.type == 5 and packet.data[0] == "sync-step-1")
    await viewer.ack_binary(step.id, update_of("graffiti"))
    assert (await viewer.call("presence", {}))["ok"]
    assert viewer.events("notice") == []
    assert await content(join, "quiet") == before


async def test_a_viewer_reads_and_is_seen(join: Join) -> None:
    editor = Editor(await join("shared", role="editor", sub="ann"))
    await editor.sync()
    viewer = Editor(await join("shared", role="viewer", sub="eve"))
    await viewer.sync()
    await editor.type("for everybody")
    await viewer.wait_for("for everybody")
    assert (await viewer.client.call("presence", {"cursor": 3}))["ok"]
    assert (await viewer.client.call("broadcast", {"event": "wave"}))["ok"]
    assert (await editor.client.event("broadcast"))["event"] == "wave"


# -- who you are ------------------------------------------------------------------------------------


LIES: list[Any] = [
    {"user": {"name": "Root", "color": "red", "id": "root"}},
    {"user": {"name": "Root", "avatar": "https://people.example/root.png"}},
    {"user": "Root"},
    {"user": None},
    {"user": [{"name": "Root"}]},
    {},
    {"id": "root", "session": "x", "user": {"name": "Root"}, "cursor": 1},
]


@pytest.mark.parametrize("lie", LIES, ids=repr)
async def test_identity_comes_from_the_token_whatever_the_client_says(join: Join, lie: dict[str, Any]) -> None:
    document = f"stamp-{LIES.index(lie)}"
    yjs = await join(document, sub="yjs")
    provider = await join(document, door="/yjs|", sub="provider")
    reader = await join(document, sub="reader", auth={"presence": "json"})
    called = {"name": "Root", "color": "red", "avatar": "https://people.example/root.png"}
    ann = await join(document, auth={"user": called, "presence": "json"})
    drew = await join(document, sub="drew", auth={"user": {"name": "Root"}})
    assert (await ann.call("presence", lie))["ok"]
    assert (await ann.call("cursor", {"user": "Root"}))["ok"]
    lying = AwarenessEntry(4711, 1, orjson.dumps(lie).decode())
    assert (await drew.call("awareness-update", encode_awareness([lying])))["ok"]
    theirs = {"id": "drew", "name": "Drew", "color": "#123456"}
    ann_id = (await ann.event("session"))["client_id"]

    def shown(client: Client) -> dict[int, Any]:
        states = {}
        for update in client.events("awareness-update"):
            for entry in decode_awareness(update):
                states[entry.client] = json.loads(entry.state) if entry.state else None
        return states

    for client in (yjs, provider):
        await until(
            lambda client=client: 4711 in shown(client) and "cursor" in (shown(client).get(ann_id) or {}), client
        )
        assert shown(client)[4711]["user"] == theirs
        assert shown(client)[ann_id]["user"] == ANN
        for update in client.events("awareness-update"):
            assert b"Root" not in update or b'"cursor":{"user":"Root"}' in update

    def listed() -> dict[str, Any]:
        entries = {}
        for change in reader.events("presence"):
            for entry in change["joined"] + change["updated"]:
                entries[entry["user"]["id"]] = entry
        return entries

    await until(
        lambda: (listed().get("drew") or {}).get("client_id") == 4711 and "cursor" in (listed()["ann"]["state"] or {}),
        reader,
    )
    assert listed()["ann"]["user"] == ANN
    assert listed()["drew"]["user"] == theirs


async def test_a_token_says_what_else_somebody_is_shown_with(join: Join) -> None:
    """P9."""
    shown = {"avatar": "https://people.example/ann.png", "title": "Owl"}
    watcher = await join("shown", sub="watcher")
    ann = await join("shown", shown={**shown, "id": "root", "script": "javascript:alert(1)", "deep": {}})
    assert (await ann.event("session"))["user"] == ANN | shown
    await ann.call("awareness-update", encode_awareness([AwarenessEntry(99, 5, '{"x":1}')]))
    (entry,) = decode_awareness(await watcher.event("awareness-update"))
    assert json.loads(entry.state or "") == {"x": 1, "user": ANN | shown}


async def test_nobody_speaks_for_the_client_id_of_another(join: Join) -> None:
    ann = await join("ids")
    await ann.call("awareness-update", encode_awareness([AwarenessEntry(99, 5, '{"x":1}')]))
    eve = await join("ids", sub="eve")
    for forged in (AwarenessEntry(99, 100, '{"x":"forged"}'), AwarenessEntry(99, 100, None)):
        assert (await eve.call("awareness-update", encode_awareness([forged])))["ok"]
    late = await join("ids", sub="late")
    (entry,) = decode_awareness(await late.event("awareness-update"))
    assert json.loads(entry.state or "") == {"x": 1, "user": ANN}
    assert b"forged" not in b"".join(ann.events("awareness-update"))


async def test_broadcasts_are_signed_by_the_server(join: Join) -> None:
    ann, bob = await join("cast"), await join("cast", sub="bob")
    assert (await ann.call("broadcast", {"event": "e", "data": 1, "from": "bob"}))["error"]["path"] == "from"
    assert (await ann.call("broadcast", {"event": "e", "data": 1}))["ok"]
    assert await bob.event("broadcast") == {"event": "e", "data": 1, "from": (await ann.event("session"))["session"]}


# -- authenticate -----------------------------------------------------------------------------------


async def test_authenticate_renews_without_a_reconnect(join: Join) -> None:
    client = await join("renew", ttl=1.2)
    answer = await client.call("authenticate", {"token": mint(ttl=600)})
    assert (answer["ok"], answer["role"]) == (True, "editor")
    assert answer["expires_at"] == pytest.approx(time.time() + 600, abs=5)
    await asyncio.sleep(1.5)  # past the end of the first token: nothing may happen
    assert (await client.call("presence", {}))["ok"]
    assert client.events("notice") == []


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: "nonsense", "unauthorized"),
        (lambda: FOREIGN, "unauthorized"),
        (lambda: UNSIGNED, "unauthorized"),
        (lambda: "", "unauthorized"),
        (lambda: mint(ttl=-600), "token_expired"),
        (lambda: mint(role="admin", sub="bob"), "forbidden"),
        (lambda: mint(role="admin", pattern="elsewhere"), "forbidden"),
        (lambda: mint(role=None), "forbidden"),
        (lambda: 5, "invalid_payload"),
        (lambda: None, "invalid_payload"),
    ],
    ids=[
        "nonsense",
        "foreign",
        "alg-none",
        "empty",
        "expired",
        "other-sub",
        "other-grant",
        "no-grant",
        "number",
        "null",
    ],
)
async def test_a_bad_renewal_changes_nothing(join: Join, make: Callable[[], Any], code: str) -> None:
    client = await join(f"bad-renewal-{code}", role="editor")
    answer = await client.call("authenticate", {"token": make()})
    assert (answer["ok"], answer["error"]["code"]) == (False, code)
    editor = Editor(client)
    await editor.sync()
    assert (await editor.type("still an editor"))["ok"]
    await client.emit("authenticate", {"token": make()})
    assert (await client.event("notice"))["code"] == code


async def test_weaker_grants_take_effect_at_once(join: Join) -> None:
    ann = Editor(await join("downgrade", role="editor"))
    bob = Editor(await join("downgrade", role="editor", sub="bob"))
    for editor in (ann, bob):
        await editor.sync()
    await ann.type("before")
    before = await content(join, "downgrade")
    began = time.monotonic()
    assert (await ann.client.call("authenticate", {"token": mint(role="viewer")}))["role"] == "viewer"
    answer = await ann.client.call("sync-update", ann.typed(" after"))
    assert answer["error"]["code"] == "read_only"
    assert time.monotonic() - began < 1.0
    assert await content(join, "downgrade") == before
    await bob.wait_for("before")
    await bob.type("!")
    await ann.client.event("sync-update")
    # And back again.
    assert (await ann.client.call("authenticate", {"token": mint(role="admin")}))["role"] == "admin"
    assert (await ann.client.call("sync-update", ann.doc.get_update()))["ok"]


async def test_a_renewal_is_of_one_document(guarded: CollabServer, http: aiohttp.ClientSession) -> None:
    """Two sessions on one connection have a token each."""
    wire = WebSocketWire(guarded.url, http)
    await wire.open()
    for name in ("one", "two"):
        await wire.send(f"40/doc/own-{name}," + json.dumps({"token": mint()}))
    packets: list[str] = []

    async def read_until(start: str) -> str:
        while not packets or not packets[-1].startswith(start):
            packet = await wire.receive()
            assert packet is not None
            if isinstance(packet, str):
                packets.append(packet)
        return packets[-1]

    await read_until('42/doc/own-two,["session"')
    await wire.send("42/doc/own-one,1" + json.dumps(["authenticate", {"token": mint(role="viewer")}]))
    assert '"viewer"' in await read_until("43/doc/own-one,1")
    for name, code in (("one", "read_only"), ("two", "invalid_update")):
        await wire.send(f'451-/doc/own-{name},2["sync-update",{{"_placeholder":true,"num":0}}]')
        await wire.send(b"\xff\xff")
        assert f'"{code}"' in await read_until(f"43/doc/own-{name},2")
    await wire.close()


# -- the end of a token -----------------------------------------------------------------------------


async def test_a_notice_comes_before_the_end_and_the_end_on_time(join: Join) -> None:
    await asyncio.gather(*(expiring(join, door) for door in ("/doc/", "/yjs|")))


async def expiring(join: Join, door: str) -> None:
    neighbour = await join(f"end-{door[1:4]}", sub="bob", auth={"presence": "json"})
    ttl = 2.0
    expires_at = time.time() + ttl
    client = await join(f"end-{door[1:4]}", door=door, exp=expires_at)
    warning = await client.event("notice", timeout=ttl)
    now = time.time()
    assert warning["code"] == "token_expired"
    assert expires_at - now > 0.2, "time to renew"
    assert warning["retry_after"] == pytest.approx(expires_at - now, abs=0.3)
    assert (await client.call("presence", {}))["ok"], "it still counts"
    await client.wait(lambda packet: packet.type == 1)
    assert time.time() == pytest.approx(expires_at, abs=0.5)
    assert [notice["code"] for notice in client.events("notice")] == ["token_expired", "token_expired"]
    await until(
        lambda: any(
            entry["user"]["id"] == "ann" for change in neighbour.events("presence") for entry in change["left"]
        ),
        neighbour,
    )
    # What is still under way when a session ends is no fault, and has no effect.
    await client.emit("sync-update", update_of("too late"))
    assert await content(join, f"end-{door[1:4]}") == EMPTY
    # The same connection may come back with a new token.
    client.received.clear()
    await client.wire.send(f"40{door}end-{door[1:4]}," + json.dumps({"token": mint()}))
    assert (await client.wait(lambda packet: packet.type in (0, 4))).type == 0
    assert (await client.call("presence", {}))["ok"]


async def test_a_token_that_has_just_expired_opens_nothing(join: Join) -> None:
    assert refused(await join("late", ttl=-1.0))["code"] == "token_expired"


async def test_a_renewal_that_was_overtaken_by_a_goodbye_ends_nobody(join: Join) -> None:
    client = await join("overtaken", polling=True)
    # In one body, so that the server has read the goodbye before it has looked at the token.
    renewal = "42/doc/overtaken,5" + json.dumps(["authenticate", {"token": mint(ttl=1.0)}])
    assert isinstance(client.wire, PollingWire)
    await client.wire.send(renewal, "41/doc/overtaken,")
    client.received.clear()
    await client.wire.send("40/doc/overtaken," + json.dumps({"token": mint()}))
    await client.event("session")
    await asyncio.sleep(1.5)  # past the end of the short token: nothing may happen
    assert not any(packet.type == 1 for packet in client.received)
    assert (await client.call("presence", {}))["ok"]


# -- odd but signed ---------------------------------------------------------------------------------


async def test_a_sub_that_cannot_be_written_hurts_nobody_else(guarded: CollabServer, connect: Connect) -> None:
    # A server of its own would be cleaner; this one must not end with a traceback in its log.
    server = CollabServer("memory://", args=["--auth", "jwt", "--jwt-secret", SECRET]).start()
    try:
        ann = await connect("/doc/odd", {"token": mint(), "presence": "json"}, server=server)
        odd = await connect("/doc/odd", {"token": mint(sub="a\ud800", name="Odd"), "presence": "json"}, server=server)
        assert refused(odd)["code"] == "unauthorized"
        bob = await connect("/doc/odd", {"token": mint(sub="bob"), "presence": "json"}, server=server)
        assert {entry["user"]["id"] for entry in (await bob.event("presence"))["joined"]} == {"ann", "bob"}
        assert (await ann.call("presence", {}))["ok"]
        assert "Traceback" not in server.stderr()
    finally:
        server.kill()


async def test_without_tokens_a_token_is_ignored(connect: Connect) -> None:
    client = await connect("/doc/open", {"token": "whatever", "user": {"name": "Ann"}})
    session = await client.event("session")
    assert (session["role"], session["user"]["name"], session["expires_at"]) == ("admin", "Ann", None)
    assert (await client.call("authenticate", {"token": "anything"}))["role"] == "admin"


async def test_a_traceback_in_the_log_shows_no_token() -> None:
    script = (
        "import structlog; from collab.logging import configure_logging; configure_logging('json', 'info')\n"
        "def connect(auth):\n raise RuntimeError('something else')\n"
        "try:\n connect({'token': 'sesame'})\n"
        "except RuntimeError:\n structlog.get_logger().exception('connecting failed')\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stderr=asyncio.subprocess.PIPE, env={"PYTHONPATH": str(Path(__file__).parents[2])}
    )
    _, logged = await asyncio.wait_for(process.communicate(), 20)
    assert b"connecting failed" in logged
    assert b"sesame" not in logged
