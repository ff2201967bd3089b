"""The door at ``/ws/``, byte for byte (rules W1 to W9); npm's clients are in ``test_every_client.py``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType
from pycrdt import Doc, Text

from collab.doors.websocket import message_socket
from collab.protocol.awareness import AwarenessEntry, decode_awareness, encode_awareness
from collab.protocol.codec import write_state_vector
from collab.protocol.ywebsocket import NO_NEWS, STEP_1, STEP_2, UPDATE, write_awareness, write_sync
from tests.support.api import JWT, Api, mint
from tests.support.ywebsocket import TIMEOUT, YClient
from tests.wire.conftest import Serve

pytestmark = pytest.mark.asyncio

Enter = Callable[..., Awaitable[YClient]]


@pytest.fixture
async def enter(http: aiohttp.ClientSession) -> AsyncIterator[Enter]:
    """``await enter(api, document, token=...)``: a client at the door."""
    clients: list[YClient] = []

    async def enter(api: Api, document: str, token: str | None = None, **options: Any) -> YClient:
        query = {} if token is None else {"token": token}
        url = f"{api.server.url}/ws/{document}"
        client = YClient(await http.ws_connect(url, params=query, **options))
        clients.append(client)
        return client

    yield enter
    for client in clients:
        await client.socket.close()


async def test_w1_two_peers_share_a_document(api: Api, enter: Enter) -> None:
    ann, bob = await enter(api, "team/notes"), await enter(api, "team/notes")
    await ann.ask()
    await bob.ask()
    await ann.type("hello")
    await bob.until_text("hello")
    await bob.type(" you")
    await ann.until_text("hello you")
    late = await enter(api, "team/notes")
    await late.ask()
    assert str(late.body) == "hello you"


async def test_w1_what_was_typed_offline_comes_with_the_sync(api: Api, enter: Enter) -> None:
    ann, bob = await enter(api, "plan"), await enter(api, "plan")
    await bob.ask()
    ann.body.insert(0, "offline")
    await ann.ask()
    await bob.until_text("offline")


async def test_w2_presence_is_the_peers_own(api: Api, enter: Enter) -> None:
    ann, bob = await enter(api, "plan"), await enter(api, "plan")
    await ann.ask()
    await bob.ask()
    await ann.socket.send_bytes(write_awareness(encode_awareness([AwarenessEntry(1, 1, '{"name":"ann"}')])))
    seen = decode_awareness(await bob.until_bytes(1))
    assert [(entry.client, entry.state) for entry in seen] == [(1, '{"name":"ann"}')]
    # One that is not its own is dropped, without a word to anybody.
    await bob.socket.send_bytes(write_awareness(encode_awareness([AwarenessEntry(1, 9, "null")])))
    await bob.socket.send_bytes(b"\x03")
    seen = decode_awareness(await bob.until_bytes(1))
    assert [(entry.client, entry.state) for entry in seen] == [(1, '{"name":"ann"}')]
    await ann.socket.close()
    gone = decode_awareness(await bob.until_bytes(1))
    assert [(entry.client, entry.state) for entry in gone] == [(1, None)]


@pytest.mark.parametrize(
    ("document", "token", "code", "reason"),
    [
        ("plan", None, 4401, "unauthorized"),
        ("plan", "nonsense", 4401, "unauthorized"),
        ("plan", mint("other=editor", ttl=86400), 4403, "forbidden"),
        ("plan", mint("*=editor", ttl=-60), 4408, "token_expired"),
        ("a//b", mint("*=editor", ttl=86400), 4404, "invalid_document"),
        ("a,b", mint("*=editor", ttl=86400), 4404, "invalid_document"),
        ("", mint("*=editor", ttl=86400), 4404, "invalid_document"),
    ],
)
async def test_w3_a_refusal_is_a_close_code_and_its_word(
    serve: Serve, enter: Enter, document: str, token: str | None, code: int, reason: str
) -> None:
    api = await serve(JWT)
    client = await enter(api, document, token)
    assert await client.closed() == (code, reason)
    assert not api.server.hub.documents


async def test_w3_the_end_of_a_token_closes(serve: Serve, enter: Enter) -> None:
    api = await serve(JWT)
    client = await enter(api, "plan", mint("*=editor", ttl=1.5))
    await client.ask()
    assert await client.closed() == (4408, "token_expired")


async def test_w3_a_deletion_and_a_kick_close(serve: Serve, enter: Enter) -> None:
    api = await serve(JWT)
    admin = api.as_(mint("*=admin", sub="boss"))
    ann = await enter(api, "plan", mint("*=editor"))
    await ann.ask()
    (present,) = (await admin("GET", "/documents/plan/participants")).json["participants"]
    await admin("DELETE", f"/documents/plan/participants/{present['session']}")
    assert await ann.closed() == (4403, "forbidden")
    bob = await enter(api, "plan", mint("*=editor"))
    await bob.ask()
    await admin("DELETE", "/documents/plan")
    assert await bob.closed() == (4410, "document_deleted")


async def test_w3_a_full_document_may_be_tried_again(serve: Serve, enter: Enter) -> None:
    api = await serve({"max_participants": 1})
    ann = await enter(api, "plan")
    await ann.ask()
    assert await (await enter(api, "plan")).closed() == (1013, "document_full")


async def test_w4_a_reader_is_told_what_it_may_not(serve: Serve, enter: Enter) -> None:
    api = await serve(JWT)
    reader = await enter(api, "plan", mint("*=viewer"))
    await reader.ask()
    await reader.type("mine")
    denied = (await reader.until(2, 0))[1:].decode()
    assert denied.startswith("read_only: ")
    writer = await enter(api, "plan", mint("*=editor", sub="bob"))
    await writer.ask()
    assert str(writer.body) == ""


async def test_w5_who_is_alone_hears_something(serve: Serve, enter: Enter) -> None:
    assert message_socket.FEED_INTERVAL <= 15
    api = await serve({"ping_interval": 0.5, "ping_timeout": 5})
    client = await enter(api, "plan", autoping=False)
    await client.ask()
    kinds = []
    while len(kinds) < 4:
        message = await asyncio.wait_for(client.socket.receive(), TIMEOUT)
        kinds.append(message.type)
        if message.type is WSMsgType.PING:
            await client.socket.pong(message.data)
        else:
            assert message.data == NO_NEWS
    assert kinds == [WSMsgType.PING, WSMsgType.BINARY] * 2


async def test_w5_who_does_not_answer_pings_is_gone(serve: Serve, enter: Enter) -> None:
    api = await serve({"ping_interval": 0.2, "ping_timeout": 3})
    silent, chatty = await enter(api, "plan", autoping=False), await enter(api, "plan")
    await silent.ask()
    await chatty.ask()
    reading = asyncio.create_task(chatty.closed())  # which is what answers pings
    while True:
        message = await asyncio.wait_for(silent.socket.receive(), TIMEOUT)
        if message.type in (WSMsgType.CLOSED, WSMsgType.CLOSE, WSMsgType.ERROR):
            break
    assert not reading.done()
    reading.cancel()
    assert len(api.server.hub.documents["plan"].sessions) == 1


@pytest.mark.parametrize("frame", [b"", b"\0\x07\0", b"\x01\x05", b"\0\0\x7f\0", "text"])
async def test_w6_what_breaks_the_protocol_ends_its_own_connection(api: Api, enter: Enter, frame: bytes | str) -> None:
    ann, bob = await enter(api, "plan"), await enter(api, "plan")
    await ann.ask()
    await bob.ask()
    await (ann.socket.send_str(frame) if isinstance(frame, str) else ann.socket.send_bytes(frame))
    assert await ann.closed() == (1002, "invalid_payload")
    await bob.type("x")
    assert not bob.socket.closed


async def test_w6_kinds_of_applications_are_ignored_until_there_are_too_many(api: Api, enter: Enter) -> None:
    client = await enter(api, "plan")
    await client.socket.send_bytes(b"\x64hello")
    await client.ask()
    for _ in range(150):
        await client.socket.send_bytes(b"\x64hello")
    assert await client.closed() == (4429, "rate_limited")


async def test_w6_a_damaged_update_is_refused_and_nothing_else(api: Api, enter: Enter) -> None:
    client = await enter(api, "plan")
    await client.ask()
    await client.socket.send_bytes(write_sync(UPDATE, b"\x01\x01\xff\xff"))
    assert (await client.until(2, 0))[1:].startswith(b"invalid_update: ")
    await client.ask()
    await client.type("x")
    assert not client.socket.closed


async def test_w7_what_is_missing_is_asked_for_once(api: Api, enter: Enter) -> None:
    client = await enter(api, "plan")
    await client.ask()
    client.body.insert(0, "lost")
    await client.type(" and found")
    known = await client.until_bytes(0, STEP_1)
    await client.socket.send_bytes(write_sync(STEP_2, client.doc.get_update(known)))
    late = await enter(api, "plan")
    await late.ask()
    await late.until_text("lost and found")
    # An answer that does not help is not asked for again.
    other: Doc[Any] = Doc()
    other.get("body", type=Text).insert(0, "x")
    before = other.get_state()
    other.get("body", type=Text).insert(1, "y")
    await client.socket.send_bytes(write_sync(UPDATE, other.get_update(before)))
    await client.until_bytes(0, STEP_1)
    await client.socket.send_bytes(write_sync(STEP_2, other.get_update(before)))
    await client.socket.send_bytes(write_sync(STEP_1, write_state_vector({})))
    await client.until_bytes(0, STEP_2)


async def test_w8_pages_of_other_origins_stay_outside(api: Api, enter: Enter) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await enter(api, "plan", headers={"Origin": "https://elsewhere.example"})
    assert refused.value.status == 403


async def test_w8_what_is_no_websocket_is_told_so(api: Api, http: aiohttp.ClientSession) -> None:
    async with http.get(f"{api.server.url}/ws/plan") as response:
        assert response.status == 426


async def test_w9_a_server_that_moves_asks_to_come_back(serve: Serve, enter: Enter) -> None:
    api = await serve()
    client = await enter(api, "plan")
    await client.ask()
    stopping = asyncio.create_task(api.server.stop())
    assert await client.closed() == (1013, "draining")
    await stopping
