"""The HTTP API from the command line's side: what is repeated, what is told, and that no answer is trusted."""

from __future__ import annotations

import base64
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pycrdt import Doc, Text

from collab.commands import api_client
from collab.commands.api_client import ApiClient, ApiError, StreamEvent, document_path

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
BUSY = {"code": "rate_limited", "detail": "Slowly.\nPlease.", "retryable": True, "retry_after": 0.01}
AWAY = {"code": "draining", "detail": "The server is moving.", "retryable": True, "retry_after": 0.01}
NO = {"code": "forbidden", "detail": "You may not.", "retryable": False}


class Service:
    """Answers each request with the next of ``answers``; notes what came."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.last_ids: list[str | None] = []
        self.asked: list[tuple[str, str, bytes, str | None]] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        token = request.headers.get("Authorization")
        self.asked.append((request.method, request.raw_path, await request.read(), token))
        self.last_ids.append(request.headers.get("Last-Event-ID"))
        answer = self.answers.pop(0)
        if isinstance(answer, str | bytes):
            return web.Response(body=answer)
        if callable(answer):
            return await answer(request)
        if "code" in answer:
            status = {"rate_limited": 429, "draining": 503}.get(answer["code"], 403)
            return web.json_response(answer, status=status, content_type="application/problem+json")
        return web.json_response(answer)


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
async def client(service: Service) -> AsyncIterator[ApiClient]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", service.handle)
    async with TestServer(app) as server, ApiClient(str(server.make_url("/")), "secret", patience=2.0) as client:
        yield client


async def failure(asking: Awaitable[Any]) -> ApiError:
    with pytest.raises(ApiError) as failed:
        await asking
    assert "\n" not in str(failed.value)
    return failed.value


@pytest.mark.parametrize(
    ("name", "more", "path"),
    [
        ("notes", (), "/documents/notes"), ("team/é ü", ("content",), "/documents/team%2F%C3%A9%20%C3%BC/content"),
        ("a", ("versions", 3, "restore"), "/documents/a/versions/3/restore"),
    ],
)  # fmt: skip
def test_a_name_is_one_segment(name: str, more: tuple[Any, ...], path: str) -> None:
    assert document_path(name, *more) == path


async def test_a_request_says_who_asks_and_for_what(client: ApiClient, service: Service) -> None:
    service.answers = [{"position": 1}]
    answer = await client.call("PATCH", "/documents/a", query={"limit": 5, "after": None}, json={"x": "é"})
    assert (answer.status, answer.json) == (200, {"position": 1})
    assert service.asked == [("PATCH", "/api/v1/documents/a?limit=5", '{"x":"é"}'.encode(), "Bearer secret")]


async def test_a_server_that_is_busy_or_moving_is_asked_again(client: ApiClient, service: Service) -> None:
    service.answers = [BUSY, AWAY, {"ok": 1}]
    assert (await client.call("GET", "/x")).json == {"ok": 1}
    assert len(service.asked) == 3


@pytest.mark.parametrize(
    ("answer", "repeatable", "code"),
    [(NO, True, "forbidden"), (AWAY | {"kept": True}, False, "draining"), ("html", True, None)],
)
async def test_what_would_not_help_or_be_done_twice_is_not_repeated(
    client: ApiClient, service: Service, answer: Any, repeatable: bool, code: str | None
) -> None:
    service.answers = [answer]
    asking = client.call("POST", "/x", repeatable=repeatable)
    if code is None:
        assert await failure(_json_of(asking)) is not None
    else:
        error = await failure(asking)
        assert (error.code, str(error)) == (code, answer["detail"])
    assert len(service.asked) == 1


async def _json_of(asking: Awaitable[Any]) -> Any:
    return (await asking).json


async def test_patience_ends(client: ApiClient, service: Service) -> None:
    service.answers = [BUSY | {"retry_after": 30}] * 3
    error = await failure(client.call("GET", "/x"))
    assert (error.code, str(error), len(service.asked)) == ("rate_limited", "Slowly. Please.", 1)


async def test_a_connection_that_breaks_is_made_again_if_the_server_was_there(
    client: ApiClient, service: Service
) -> None:
    async def reset(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    service.answers = [reset]
    assert (await failure(client.call("GET", "/x"))).code == "unreachable"
    service.answers = [{"ok": 1}, reset, {"ok": 2}]
    await client.call("GET", "/x")
    assert (await client.call("GET", "/x")).json == {"ok": 2}
    service.answers = [reset, {"ok": 3}]
    assert (await failure(client.call("POST", "/x", repeatable=False))).code == "unreachable"


async def test_documents_come_page_by_page(client: ApiClient, service: Service) -> None:
    def page(*names: str, next: str | None = None) -> dict[str, Any]:
        rows = [{"name": name, "size": 1, "updated_at": "2026", "participants": 0} for name in names]
        return {"documents": rows, "next": next}

    service.answers = [page("a", "b", next="b"), page("c")]
    assert [each["name"] async for each in client.documents("x")] == ["a", "b", "c"]
    assert [path.partition("?")[2] for _, path, *_ in service.asked] == [
        "prefix=x&limit=1000",
        "prefix=x&limit=1000&after=b",
    ]
    service.answers = [page("a", "b", next="b")]
    assert [each["name"] async for each in client.documents(limit=2)] == ["a", "b"]
    service.answers = [page("a", next="a"), page(next="a")]
    with pytest.raises(ApiError, match="without end"):
        _ = [each async for each in client.documents()]
    service.answers = [page("..")]
    with pytest.raises(ApiError, match="no document"):
        _ = [each async for each in client.documents()]


async def test_a_state_is_looked_at_before_it_is_used(client: ApiClient, service: Service) -> None:
    doc: Doc[Any] = Doc()
    doc["body"] = Text("hello")
    service.answers = [doc.get_update(), b"\xff\xff\xff", NO | {"code": "not_found"}, NO | {"code": "not_found"}]
    assert await client.state("a") == doc.get_update()
    assert (await failure(client.state("a"))).code == "unreachable"
    assert await client.state("a", missing_is_empty=True) == b"\0\0"
    assert (await failure(client.state("a"))).code == "not_found"


async def test_what_is_sent_tells_how_far_it_is(client: ApiClient, service: Service) -> None:
    service.answers = [{"position": 7}, {"position": "7"}]
    update = b"\x01\x01\x05\x00\x04\x01\x01x\x03abc\0"
    assert [each async for each in client.send("a", update)] == [(7, len(update))]
    assert service.asked[0][2] == update
    with pytest.raises(ApiError, match="makes no sense"):
        _ = [each async for each in client.send("a", update)]


async def test_a_download_that_breaks_begins_anew(client: ApiClient, service: Service) -> None:
    async def half(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"x" * 50)
        assert request.transport is not None
        request.transport.abort()
        return response

    service.answers = [half, b"y" * 30]
    into = io.BytesIO()
    assert await client.download("/x", {}, into) == 30
    assert into.getvalue() == b"y" * 30


async def everything(events: AsyncIterator[Any], heard: list[Any]) -> None:
    async for event in events:
        heard.append(event)


def stream(*pieces: bytes) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
        return response

    return handler


async def test_events_are_read_in_any_pieces_and_go_on_where_they_were(client: ApiClient, service: Service) -> None:
    update = base64.b64encode(b"\0\0")
    service.answers = [
        stream(b": comment\n\nevent: upd", b"ate\nid: 1\nda", b"ta: " + update + b"\n\n"),
        stream(b"event: notice\ndata: {\"code\": \"document_deleted\", \"message\": \"Gone.\"}\n\n"),
    ]  # fmt: skip
    heard: list[Any] = []
    ended = await failure(everything(client.events("a", name="watcher"), heard))
    assert (ended.code, str(ended)) == ("document_deleted", "Gone.")
    first, lost, notice = heard
    assert first == StreamEvent("update", update.decode(), "1")
    assert first.update == b"\0\0"
    assert isinstance(lost, ApiError) and "ended the stream" in str(lost)
    assert notice.json["code"] == "document_deleted"
    assert service.last_ids == [None, "1"]


async def test_an_answer_has_a_bound(client: ApiClient, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_client, "_MOST_ANSWER", 1000)
    service.answers = [b"x" * 2000]
    assert (await failure(client.call("GET", "/x"))).code == "unreachable"
    assert len(service.asked) == 1, "it would be as large the next time"


async def test_an_event_has_a_bound(client: ApiClient, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_client, "_MOST_EVENT", 1000)
    service.answers = [stream(b"data: " + b"x" * 2000), NO]
    heard: list[Any] = []
    await failure(everything(client.events("a"), heard))
    assert [str(each) for each in heard] == ["The server sends an event without end."]
