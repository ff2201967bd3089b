"""Streams over Socket.IO and HTTP: kept, in order, each once, resumable (rules T1 to T7)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from collab.client import Backoff
from collab.client import connect as open_session
from collab.client import sync as blocking
from collab.errors import CollabError
from tests.support.api import JWT, Api, EventStream, mint, where
from tests.support.server import CollabServer
from tests.support.wire import Client, WebSocketWire
from tests.wire.conftest import Connect, Serve

pytestmark = pytest.mark.asyncio


def told(client: Client) -> list[int]:
    return [event["offset"] for event in client.events("stream")]


async def until_told(client: Client, last: int) -> None:
    await client.wait(
        lambda packet: packet.type == 2 and packet.data[0] == "stream" and packet.data[1]["offset"] == last
    )


@pytest.mark.parametrize("polling", [False, True])
async def test_an_event_is_acknowledged_and_everybody_has_it(connect: Connect, polling: bool) -> None:
    name = f"/doc/streams-{polling}"
    ann = await connect(name, {"user": {"name": "Ann"}}, polling=polling)
    bob = await connect(name, {"user": {"name": "Bob"}})
    for client in (ann, bob):
        assert await client.call("subscribe", {"stream": "chat"}) == {"ok": True, "events": [], "offset": 0}
    answer = await ann.call("publish", {"stream": "chat", "event": "says", "data": {"text": "hi"}})
    assert answer == {"ok": True, "durable": True, "offset": 1}
    for client in (ann, bob):
        event = await client.event("stream")
        assert event.pop("at").endswith("Z")
        assert event == {
            "stream": "chat", "offset": 1, "event": "says", "data": {"text": "hi"},
            "from": {"participant": None, "name": "Ann", "agent": False},
        }  # fmt: skip
    assert (await bob.call("publish", {"stream": "chat", "data": None}))["offset"] == 2
    assert (await bob.call("publish", {"stream": "other", "data": 1}))["offset"] == 1
    await until_told(ann, 2)
    assert await bob.call("unsubscribe", {"stream": "chat"}) == {"ok": True}
    await ann.call("publish", {"stream": "chat", "data": 3})
    await until_told(ann, 3)
    assert (told(ann), told(bob)) == ([1, 2, 3], [1, 2])


async def test_whoever_comes_back_goes_on_where_they_were(connect: Connect) -> None:
    ann, bob = await connect("/doc/streams-resume"), await connect("/doc/streams-resume")
    for number in range(150):
        await ann.emit("publish", {"stream": "chat", "data": number})
    assert (await ann.call("publish", {"stream": "chat", "data": 150}))["offset"] == 151
    newest = await bob.call("subscribe", {"stream": "chat"})
    assert [event["offset"] for event in newest["events"]] == list(range(52, 152))
    assert [event["data"] for event in newest["events"]] == list(range(51, 151)), "in the order in which they were sent"
    again = await bob.call("subscribe", {"stream": "chat", "after": 148})
    assert ([event["offset"] for event in again["events"]], again["offset"]) == ([149, 150, 151], 151)
    assert again["events"][0]["event"] == "message"
    everything = await bob.call("subscribe", {"stream": "chat", "after": 0})
    assert [event["offset"] for event in everything["events"]] == list(range(1, 152))
    await ann.call("publish", {"stream": "chat", "data": 151})
    await until_told(bob, 152)
    assert told(bob) == [152]


@pytest.mark.parametrize(
    ("event", "payload", "path"),
    [
        ("publish", {"stream": "Chat", "data": 1}, "stream"), ("publish", {"stream": "", "data": 1}, "stream"),
        ("publish", {"stream": 1, "data": 1}, "stream"), ("publish", {"data": 1}, "stream"),
        ("publish", {"stream": "chat"}, "data"), ("publish", {"stream": "chat", "data": 1, "event": ""}, "event"),
        ("publish", {"stream": "chat", "data": "x" * 66_000}, "data"),
        ("publish", {"stream": "chat", "data": 1, "key": ""}, "key"),
        ("publish", {"stream": "chat", "data": 1, "offset": 7}, "offset"),
        ("subscribe", {"stream": "a/b"}, "stream"), ("subscribe", {"stream": "chat", "after": -1}, "after"),
        ("subscribe", {"stream": "chat", "after": "1"}, "after"), ("subscribe", {"stream": "chat", "x": 1}, "x"),
        ("subscribe", [], None), ("unsubscribe", {}, "stream"),
    ],
)  # fmt: skip
async def test_what_cannot_be_read_is_named(connect: Connect, event: str, payload: Any, path: str | None) -> None:
    client = await connect("/doc/streams-faults")
    answer = await client.call(event, payload)
    assert (answer["ok"], answer["error"]["code"], answer["error"].get("path")) == (False, "invalid_payload", path)
    assert (await client.call("subscribe", {"stream": "chat"}))["offset"] == 0


async def test_commenters_publish_and_readers_follow(serve: Serve, http: aiohttp.ClientSession) -> None:
    api = await serve(JWT)

    async def client(role: str) -> Client:
        one = Client(WebSocketWire(api.server.url, http), "/doc/a")
        await one.connect({"token": mint(f"*={role}", sub=role, name=role.title(), ttl=600)})
        return one

    clients = {role: await client(role) for role in ("viewer", "commenter", "editor")}
    answers = {role: await one.call("publish", {"stream": "chat", "data": 1}) for role, one in clients.items()}
    assert answers["viewer"]["error"]["code"] == "read_only"
    assert (answers["commenter"]["offset"], answers["editor"]["offset"]) == (1, 2)
    found = await clients["viewer"].call("subscribe", {"stream": "chat"})
    assert [event["from"]["participant"] for event in found["events"]] == ["commenter", "editor"]
    assert clients["commenter"].events("session")[0]["role"] == "commenter"
    edit = await clients["commenter"].call("operations", {"operations": []})
    assert edit["error"]["code"] == "read_only", "a commenter does not edit"
    for one in clients.values():
        await one.close()


async def test_a_key_is_its_senders_own(serve: Serve, http: aiohttp.ClientSession) -> None:
    api = await serve(JWT)
    offsets = []
    for sub in ("ann", "ann", "bob"):
        one = Client(WebSocketWire(api.server.url, http), "/doc/a")
        await one.connect({"token": mint("*=commenter", sub=sub)})
        offsets.append((await one.call("publish", {"stream": "chat", "data": sub, "key": "k"}))["offset"])
        await one.close()
    assert offsets == [1, 1, 2]


async def test_it_is_still_there_after_a_kill(start_server: Any, connect: Connect, tmp_path: Path) -> None:
    server: CollabServer = start_server(f"sqlite:///{tmp_path}/store.db")
    client = await connect("/doc/kept", server=server)
    answers = await asyncio.gather(
        *(client.call("publish", {"stream": "chat", "data": at, "key": str(at)}) for at in range(20))
    )
    assert sorted(answer["offset"] for answer in answers) == list(range(1, 21))
    server.kill()
    server.start()
    client = await connect("/doc/kept", server=server)
    found = await client.call("subscribe", {"stream": "chat", "after": 0})
    assert [event["offset"] for event in found["events"]] == list(range(1, 21))
    again = await client.call("publish", {"stream": "chat", "data": 7, "key": "7"})
    assert again["offset"] == answers[7]["offset"]


# -- over HTTP --------------------------------------------------------------------------------------------

CHAT = where("team/notes") + "/streams/chat"


async def read_on(stream: EventStream, last: int) -> list[int]:
    """Offsets of what came until the event ``last``."""
    while True:
        event = await stream.until("stream")
        assert event.json["offset"] == int(event.last_id)
        if event.json["offset"] >= last:
            return [each.json["offset"] for each in stream.events if each.name == "stream"]


async def test_published_and_read_over_http(api: Api) -> None:
    assert (await api("GET", CHAT)).code == "not_found", "reading makes no document"
    answer = await api("POST", CHAT, {"event": "says", "data": {"text": "hi"}})
    assert (answer.status, answer.json) == (201, {"offset": 1, "durable": True})
    for number in range(2, 8):
        await api("POST", CHAT, {"data": number})
    page = (await api("GET", CHAT + "?after=0&limit=3")).json
    assert ([event["offset"] for event in page["events"]], page["offset"], page["last"]) == ([1, 2, 3], 3, 7)
    first = page["events"][0]
    assert first.pop("at").endswith("Z")
    sender = first.pop("from")
    assert first == {"stream": "chat", "offset": 1, "event": "says", "data": {"text": "hi"}}
    assert (sender["participant"], sender["agent"]) == (None, False)
    newest = (await api("GET", CHAT + "?limit=2")).json
    assert ([event["offset"] for event in newest["events"]], "gap" in newest) == ([6, 7], False)
    beyond = (await api("GET", CHAT + "?after=99")).json
    assert beyond == {"events": [], "offset": 7, "last": 7, "gap": True}
    nothing = (await api("GET", where("team/notes") + "/streams/other")).json
    assert nothing == {"events": [], "offset": 0, "last": 0}


async def test_a_repeated_key_over_http_is_one_event(api: Api) -> None:
    keyed = {"Idempotency-Key": "8e03978e-40d5-43e8-bc93-6894a57f9324"}
    answers = await asyncio.gather(*(api("POST", CHAT, {"data": 1}, headers=keyed) for _ in range(5)))
    assert [(answer.status, answer.json["offset"]) for answer in answers] == [(201, 1)] * 5
    assert (await api("POST", CHAT, {"data": 1}, headers={"Idempotency-Key": "another"})).json["offset"] == 2
    for bad in ("", "x" * 201, "a\tb"):
        assert (await api("POST", CHAT, {"data": 1}, headers={"Idempotency-Key": bad})).code == "invalid_payload"
    assert (await api("GET", CHAT)).json["last"] == 2


async def test_what_cannot_be_read_over_http_is_named(api: Api) -> None:
    for body in ({}, {"data": 1, "x": 1}, {"data": 1, "event": ""}, {"data": [[[[[[[[[[1]]]]]]]]]] * 9000}):
        assert (await api("POST", CHAT, body)).code == "invalid_payload", body
    for path in ("Chat", "a%20b", "a" * 41):
        for suffix in ("", "/events"):
            answer = await api("GET", f"{where('team/notes')}/streams/{path}{suffix}")
            assert answer.code in ("invalid_payload", "not_found")
        assert (await api("POST", f"{where('team/notes')}/streams/{path}", {"data": 1})).code == "invalid_payload"
    for query in ("after=-1", "after=x", "limit=0", "limit=1001"):
        assert (await api("GET", f"{CHAT}?{query}")).code == "invalid_payload"


async def test_followed_by_server_sent_events(api: Api, http: aiohttp.ClientSession) -> None:
    client = Client(WebSocketWire(api.server.url, http), "/doc/team/notes")
    await client.connect({"presence": "json"})
    for number in range(1, 151):
        await client.emit("publish", {"stream": "chat", "data": number})
    await client.call("publish", {"stream": "chat", "data": 151})
    async with (
        api.events("team/notes", stream="chat") as newest,
        api.events("team/notes", stream="chat", query="?after=0") as everything,
    ):
        assert newest.response.headers["Content-Type"].startswith("text/event-stream")
        assert await read_on(newest, 151) == list(range(52, 152))
        assert await read_on(everything, 151) == list(range(1, 152))
        await api.write("team/notes", "an edit is no event")
        await api("POST", CHAT, {"data": 152})
        await client.call("publish", {"stream": "other", "data": 1})
        await client.call("publish", {"stream": "chat", "data": 153})
        assert await read_on(newest, 153) == list(range(52, 154))
        participants = (await api("GET", where("team/notes") + "/participants")).json["participants"]
        assert len(participants) == 3, "who reads a stream is here"
    await api("POST", CHAT, {"data": 154})
    # What a browser has read last counts for more than what stands in the address that it opens again.
    async with api.events("team/notes", stream="chat", last="151", query="?after=0") as again:
        assert await read_on(again, 154) == [152, 153, 154]
    async with api.events("team/notes", stream="chat", query="?last_event_id=153") as again:
        assert await read_on(again, 154) == [154]
    await client.close()


async def test_a_long_stream_comes_to_a_slow_reader_whole(serve: Serve) -> None:
    api = await serve({"send_buffer_bytes": "64KiB", "rate_updates": 10**6, "rate_bytes": "1GiB"})
    live = await api.server.hub.live("team/notes")
    for number in range(300):
        await live.streams.publish("chat", b'{"event":"x","data":"%b","from":%d}' % (b"x" * 20_000, number))
    async with api.events("team/notes", stream="chat", query="?after=0") as stream:
        await asyncio.sleep(0)
        more = asyncio.create_task(api("POST", CHAT, {"data": "last"}))
        assert await read_on(stream, 301) == list(range(1, 302))
        await more


async def test_whoever_follows_is_sent_away_with_the_document(api: Api) -> None:
    await api("POST", CHAT, {"data": 1})
    async with api.events("team/notes", stream="chat") as stream:
        assert await read_on(stream, 1) == [1]
        assert (await api("DELETE", where("team/notes"))).status == 204
        assert (await stream.until("notice")).json["code"] == "document_deleted"
        assert await stream.next() is None
    await api("POST", where("team/notes") + "/undelete")
    assert (await api("GET", CHAT)).json["last"] == 1
    assert (await api("DELETE", where("team/notes") + "?forever=true")).status == 204
    assert (await api("POST", CHAT, {"data": 2})).json["offset"] == 1


async def test_roles_over_http(serve: Serve) -> None:
    api = await serve(JWT)
    viewer, commenter, stranger = (api.as_(mint(grant, sub=grant)) for grant in ("*=viewer", "*=commenter", "x=admin"))
    assert (await viewer("POST", CHAT, {"data": 1})).code == "read_only"
    assert (await stranger("POST", CHAT, {"data": 1})).code == "forbidden"
    assert (await commenter("POST", CHAT, {"data": 1})).json["offset"] == 1
    assert (await commenter.edit("team/notes")).code == "read_only"
    assert (await viewer("GET", CHAT)).json["events"][0]["from"]["participant"] == "*=commenter"
    assert (await stranger("GET", CHAT)).code == "forbidden"
    async with viewer.events("team/notes", stream="chat") as stream:
        assert await read_on(stream, 1) == [1]
    async with stranger.events("team/notes", stream="chat") as stream:
        assert stream.response.status == 403


# -- the Python client ------------------------------------------------------------------------------------


async def test_the_client_follows_over_a_restart(start_server: Any, tmp_path: Path) -> None:
    server: CollabServer = start_server(f"sqlite:///{tmp_path}/store.db")
    quick = Backoff(base=0.02, most=0.2)
    async with (
        open_session(server.url, "notes", user={"name": "Ann"}, backoff=quick) as ann,
        open_session(server.url, "notes", backoff=quick) as bob,
    ):
        events = bob.stream("chat").events(0)
        assert await ann.stream("chat").publish({"text": "hi"}, "says") == 1
        server.kill()
        publishing = asyncio.create_task(ann.stream("chat").publish("late", key="k"))
        server.start()
        assert await publishing == 2
        assert await bob.stream("chat").publish("again", key="k") == 3, "a key is its sender's own"
        found = [await anext(events) for _ in range(3)]
        assert [(event.offset, event.event, event.data, event.sender["name"]) for event in found[:2]] == [
            (1, "says", {"text": "hi"}, "Ann"), (2, "message", "late", "Ann"),
        ]  # fmt: skip
        assert [event.offset async for event in _first(bob.stream("chat"), 3)] == [1, 2, 3], "the newest"


async def _first(events: Any, count: int) -> Any:
    async for event in events:
        yield event
        count -= 1
        if not count:
            return


async def test_the_program_that_runs_the_server_has_streams_too(api: Api) -> None:
    async with api.server.hub.open("notes", user={"name": "Bot"}) as session:
        events = session.stream("chat").events(0)
        assert await session.stream("chat").publish("from the inside") == 1
        await api("POST", where("notes") + "/streams/chat", {"data": "from the outside"})
        found = [await anext(events) for _ in range(2)]
        assert [(event.offset, event.data) for event in found] == [(1, "from the inside"), (2, "from the outside")]
        with pytest.raises(CollabError, match="invalid_payload"):
            await session.stream("chat").publish("x" * 70_000)
    async with api.server.hub.open("notes", role="viewer") as reader:
        with pytest.raises(CollabError, match="read_only"):
            await reader.stream("chat").publish(1)
        assert [event.offset async for event in _first(reader.stream("chat"), 2)] == [1, 2]


async def test_a_script_publishes_and_follows(shared_server: CollabServer) -> None:
    def script() -> tuple[list[int], list[Any]]:
        with blocking.connect(shared_server.url, "scripted") as session:
            chat = session.stream("chat")
            offsets = [chat.publish(number) for number in range(3)]
            return offsets, [(event.offset, event.data) for event in chat.events(after=1, timeout=0.5)]

    assert await asyncio.to_thread(script) == ([1, 2, 3], [(2, 1), (3, 2)])
