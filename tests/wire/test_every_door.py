"""One list of doors, one test for each rule: whoever comes, by whatever wire, is treated alike (A1, A2, C11, D4, S1 to S3)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from unittest import mock

import pytest
from pycrdt import Doc, Text

from collab.hub import limits
from collab.hub.session import State
from tests.support.api import JWT, Api, mint
from tests.support.doors import DOORS, TIMEOUT, Peer, Refused
from tests.wire.conftest import Serve

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(90)]

every_door = pytest.mark.parametrize("door", DOORS, ids=[door.door for door in DOORS])
#: those that keep a session for what they write, too
every_wire = pytest.mark.parametrize("door", DOORS[:4], ids=[door.door for door in DOORS[:4]])

Knock = Callable[..., Awaitable[Peer]]


@pytest.fixture
async def knock() -> AsyncIterator[Knock]:
    """``await knock(door, api, token=...)``: somebody who has come in."""
    peers: list[Peer] = []

    async def knock(door: type[Peer], api: Api, token: str | None = None, document: str = "plan") -> Peer:
        peer = door(api, document, token)
        peers.append(peer)
        await peer.enter()
        return peer

    yield knock
    for peer in peers:
        await peer.close()


async def wait_until(condition: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.01)


def sessions(api: Api, document: str = "plan") -> list[Any]:
    live = api.server.hub.documents.get(document)
    return [] if live is None else list(live.sessions.values())


@every_door
async def test_everybody_sees_everybody(serve: Serve, knock: Knock, door: type[Peer]) -> None:
    api = await serve()
    peer = await knock(door, api)
    others = [await knock(other, api) for other in DOORS if other is not door]
    assert [session.door for session in sessions(api)] == [one.door for one in (peer, *others)]
    everybody = (peer, *others)
    for one in everybody:
        await one.type(f"{one.door} ")
    await wait_until(lambda: all(one.door in text(api) for one in everybody), "not applied")
    for one in everybody:
        await one.until_text(text(api))


def text(api: Api) -> str:
    doc: Doc[Any] = Doc()
    doc.apply_update(api.server.hub.documents["plan"].document.encode())
    return str(doc.get("body", type=Text))


@every_door
@pytest.mark.parametrize(
    ("token", "document", "word"),
    [
        (None, "plan", "unauthorized"),
        ("nonsense", "plan", "unauthorized"),
        (mint("other=editor", ttl=86400), "plan", "forbidden"),
        (mint("*=editor", ttl=-60), "plan", "token_expired"),
        (mint("*=editor", ttl=86400), "a*b/../c", "invalid_document"),
    ],
    ids=["no-token", "bad-token", "no-grant", "expired", "bad-name"],
)
async def test_who_may_not_come_in_is_told_why(
    serve: Serve, knock: Knock, door: type[Peer], token: str | None, document: str, word: str
) -> None:
    if word == "invalid_document" and door.door == "y-websocket":
        document = "a,b"  # a client of HTTP would take the dots away
    api = await serve(JWT)
    with pytest.raises(Refused) as refused:
        await knock(door, api, token, document)
    assert refused.value.args == (word,)
    assert not api.server.hub.documents


@every_door
async def test_a_reader_reads_and_does_not_write(serve: Serve, knock: Knock, door: type[Peer]) -> None:
    api = await serve(JWT)
    writer = await knock(DOORS[0], api, mint("*=editor", sub="bob"))
    reader = await knock(door, api, mint("*=viewer"))
    await reader.type("mine")
    assert await reader.refusal() == "read_only"
    await writer.type("yours")
    await wait_until(lambda: text(api) == "yours", "not applied")
    async with asyncio.timeout(TIMEOUT):
        while "yours" not in reader.text:
            await reader.take()


@every_door
async def test_the_end_of_a_token_is_the_end(serve: Serve, knock: Knock, door: type[Peer]) -> None:
    api = await serve(JWT)
    peer = await knock(door, api, mint("*=editor", ttl=2))
    assert await peer.end() == "token_expired"
    await wait_until(lambda: not sessions(api), "still there")


@every_door
async def test_an_admin_disconnects_somebody(serve: Serve, knock: Knock, door: type[Peer]) -> None:
    api = await serve(JWT)
    peer, other = await knock(door, api, mint("*=editor")), await knock(DOORS[0], api, mint("*=editor", sub="bob"))
    (victim,) = [session.id for session in sessions(api) if session.identity.id == "ann"]
    admin = api.as_(mint("*=admin", sub="boss"))
    assert (await admin("DELETE", f"/documents/plan/participants/{victim}")).status == 204
    assert await peer.end() == "forbidden"
    await other.type("x")
    assert len(sessions(api)) == 1


@every_door
async def test_a_deleted_document_is_closed(serve: Serve, knock: Knock, door: type[Peer]) -> None:
    api = await serve()
    peer = await knock(door, api)
    await peer.type("x")
    assert (await api("DELETE", "/documents/plan")).status == 204
    assert await peer.end() == "document_deleted"


@every_door
async def test_a_full_document_is_full_for_all(serve: Serve, knock: Knock, door: type[Peer]) -> None:
    api = await serve({"max_participants": 1})
    await knock(DOORS[0], api)
    with pytest.raises(Refused) as refused:
        await knock(door, api)
    assert refused.value.args == ("document_full",)
    assert len(sessions(api)) == 1


@every_door
async def test_connections_are_counted_by_address(serve: Serve, knock: Knock, door: type[Peer]) -> None:
    api = await serve({"max_connections_per_ip": 1})
    first = await knock(door, api)
    with pytest.raises(Refused) as refused:
        await knock(door, api)
    assert refused.value.args == ("too_many_connections",)
    await first.close()
    await wait_until(lambda: not sessions(api), "still there")
    await knock(door, api)


@every_wire
async def test_a_server_that_moves_asks_everybody_to_come_back(serve: Serve, knock: Knock, door: type[Peer]) -> None:
    api = await serve()
    peer = await knock(door, api)
    await peer.type("saved before")
    await wait_until(lambda: text(api) == "saved before", "not applied")
    stopping = asyncio.create_task(api.server.stop())
    assert await peer.end() == "draining"
    await stopping


@every_door
async def test_who_does_not_read_waits_for_one_diff(serve: Serve, knock: Knock, door: type[Peer]) -> None:
    api = await serve({"send_buffer_bytes": 64 * 1024, "max_document_bytes": "200MiB"})
    slow, quick = await knock(door, api), await knock(DOORS[0], api)
    live = api.server.hub.documents["plan"]
    live._fan_out._stall_timeout = 60.0  # a busy machine is no reason to cut
    (session,) = [one for one in sessions(api) if one.door == door.door][:1]
    slow.transport().pause_reading()
    author: Doc[Any] = Doc()
    bulk, body = author.get("bulk", type=Text), author.get("body", type=Text)
    waiting = 0
    for number in range(200):
        before = author.get_state()
        del bulk[0 : len(str(bulk))]
        bulk.insert(0, "x" * 200_000)
        live.apply(author.get_update(before), lambda _result: None, session=None, participant=None)
        await asyncio.sleep(0.01)
        earlier, waiting = waiting, session.pipe.waiting_bytes
        # However much came together while the machine was busy.
        assert earlier <= 64 * 1024 or waiting <= earlier, "nothing is queued behind what is full"
        if session.state is State.BEHIND and number > 30:
            break
    assert session.state is State.BEHIND
    before = author.get_state()
    body.insert(0, "the end")
    live.apply(author.get_update(before), lambda _result: None, session=None, participant=None)
    await quick.until_text("the end")
    slow.transport().resume_reading()
    await slow.until_text("the end")
    assert session.state is State.LIVE


@every_wire
async def test_a_flood_is_slowed_then_cut(serve: Serve, knock: Knock, door: type[Peer]) -> None:
    api = await serve({"rate_updates": 20})
    with mock.patch.object(limits, "TELL_AFTER", 0.3), mock.patch.object(limits, "CUT_AFTER", 2.0):
        peer, other = await knock(door, api), await knock(DOORS[0], api, document="other")
        began = time.monotonic()

        async def flood() -> None:
            while sessions(api):
                for _ in range(10):
                    await peer.type("x")
                await asyncio.sleep(0.01)

        flooding = asyncio.create_task(flood())
        assert await peer.end() == "rate_limited"
        assert time.monotonic() - began > 1
        flooding.cancel()
        await asyncio.wait([flooding])
        await wait_until(lambda: not sessions(api), "still there")
        await other.type("undisturbed")
        await wait_until(lambda: sessions(api, "other"), "gone, too")


@every_wire
async def test_damaged_edits_are_refused_then_their_sender_is_cut(serve: Serve, knock: Knock, door: type[Peer]) -> None:
    api = await serve()
    peer, other = await knock(door, api), await knock(DOORS[0], api)
    for _ in range(int(limits.MAX_STRIKES) + 20):
        try:
            await peer.send(b"\x01\x01\xff\xff")
        except ConnectionError:
            break
    await wait_until(lambda: len(sessions(api)) == 1, "still there")
    await other.type("undisturbed")
    await wait_until(lambda: text(api) == "undisturbed", "not applied")
