"""Inboxes over HTTP, Server-Sent Events and Socket.IO (rules I1 to I7)."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from collab.auth.base import Authenticator, ShownUser
from collab.client import Backoff, InboxPage
from collab.client import inbox as open_inbox
from collab.errors import CollabError
from collab.types import Grant, Identity, Role
from tests.support.api import JWT, SECRET, Api, EventStream, mint, where
from tests.support.server import CollabServer
from tests.support.wire import Client, WebSocketWire
from tests.wire.conftest import Serve

pytestmark = pytest.mark.asyncio


@pytest.fixture
async def api(serve: Serve) -> Api:
    """A server with tokens, for ann, who may do everything."""
    return (await serve(JWT)).as_(mint("*=admin"))


def bob(api: Api, *grants: str) -> Api:
    return api.as_(mint(*(grants or ("*=viewer",)), sub="bob", name="Bob"))


async def say(api: Api, text: str, document: str = "a", *, to: int | None = None) -> int:
    data = {"body": text} | ({} if to is None else {"reply_to": to})
    answer = await api("POST", where(document) + "/streams/chat", {"data": data})
    assert answer.status == 201, answer.body
    offset: int = answer.json["offset"]
    return offset


async def inbox(api: Api, query: str = "") -> dict[str, Any]:
    answer = await api("GET", "/inbox" + query)
    assert answer.status == 200, answer.body
    page: dict[str, Any] = answer.json
    return page


def ids(page: dict[str, Any]) -> list[int]:
    return [event["id"] for event in page["events"]]


async def enter(api: Api, http: aiohttp.ClientSession, document: str = "b") -> Client:
    client = Client(WebSocketWire(api.server.url, http), f"/doc/{document}")
    await client.connect({"token": api.token})
    await client.event("session")
    return client


async def until_told(client: Client, times: int) -> None:
    await client.wait(lambda _packet: len(client.events("inbox")) >= times)


async def test_a_mention_and_a_reply_are_entries(api: Api) -> None:
    assert await inbox(bob(api)) == {"events": [], "unread": 0}
    await say(api, "Good\nmorning, @[bob]! @[ann] @[bob]")
    mine = await say(bob(api, "*=commenter"), "Morning", "team/notes")
    await say(api, "Well then", "team/notes", to=mine)
    await say(api, "not for @bob or @[ bob ] or @[]", to=1)
    found = await inbox(bob(api))
    assert found["unread"] == 2
    first, second = found["events"]
    assert first.pop("at").endswith("Z") and first.pop("id") < second["id"]
    assert first == {
        "type": "mention", "document": "a", "stream": "chat", "offset": 1, "excerpt": "Good morning, @[bob]! @[ann] @[bob]",
        "from": {"participant": "ann", "name": "ann", "agent": False}, "read": False,
    }  # fmt: skip
    assert (second["type"], second["document"], second["offset"]) == ("reply", "team/notes", 2)
    assert (await inbox(api))["events"] == [], "nobody hears of what they say themselves"


async def test_only_what_the_token_may_read_now_is_shown(api: Api) -> None:
    await say(api, "@[bob] here", "team/a")
    await say(api, "@[bob] a secret", "secret/b")
    everything = await inbox(bob(api))
    assert [event["document"] for event in everything["events"]] == ["team/a", "secret/b"]
    some = bob(api, "team/*=viewer")
    found = await inbox(some)
    assert ([event["document"] for event in found["events"]], found["unread"]) == (["team/a"], 1)
    assert (await some("POST", "/inbox/read", {"up_to": 10**9})).json == {"unread": 0}
    assert (await inbox(bob(api)))["unread"] == 1, "what nobody saw is not read"
    assert (await inbox(bob(api, "other=viewer"))) == {"events": [], "unread": 0}
    async with some.inbox() as stream:
        assert "secret" not in (await stream.until("inbox")).data
    assert (await api("DELETE", where("team/a"))).status == 204
    assert await inbox(some) == {"events": [], "unread": 0}
    assert (await api("POST", where("team/a") + "/undelete")).status == 200
    assert len((await inbox(some))["events"]) == 1
    assert (await api("DELETE", where("team/a") + "?forever=true")).status == 204
    await say(api, "another document of this name", "team/a")
    assert await inbox(some) == {"events": [], "unread": 0}


async def test_nobody_without_a_token_has_one(api: Api, serve: Serve) -> None:
    anonymous = await serve()
    for one in (anonymous, api.as_(None), api.as_("nonsense")):
        for method, path, body in (
            ("GET", "/inbox", None),
            ("GET", "/inbox/events", None),
            ("POST", "/inbox/read", {"up_to": 1}),
        ):
            answer = await one(method, path, body)
            assert (answer.status, answer.code) == (401, "unauthorized"), path
    assert (await api.as_(mint("*=admin", ttl=-60))("GET", "/inbox")).code == "token_expired"


async def test_what_cannot_be_read_is_named(api: Api) -> None:
    for query in ("after=-1", "after=x", "unread=maybe", "limit=0", "limit=501", "x=1"):
        assert (await api("GET", f"/inbox?{query}")).code == "invalid_payload", query
    bodies: list[Any] = [{}, {"ids": 1}, {"ids": [0]}, {"ids": ["1"]}, {"ids": [True]}, {"ids": [1] * 501}, {"up_to": 0}, {"up_to": None}, {"x": 1}, []]  # fmt: skip
    for body in bodies:
        assert (await api("POST", "/inbox/read", body)).code == "invalid_payload", body
    for data in (
        {"body": 7},
        {"body": "@[bob]", "reply_to": "1"},
        {"body": "", "reply_to": 10**18},
        "@[bob]",
        None,
        {"reply_to": 1},
    ):
        assert (await api("POST", where("a") + "/streams/chat", {"data": data})).status == 201
    await api("POST", where("a") + "/streams/chat", {"data": {"body": "@[bob]"}, "event": "typing"})
    await api("POST", where("a") + "/streams/news", {"data": {"body": "@[bob]"}})
    assert [event["offset"] for event in (await inbox(bob(api)))["events"]] == [2], "the mention, whatever it answers"


async def test_a_store_that_cannot_be_read(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def failing(*_args: Any) -> Any:
        raise CollabError("storage_unavailable", retry_after=1)

    monkeypatch.setattr(api.server.hub.store.inbox, "read", failing)
    for method, path in (("GET", "/inbox"), ("POST", "/inbox/read"), ("GET", "/inbox/events")):
        answer = await api(method, path, {"up_to": 1} if method == "POST" else None)
        assert (answer.status, answer.code) == (503, "storage_unavailable"), path
        assert int(answer.headers["Retry-After"]) >= 1


async def test_pages_and_the_unread(api: Api) -> None:
    """Property: ``unread`` is the number of entries that are not read, whatever was done."""
    rng = random.Random(7)
    reader = bob(api)
    expected: dict[int, bool] = {}
    for _ in range(60):
        act = rng.random()
        if act < 0.6 or not expected:
            await say(api, f"@[bob] {rng.random()}", rng.choice("abc"))
            last = (await inbox(reader, "?limit=1"))["events"][0]["id"]
            expected[last] = False
        elif act < 0.8:
            some = rng.sample(sorted(expected), min(3, len(expected)))
            answer = await reader("POST", "/inbox/read", {"ids": some})
            expected |= dict.fromkeys(some, True)
            assert answer.json == {"unread": sum(not read for read in expected.values())}
        else:
            up_to = rng.choice(sorted(expected))
            await reader("POST", "/inbox/read", {"up_to": up_to})
            expected |= {id: True for id in expected if id <= up_to}
        found = await inbox(reader, "?limit=500")
        assert {event["id"]: event["read"] for event in found["events"]} == expected
        assert found["unread"] == sum(not event["read"] for event in found["events"])
        assert ids(await inbox(reader, "?unread=true")) == [id for id, read in expected.items() if not read]
    order = sorted(expected)
    assert ids(await inbox(reader, "?limit=3")) == order[-3:]
    assert ids(await inbox(reader, f"?after={order[4]}&limit=3")) == order[5:8]
    assert ids(await inbox(reader, f"?after={order[-1]}")) == []


async def read_on(stream: EventStream, last: int) -> list[int]:
    while True:
        event = await stream.until("inbox")
        found = [each["id"] for page in stream.events if page.name == "inbox" for each in page.json["events"]]
        if found and found[-1] >= last:
            assert int(event.last_id) == found[-1]
            return found


async def test_followed_by_server_sent_events(api: Api) -> None:
    reader = bob(api)
    for number in range(120):
        await say(api, f"@[bob] {number}", "abc"[number % 3])
    everything = ids(await inbox(reader, "?limit=500"))
    async with reader.inbox() as newest, reader.inbox(query="?after=0") as all_of_it:
        assert newest.response.headers["Content-Type"].startswith("text/event-stream")
        assert await read_on(newest, everything[-1]) == everything[-100:]
        assert await read_on(all_of_it, everything[-1]) == everything
        await say(api, "@[bob] and one more")
        last = (await newest.until("inbox")).json
        assert (len(last["events"]), last["unread"]) == (1, 121)
        async with reader.inbox(last=str(everything[-3])) as resumed:
            assert await read_on(resumed, last["events"][0]["id"]) == [*everything[-2:], last["events"][0]["id"]]
        await reader("POST", "/inbox/read", {"up_to": everything[-1]})
        assert (await newest.until("inbox")).json == {"events": [], "unread": 1}, "read elsewhere"
        assert int(newest.last or 0) == last["events"][0]["id"]
    query = f"?token={reader.token}&last_event_id={everything[-1]}&after=0"
    async with api.as_(None).inbox(query=query) as by_query:
        assert await read_on(by_query, last["events"][0]["id"]) == [last["events"][0]["id"]]


async def test_a_stream_ends_with_its_token(api: Api) -> None:
    async with api.as_(mint("*=viewer", sub="bob", ttl=4.0)).inbox() as stream:
        assert stream.response.status == 200
        notice = await stream.until("notice", 40)
        assert notice.json["code"] == "token_expired"
        assert await stream.next() is None


async def test_a_session_in_any_document_is_told(api: Api, http: aiohttp.ClientSession) -> None:
    reader = bob(api)
    here, there = await enter(reader, http, "b"), await enter(reader, http, "c")
    narrow = await enter(bob(api, "b=viewer"), http, "b")
    ann = await enter(api, http, "a")
    answer = await ann.call("publish", {"stream": "chat", "data": {"body": "@[bob] come"}})
    assert answer["ok"]
    for client in (here, there):
        told = await client.event("inbox")
        assert (told["unread"], told["events"][0]["document"], told["events"][0]["excerpt"]) == (1, "a", "@[bob] come")
    await say(api, "@[bob] you too", "b")
    assert (await narrow.event("inbox"))["events"][0]["document"] == "b"
    assert len(narrow.events("inbox")) == 1, "nothing of what this token may not read"
    await until_told(here, 2)
    assert here.events("inbox")[-1]["unread"] == 2
    await reader("POST", "/inbox/read", {"ids": [told["events"][0]["id"]]})
    await until_told(here, 3)
    assert here.events("inbox")[-1] == {"events": [], "unread": 1}
    assert ann.events("inbox") == []
    for client in (here, there, narrow, ann):
        await client.close()


class PerDocument(Authenticator):
    """Answers about one document at a time, as a callback does."""

    async def authenticate(self, token: str | None, user: ShownUser | None) -> Identity:
        return Identity(token, token or "nobody", "red", (Grant("lobby", Role.ADMIN), Grant("a*", Role.ADMIN)))

    async def role_on(self, identity: Identity, document: str) -> Role | None:
        await asyncio.sleep(0)
        return Role.VIEWER if document == "asked" else None


async def test_the_authenticator_says_what_may_be_read(serve: Serve, http: aiohttp.ClientSession) -> None:
    api = (await serve(auth=PerDocument())).as_("ann")
    session = await enter(api.as_("bob"), http, "lobby")
    await say(api, "@[bob]", "a2")
    await say(api, "@[bob]", "asked")
    assert (await session.event("inbox"))["events"][0]["document"] == "asked"
    assert [event["document"] for event in (await inbox(api.as_("bob")))["events"]] == ["asked"]
    await session.close()


async def test_the_python_client_follows_over_a_restart(
    start_server: Any, tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    server: CollabServer = start_server(
        f"sqlite:///{tmp_path}/store.db", args=["--auth", "jwt", "--jwt-secret", SECRET]
    )
    ann = Api(server, http, mint("*=admin"))
    token = mint("*=viewer", sub="bob")
    async with open_inbox(server.url, token=lambda: token, backoff=Backoff(0.02, 0.2)) as mine:
        assert (await mine.read()) == InboxPage([], 0)
        events = mine.events()
        await say(ann, "@[bob] first")
        first = await anext(events)
        assert (first.type, first.document, first.sender["name"], first.excerpt, first.offset) == (
            "mention",
            "a",
            "ann",
            "@[bob] first",
            1,
        )
        server.kill()
        server.start()
        await say(ann, "@[bob] second")
        assert (await anext(events)).excerpt == "@[bob] second"
        assert mine.unread == 2
        assert await mine.mark([first.id]) == 1
        page = await mine.read(first.id, limit=5)
        assert ([each.excerpt for each in page.entries], page.unread, page.last) == (
            ["@[bob] second"],
            1,
            page.entries[0].id,
        )
        assert [each.offset for each in (await mine.read(unread=True)).entries] == [2]
        assert await mine.mark(up_to=page.last) == 0
        with pytest.raises(CollabError, match="invalid_payload"):
            await mine.read(limit=0)
        await events.aclose()
    async with open_inbox(server.url, token=None) as nobodys:
        for asked in (nobodys.read(), anext(nobodys.events())):
            with pytest.raises(CollabError, match="unauthorized"):
                await asked


@pytest.fixture
async def killed(start_server: Any, tmp_path: Path, http: aiohttp.ClientSession) -> Api:
    server: CollabServer = start_server(
        f"sqlite:///{tmp_path}/store.db", args=["--auth", "jwt", "--jwt-secret", SECRET]
    )
    return Api(server, http, mint("*=admin"))


async def test_a_kill_before_the_end_of_a_transaction_leaves_neither(killed: Api) -> None:
    server: CollabServer = killed.server
    await say(killed, "@[bob] first")
    server.stop()
    server.env = {"COLLAB_FAILPOINT": "publish.before_commit"}
    server.start()
    keyed = {"Idempotency-Key": "k"}
    with pytest.raises(aiohttp.ClientError):
        await killed("POST", where("a") + "/streams/chat", {"data": {"body": "@[bob] second"}}, headers=keyed)
    server.kill()
    server.env = {}
    server.start()
    assert [event["offset"] for event in (await inbox(bob(killed)))["events"]] == [1]
    assert (await killed("GET", where("a") + "/streams/chat")).json["last"] == 1
    for _ in range(2):
        await killed("POST", where("a") + "/streams/chat", {"data": {"body": "@[bob] second"}}, headers=keyed)
    assert [event["offset"] for event in (await inbox(bob(killed)))["events"]] == [1, 2]


async def test_it_is_still_there_after_a_kill(killed: Api) -> None:
    server: CollabServer = killed.server
    reader = bob(killed)
    await asyncio.gather(*(say(killed, f"@[bob] {number}", "abc"[number % 3]) for number in range(20)))
    before = ids(await inbox(reader))
    assert len(before) == 20
    assert (await reader("POST", "/inbox/read", {"up_to": before[9]})).json == {"unread": 10}
    server.kill()
    server.start()
    found = await inbox(reader)
    assert (ids(found), found["unread"]) == (before, 10)
    async with reader.inbox(last=str(before[14])) as stream:
        await say(killed, "@[bob] again")
        page = ids(await inbox(reader))
        assert await read_on(stream, page[-1]) == page[15:]
