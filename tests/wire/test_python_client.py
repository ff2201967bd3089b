"""The Python client against the real server: convergence, durability, interruptions, tokens, presence.

Where a server has to misbehave in a certain moment, a scripted one of a few lines takes its place.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import jwt
import pycrdt
import pytest
from aiohttp import web
from pycrdt import Array, Doc, Map, Text, XmlFragment

from collab.client import Session, Status, connect
from collab.client import sync as blocking
from collab.client.engineio import TransportName
from collab.client.links import NetworkDialer
from collab.client.options import Backoff
from collab.client.signals import Stream
from collab.errors import CollabError
from collab.protocol.codec import read_state_vector
from tests.support.ports import free_port
from tests.support.server import CollabServer

#: seconds until a wait is given up; a green run never waits so long
SOON = 60.0
SECRET = "a secret for tests that is long enough"
QUICK = Backoff(base=0.05, most=0.5)
WEBSOCKET: tuple[TransportName, ...] = ("websocket",)
POLLING: tuple[TransportName, ...] = ("polling",)

every_transport = pytest.mark.parametrize("transports", [WEBSOCKET, POLLING], ids=["websocket", "polling"])
Start = Callable[..., CollabServer]


@pytest.fixture
def document() -> str:
    return f"notes/{uuid.uuid4().hex[:12]}"


@pytest.fixture(autouse=True)
def nothing_fails_unseen(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """What fails in a callback or a forgotten task is only logged by asyncio."""
    yield
    assert [record.getMessage() for record in caplog.get_records("call") if record.name == "asyncio"] == []


def body(session: Session | blocking.Session) -> Text:
    text: Text = session.doc.get("body", type=Text)
    return text


def clocks(session: Session) -> dict[int, int]:
    return read_state_vector(session.doc.get_state())


async def until_text(session: Session, text: str) -> None:
    shared = body(session)
    try:
        await session.until(lambda: str(shared) == text, SOON)
    except TimeoutError:
        pytest.fail(f"expected {text[:80]!r}, got {str(shared)[:80]!r}")


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait for what no session tells."""
    async with asyncio.timeout(SOON):
        while not condition():
            await asyncio.sleep(0.005)


async def text_on(url: str, document: str) -> str:
    """What somebody finds who comes new."""
    async with connect(url, document) as session:
        return str(body(session))


# -- edits ------------------------------------------------------------------------------------------------


@every_transport
async def test_edits_of_two_clients_converge(
    shared_server: CollabServer, document: str, transports: tuple[TransportName, ...]
) -> None:
    url = shared_server.url
    async with (
        connect(url, document, transports=transports) as one,
        connect(url, document, transports=transports) as other,
    ):
        assert one.status is Status.LIVE and one.transport == transports[0]
        rng = random.Random(1)
        for number in range(300):
            session = rng.choice((one, other))
            text = body(session)
            text.insert(0, rng.choice("ab😀"))
            if number % 7 == 0:
                del text[0 : len(str(text)[0].encode())]  # pycrdt counts bytes
            session.doc.get("list", type=Array).append(number)
            session.doc.get("map", type=Map)[str(number % 5)] = number
            if number % 20 == 0:
                await asyncio.sleep(0)
        await one.saved(SOON)
        await other.saved(SOON)
        await eventually(lambda: clocks(one) == clocks(other))
        assert str(body(one)) == str(body(other)) and len(str(body(one))) > 100
        assert len(one.doc.get("list", type=Array)) == 300
        assert one.doc.get("list", type=Array).to_py() == other.doc.get("list", type=Array).to_py()
        assert one.doc.get("map", type=Map).to_py() == other.doc.get("map", type=Map).to_py()


async def test_what_was_saved_survives_the_death_of_the_server(
    start_server: Start, tmp_path: Path, document: str
) -> None:
    server = start_server(f"sqlite:///{tmp_path}/collab.db")
    async with connect(server.url, document, backoff=QUICK) as session:
        text = body(session)
        assert session.unsaved == 0
        text += "hello"
        assert session.unsaved == 1
        await session.saved(SOON)
        assert session.unsaved == 0
        server.kill()
        await session.reached(Status.OFFLINE, timeout=SOON)
        server.start()
        assert await text_on(server.url, document) == "hello"


@every_transport
async def test_edits_made_offline_on_both_sides_meet_after_a_restart(
    start_server: Start, tmp_path: Path, document: str, transports: tuple[TransportName, ...]
) -> None:
    server = start_server(f"sqlite:///{tmp_path}/collab.db")
    async with (
        connect(server.url, document, backoff=QUICK, transports=transports) as one,
        connect(server.url, document, backoff=QUICK, transports=transports) as other,
    ):
        text, same_text = body(one), body(other)
        text += "middle"
        await one.saved(SOON)
        await until_text(other, "middle")
        assert await asyncio.to_thread(server.stop) == 0
        await one.reached(Status.OFFLINE, Status.CONNECTING, timeout=SOON)
        await other.reached(Status.OFFLINE, Status.CONNECTING, timeout=SOON)
        text.insert(0, "front ")
        same_text += " back"
        for number in range(100):
            one.doc.get("numbers", type=Array).append(number)
        assert one.unsaved == 101 and other.unsaved == 1
        with pytest.raises(TimeoutError):
            await one.saved(0.05)
        await asyncio.to_thread(server.start)
        await one.saved(SOON)
        await other.saved(SOON)
        await until_text(one, "front middle back")
        await until_text(other, "front middle back")
        assert one.unsaved == 0 and one.status is Status.LIVE
    assert await text_on(server.url, document) == "front middle back"


async def test_a_restart_in_the_middle_of_typing_loses_nothing(
    start_server: Start, tmp_path: Path, document: str
) -> None:
    server = start_server(f"sqlite:///{tmp_path}/collab.db")
    async with connect(server.url, document, backoff=QUICK) as session:
        text = body(session)
        restart = asyncio.create_task(asyncio.to_thread(server.restart))
        typed = 0
        while not restart.done() or session.status is not Status.LIVE or typed < 50:
            text += "x"
            typed += 1
            await asyncio.sleep(0.005)
        await restart
        await session.saved(SOON)
        assert await text_on(server.url, document) == "x" * typed


async def test_a_server_that_has_lost_the_document_gets_it_back(start_server: Start, document: str) -> None:
    server = start_server("memory://")
    async with connect(server.url, document, backoff=QUICK) as session:
        text = body(session)
        text += "kept here"
        await session.saved(SOON)
        await asyncio.to_thread(server.restart)
        await session.reached(Status.OFFLINE, timeout=SOON)
        await session.reached(Status.LIVE, timeout=SOON)
        assert await text_on(server.url, document) == "kept here"


async def test_leaving_saves_what_is_under_way(shared_server: CollabServer, document: str) -> None:
    async with connect(shared_server.url, document) as session:
        text = body(session)
        text += "last words"
    assert session.status is Status.CLOSED and session.unsaved == 0
    assert str(text) == "last words"  # the document remains
    text += "!"
    assert session.unsaved == 0
    assert await text_on(shared_server.url, document) == "last words"


async def test_a_document_that_one_brings_along_is_saved(shared_server: CollabServer, document: str) -> None:
    doc: Doc[Any] = Doc()
    text = doc.get("body", type=Text)
    text += "written on the train"
    async with connect(shared_server.url, document, doc=doc) as session:
        await session.saved(SOON)
        assert session.doc is doc
        assert await text_on(shared_server.url, document) == "written on the train"


async def test_a_large_document_comes_and_goes_in_one_piece(shared_server: CollabServer, document: str) -> None:
    size = 3 * 2**20
    for transports in (WEBSOCKET, POLLING):
        async with connect(shared_server.url, document, transports=transports) as session:
            shared = session.doc.get(transports[0], type=Text)
            shared += "x" * size
            await session.saved(60)
    async with connect(shared_server.url, document) as session:
        assert [len(session.doc.get(name, type=Text)) for name in ("websocket", "polling")] == [size, size]
    async with connect(shared_server.url, document, transports=POLLING) as session:
        assert len(session.doc.get("polling", type=Text)) == size


@every_transport
async def test_more_offline_edits_than_one_update_may_hold_go_out_in_pieces(
    start_server: Start, tmp_path: Path, document: str, transports: tuple[TransportName, ...]
) -> None:
    """And by polling in several requests, none larger than the server takes."""
    server = start_server(f"sqlite:///{tmp_path}/collab.db", args=["--max-update-bytes", "64KiB"])
    async with connect(server.url, document, backoff=QUICK, transports=transports) as session:
        await asyncio.to_thread(server.stop)
        await session.reached(Status.OFFLINE, Status.CONNECTING, timeout=SOON)
        chunks = session.doc.get("chunks", type=Array)
        for number in range(100):
            chunks.append(chr(65 + number % 26) * 16_000)
        await asyncio.to_thread(server.start)
        await session.saved(SOON)
        async with connect(server.url, document) as reader:
            assert len(reader.doc.get("chunks", type=Array)) == 100


async def test_an_edit_that_is_too_large_is_told_by_saved_and_by_nobody_else(
    start_server: Start, document: str
) -> None:
    server = start_server(args=["--max-update-bytes", "64KiB"])
    async with connect(server.url, document) as session:
        values = session.doc.get("values", type=Map)
        values["small"] = True
        await session.saved(SOON)  # the first edit might bring a whole document along (D12)
        values["one"] = "x" * 200_000  # which nobody can send in parts
        with pytest.raises(CollabError) as raised:
            await session.saved(SOON)
        assert raised.value.code == "update_too_large"
        assert session.status is Status.LIVE and session.unsaved == 1
        assert await text_on(server.url, document) == ""


#: as an edit of its own, or as an answer to a step 1 of the server, which may have the size of a document (D12)
TOO_LARGE = ("document_too_large", "update_too_large")


async def test_a_refused_edit_is_told_and_everything_else_goes_on(start_server: Start, document: str) -> None:
    """What was typed beside and behind it, at the same time and later, offline too (D11)."""
    server = start_server(args=["--max-document-bytes", "64KiB", "--max-update-bytes", "64KiB"])
    async with connect(server.url, document, backoff=QUICK) as session:
        text, values = body(session), session.doc.get("values", type=Map)
        text += "before, "
        await session.saved(SOON)
        with session.doc.transaction():
            values["one"] = "x" * 200_000  # for which there is no room
            text += "too much"
        await eventually(lambda: session.unsaved == 1)
        await asyncio.sleep(0)
        text += ", after"
        values["two"] = 2
        with pytest.raises(CollabError) as raised:
            await session.saved(SOON)
        assert raised.value.code in TOO_LARGE
        await session.saved(SOON)
        assert session.status is Status.LIVE and session.unsaved == 0
        edit = session.refused[0]
        assert edit.error.code in TOO_LARGE and "too much" in edit.text
        text += "!"
        await session.saved(SOON)
        assert "too much" not in str(text) and str(text).startswith("before, ") and str(text).endswith("!")
        assert "one" not in dict(values)
        async with connect(server.url, document) as reader:
            assert str(body(reader)) == str(text)
            assert dict(reader.doc.get("values", type=Map)) == dict(values)
            assert reader.doc.get_state() == session.doc.get_state()
        await asyncio.to_thread(server.kill)
        await session.reached(Status.OFFLINE, Status.CONNECTING, timeout=SOON)
        values["three"] = 3
        await asyncio.to_thread(server.start)  # with nothing in its store
        await session.saved(SOON)
        assert len(session.refused) == 1
        async with connect(server.url, document) as reader:
            assert str(body(reader)) == str(text)
            assert dict(reader.doc.get("values", type=Map)) == dict(values)


async def test_hooks_of_others_are_read_and_sent_back(shared_server: CollabServer, document: str) -> None:
    """pycrdt alone reads them as something else."""
    hook = bytes.fromhex("0101fb070007010178050677696467657400")
    async with connect(shared_server.url, document) as session:
        where = f"{shared_server.url}/api/v1/documents/{quote(document, safe='')}/update"
        async with aiohttp.ClientSession() as http, http.post(where, data=hook) as answer:
            assert answer.status == 200
        await session.until(lambda: session.doc.get_state() != b"\0", SOON)
        text = body(session)
        text += "beside it"
        await session.saved(SOON)
        async with connect(shared_server.url, document) as reader:
            assert str(body(reader)) == "beside it"
            assert len(reader.doc.get("x", type=XmlFragment).children) == 1


# -- transports -------------------------------------------------------------------------------------------


async def test_polling_takes_any_number_of_packets_at_once(shared_server: CollabServer, document: str) -> None:
    """python-engineio's client gives up at the 17th."""
    url = shared_server.url
    async with (
        connect(url, document, transports=POLLING) as reader,
        connect(url, document) as one,
        connect(url, document) as other,
    ):
        changes = reader.changes()
        for _ in range(60):
            for session in (one, other):
                text = body(session)
                text += "x"
                session.presence.set({"typed": len(text)})
                await session.saved(SOON)
        await until_text(reader, "x" * 120)
        assert (await anext(changes)).remote
        assert reader.status is Status.LIVE and reader.transport == "polling"


async def _without_websocket(target: str, asked: list[str]) -> web.Application:
    """A network that lets HTTP through and nothing else."""

    async def forward(request: web.Request) -> web.StreamResponse:
        asked.append(request.query["transport"])
        if request.query["transport"] == "websocket":
            raise web.HTTPForbidden
        async with aiohttp.ClientSession() as http, http.request(
            request.method, target + request.path_qs, data=await request.read(),
            headers={"Content-Type": "text/plain;charset=UTF-8"},
        ) as answer:  # fmt: skip
            return web.Response(status=answer.status, body=await answer.read(), content_type="text/plain")

    app = web.Application(client_max_size=2**24)
    app.router.add_route("*", "/{path:.*}", forward)
    return app


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


async def test_where_websockets_are_blocked_polling_takes_over(shared_server: CollabServer, document: str) -> None:
    asked: list[str] = []
    async with (
        serving(await _without_websocket(shared_server.url, asked)) as url,
        connect(url, document) as session,
    ):
        assert session.transport == "polling" and asked[0] == "websocket"
        text = body(session)
        text += "through"
        await session.saved(SOON)
        assert await text_on(shared_server.url, document) == "through"


@pytest.mark.parametrize("transports", [(), ("carrier pigeon",)])
def test_transports_have_known_names(transports: Any) -> None:
    with pytest.raises(ValueError, match="websocket, polling"):
        connect("http://127.0.0.1:1", "notes", transports=transports)


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://host", "/path"])
def test_urls_are_those_of_servers(url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        connect(url, "notes")


# -- being refused, and being away --------------------------------------------------------------------------


def test_a_bad_name_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(CollabError) as raised:
        connect("http://127.0.0.1:1", "a//b")
    assert raised.value.code == "invalid_document"


async def test_nobody_there(document: str) -> None:
    session = connect(f"http://127.0.0.1:{free_port()}", document, open_timeout=0.5, backoff=QUICK)
    with pytest.raises(ConnectionError, match=r"could not be opened at .*: Connection refused \(nothing listens"):
        await session.__aenter__()
    assert session.status is Status.CLOSED


async def test_something_else_there(document: str) -> None:
    async def hello(_request: web.Request) -> web.Response:
        return web.Response(text="<html>welcome</html>")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", hello)
    async with serving(app) as url:
        with pytest.raises(ConnectionError, match=r"not a Socket\.IO server"):
            await connect(url, document, open_timeout=0.5, backoff=QUICK).__aenter__()


async def test_a_server_that_comes_later_is_found(start_server: Start, document: str) -> None:
    port = free_port()
    entering = asyncio.create_task(
        connect(f"http://127.0.0.1:{port}", document, backoff=QUICK, open_timeout=SOON).__aenter__()
    )
    await asyncio.sleep(0)
    await asyncio.to_thread(start_server, port=port)
    session = await entering
    assert session.status is Status.LIVE
    await session.close()


async def test_giving_up_while_it_opens_leaves_nothing_behind(document: str) -> None:
    before = asyncio.all_tasks()
    session = connect(f"http://127.0.0.1:{free_port()}", document, open_timeout=None)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await session.__aenter__()
    assert session.status is Status.CLOSED
    assert asyncio.all_tasks() == before


async def test_closing_while_offline_is_quick_and_says_what_is_lost(
    start_server: Start, document: str, caplog: pytest.LogCaptureFixture
) -> None:
    server = start_server()
    session = await connect(server.url, document, backoff=QUICK).__aenter__()
    server.kill()
    await session.reached(Status.OFFLINE, timeout=SOON)
    text = body(session)
    text += "unsaved"
    waiting = asyncio.create_task(session.saved())
    await asyncio.sleep(0)
    started = time.monotonic()
    await session.close()
    assert time.monotonic() - started < 4
    assert "1 unsaved" in caplog.text
    with pytest.raises(ConnectionError, match="closed before everything was saved"):
        await waiting
    await session.close()  # twice is once


# -- tokens -------------------------------------------------------------------------------------------------


def token(document: str, role: str = "editor", *, ttl: float = 3600.0, sub: str = "ann") -> str:
    grants = [{"documents": document, "role": role}]
    claims = {"sub": sub, "name": sub.title(), "exp": time.time() + ttl, "grants": grants}
    return jwt.encode(claims, SECRET, "HS256")


@pytest.fixture(scope="module")
def guarded_server() -> Any:
    server = CollabServer("memory://", args=["--auth", "jwt", "--jwt-secret", SECRET]).start()
    yield server
    server.kill()


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (None, "unauthorized"),
        ("nonsense", "unauthorized"),
        (token("other/*"), "forbidden"),
        (token("*", ttl=-60), "token_expired"),
    ],
)
async def test_who_may_not_enter_is_told_why(
    guarded_server: CollabServer, document: str, given: str | None, code: str
) -> None:
    session = connect(guarded_server.url, document, token=given)
    with pytest.raises(CollabError) as raised:
        await session.__aenter__()
    assert raised.value.code == code
    assert session.status is Status.CLOSED and session.error is raised.value


async def test_a_viewer_reads_and_is_told_that_edits_are_not_saved(guarded_server: CollabServer, document: str) -> None:
    url = guarded_server.url
    async with (
        connect(url, document, token=token(document)) as editor,
        connect(url, document, token=token(document, "viewer", sub="vic")) as viewer,
    ):
        text = body(editor)
        text += "for all"
        await until_text(viewer, "for all")
        assert viewer.role == "viewer"
        await viewer.saved(SOON)  # there is nothing to save
        scribble = body(viewer)
        scribble += "?"
        with pytest.raises(CollabError) as raised:
            await viewer.saved(SOON)
        assert raised.value.code == "read_only"
        assert viewer.status is Status.LIVE and viewer.unsaved == 1
        text += " of us"
        await viewer.until(lambda: "of us" in str(scribble), SOON)
        assert "?" not in str(text)


async def test_a_token_function_is_asked_again_before_the_token_expires(
    guarded_server: CollabServer, document: str
) -> None:
    asked: list[float] = []

    async def fresh() -> str:
        asked.append(time.monotonic())
        return token(document, ttl=2.0 if len(asked) == 1 else 3600.0)

    async with connect(guarded_server.url, document, token=fresh) as session:
        expires_at, own = session.info["expires_at"], session.info["session"]
        await session.until(lambda: session.info["expires_at"] != expires_at, SOON)
        assert len(asked) == 2
        text = body(session)
        text += "still here"
        await session.saved(SOON)
        assert session.status is Status.LIVE
        assert [entry["session"] for entry in session.presence.everybody] == [own]  # without a reconnect


async def test_a_token_that_nobody_renews_ends_the_session(guarded_server: CollabServer, document: str) -> None:
    async with connect(guarded_server.url, document, token=token(document, ttl=1.0)) as session:
        notices, changes = session.notices(), session.changes()
        with pytest.raises(CollabError) as raised:
            await session.reached(Status.OFFLINE, timeout=SOON)
        assert raised.value.code == "token_expired"
        assert (await anext(notices))["code"] == "token_expired"
        with pytest.raises(CollabError):
            await anext(changes)
        text = body(session)
        text += "too late"
        with pytest.raises(CollabError):
            await session.reached(Status.LIVE)


async def test_a_token_function_that_fails_is_asked_again(guarded_server: CollabServer, document: str) -> None:
    asked = 0

    def sometimes() -> str:
        nonlocal asked
        asked += 1
        if asked < 3:
            raise OSError("the identity provider is away")
        return token(document)

    async with connect(guarded_server.url, document, token=sometimes, backoff=QUICK) as session:
        assert asked == 3 and session.info["user"]["name"] == "Ann"


# -- presence -----------------------------------------------------------------------------------------------


@every_transport
async def test_presence_is_seen_by_others_until_one_leaves(
    shared_server: CollabServer, document: str, transports: tuple[TransportName, ...]
) -> None:
    url = shared_server.url
    async with connect(url, document, user={"name": "Ann"}, transports=transports) as ann:
        ann.presence.set({"cursor": 3})
        async with connect(url, document, user={"name": "Bob", "color": "#123456"}, transports=transports) as bob:
            await bob.until(lambda: [entry["state"] for entry in bob.presence.others] == [{"cursor": 3}], SOON)
            (seen,) = bob.presence.others
            assert seen["user"]["name"] == "Ann" and seen["session"] == ann.info["session"]
            await ann.until(lambda: len(ann.presence.others) == 1, SOON)
            assert ann.presence.others[0]["user"] == {"name": "Bob", "color": "#123456"}
            assert len(ann.presence.everybody) == 2
            for cursor in range(100):
                ann.presence.set({"cursor": cursor})
            await bob.until(lambda: bob.presence.others[0]["state"] == {"cursor": 99}, SOON)
            own = [entry for entry in ann.presence.everybody if entry not in ann.presence.others]
            assert [entry["state"] for entry in own] == [{"cursor": 99}]
            ann.presence.set(None)
            await bob.until(lambda: bob.presence.others[0]["state"] is None, SOON)
        await ann.until(lambda: not ann.presence.others, SOON)


async def test_presence_comes_back_after_an_interruption(start_server: Start, document: str) -> None:
    server = start_server()
    async with (
        connect(server.url, document, backoff=QUICK) as one,
        connect(server.url, document, backoff=QUICK) as other,
    ):
        one.presence.set({"cursor": 7})
        await other.until(lambda: any(entry["state"] for entry in other.presence.others), SOON)
        server.kill()
        await other.reached(Status.OFFLINE, timeout=SOON)
        assert other.presence.everybody == []
        one.presence.set({"cursor": 8})
        await asyncio.to_thread(server.start)
        await other.until(lambda: [entry["state"] for entry in other.presence.others] == [{"cursor": 8}], SOON)


async def test_presence_may_be_set_before_the_session_is_open(shared_server: CollabServer, document: str) -> None:
    session = connect(shared_server.url, document)
    session.presence.set({"cursor": 1})
    async with session, connect(shared_server.url, document) as other:
        assert [entry["state"] for entry in session.presence.everybody][:1] == [{"cursor": 1}]
        await other.until(lambda: [entry["state"] for entry in other.presence.others] == [{"cursor": 1}], SOON)


@pytest.mark.parametrize("state", ["a string", 3, {"when": object()}])
async def test_presence_that_is_no_json_object_fails_where_it_is_set(state: Any) -> None:
    with pytest.raises(TypeError):
        connect("http://127.0.0.1:1", "notes").presence.set(state)


# -- changes ------------------------------------------------------------------------------------------------


async def test_changes_are_those_of_others(shared_server: CollabServer, document: str) -> None:
    url = shared_server.url
    async with connect(url, document) as one, connect(url, document) as other:
        theirs, all_changes = one.changes(), one.changes(local=True)
        text, same_text = body(one), body(other)
        text += "mine "
        await until_text(other, "mine ")
        same_text += "yours"
        change = await anext(theirs)
        assert change.remote
        assert str(text) == "mine yours"  # it is in the document already
        assert [(await anext(all_changes)).remote for _ in range(2)] == [False, True]
        replica: Doc[Any] = Doc()
        replica.apply_update(one.doc.get_update())
        await one.close()
        with pytest.raises(StopAsyncIteration):
            await anext(theirs)


async def test_a_listener_that_falls_behind_gets_several_as_one() -> None:
    stream: Stream[list[int]] = Stream(backlog=4, join=lambda one, other: one + other)
    slow, other = stream.listen(), stream.listen()
    for number in range(10):
        stream.put([number])
    stream.end()
    assert [item async for item in slow] == [[0], [1], [2], [3, 4, 5, 6, 7, 8, 9]]
    assert [item async for item in other] == [[0], [1], [2], [3, 4, 5, 6, 7, 8, 9]]


async def test_an_observer_that_fails_does_not_end_the_session(
    shared_server: CollabServer, document: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with connect(shared_server.url, document) as one, connect(shared_server.url, document) as other:

        def fail(_event: Any) -> None:
            raise ValueError("a mistake of the application")

        one.doc.observe(fail)
        text = body(other)
        text += "a"
        await until_text(one, "a")
        text += "b"
        await until_text(one, "ab")
        assert one.status is Status.LIVE and "a mistake of the application" in caplog.text


# -- a server that misbehaves ---------------------------------------------------------------------------------


class Peer:
    """One connection, seen by a scripted server."""

    def __init__(self, ws: web.WebSocketResponse, document: str) -> None:
        self.ws = ws
        self.namespace = f"/doc/{document}"
        self.doc: Doc[Any] = Doc()
        self.updates: list[bytes] = []

    async def event(self, name: str, payload: Any, id: int | None = None) -> None:
        number = "" if id is None else id
        if isinstance(payload, bytes):
            head = json.dumps([name, {"_placeholder": True, "num": 0}])
            await self.ws.send_str(f"451-{self.namespace},{number}{head}")
            await self.ws.send_bytes(payload)
        else:
            await self.ws.send_str(f"42{self.namespace},{number}{json.dumps([name, payload])}")

    async def receive(self) -> tuple[str, str, bytes | None]:
        """Packet type, what follows the namespace, attachment."""
        text = await self.ws.receive_str()
        head, _, rest = text.partition(",")
        attachment = await self.ws.receive_bytes() if head[1] in "56" else None
        return head[1], rest, attachment

    async def begin(self, *, heartbeat: int = 25_000) -> None:
        """Everything up to a session that is live."""
        await self.ws.send_str(f'0{{"sid":"s","upgrades":[],"pingInterval":{heartbeat},"pingTimeout":{heartbeat}}}')
        await self.receive()
        await self.ws.send_str(f'40{self.namespace},{{"sid":"x"}}')
        await self.event("session", {"session": "me", "role": "editor", "limits": {}})
        await self.event("sync-step-1", self.doc.get_state(), 0)

    async def serve(self, answer: Callable[[bytes], Awaitable[Any]]) -> None:
        """Answer edits as ``answer`` says, everything else as it should be, until the peer leaves."""
        while True:
            kind, rest, attachment = await self.receive()
            if kind == "1":
                return
            number = rest[: rest.index("[")]
            if "sync-step-1" in rest:
                await self.ws.send_str(f'461-{self.namespace},{number}[{{"_placeholder":true,"num":0}}]')
                await self.ws.send_bytes(self.doc.get_update(attachment))
            elif "sync-update" in rest:
                assert attachment is not None
                self.updates.append(attachment)
                result = await answer(attachment)
                await self.ws.send_str(f"43{self.namespace},{number}{json.dumps([result])}")


@asynccontextmanager
async def scripted(document: str, script: Callable[[Peer, int], Awaitable[None]]) -> AsyncIterator[str]:
    """A server whose n-th connection is played by ``script(peer, n)``; afterwards it is cut."""
    connections = 0

    async def handle(request: web.Request) -> web.StreamResponse:
        nonlocal connections
        connections += 1
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        try:
            await script(Peer(ws, document), connections - 1)
        except (TypeError, ConnectionError):  # the peer has left: aiohttp has no text to give
            return ws
        await ws.close()
        return ws

    app = web.Application()
    app.router.add_get("/socket.io/", handle)
    async with serving(app) as url:
        yield url


def refused(code: str, **more: Any) -> dict[str, Any]:
    return {"ok": False, "error": {"code": code, "message": code, "retryable": True, **more}}


SAVED = {"ok": True, "durable": True, "position": 1}


async def test_what_the_server_cannot_save_now_is_sent_until_it_can(document: str) -> None:
    answers = [refused("storage_unavailable", retry_after=0.01), refused("storage_unavailable"), SAVED]

    async def answer(_update: bytes) -> Any:
        return answers.pop(0)

    async def script(peer: Peer, _number: int) -> None:
        await peer.begin()
        await peer.serve(answer)

    async with (
        scripted(document, script) as url,
        connect(url, document, transports=WEBSOCKET, backoff=QUICK) as session,
    ):
        text = body(session)
        text += "patience"
        await session.saved(SOON)
        assert answers == [] and session.unsaved == 0


async def test_while_the_server_cannot_save_edits_are_not_poured_over_it(document: str) -> None:
    peers: list[Peer] = []

    async def script(peer: Peer, _number: int) -> None:
        peers.append(peer)

        async def answer(_update: bytes) -> Any:
            return refused("storage_unavailable", retry_after=60)

        await peer.begin()
        await peer.serve(answer)

    async with (
        scripted(document, script) as url,
        connect(url, document, transports=WEBSOCKET, close_timeout=0.1) as session,
    ):
        text = body(session)
        text += "a"
        await eventually(lambda: session._sender.held)
        for _ in range(10):
            text += "b"
            with pytest.raises(TimeoutError):
                await session.saved(0.03)
        assert len(peers[0].updates) == 1 and session.unsaved == 11
        # It says so when it can again.
        await peers[0].event("notice", {"code": "storage_unavailable", "resolved": True, "retryable": True})
        await eventually(lambda: len(peers[0].updates) == 2)
        replica: Doc[Any] = Doc()
        replica.apply_update(peers[0].updates[1])
        assert str(replica.get("body", type=Text)) == "a" + "b" * 10


async def test_what_was_under_way_when_the_connection_broke_is_not_saved(document: str) -> None:
    second_answers = asyncio.Event()
    peers: list[Peer] = []

    async def script(peer: Peer, number: int) -> None:
        peers.append(peer)

        async def answer(_update: bytes) -> Any:
            if number == 0:
                raise ConnectionError  # instead of an answer
            await second_answers.wait()
            return SAVED

        await peer.begin()
        await peer.serve(answer)

    async with (
        scripted(document, script) as url,
        connect(url, document, transports=WEBSOCKET, backoff=QUICK) as session,
    ):
        text = body(session)
        text += "a"
        await session.reached(Status.OFFLINE, timeout=SOON)
        assert session.unsaved == 1
        await eventually(lambda: len(peers) == 2 and bool(peers[1].updates))
        assert session.unsaved == 1
        second_answers.set()
        await session.saved(SOON)
        assert session.unsaved == 0 and len(peers[1].updates) == 1


async def test_attempts_are_counted_until_one_succeeds(start_server: Start, document: str) -> None:
    class Counting(Backoff):
        def delay(self, attempt: int, retry_after: float | None = None) -> float:
            attempts.append(attempt)
            return 0.01

    attempts: list[int] = []
    server = start_server()
    async with connect(server.url, document, backoff=Counting()) as session:
        server.kill()
        await session.until(lambda: len(attempts) > 3, SOON)
        assert attempts[:4] == [0, 1, 2, 3]
        await asyncio.to_thread(server.start)
        await session.reached(Status.LIVE, timeout=SOON)
        before = len(attempts)
        server.kill()
        await session.until(lambda: len(attempts) > before, SOON)
        assert attempts[before] == 0


async def test_a_later_confirmation_does_not_save_an_earlier_edit(document: str) -> None:
    """`saved` has to wait for both: the first one is refused for now, the second one is taken."""
    let_first_pass = asyncio.Event()
    peers: list[Peer] = []

    async def answer(update: bytes) -> Any:
        doc = peers[0].doc
        if not let_first_pass.is_set() and b"first" in update:
            return refused("storage_unavailable", retry_after=0.2)
        doc.apply_update(update)
        return SAVED

    async def script(peer: Peer, _number: int) -> None:
        peers.append(peer)
        await peer.begin()
        await peer.serve(answer)

    async with (
        scripted(document, script) as url,
        connect(url, document, transports=WEBSOCKET, backoff=QUICK) as session,
    ):
        first, second = session.doc.get("one", type=Text), session.doc.get("two", type=Text)
        first += "first"
        await eventually(lambda: bool(peers[0].updates))
        second += "second"
        assert session.unsaved == 2
        with pytest.raises(TimeoutError):
            await session.saved(0.3)
        assert session.unsaved > 0
        let_first_pass.set()
        await session.saved(SOON)
        assert str(peers[0].doc.get("one", type=Text)) == "first"
        assert str(peers[0].doc.get("two", type=Text)) == "second"


async def test_missing_dependencies_are_sent_when_the_server_asks(document: str) -> None:
    asked: list[Peer] = []

    async def script(peer: Peer, _number: int) -> None:
        asked.append(peer)

        async def answer(update: bytes) -> Any:
            if len(peer.updates) == 2:
                await peer.event("sync-step-1", b"\0", 7)  # it has lost everything
                return refused("missing_dependencies")
            return SAVED

        await peer.begin()
        await peer.serve(answer)

    async with scripted(document, script) as url, connect(url, document, transports=WEBSOCKET) as session:
        text = body(session)
        text += "one "
        await session.saved(SOON)
        text += "two"
        await session.saved(SOON)
        replica: Doc[Any] = Doc()
        replica.apply_update(asked[0].updates[-1])
        assert str(replica.get("body", type=Text)) == "one two"


@pytest.mark.parametrize(
    "nonsense",
    ["42/doc/{d},nonsense", "9", '451-/doc/{d},["x"]', "43/doc/{d},[]", '42/doc/{d},["session",{{"session":"again"}}]'],
)
async def test_a_server_that_breaks_the_protocol_is_left_and_tried_again(document: str, nonsense: str) -> None:
    async def script(peer: Peer, number: int) -> None:
        await peer.begin()
        if number == 0:
            await peer.ws.send_str("4" + nonsense.format(d=document)[1:] if nonsense != "9" else "49")
            await peer.ws.send_str(f'42{peer.namespace},["notice",{{"code":"internal"}}]')

        async def answer(_update: bytes) -> Any:
            return SAVED

        await peer.serve(answer)

    statuses: list[Status] = []
    async with scripted(document, script) as url:
        session = connect(url, document, transports=WEBSOCKET, backoff=QUICK)
        move = session._move
        session._move = lambda status: (statuses.append(status), move(status))[1]  # type: ignore[method-assign]
        async with session:
            await session.until(lambda: Status.OFFLINE in statuses and session.status is Status.LIVE, SOON)
            text = body(session)
            text += "x"
            await session.saved(SOON)


@pytest.mark.parametrize(
    ("code", "final"), [("document_deleted", True), ("forbidden", True), ("draining", False), (None, False)]
)
async def test_after_a_dismissal_the_reason_decides_whether_to_come_back(
    document: str, code: str | None, final: bool
) -> None:
    async def script(peer: Peer, number: int) -> None:
        await peer.begin()
        if number == 0:
            if code is not None:
                await peer.event("notice", {"code": code, "message": "bye", "retryable": not final})
            await peer.ws.send_str(f"41{peer.namespace},")

        async def answer(_update: bytes) -> Any:
            return SAVED

        await peer.serve(answer)

    async with scripted(document, script) as url:
        session = connect(url, document, transports=WEBSOCKET, backoff=QUICK)
        if final:
            with pytest.raises(CollabError) as raised:
                await session.__aenter__()
            assert raised.value.code == code and session.status is Status.CLOSED
        else:
            async with session:
                assert session.status is Status.LIVE


async def test_a_server_that_goes_silent_is_left(document: str) -> None:
    async def script(peer: Peer, number: int) -> None:
        async def answer(_update: bytes) -> Any:
            return SAVED

        await peer.begin(heartbeat=100 if number == 0 else 25_000)  # and no ping follows
        await peer.serve(answer)

    async with (
        scripted(document, script) as url,
        connect(url, document, transports=WEBSOCKET, backoff=QUICK) as session,
    ):
        await session.reached(Status.OFFLINE, timeout=SOON)
        assert "silent" in str(session._last_failure)
        await session.reached(Status.LIVE, timeout=SOON)


# -- parts --------------------------------------------------------------------------------------------------


def test_backoff_doubles_with_full_jitter_and_adds_what_the_server_asks() -> None:
    backoff = Backoff(base=1.0, most=10.0)
    for attempt, most in ((0, 1.0), (1, 2.0), (2, 4.0), (3, 8.0), (4, 10.0), (10_000, 10.0)):
        delays = [backoff.delay(attempt) for _ in range(400)]
        assert 0 <= min(delays) < most * 0.1
        assert most * 0.9 < max(delays) <= most
    assert all(5 <= backoff.delay(0, retry_after=5) <= 6 for _ in range(100))


@pytest.mark.parametrize(
    ("url", "path", "endpoint"),
    [
        ("http://host:8080", "/socket.io/", "http://host:8080/socket.io/"),
        ("wss://host/collab/", "/socket.io/", "https://host/collab/socket.io/"),
        ("https://host", "live", "https://host/live/"),
    ],
)
def test_the_endpoint_lies_below_the_url(url: str, path: str, endpoint: str) -> None:
    assert str(NetworkDialer(url, path=path).endpoint) == endpoint


async def test_an_http_session_that_was_given_is_used_and_stays_open(
    shared_server: CollabServer, document: str
) -> None:
    async with aiohttp.ClientSession() as http:
        async with connect(shared_server.url, document, http=http, transports=POLLING) as session:
            assert session.status is Status.LIVE
        assert not http.closed


def test_the_client_does_not_bring_the_server_with_it() -> None:
    program = (
        "import sys, collab.client, collab.client.sync\n"
        "print(*sorted(name for name in sys.modules if name.startswith(('collab', 'socketio', 'engineio'))))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    allowed = ("collab._version", "collab.client", "collab.protocol", "collab.errors", "collab.types")
    foreign = [name for name in ran.stdout.split() if name != "collab" and not name.startswith(allowed)]
    assert foreign == []


# -- the blocking twin ----------------------------------------------------------------------------------------


def test_two_scripts_converge(shared_server: CollabServer, document: str) -> None:
    url = shared_server.url
    with blocking.connect(url, document, user={"name": "Ann"}) as one, blocking.connect(url, document) as other:
        text = body(one)
        text += "hello"
        assert one.unsaved >= 0 and one.status is Status.LIVE and one.role == "admin"
        one.saved(SOON)
        assert one.unsaved == 0
        other.until(lambda: str(body(other)) == "hello", SOON)
        changes = one.changes(SOON)
        same_text = body(other)
        same_text += " world"
        assert next(changes).remote and str(text) == "hello world"
        one.presence.set({"cursor": 1})
        other.until(lambda: [entry["state"] for entry in other.presence.others] == [{"cursor": 1}], SOON)
        assert len(one.presence.everybody) == 2
        assert list(one.changes(0.01)) == []
        assert one.status == "live" and f"{one.status}" == "live"
    assert one.status == "closed" and one.unsaved == 0 and one.role == "admin"
    assert str(body_of(one)) == "hello world"


def body_of(session: blocking.Session) -> Text:
    text: Text = session._doc.get("body", type=Text)
    return text


def test_a_script_survives_a_restart(start_server: Start, tmp_path: Path, document: str) -> None:
    server = start_server(f"sqlite:///{tmp_path}/collab.db")
    with blocking.connect(server.url, document, backoff=QUICK) as session:
        text = body(session)
        text += "before "
        session.saved(SOON)
        server.stop()
        text += "after"
        server.start()
        session.saved(SOON)
    doc: Doc[Any] = Doc()
    with blocking.connect(server.url, document, doc=doc) as session:
        assert str(doc.get("body", type=Text)) == "before after"


def test_a_script_gets_the_same_errors(guarded_server: CollabServer, document: str) -> None:
    with pytest.raises(CollabError) as raised:
        blocking.connect(guarded_server.url, document).__enter__()
    assert raised.value.code == "unauthorized"
    with blocking.connect(guarded_server.url, document, token=token(document, ttl=1.0)) as session:
        with pytest.raises(CollabError) as raised:
            session.until(lambda: False, SOON)
        assert raised.value.code == "token_expired"
        assert list(session.changes(SOON)) == []
    with pytest.raises(ConnectionError):
        session.saved()


def test_a_script_brings_a_document_along(shared_server: CollabServer, document: str) -> None:
    doc: Doc[Any] = Doc()
    text = doc.get("body", type=Text)
    text += "mine"
    with blocking.connect(shared_server.url, document, doc=doc) as session:
        session.saved(SOON)
        with blocking.connect(shared_server.url, document) as reader:
            assert str(body(reader)) == "mine"
    assert pycrdt.get_state(doc.get_update())
