"""The HTTP API, over real sockets."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from pycrdt import Doc, Text

from collab.content.workers import Workers
from collab.doors.http.openapi import ROUTES
from collab.doors.http.route import Route
from collab.errors import CODES, CollabError
from collab.types import Role
from tests.support.api import JWT, Api, ApiServer, mint, where
from tests.support.editor import Editor
from tests.support.wire import Client, WebSocketWire
from tests.wire.conftest import Serve

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.filterwarnings("ignore::aiohttp.web_exceptions.NotAppKeyWarning"),
]

EMPTY = b"\0\0"


@pytest.fixture
async def guarded(serve: Serve) -> Api:
    """A server that wants tokens."""
    return await serve(JWT)


@pytest.fixture
async def join(http: aiohttp.ClientSession) -> AsyncIterator[Callable[..., Awaitable[Client]]]:
    """``await join(api, document)``: somebody who has it open over Socket.IO."""
    clients: list[Client] = []

    async def connect(api: Api, document: str, **auth: Any) -> Client:
        client = Client(WebSocketWire(api.server.url, http), f"/doc/{document}")
        clients.append(client)
        await client.connect(auth)
        await client.event("session")
        return client

    yield connect
    for client in clients:
        await client.close()


Join = Callable[..., Awaitable[Client]]


def typed(text: str, doc: Doc[Any] | None = None) -> bytes:
    """An update of somebody who writes ``text``."""
    doc = doc if doc is not None else Doc()
    before = doc.get_state()
    doc.get("body", type=Text).insert(0, text)
    return doc.get_update(before)


async def eventually(condition: Callable[[], Any], timeout: float = 30.0) -> None:
    """Wait until ``condition()`` is true."""
    async with asyncio.timeout(timeout):
        while not condition():
            await asyncio.sleep(0.005)


# -- documents --------------------------------------------------------------------------------------------


NAMES = [
    "notes",
    "team/notes",
    "a/b/c",
    "{x}",
    "Grüße 你好",
    "a b",
    "a+b",
    "a:b@c;d=e&f!",
    "a_b",
    "~'()*",
    "😀",
    "..a",
    "x" * 200,
]


@pytest.mark.parametrize("name", NAMES)
async def test_a_name_is_one_segment(api: Api, name: str) -> None:
    created = await api("PUT", where(name))
    assert created.status == 201
    assert created.json["name"] == name
    again = await api("GET", created.headers["Location"].removeprefix("/api/v1"))
    assert again.status == 200
    assert again.json == created.json
    assert await api.write(name, "hello") > 0
    assert await api.read(name) == "hello"
    assert [each["name"] for each in (await api("GET", "/documents")).json["documents"]] == [name]


async def test_creating_twice_is_no_error(api: Api) -> None:
    assert (await api("PUT", where("notes"))).status == 201
    again = await api("PUT", where("notes"))
    assert again.status == 200
    assert again.json["name"] == "notes"
    assert "Location" not in again.headers


async def test_hexadecimal_digits_may_be_small(api: Api) -> None:
    await api("PUT", where("team/notes"))
    assert (await api("PUT", "/documents/team%2fnotes")).status == 200


@pytest.mark.parametrize(
    "segment",
    ["a%2F%2Fb", "%2Fa", "a%2F", "a%2F..%2Fb", "%2E%2E", "%20a", "a%2Cb", "a%3Fb", "a%23b", "a%25b", "a%252Fb", "a%5Cb",
     "a%00b", "a%0Ab", "%FF", "e%CC%81", "x" * 201],
)  # fmt: skip
async def test_bad_names_are_refused(api: Api, segment: str) -> None:
    for method, path in [("PUT", ""), ("GET", "/content"), ("PATCH", "/content"), ("GET", "/events"), ("DELETE", "")]:
        answer = await api(method, f"/documents/{segment}{path}", {"operations": []} if method == "PATCH" else None)
        assert answer.status == 400, (method, path, answer.body)
        assert answer.code == "invalid_document"


async def test_what_is_not_there(api: Api) -> None:
    for path in ["", "/", "/nothing", "/documents/a/b", "/documents/a/b/content", "/documents/a/content/x"]:
        answer = await api("GET", path)
        assert (answer.status, answer.code) == (404, "not_found"), path
    answer = await api("POST", "/documents")
    assert answer.status == 405
    assert answer.code == "invalid_payload"
    assert answer.headers["Allow"] == "GET, HEAD"
    assert not (await api("GET", "/documents")).json["documents"]


@pytest.mark.parametrize(
    "path", ["", "/content", "/update", "/participants", "/versions", "/versions/1", "/history"]
)  # fmt: skip
async def test_reading_creates_nothing(api: Api, path: str) -> None:
    answer = await api("GET", where("nobody made this") + path)
    assert (answer.status, answer.code) == (404, "not_found")
    assert not (await api("GET", "/documents")).json["documents"]


async def test_list_in_pages(api: Api) -> None:
    names = sorted(f"{folder}/{number:02}" for folder in ("a", "b_", "bx") for number in range(9))
    for name in names:
        await api("PUT", where(name))
    await api.write("a/03", "hello")
    seen: list[dict[str, Any]] = []
    after = ""
    pages = 0
    while True:
        page = (await api("GET", f"/documents?limit=4{after}")).json
        assert len(page["documents"]) <= 4
        seen += page["documents"]
        pages += 1
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert [each["name"] for each in seen] == names
    assert pages == 7
    written = seen[3]
    assert written["size"] > 0
    assert written["updated_at"] >= written["created_at"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", written["updated_at"])
    below = (await api("GET", "/documents?prefix=b_/")).json
    assert [each["name"] for each in below["documents"]] == [name for name in names if name.startswith("b_/")]
    assert below["next"] is None


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "limit=", "nonsense=1", "prefix=" + "x" * 201])
async def test_list_refuses_bad_parameters(api: Api, query: str) -> None:
    answer = await api("GET", f"/documents?{query}")
    assert (answer.status, answer.code) == (400, "invalid_payload")
    assert answer.json["path"] == query.split("=")[0]


async def test_list_shows_who_is_here(api: Api, join: Join) -> None:
    await api.write("notes", "x")
    await join(api, "notes")
    await join(api, "notes")
    assert (await api("GET", "/documents")).json["documents"][0]["participants"] == 2


@pytest.mark.parametrize(
    ("grants", "shown"),
    [
        (["*=admin"], ["a", "other/z", "team/one", "team/two/x", "teams"]),
        (["team/*=viewer"], ["team/one", "team/two/x"]),
        (["team/*=admin"], ["team/one", "team/two/x"]),
        (["te*=viewer", "team/*=editor"], ["team/one", "team/two/x", "teams"]),
        (["*/z=editor", "a=viewer"], ["a", "other/z"]),
        (["team/t[vx]o/?=viewer"], []),
        (["team/t[vw]o/*=viewer", "t?ams=viewer"], ["team/two/x", "teams"]),
        ([], []),
    ],
)
async def test_list_shows_what_the_grants_cover(guarded: Api, grants: list[str], shown: list[str]) -> None:
    admin = guarded.as_(mint("*=admin"))
    for name in ["a", "other/z", "team/one", "team/two/x", "teams"]:
        await admin("PUT", where(name))
    person = guarded.as_(mint(*grants))
    listed: list[str] = []
    after = ""
    while True:
        page = (await person("GET", f"/documents?limit=1{after}")).json
        listed += [each["name"] for each in page["documents"]]
        if page["next"] is None:
            break
        assert page["next"] in shown, "a page may not end with a name that is hidden"
        after = f"&after={page['next']}"
    assert listed == shown
    below = (await person("GET", "/documents?prefix=team/t")).json["documents"]
    assert [each["name"] for each in below] == [name for name in shown if name.startswith("team/t")]


async def test_a_default_role_shows_nothing_in_the_list(serve: Serve) -> None:
    api = await serve({**JWT, "default_role": "viewer"})
    await api.as_(mint("*=admin"))("PUT", where("notes"))
    person = api.as_(mint())
    assert (await person("GET", where("notes"))).status == 200
    assert (await person("GET", "/documents")).json["documents"] == []


async def test_a_deleted_document_can_be_brought_back(api: Api, join: Join) -> None:
    position = await api.write("notes", "dear")
    await api("POST", where("notes") + "/versions", {"name": "one"})
    history = (await api("GET", where("notes") + "/history")).json
    client = await join(api, "notes")
    assert (await api("DELETE", where("notes"))).status == 204
    assert (await client.event("notice"))["code"] == "document_deleted"
    assert (await api("GET", where("notes"))).code == "not_found"
    assert (await api("GET", "/documents")).json["documents"] == []
    (trashed,) = (await api("GET", "/documents?deleted=true")).json["documents"]
    assert trashed["name"] == "notes"
    assert trashed["deleted_at"] < trashed["expires_at"]
    answer = await api("POST", where("notes") + "/undelete")
    assert (answer.status, answer.json["name"]) == (200, "notes")
    assert await api.read("notes") == "dear"
    assert [each["name"] for each in (await api("GET", where("notes") + "/versions")).json["versions"]] == ["one"]
    assert (await api("GET", where("notes") + "/history")).json == history
    assert await api.write("notes", "dear friends") > position
    assert (await api("GET", "/documents?deleted=true")).json["documents"] == []
    assert (await api("POST", where("notes") + "/undelete")).code == "not_found"


async def test_a_name_in_the_trash_may_be_made_anew(api: Api) -> None:
    await api.write("notes", "first")
    await api("DELETE", where("notes"))
    await api.write("notes", "second")
    answer = await api("POST", where("notes") + "/undelete")
    assert (answer.status, answer.code) == (409, "document_exists")
    await api("DELETE", where("notes"))
    assert len((await api("GET", "/documents?deleted=true")).json["documents"]) == 1, "of each name the latest"
    for text in ("second", "first"):
        assert (await api("POST", where("notes") + "/undelete")).status == 200
        assert await api.read("notes") == text
        # For good, and only this one: the trash of the name is left alone.
        store, live = api.server.hub.store, api.server.hub.documents["notes"]
        await store.delete("notes", epoch=live.epoch)
        api.server.hub._end("notes")


async def test_somebody_who_has_the_name_open_sees_it_come_back(api: Api, join: Join) -> None:
    await api.write("notes", "dear")
    await api("DELETE", where("notes"))
    editor = Editor(await join(api, "notes"))
    await editor.sync()
    assert (await api("POST", where("notes") + "/undelete")).status == 200
    await editor.wait_for("dear")


async def test_the_trash_is_for_who_may_bring_back(guarded: Api) -> None:
    admin = guarded.as_(mint("*=admin"))
    for name in ("team/a", "team/b", "mine"):
        await admin.write(name, "text")
        await admin("DELETE", where(name))

    async def seen(*grants: str) -> list[str]:
        answer = await guarded.as_(mint(*grants))("GET", "/documents?deleted=true")
        return [each["name"] for each in answer.json["documents"]]

    assert await seen("*=admin") == ["mine", "team/a", "team/b"]
    assert await seen("team/*=admin", "*=editor") == ["team/a", "team/b"]
    assert await seen("*=editor") == []
    first = (await admin("GET", "/documents?deleted=true&limit=2")).json
    assert ([each["name"] for each in first["documents"]], first["next"]) == (["mine", "team/a"], "team/a")
    rest = (await admin("GET", "/documents?deleted=true&limit=2&after=team/a")).json
    assert ([each["name"] for each in rest["documents"]], rest["next"]) == (["team/b"], None)


async def test_what_has_expired_is_not_there(serve: Serve) -> None:
    api = await serve({"trash_keep": "300ms"})
    await api.write("notes", "dear")
    await api("DELETE", where("notes"))
    await asyncio.sleep(0.4)
    assert (await api("GET", "/documents?deleted=true")).json["documents"] == []
    assert (await api("POST", where("notes") + "/undelete")).code == "not_found"


async def test_without_a_trash_deleting_is_for_good(serve: Serve) -> None:
    api = await serve({"trash_keep": "0"})
    await api.write("notes", "dear")
    await api("DELETE", where("notes"))
    assert (await api("POST", where("notes") + "/undelete")).code == "not_found"
    assert await api.server.hub.store.trash() == []


async def test_versions_are_deleted_by_admins_and_by_who_kept_them(guarded: Api) -> None:
    admin, ann = guarded.as_(mint("*=admin")), guarded.as_(mint("*=editor", sub="ann"))
    bob = guarded.as_(mint("*=editor", sub="bob"))
    await admin.write("notes", "text")
    for who, name in ((ann, "one"), (ann, "two")):
        await who("POST", where("notes") + "/versions", {"name": name})
    path = where("notes") + "/versions"
    assert (await bob("DELETE", f"{path}/1")).code == "forbidden"
    assert (await ann("DELETE", f"{path}/1")).status == 204
    assert (await ann("DELETE", f"{path}/1")).code == "not_found"
    assert (await ann("GET", f"{path}/2?format=text")).status == 200, "it has the same state"
    assert (await admin("DELETE", f"{path}/2")).status == 204
    assert (await ann("GET", path)).json["versions"] == []


async def test_delete_for_good(api: Api, join: Join) -> None:
    await api.write("notes", "secret too")
    await api("DELETE", where("notes"))
    await api.write("notes", "secret")
    await api("POST", where("notes") + "/versions", {"name": "one"})
    client = await join(api, "notes")
    answer = await api("DELETE", where("notes") + "?forever=true")
    assert (answer.status, answer.body) == (204, b"")
    assert (await client.event("notice"))["code"] == "document_deleted"
    for path in ["", "/content", "/versions", "/history"]:
        assert (await api("GET", where("notes") + path)).code == "not_found"
    assert (await api("DELETE", where("notes"))).code == "not_found"
    assert (await api("DELETE", where("notes") + "?forever=true")).code == "not_found"
    assert (await api("POST", where("notes") + "/undelete")).code == "not_found"
    assert (await api("PUT", where("notes"))).status == 201
    assert (await api("GET", where("notes") + "/content")).json == {}
    assert (await api("GET", where("notes") + "/versions")).json["versions"] == []


# -- who may what -----------------------------------------------------------------------------------------


def address(route: Route) -> str:
    return route.path.format(document="notes", session="nobody", version="1", stream="chat")


def payload(route: Route) -> dict[str, Any]:
    if route.body is bytes:
        return {"data": EMPTY}
    known = {"edit_content": {"operations": []}, "publish_event": {"data": 1}}
    return {"json": known.get(route.name, {})} if route.body is not None else {}


def named(route: Route) -> str:
    return route.name


@pytest.mark.parametrize("route", ROUTES, ids=named)
async def test_without_a_valid_token(guarded: Api, route: Route) -> None:
    async def code_of(token: str | None) -> str:
        answer = await guarded.as_(token)(route.method, address(route), **payload(route))
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        return answer.code

    assert await code_of(None) == "unauthorized"
    assert await code_of("nonsense") == "unauthorized"
    assert await code_of(mint("*=admin", ttl=-60)) == "token_expired"


@pytest.mark.parametrize("role", [None, *Role], ids=lambda role: role.word if role else "stranger")
@pytest.mark.parametrize("route", [route for route in ROUTES if route.role is not None], ids=named)
async def test_every_route_asks_for_its_role(guarded: Api, route: Route, role: Role | None) -> None:
    admin = guarded.as_(mint("*=admin"))
    await admin.write("notes", "text")
    await admin("POST", where("notes") + "/versions", {"name": "one"})
    person = guarded.as_(mint(f"notes={role.word}" if role else "others=admin"))
    if route.lasting:
        async with person.events("notes", stream="chat" if route.name == "follow_stream" else None) as stream:
            status, code = stream.response.status, None
            if status != 200:
                code = (await stream.response.json(content_type=None))["code"]
    else:
        answer = await person(route.method, address(route), **payload(route))
        status = answer.status
        code = answer.code if status >= 400 else None
    assert route.role is not None
    if role is not None and role >= route.role:
        assert status in (200, 201, 204) or (status, code) in ((404, "not_found"), (409, "document_exists"))
    else:
        assert status == 403
        assert code == ("forbidden" if role is None or route.role is Role.ADMIN else "read_only")
        assert await admin.read("notes") == "text"


async def test_the_least_roles_are_those_of_the_contract() -> None:
    roles = {route.name: route.role for route in ROUTES}
    assert {name for name, role in roles.items() if role is Role.ADMIN} == {
        "delete_document", "undelete_document", "disconnect_participant",
    }  # fmt: skip
    assert {name for name, role in roles.items() if role is Role.EDITOR} == {
        "create_document", "edit_content", "post_update", "create_version", "restore_version", "delete_version",
    }  # fmt: skip


async def test_what_one_may_do_is_told_before_it_is_tried(guarded: Api) -> None:
    """A3."""
    person = guarded.as_(mint("team/*=editor", "notes=viewer", sub="ann"))
    answer = await person("GET", where("team/not there yet") + "/access")
    assert (answer.status, answer.json["role"], answer.json["user"]["id"]) == (200, "editor", "ann")
    assert answer.json["expires_at"] > 0
    assert (await person("GET", where("notes") + "/access")).json["role"] == "viewer"
    assert (await person("GET", where("elsewhere") + "/access")).status == 403
    assert (await guarded.as_(None)("GET", where("notes") + "/access")).status == 401
    documents = (await guarded.as_(mint("*=admin"))("GET", "/documents")).json["documents"]
    assert documents == [], "asking makes nothing"


# -- reading ----------------------------------------------------------------------------------------------


async def test_content_in_every_format(api: Api) -> None:
    await api.edit(
        "notes",
        {"op": "text.insert", "path": "/body", "index": 0, "text": "Grüße 😀"},
        {"op": "map.set", "path": "/meta/title", "value": {"de": ["a", 1, None, True]}},
        {"op": "array.insert", "path": "/list", "index": 0, "values": [1, "zwei", 3.5]},
    )
    content = where("notes") + "/content"
    whole = await api("GET", content)
    assert whole.headers["Content-Type"] == "application/json"
    assert whole.json == {"body": "Grüße 😀", "list": [1, "zwei", 3.5], "meta": {"title": {"de": ["a", 1, None, True]}}}
    assert whole.headers["X-Content-Type-Options"] == "nosniff"
    assert (await api("GET", content + "?path=/meta/title/de/0")).json == "a"
    assert (await api("GET", content + "?format=json&path=/body")).json == "Grüße 😀"
    text = await api("GET", content + "?format=text&path=/body")
    assert text.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert text.body.decode() == "Grüße 😀"
    state = await api("GET", content + "?format=update")
    assert state.headers["Content-Type"] == "application/octet-stream"
    doc: Doc[Any] = Doc()
    doc.apply_update(state.body)
    assert str(doc.get("body", type=Text)) == "Grüße 😀"
    head = await api("HEAD", content)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["ETag"] == whole.headers["ETag"]
    positions = {answer.headers["Collab-Position"] for answer in (whole, text, state)}
    assert len(positions) == 1


@pytest.mark.parametrize(
    ("query", "code", "path"),
    [
        ("format=xml", "invalid_payload", "format"),
        ("pfad=/body", "invalid_payload", "pfad"),
        ("path=body", "invalid_payload", None),
        ("path=/nothing", "not_found", "/nothing"),
        ("path=/body/3", "not_found", "/body/3"),
    ],
)
async def test_content_that_is_not_there(api: Api, query: str, code: str, path: str | None) -> None:
    await api.write("notes", "x")
    answer = await api("GET", f"{where('notes')}/content?{query}")
    assert answer.code == code
    assert answer.status == CODES[code].status
    if path is not None:
        assert answer.json["path"] == path


async def test_an_etag_spares_reading_again(api: Api) -> None:
    await api.write("notes", "hello")
    for path in ["/content", "/content?format=text", "/content?path=/body", "/content?format=update", "/update"]:
        first = await api("GET", where("notes") + path)
        tag = first.headers["ETag"]
        for known in [tag, tag.removeprefix("W/"), f'"other", {tag}', "*"]:
            same = await api("GET", where("notes") + path, headers={"If-None-Match": known})
            assert (same.status, same.body) == (304, b""), path
            assert same.headers["ETag"] == tag
        assert (await api("GET", where("notes") + path, headers={"If-None-Match": '"other"'})).status == 200
        # Deleting leaves the state vector as it was.
        await api.edit("notes", {"op": "text.delete", "path": "/body", "index": 0, "length": 1})
        changed = await api("GET", where("notes") + path, headers={"If-None-Match": tag})
        assert changed.status == 200
        assert changed.headers["ETag"] != tag
    tags = [(await api("GET", where("notes") + "/content" + query)).headers["ETag"] for query in ("", "?format=text")]
    assert tags[0] != tags[1]


async def test_no_etag_while_an_edit_is_on_its_way(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    await api.write("notes", "hello")
    before = (await api("GET", where("notes") + "/content")).headers["ETag"]
    waiting = stuck(api, monkeypatch)
    deleting = asyncio.create_task(api.edit("notes", {"op": "text.delete", "path": "/body", "index": 0, "length": 1}))
    await eventually(lambda: waiting)
    during = await api("GET", where("notes") + "/content", headers={"If-None-Match": before})
    assert during.status == 200
    assert during.json == {"body": "ello"}
    assert "ETag" not in during.headers
    waiting.pop().set_result(99)
    assert (await deleting).json == {"position": 99}


def stuck(api: Api, monkeypatch: pytest.MonkeyPatch) -> list[asyncio.Future[int]]:
    """Appends of the store wait until somebody resolves them; they are listed here."""
    waiting: list[asyncio.Future[int]] = []

    def append(document: str, update: bytes, participant: str | None = None, epoch: str = "") -> asyncio.Future[int]:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        waiting.append(future)
        return future

    monkeypatch.setattr(api.server.hub.store, "append", append)
    return waiting


async def test_what_one_lacks(api: Api) -> None:
    await api.write("notes", "hello")
    path = where("notes") + "/update"
    mine: Doc[Any] = Doc()
    mine.apply_update((await api("GET", path)).body)
    await api.write("notes", "hello, world")
    state_vector = base64.urlsafe_b64encode(mine.get_state()).decode()
    for spelled in (state_vector, state_vector.rstrip("=")):
        answer = await api("GET", f"{path}?state_vector={spelled}")
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert b"hello" not in answer.body
    mine.apply_update(answer.body)
    assert str(mine.get("body", type=Text)) == "hello, world"


@pytest.mark.parametrize("state_vector", ["***", "A", "_____w", "AQ", "AAAA"])
async def test_state_vectors_that_are_none(api: Api, state_vector: str) -> None:
    await api.write("notes", "x")
    answer = await api("GET", f"{where('notes')}/update?state_vector={state_vector}")
    assert (answer.status, answer.code) == (400, "invalid_payload")
    assert answer.json["path"] == "state_vector"


# -- writing ----------------------------------------------------------------------------------------------


async def test_operations_reach_people_who_have_it_open(api: Api, join: Join) -> None:
    editor = Editor(await join(api, "notes"))
    await editor.sync()
    await editor.type("people ")
    answer = await api.edit("notes", {"op": "text.insert", "path": "/body", "index": 7, "text": "and scripts"})
    await editor.wait_for("people and scripts")
    assert answer.headers["Collab-Position"] == str(answer.json["position"])
    history = (await api("GET", where("notes") + "/history")).json["history"]
    assert history[-1]["last"] == answer.json["position"]


async def test_a_long_batch_is_one_edit_to_those_who_look_and_in_the_log(api: Api, join: Join) -> None:
    editor = Editor(await join(api, "table"))
    await editor.sync()
    batch = [{"op": "map.set", "path": f"/rows/{number}", "value": number} for number in range(5000)]
    answer = await api.edit("table", *batch, {"op": "text.insert", "path": "/body", "index": 0, "text": "done"})
    assert answer.status == 200
    await editor.wait_for("done")
    assert editor.updates == 1
    assert len((await api("GET", where("table") + "/content?path=/rows")).json) == 5000
    stored = await api.server.hub.store.load("table")
    assert stored is not None and len(stored.tail) == 1


async def test_operations_merge_with_what_others_type_meanwhile(serve: Serve, join: Join) -> None:
    class Slow:
        """Lets somebody type between the reading of a document and the edit that is made of it."""

        async def run(self, function: Any, *args: Any, timeout: float = 5.0) -> Any:
            result = function(*args)
            await meanwhile()
            return result

        turn = Workers().turn

        def open(self) -> None:
            """It is always ready."""

        def close(self) -> None:
            """It keeps nothing."""

    async def nothing() -> None:
        """Before anybody is there."""

    meanwhile = nothing
    api = await serve(reader=Slow())
    editor = Editor(await join(api, "notes"))
    await editor.sync()
    await editor.type("one two")

    async def type_more() -> None:
        await editor.type("zero ", 0)

    meanwhile = type_more
    answer = await api.edit("notes", {"op": "text.insert", "path": "/body", "index": 7, "text": " three"})
    assert answer.status == 200
    await editor.wait_for("zero one two three")

    async def delete() -> None:
        await api.server.hub.delete("notes")

    meanwhile = delete
    answer = await api.edit("notes", {"op": "text.insert", "path": "/body", "index": 0, "text": "x"})
    assert (answer.status, answer.code) == (410, "document_deleted")
    assert await api.server.hub.store.load("notes") is None


async def test_operations_all_or_none(api: Api) -> None:
    await api.write("notes", "hello")
    good = {"op": "text.insert", "path": "/body", "index": 0, "text": "no"}
    before = (await api("GET", where("notes") + "/content?format=update")).body
    for bad in [
        {"op": "text.insert", "path": "/body", "index": 99, "text": "x"},
        {"op": "text.cut", "path": "/body"},
        {"op": "text.insert", "path": "/body", "index": 0},
        {"op": "text.insert", "path": "/body", "index": 0, "text": "x", "colour": "red"},
        {"op": "map.set", "path": "/body/x", "value": 1},
        {"op": "text.insert", "path": "body", "index": 0, "text": "x"},
        [],
        None,
    ]:
        answer = await api("PATCH", where("notes") + "/content", {"operations": [good, good, bad]})
        assert (answer.status, answer.code) == (400, "invalid_payload"), bad
        assert answer.json["index"] == 2
        assert "Operation 2" in answer.json["detail"]
    assert (await api("GET", where("notes") + "/content?format=update")).body == before


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"", "operations"),
        (b"{}", "operations"),
        (b'{"operations": []', None),
        (b"[]", None),
        (b"\xff", None),
        (b'{"operations": NaN}', None),
        (b'{"operations": {}}', "operations"),
        (b'{"operations": [], "dry": true}', "dry"),
        (b'{"operations": ["\xed\xa0\x80"]}', None),
    ],
)
async def test_bodies_that_are_none(api: Api, body: bytes, path: str | None) -> None:
    answer = await api("PATCH", where("notes") + "/content", data=body)
    assert (answer.status, answer.code) == (400, "invalid_payload")
    assert answer.json.get("path") == path
    assert (await api("GET", where("notes"))).status == 404


async def test_who_asks_first_may_go_on(api: Api) -> None:
    """curl does so before it sends a megabyte."""
    answer = await api(
        "POST", where("notes") + "/update", data=typed("x" * 100_000), headers={"Expect": "100-continue"}
    )
    assert answer.status == 200
    assert len(await api.read("notes")) == 100_000


async def test_bodies_are_bounded(serve: Serve) -> None:
    api = await serve({"max_update_bytes": 2048, "max_document_bytes": 2048})
    for method, path in [("PATCH", "/content"), ("POST", "/update"), ("POST", "/versions")]:
        await api("PUT", where("notes"))
        answer = await api(method, where("notes") + path, data=b"x" * 2049)
        assert (answer.status, answer.code) == (413, "update_too_large")
        assert answer.json["limit"] == 2048

        async def endless() -> AsyncIterator[bytes]:
            while True:
                yield b"x" * 1024
                await asyncio.sleep(0)

        try:
            answer = await api(method, where("notes") + path, data=endless())
            assert answer.code == "update_too_large"
        except aiohttp.ClientError:
            pass  # the server hangs up on who does not stop
    assert await api.write("notes", "still here") > 0


async def test_raw_updates(api: Api, join: Join) -> None:
    editor = Editor(await join(api, "notes"))
    await editor.sync()
    update = typed("hello")
    first = await api("POST", where("notes") + "/update", data=update)
    assert first.status == 200
    await editor.wait_for("hello")
    again = await api("POST", where("notes") + "/update", data=update)
    assert again.json == first.json, "repeating changes nothing"
    assert (await api("POST", where("notes") + "/update", data=EMPTY)).json == first.json
    assert await api.read("notes") == "hello"


async def test_updates_that_cannot_be_applied(api: Api) -> None:
    doc: Doc[Any] = Doc()
    typed("first", doc)
    second = typed("second ", doc)
    answer = await api("POST", where("notes") + "/update", data=second)
    assert (answer.status, answer.code) == (409, "missing_dependencies")
    assert answer.json["retryable"] is True
    state_vector = base64.urlsafe_b64decode(answer.json["state_vector"] + "==")
    assert (await api("POST", where("notes") + "/update", data=doc.get_update(state_vector))).status == 200
    assert await api.read("notes") == "second first"
    for bad in (b"", b"\x01", b"nonsense", second + b"\0"):
        answer = await api("POST", where("notes") + "/update", data=bad)
        assert (answer.status, answer.code) == (422, "invalid_update")
    assert await api.read("notes") == "second first"


async def test_a_document_has_a_largest_size(serve: Serve) -> None:
    api = await serve({"max_document_bytes": 4096, "max_update_bytes": 4096})
    await api.write("notes", "x" * 3000)
    answer = await api.edit("notes", {"op": "text.insert", "path": "/body", "index": 0, "text": "y" * 2000})
    assert (answer.status, answer.code) == (413, "document_too_large")
    assert await api.read("notes") == "x" * 3000


# -- durability -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["operations", "update", "restore"])
async def test_an_edit_is_answered_once_it_is_in_the_log(api: Api, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    await api.write("notes", "old")
    await api("POST", where("notes") + "/versions", {"name": "old"})
    await api.write("notes", "new")
    waiting = stuck(api, monkeypatch)
    if how == "operations":
        request = api.edit("notes", {"op": "text.insert", "path": "/body", "index": 0, "text": "x"})
    elif how == "update":
        request = api("POST", where("notes") + "/update", data=typed("x"))
    else:
        request = api("POST", where("notes") + "/versions/1/restore")
    answered = asyncio.create_task(request)
    await eventually(lambda: waiting)
    barrier = asyncio.create_task(api("POST", where("notes") + "/update", data=EMPTY))
    text = await api.read("notes")
    assert text != "new", "others see it before it is saved"
    assert not answered.done()
    assert not barrier.done(), "the empty update waits for everything before it"
    waiting.pop().set_result(77)
    assert (await answered).json == {"position": 77}
    assert (await barrier).json == {"position": 77}


async def test_an_edit_waits_for_a_store_that_recovers(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    await api.write("notes", "old")
    append = api.server.hub.store.append
    failures = 2

    def failing(document: str, update: bytes, participant: str | None = None, epoch: str = "") -> asyncio.Future[int]:
        nonlocal failures
        if failures == 0:
            return append(document, update, participant, epoch)
        failures -= 1
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        future.set_exception(CollabError("storage_unavailable"))
        return future

    monkeypatch.setattr(api.server.hub.store, "append", failing)
    position = await api.write("notes", "new")
    assert failures == 0
    stored = await api.server.hub.store.load("notes")
    assert stored is not None
    assert stored.position == position


async def test_a_store_that_does_not_recover(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collab.doors.http.content.SAVE_PATIENCE", 0.1)
    await api.write("notes", "old")

    def failing(document: str, update: bytes, participant: str | None = None, epoch: str = "") -> asyncio.Future[int]:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        future.set_exception(CollabError("storage_unavailable"))
        return future

    with monkeypatch.context() as broken:
        broken.setattr(api.server.hub.store, "append", failing)
        answer = await api.edit("notes", {"op": "text.replace", "path": "/body", "text": "new"})
        assert (answer.status, answer.code) == (503, "storage_unavailable")
        assert answer.json["kept"] is True
        assert answer.json["retryable"] is True
        assert int(answer.headers["Retry-After"]) >= 1
        assert answer.json["retry_after"] > 0
    live = await api.server.hub.live("notes")
    await eventually(lambda: live.journal.clean)
    assert (await api("POST", where("notes") + "/update", data=EMPTY)).status == 200
    assert await api.read("notes") == "new"


@pytest.mark.parametrize(
    "route",
    [
        route
        for route in ROUTES
        # Inboxes are read by those who have one (test_inbox.py); the others are about no document.
        if route.path.startswith("/documents") and route.name not in ("disconnect_participant", "get_access")
    ],
    ids=named,
)
async def test_a_store_that_cannot_be_read(api: Api, monkeypatch: pytest.MonkeyPatch, route: Route) -> None:
    async def failing(*_args: Any, **_more: Any) -> Any:
        raise CollabError("storage_unavailable")

    for method in (
        "load", "create", "names", "infos", "history", "add_version", "versions", "version", "delete", "undelete",
    ):  # fmt: skip
        monkeypatch.setattr(api.server.hub.store, method, failing)
    answer = await api(route.method, address(route), **payload(route))
    assert (answer.status, answer.code) == (503, "storage_unavailable")
    assert int(answer.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("route", ROUTES, ids=named)
async def test_draining(api: Api, route: Route) -> None:
    api.server.hub.draining = True
    answer = await api(route.method, address(route), **payload(route))
    assert (answer.status, answer.code) == (503, "draining")
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.json["retryable"] is True


async def test_what_nobody_expected(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_args: Any) -> Any:
        raise RuntimeError("with something secret")

    monkeypatch.setattr(api.server.hub.store, "names", broken)
    answer = await api("GET", "/documents")
    assert (answer.status, answer.code) == (500, "internal")
    assert b"secret" not in answer.body


# -- participants -----------------------------------------------------------------------------------------


async def test_who_is_here(guarded: Api, join: Join) -> None:
    ann = guarded.as_(mint("*=viewer", sub="ann", name="Ann", color="#123456"))
    client = await join(guarded, "notes", token=ann.token, presence="json")
    session = (await client.event("session"))["session"]
    await client.call("presence", {"cursor": 3})
    await join(guarded, "notes", token=mint("*=editor", sub="bob", name="Bob"))
    people = (await ann("GET", where("notes") + "/participants")).json["participants"]
    assert [(each["user"]["id"], each["role"]) for each in people] == [("ann", "viewer"), ("bob", "editor")]
    first = people[0]
    assert first["session"] == session
    assert first["user"] == {"id": "ann", "name": "Ann", "color": "#123456"}
    assert first["state"] == {"cursor": 3}
    assert isinstance(first["client_id"], int)


async def test_what_else_somebody_is_shown_with(api: Api, join: Join) -> None:
    """P9."""
    ada = {"name": "Ada", "color": "#f00", "avatar": "https://people.example/ada.png"}
    await join(api, "avatars", user=ada, presence="json")
    (person,) = (await api("GET", where("avatars") + "/participants")).json["participants"]
    assert person["user"] == ada


async def test_send_somebody_away(api: Api, join: Join) -> None:
    client, other = await join(api, "notes"), await join(api, "notes")
    session = (await client.event("session"))["session"]
    assert (await api("DELETE", f"{where('other')}/participants/{session}")).code == "not_found"
    assert (await api("DELETE", f"{where('notes')}/participants/{session}")).status == 204
    notice = await client.event("notice")
    assert (notice["code"], notice["message"]) == ("forbidden", "You were disconnected.")
    assert (await api("DELETE", f"{where('notes')}/participants/{session}")).code == "not_found"
    people = (await api("GET", where("notes") + "/participants")).json["participants"]
    assert [each["session"] for each in people] == [(await other.event("session"))["session"]]


# -- versions and history ---------------------------------------------------------------------------------


async def test_versions(guarded: Api, join: Join) -> None:
    api = guarded.as_(mint("*=admin", sub="ann"))
    versions = where("notes") + "/versions"
    assert (await api("POST", versions, {"name": "too early"})).code == "not_found"
    await api.write("notes", "one")
    made = await api("POST", versions, {"name": "  First  "})
    assert made.status == 201
    first = made.json
    assert (first["name"], first["automatic"], first["participant"]) == ("First", False, "ann")
    position = await api.write("notes", "two")
    second = (await api("POST", versions)).json
    assert second["position"] == position
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", second["name"]), "a name keeps it from being forgotten"
    await api.server.hub.store.add_version("notes", EMPTY, position, None, None)
    listed = (await api("GET", versions)).json["versions"]
    assert [(each["name"], each["automatic"]) for each in listed[1:]] == [(second["name"], False), ("First", False)]
    assert (listed[0]["name"], listed[0]["automatic"], listed[0]["participant"]) == (None, True, None)
    page = (await api("GET", versions + "?limit=2")).json
    assert [each["id"] for each in page["versions"]] == [each["id"] for each in listed[:2]]
    page = (await api("GET", f"{versions}?limit=2&after={page['next']}")).json
    assert [each["id"] for each in page["versions"]] == [first["id"]]
    assert page["next"] is None

    at = made.headers["Location"].removeprefix("/api/v1")
    assert at == f"{versions}/{first['id']}"
    assert (await api("GET", at)).json == {"body": "one"}
    assert (await api("GET", at + "?format=json&path=/body")).json == "one"
    text = await api("GET", at + "?format=text")
    assert text.body == b"one"
    same = await api("GET", at + "?format=text", headers={"If-None-Match": text.headers["ETag"]})
    assert (same.status, same.body) == (304, b"")
    doc: Doc[Any] = Doc()
    doc.apply_update((await api("GET", at + "?format=update")).body)
    assert str(doc.get("body", type=Text)) == "one"


async def test_restoring_is_an_edit_like_any_other(api: Api, join: Join) -> None:
    await api.write("notes", "one")
    version = (await api("POST", where("notes") + "/versions", {"name": "one"})).json["id"]
    before = await api.write("notes", "two")
    editor = Editor(await join(api, "notes"))
    await editor.sync()
    answer = await api("POST", f"{where('notes')}/versions/{version}/restore")
    assert answer.json["position"] > before
    await editor.wait_for("one")
    again = await api("POST", f"{where('notes')}/versions/{version}/restore")
    assert again.json == answer.json, "there was nothing left to change"
    await editor.type(" more")
    assert await api.read("notes") == "one more"


@pytest.mark.parametrize("version", ["99", "0", "-1", "1.0", "one", "9" * 30, "%D9%A1", "1%2F2"])
async def test_versions_that_are_not_there(api: Api, version: str) -> None:
    await api.write("notes", "one")
    await api("POST", where("notes") + "/versions", {"name": "one"})
    for method, tail in [("GET", ""), ("POST", "/restore")]:
        answer = await api(method, f"{where('notes')}/versions/{version}{tail}")
        assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "two\nlines", 7, ["x"]])
async def test_names_of_versions_that_are_none(api: Api, name: Any) -> None:
    await api.write("notes", "one")
    answer = await api("POST", where("notes") + "/versions", {"name": name})
    assert (answer.status, answer.code, answer.json["path"]) == (400, "invalid_payload", "name")
    assert (await api("GET", where("notes") + "/versions")).json["versions"] == []


async def test_history(guarded: Api) -> None:
    ann, bob = guarded.as_(mint("*=editor", sub="ann")), guarded.as_(mint("*=editor", sub="bob"))
    positions = []
    for number, person in enumerate([ann, ann, bob, ann]):
        positions.append(await person.write("notes", "x" * (number + 1)))
    whole = (await ann("GET", where("notes") + "/history")).json
    assert [(each["participant"], each["updates"]) for each in whole["history"]] == [("ann", 2), ("bob", 1), ("ann", 1)]
    assert whole["history"][0]["first"] == positions[0]
    assert whole["next"] is None
    assert all(each["size"] > 0 and each["started_at"] <= each["ended_at"] for each in whole["history"])
    seen: list[Any] = []
    after = 0
    while after is not None:
        page = (await ann("GET", f"{where('notes')}/history?limit=1&after={after}")).json
        seen += page["history"]
        after = page["next"]
    assert seen == whole["history"]
    later = (await ann("GET", f"{where('notes')}/history?after={positions[2]}")).json["history"]
    assert [each["participant"] for each in later] == ["ann"]


# -- the wire ---------------------------------------------------------------------------------------------


async def test_pages_from_elsewhere(serve: Serve) -> None:
    api = await serve({"cors_origins": "https://app.example.com"})
    await api.write("notes", "x")
    refused = await api("GET", where("notes") + "/content", headers={"Origin": "https://evil.example.com"})
    assert (refused.status, refused.code) == (403, "forbidden")
    assert "Access-Control-Allow-Origin" not in refused.headers
    posted = await api(
        "POST", where("notes") + "/update", data=typed("y"), headers={"Origin": "https://evil.example.com"}
    )
    assert posted.status == 403
    assert await api.read("notes") == "x"
    for origin in ("https://app.example.com", api.server.url):
        allowed = await api("GET", where("notes") + "/content", headers={"Origin": origin})
        assert allowed.status == 200
        assert allowed.headers["Access-Control-Allow-Origin"] == origin
        assert "ETag" in allowed.headers["Access-Control-Expose-Headers"]
        failed = await api("GET", where("none") + "/content", headers={"Origin": origin})
        assert failed.headers["Access-Control-Allow-Origin"] == origin, "its page may read why"
    asked = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "PATCH"}
    preflight = await api("OPTIONS", where("notes") + "/content", headers=asked)
    assert preflight.status == 204
    assert "PATCH" in preflight.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
    preflight = await api(
        "OPTIONS", where("notes") + "/content", headers={**asked, "Origin": "https://evil.example.com"}
    )
    assert preflight.status == 403


async def test_who_asks_too_much_waits_then_is_told(serve: Serve) -> None:
    api = await serve({"rate_updates": 10})
    began = asyncio.get_running_loop().time()
    answers = await asyncio.gather(*(api("GET", "/documents") for _ in range(120)))
    took = asyncio.get_running_loop().time() - began
    good = [answer for answer in answers if answer.status == 200]
    told = [answer for answer in answers if answer.status != 200]
    assert took > 1, "some had to wait"
    assert 20 < len(good) < 100
    assert told
    for answer in told:
        assert (answer.status, answer.code) == (429, "rate_limited")
        assert int(answer.headers["Retry-After"]) >= 1


async def test_openapi_describes_what_is_served(api: Api) -> None:
    async with api.http.get(api.server.url + "/openapi.json") as response:
        assert response.status == 200
        document = await response.json()
    assert document["openapi"].startswith("3.")
    described = {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert described.keys() == {(route.method, route.path) for route in ROUTES}
    assert len({operation["operationId"] for operation in described.values()}) == len(ROUTES)
    for (_, path), operation in described.items():
        in_path = {each["name"] for each in operation["parameters"] if each["in"] == "path"}
        assert in_path == set(re.findall(r"{(\w+)}", path))

    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if "$ref" in value else []
            return own + [found for each in value.values() for found in references(each)]
        return [found for each in value for found in references(each)] if isinstance(value, list) else []

    for reference in references(document):
        assert reference.removeprefix("#/components/schemas/") in document["components"]["schemas"]


async def test_the_page_needs_nothing_from_elsewhere(api: Api) -> None:
    async with api.http.get(api.server.url + "/api") as response:
        assert response.status == 200
        assert response.content_type == "text/html"
        assert "script-src 'self'" in response.headers["Content-Security-Policy"]
        page = await response.text()
    assert "<script" not in page
    assert not re.findall(r"(?:src|href)=\"(?:https?:)?//", page)
    for route in ROUTES:
        assert f'id="{route.name}"' in page
        assert f'href="#{route.name}"' in page
    for code in CODES:
        assert f'id="{code}"' in page, "problems link here with their type"
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    answer = await api("GET", where("none"))
    assert answer.json["type"] == "/api#not_found"


async def test_an_embedding_application_can_mount_it(http: aiohttp.ClientSession) -> None:
    server = ApiServer(prefix="/collab")
    await server.start()
    api = Api(server, http)
    try:
        created = await api("PUT", where("team/notes"))
        assert created.status == 201
        assert created.headers["Location"] == "/collab/api/v1/documents/team%2Fnotes"
        assert (await api("GET", "/nothing")).code == "not_found"
        assert (await api("POST", "/documents")).status == 405
    finally:
        await server.stop()
