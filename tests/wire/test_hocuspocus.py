"""The door at ``/hocuspocus``, byte for byte (rules H1 to H9); npm's providers are in ``test_every_client.py``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from unittest import mock

import aiohttp
import orjson
import pytest

from collab.doors import hocuspocus
from collab.protocol.awareness import AwarenessEntry, decode_awareness, encode_awareness
from collab.protocol.codec import Reader, write_var_bytes
from collab.protocol.hocuspocus import write_address, write_stateless
from collab.protocol.ywebsocket import STEP_1, STEP_2, UPDATE, write_awareness, write_sync
from tests.support.api import JWT, Api, mint
from tests.support.hocuspocus import AUTH, DENIED, LET_IN, SAVED, TIMEOUT, Socket, token
from tests.wire.conftest import Serve

pytestmark = pytest.mark.asyncio

Enter = Callable[[Api], Awaitable[Socket]]


@pytest.fixture
async def enter(http: aiohttp.ClientSession) -> AsyncIterator[Enter]:
    """``await enter(api)``: a socket at the door."""
    sockets: list[Socket] = []

    async def enter(api: Api) -> Socket:
        socket = Socket(await http.ws_connect(f"{api.server.url}/hocuspocus"))
        sockets.append(socket)
        return socket

    yield enter
    for socket in sockets:
        await socket.socket.close()


@pytest.mark.parametrize("version", [None, "3.4.4", "4.8.0"])
async def test_h1_two_providers_share_a_document(api: Api, enter: Enter, version: str | None) -> None:
    ann, bob = (await enter(api)).at("team/notes"), (await enter(api)).at("team/notes")
    assert await ann.begin(version=version) == "read-write"
    await bob.begin(version=version)
    await ann.type("hello")
    await bob.until_text("hello")
    await bob.type(" you")
    await ann.until_text("hello you")
    await ann.saved()
    await bob.saved()


async def test_h1_many_documents_and_several_sessions_of_one_share_a_socket(api: Api, enter: Enter) -> None:
    socket = await enter(api)
    one, two, plan = socket.at("notes\0aaaa"), socket.at("notes\0bbbb"), socket.at("plan")
    for provider in (one, two, plan):
        await provider.begin()
    await one.type("x")
    await plan.type("y")
    await two.until_text("x")
    assert str(plan.body) == "y"
    assert len(api.server.hub.documents["notes"].sessions) == 2
    await one.send(b"\x07")
    await two.type("z")
    await two.saved()
    assert len(api.server.hub.documents["notes"].sessions) == 1
    await one.begin()
    assert str(one.body) == "xz", "it may come back"


async def test_h1_a_provider_that_goes_before_it_is_in_leaves_nothing_behind(api: Api, enter: Enter) -> None:
    """As strict mode of React does: there, gone, and there again, in one turn."""
    socket = await enter(api)
    gone, back = socket.at("gone"), socket.at("back")
    begin = token(""), write_sync(STEP_1, b"\0")
    await gone.send(*begin, b"\x07")
    await back.send(*begin, b"\x07")
    await back.begin()
    await back.type("x")
    await back.saved()
    assert len(api.server.hub.documents["back"].sessions) == 1
    live = api.server.hub.documents.get("gone")
    assert live is None or not live.sessions
    await gone.begin()


async def test_h2_what_comes_before_the_token_waits_for_it(serve: Serve, enter: Enter) -> None:
    api = await serve(JWT)
    ann = (await enter(api)).at("plan")
    ann.body.insert(0, "early")
    await ann.send(write_sync(UPDATE, ann.doc.get_update()))
    await ann.send(write_awareness(encode_awareness([AwarenessEntry(7, 1, "{}")])))
    await ann.begin(mint("*=editor"))
    await ann.saved()
    assert await api.as_(mint("*=viewer")).read("plan") == "early"


async def test_h2_version_2_without_a_token_begins_with_step_1(api: Api, enter: Enter) -> None:
    ann = (await enter(api)).at("plan")
    await ann.send(write_sync(STEP_1, ann.doc.get_state()))
    assert await ann.until(LET_IN) == write_var_bytes(b"read-write")
    await ann.answer()


async def test_h2_nobody_fills_the_memory_before_the_token(serve: Serve, enter: Enter) -> None:
    api = await serve(JWT)
    socket = await enter(api)
    for number in range(hocuspocus.MAX_EARLY + 2):
        await socket.at(f"plan-{number % 5}").send(write_sync(UPDATE, b"\0\0"))
    assert await socket.closed() == (4429, "rate_limited")
    socket = await enter(api)
    for _ in range(3):
        await socket.at("plan").send(write_sync(UPDATE, bytes(hocuspocus.MAX_EARLY_BYTES // 2)))
    # By the bound of this protocol, or by that of every socket (S13), if more of it came in one read.
    assert await socket.closed() in ((4429, "rate_limited"), (1009, ""))


async def test_h2_many_edits_of_somebody_who_is_slow_to_get_in_are_not_lost(serve: Serve, enter: Enter) -> None:
    api = await serve(JWT)
    authenticator = api.server.app["doors"][1]._admission._authenticator
    inner, gate = authenticator.authenticate, asyncio.Event()

    async def authenticate(*args: Any) -> Any:
        await gate.wait()
        return await inner(*args)

    with mock.patch.object(authenticator, "authenticate", authenticate):
        ann = (await enter(api)).at("plan")
        await ann.send(token(mint("*=editor")), write_sync(STEP_1, ann.doc.get_state()))
        for _ in range(3 * hocuspocus.MAX_EARLY):
            await ann.type("x")
        gate.set()
        await ann.until(LET_IN)
        await ann.answer()
    ann.unsynced += 1  # its step 1
    await ann.saved()
    assert await api.as_(mint("*=viewer")).read("plan") == "x" * 3 * hocuspocus.MAX_EARLY


@pytest.mark.parametrize(
    ("address", "value", "word"),
    [
        ("plan", "", "unauthorized"),
        ("plan", "nonsense", "unauthorized"),
        ("plan", mint("other=editor", ttl=86400), "forbidden"),
        ("plan", mint("*=editor", ttl=-60), "token_expired"),
        ("a//b", mint("*=editor", ttl=86400), "invalid_document"),
        ("a//b\0abcd", mint("*=editor", ttl=86400), "invalid_document"),
    ],
)
async def test_h3_a_refusal_is_of_one_document(serve: Serve, enter: Enter, address: str, value: str, word: str) -> None:
    api = await serve(JWT)
    socket = await enter(api)
    refused, other = socket.at(address), socket.at("other")
    await refused.send(token(value), write_sync(STEP_1, b"\0"), write_awareness(b"\0"))
    assert await refused.until(DENIED) == write_var_bytes(word.encode())
    await refused.send(write_sync(UPDATE, b"\0\0"))
    assert await other.begin(mint("*=editor")) == "read-write"
    assert not socket.inbox.get(address), "what was still on its way is no second refusal"


async def test_h3_a_better_token_is_let_in_after_all(serve: Serve, enter: Enter) -> None:
    api = await serve(JWT)
    ann = (await enter(api)).at("plan")
    await ann.send(token("nonsense"), write_sync(STEP_1, b"\0"))
    await ann.until(DENIED)
    await ann.begin(mint("*=editor"))


async def test_h3_a_full_document_ends_only_connections_that_have_nothing_else(serve: Serve, enter: Enter) -> None:
    api = await serve({"max_participants": 1})
    first, second, third = await enter(api), await enter(api), await enter(api)
    await first.at("plan").begin()
    await second.at("other").begin()
    refused = second.at("plan")
    await refused.send(token(""))
    assert await refused.until(DENIED) == write_var_bytes(b"document_full")
    await third.at("plan").send(token(""))
    assert await third.closed() == (1013, "document_full"), "its provider comes back by itself"


async def test_h4_a_reader_hears_the_truth_about_its_edits(serve: Serve, enter: Enter) -> None:
    api = await serve(JWT)
    writer = (await enter(api)).at("plan")
    await writer.begin(mint("*=editor"))
    await writer.type("text")
    before = writer.doc.get_state()
    del writer.body[0:2]
    writer.unsynced += 1
    await writer.send(write_sync(UPDATE, writer.doc.get_update(before)))
    await writer.saved()
    reader = (await enter(api)).at("plan")
    assert await reader.begin(mint("*=viewer", sub="bob")) == "readonly"
    await reader.saved()
    await reader.type("mine")
    assert await reader.until(b"\x08") == b"\0"
    notice = orjson.loads(await reader.stateless())
    assert (notice["event"], notice["data"]["code"], notice["from"]) == ("notice", "read_only", None)
    # What it cannot give away, it still has after the next sync.
    await reader.send(write_sync(STEP_1, reader.doc.get_state()))
    await reader.answer()
    assert await reader.until(b"\x08") == b"\0"


async def test_h5_a_token_is_renewed_on_the_way(serve: Serve, enter: Enter) -> None:
    api = await serve(JWT)
    ann = (await enter(api)).at("plan")
    await ann.begin(mint("*=viewer", ttl=2))
    assert await ann.until(AUTH + b"\0") == b"", "asked before the end"
    await ann.send(token(mint("*=editor", ttl=600)))
    assert await ann.until(LET_IN) == write_var_bytes(b"read-write")
    await asyncio.sleep(2)
    await ann.type("still here")
    await ann.saved()
    await ann.send(token(mint("*=editor", sub="bob")))
    assert await ann.until(DENIED) == write_var_bytes(b"forbidden"), "a session stays whose it is"


async def test_h5_the_end_of_a_token_is_of_one_document(serve: Serve, enter: Enter) -> None:
    api = await serve(JWT)
    socket = await enter(api)
    short, long = socket.at("short"), socket.at("long")
    await short.begin(mint("*=editor", ttl=1.5))
    await long.begin(mint("*=editor"))
    assert await short.until(DENIED) == write_var_bytes(b"token_expired")
    assert await short.until(b"\x07") == write_var_bytes(b"token_expired")
    await long.type("x")
    await long.saved()


async def test_h6_what_is_not_durable_is_not_called_synced(serve: Serve, enter: Enter) -> None:
    api = await serve()
    ann = (await enter(api)).at("plan")
    await ann.begin()
    await ann.saved()
    journal = api.server.hub.documents["plan"].journal
    waiting: list[Any] = []
    with mock.patch.object(journal, "append", lambda update, participant, done: waiting.append(done)):
        await ann.type("x")
        await ann.send(b"\x04\0" + write_var_bytes(ann.doc.get_state()))  # a round trip
        await ann.until(bytes((0, STEP_2)))
    assert ann.unsynced == 1
    (done,) = waiting
    done(7)
    await ann.saved()


async def test_h6_a_new_round_counts_only_what_came_since(api: Api, enter: Enter) -> None:
    """A provider that syncs anew sets its count to one, whatever was on its way."""
    ann = (await enter(api)).at("plan")
    await ann.begin()
    await ann.saved()
    journal = api.server.hub.documents["plan"].journal
    waiting: list[Any] = []
    with mock.patch.object(journal, "append", lambda update, participant, done: waiting.append(done)):
        await ann.type("x")
        await ann.send(write_sync(STEP_1, ann.doc.get_state()))
        ann.unsynced = 1
        await ann.answer()
        await ann.until(SAVED)  # our log is idle: the answer to step 1 has nothing to wait for
    waiting.pop()(7)
    await ann.type("y")
    await ann.saved()
    assert not [message for message in ann.socket.inbox["plan"] if message == SAVED]


async def test_h6_an_edit_with_a_gap_is_counted_once_it_is_whole(api: Api, enter: Enter) -> None:
    ann = (await enter(api)).at("plan")
    await ann.begin()
    await ann.saved()
    ann.body.insert(0, "lost")
    await ann.type(" and")
    await ann.type(" found")
    known = Reader(await ann.until(bytes((0, STEP_1)))).var_bytes()
    assert ann.unsynced == 2
    await ann.send(write_sync(STEP_2, ann.doc.get_update(known)))
    await ann.saved()
    assert await api.read("plan") == "lost and found"


async def test_h7_stateless_messages_are_broadcasts(api: Api, enter: Enter) -> None:
    ann, bob = (await enter(api)).at("plan"), (await enter(api)).at("plan")
    await ann.begin()
    await bob.begin()
    await ann.send(write_stateless("any text"))
    assert await bob.stateless() == "any text"
    await ann.send(write_stateless('{"event":"wave","data":{"n":1}}'))
    heard = orjson.loads(await bob.stateless())
    (session,) = [one.id for one in api.server.hub.documents["plan"].sessions.values() if one.id == heard["from"]]
    assert heard == {"event": "wave", "data": {"n": 1}, "from": session}


async def test_h8_presence_can_be_asked_for(api: Api, enter: Enter) -> None:
    ann, bob = (await enter(api)).at("plan"), (await enter(api)).at("plan")
    await ann.begin()
    await ann.send(write_awareness(encode_awareness([AwarenessEntry(3, 1, '{"user":{}}')])))
    await bob.begin()
    await bob.until(b"\x01")
    await bob.send(b"\x03")
    seen = decode_awareness(Reader(await bob.until(b"\x01")).var_bytes())
    assert [(entry.client, entry.state) for entry in seen] == [(3, '{"user":{}}')]


async def test_h9_pings_are_answered_and_who_is_alone_hears_something(serve: Serve, enter: Enter) -> None:
    api = await serve({"ping_interval": 0.5, "ping_timeout": 5})
    socket = await enter(api)
    ann = socket.at("plan")
    await ann.begin()
    assert await ann.until(b"\x01\x01\0") == b""
    await socket.socket.send_bytes(b"\x0a")
    await socket.socket.send_bytes(b"\x09")
    while True:
        message = await asyncio.wait_for(socket.socket.receive(), TIMEOUT)
        if message.data == b"\x0a":
            break


async def test_h9_a_socket_without_a_document_does_not_live_on(serve: Serve, enter: Enter) -> None:
    api = await serve({"connect_timeout": 0.3})
    assert await (await enter(api)).closed() == (1013, "")


@pytest.mark.parametrize(
    "frame", [b"", b"\x04plan", b"\x04plan\0\x07\0", b"\xff", "text", write_address("a\0" + 101 * "x") + b"\0\0\1\0"]
)
async def test_h9_what_breaks_the_protocol_ends_its_own_connection(api: Api, enter: Enter, frame: bytes | str) -> None:
    socket, other = await enter(api), (await enter(api)).at("plan")
    await socket.at("plan").begin()
    await other.begin()
    await (socket.socket.send_str(frame) if isinstance(frame, str) else socket.socket.send_bytes(frame))
    assert await socket.closed() == (1002, "invalid_payload")
    await other.type("x")
    await other.saved()
