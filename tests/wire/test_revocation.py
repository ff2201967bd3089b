"""What somebody may do changes while they are here: every door follows within a second (rule A1)."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import aiohttp
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from collab.auth.base import Authenticator, ShownUser
from collab.errors import CollabError
from collab.hub import renewals
from collab.types import Grant, Identity, Role
from tests.support.api import Api, where
from tests.support.editor import Editor
from tests.support.server import CollabServer
from tests.support.tokens import KeyServer
from tests.support.wire import Client, PollingWire, WebSocketWire
from tests.wire.conftest import Connect, Serve

pytestmark = pytest.mark.asyncio


class Ledger(Authenticator):
    """An embedding application's: the token is the name, and roles stand in a table that somebody edits."""

    def __init__(self) -> None:
        self.roles: dict[str, Role | None] = {}
        self.failing = False
        self.asked = 0

    async def authenticate(self, token: str | None, user: ShownUser | None) -> Identity:
        role = self.roles.get(token or "")
        if role is None:
            raise CollabError("unauthorized")
        return Identity(id=token, name=str(token), color="red", grants=(Grant("*", role),))

    async def renew(self, identity: Identity) -> Identity:
        self.asked += 1
        if self.failing:
            raise ConnectionError("the table cannot be reached")
        return await self.authenticate(identity.id, None)

    def set(self, name: str, role: Role | None) -> None:
        self.roles[name] = role
        self.changed(name)


Join = Callable[..., Any]


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger()
    ledger.roles.update(ann=Role.EDITOR, bob=Role.EDITOR)
    return ledger


@pytest.fixture
async def api(serve: Serve, ledger: Ledger) -> Api:
    return await serve(auth=ledger)


@pytest.fixture
async def join(api: Api, http: aiohttp.ClientSession) -> AsyncIterator[Join]:
    clients: list[Client] = []

    async def join(document: str, name: str = "ann", door: str = "/doc/", polling: bool = False, **auth: Any) -> Client:
        client = Client(
            PollingWire(api.server.url, http) if polling else WebSocketWire(api.server.url, http), door + document
        )
        clients.append(client)
        await client.connect({"token": name, **auth})
        return client

    yield join
    for client in clients:
        await client.close()


DOORS = pytest.mark.parametrize(
    ("door", "polling"), [("/doc/", False), ("/doc/", True), ("/yjs|", False), ("/yjs|", True)]
)


@DOORS
async def test_a_weaker_role_takes_effect_within_a_second(join: Join, ledger: Ledger, door: str, polling: bool) -> None:
    ann = Editor(await join("roles", door=door, polling=polling))
    bob = Editor(await join("roles", "bob"))
    for editor in (ann, bob):
        await editor.sync()
    assert (await ann.type("before"))["ok"]
    began = time.monotonic()
    ledger.set("ann", Role.VIEWER)
    notice = await ann.client.event("notice", timeout=10.0)
    assert (notice["code"], notice["role"]) == ("read_only", "viewer")
    assert time.monotonic() - began < 5.0  # a second, and a busy machine
    answer = await ann.client.call("sync-update", ann.typed(" after"))
    assert answer["error"]["code"] == "read_only"
    assert (await bob.type("bob writes on"))["ok"]
    # And back.
    ann.client.received.clear()
    ledger.set("ann", Role.EDITOR)
    notice = await ann.client.event("notice", timeout=10.0)
    assert (notice["resolved"], notice["role"]) == (True, "editor")
    assert (await ann.client.call("sync-update", ann.doc.get_update()))["ok"]
    assert not bob.client.events("notice")


@DOORS
async def test_who_may_not_even_read_is_sent_away(join: Join, ledger: Ledger, door: str, polling: bool) -> None:
    ann, bob = await join("gone", door=door, polling=polling), await join("gone", "bob", presence="json")
    ledger.set("ann", None)
    await ann.wait(lambda packet: packet.type == 1, timeout=10.0)
    assert ann.events("notice")[-1]["code"] == "unauthorized"
    await bob.wait(
        lambda p: p.type == 2 and p.data[0] == "presence" and any(e["user"]["id"] == "ann" for e in p.data[1]["left"]),
        timeout=10.0,
    )
    assert not bob.closed
    assert (await bob.call("presence", {}))["ok"]


async def test_event_streams_and_the_http_api_follow(api: Api, join: Join, ledger: Ledger) -> None:
    ann = api.as_("ann")
    await ann.write("stream", "hello")
    async with ann.events("stream") as stream:
        await stream.until_text("hello")
        ledger.set("ann", Role.VIEWER)
        assert (await stream.until("notice", timeout=10.0)).json["role"] == "viewer"
        assert (
            await ann.edit("stream", {"op": "text.insert", "path": "/body", "index": 0, "text": "x"})
        ).code == "read_only"
        ledger.set("ann", None)
        assert (await stream.until("notice", timeout=10.0)).json["code"] == "unauthorized"
        while not stream.ended:
            await stream.next(timeout=10.0)
    assert (await ann("GET", f"{where('stream')}/content")).code == "unauthorized"


async def test_anybody_may_have_changed_and_any_thread_may_say_so(join: Join, ledger: Ledger) -> None:
    clients = [await join(f"many/{number}", name) for number in range(3) for name in ("ann", "bob")]
    ledger.roles["bob"] = None
    threading.Thread(target=ledger.changed).start()
    for number, client in enumerate(clients):
        if number % 2:
            await client.wait(lambda packet: packet.type == 1, timeout=10.0)
        else:
            assert (await client.call("presence", {}))["ok"]


async def test_an_expiry_that_comes_nearer_counts(join: Join, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = await join("soon")

    async def renew(identity: Identity) -> Identity:
        return replace(identity, expires_at=time.time() + 0.8)

    monkeypatch.setattr(ledger, "renew", renew)
    ledger.changed("ann")
    assert (await ann.event("notice", timeout=10.0))["code"] == "token_expired"
    await ann.wait(lambda packet: packet.type == 1, timeout=10.0)


async def test_an_authenticator_in_trouble_sends_nobody_away_and_is_asked_again(
    join: Join, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewals, "RETRY_AFTER", 0.1)
    ann = await join("trouble")
    ledger.failing = True
    ledger.set("ann", None)
    async with asyncio.timeout(30):
        while ledger.asked < 3:
            await asyncio.sleep(0.05)
    assert (await ann.call("presence", {}))["ok"]
    ledger.failing = False
    await ann.wait(lambda packet: packet.type == 1, timeout=10.0)


async def test_keys_that_rotate_end_nobody(start_server: Callable[..., CollabServer], connect: Connect) -> None:
    """Who is in stays until the token ends; a new token of a new key renews; the old key lets nobody in again."""
    keys = {name: generate_private_key(SECP256R1()) for name in ("old", "new")}
    publisher = KeyServer()
    try:

        def mint(kid: str, role: str = "editor") -> str:
            claims = {"sub": "ann", "exp": time.time() + 600, "grants": [{"documents": "*", "role": role}]}
            return jwt.encode(claims, keys[kid], algorithm="ES256", headers={"kid": kid})

        publisher.publish(old=keys["old"])
        server = start_server(args=["--auth", "jwt", "--jwt-jwks-url", publisher.url])
        ann = Editor(await connect("/doc/rotate", {"token": mint("old")}, server=server))
        await ann.sync()
        publisher.publish(new=keys["new"])
        async with asyncio.timeout(20):  # unknown keys are looked for every ten seconds at most
            while True:
                bob = await connect("/doc/rotate", {"token": mint("new")}, server=server)
                if bob.received[0].type == 0:
                    break
                await asyncio.sleep(0.5)
        assert (await ann.type("still here"))["ok"]
        refused = await connect("/doc/rotate", {"token": mint("old")}, server=server)
        assert refused.received[0].data["data"]["code"] == "unauthorized"
        assert (await ann.client.call("authenticate", {"token": mint("old")}))["error"]["code"] == "unauthorized"
        assert (await ann.client.call("authenticate", {"token": mint("new", "viewer")}))["role"] == "viewer"
        assert (await ann.client.call("sync-update", ann.typed("!")))["error"]["code"] == "read_only"
    finally:
        publisher.close()
