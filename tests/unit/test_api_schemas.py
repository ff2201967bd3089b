"""What a request of the HTTP API may hold, how its body is read, and that a refusal names the fault."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from marshmallow import Schema, ValidationError

from collab.content.operations import MAX_OPERATIONS
from collab.doors import requests
from collab.doors.http.api_schemas import (
    DEFAULT_PAGE,
    LOAD,
    MAX_NUMBER,
    MAX_PAGE,
    MAX_PATH,
    MAX_VERSION_NAME,
    ContentQuery,
    DiffQuery,
    DocumentSchema,
    HistoryQuery,
    ListQuery,
    NewVersionSchema,
    OperationsSchema,
    RequestParser,
    VersionsQuery,
)
from collab.doors.http.problems import problem_response
from collab.doors.requests import read_body
from collab.errors import CollabError
from collab.hub.in_flight import InFlight
from collab.types import timestamp


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "1970-01-01T00:00:00.000Z"), (1.9999, "1970-01-01T00:00:01.999Z"), (1795000000.5, "2026-11-18T11:06:40.500Z")],
)
def test_times_are_in_utc_with_milliseconds(seconds: float, shown: str) -> None:
    assert timestamp(seconds) == shown
    values = {"name": "a", "size": 1, "created_at": seconds, "updated_at": seconds, "participants": 0}
    assert DocumentSchema().dump(values)["updated_at"] == shown


@pytest.mark.parametrize(
    ("schema", "given", "loaded"),
    [
        (ListQuery, {}, {"prefix": "", "limit": DEFAULT_PAGE, "deleted": False}),
        (ListQuery, {"prefix": "é/", "limit": str(MAX_PAGE), "after": "a"}, {"prefix": "é/", "limit": MAX_PAGE, "after": "a", "deleted": False}),
        (ContentQuery, {}, {"format": "json"}),
        (ContentQuery, {"format": "update", "path": ""}, {"format": "update", "path": ""}),
        (ContentQuery, {"path": "/" + "x" * (MAX_PATH - 1)}, {"format": "json", "path": "/" + "x" * (MAX_PATH - 1)}),
        (DiffQuery, {"state_vector": "AP_-"}, {"state_vector": b"\0\xff\xfe"}),
        (DiffQuery, {"state_vector": "AA=="}, {"state_vector": b"\0"}),
        (DiffQuery, {"state_vector": ""}, {"state_vector": b""}),
        (DiffQuery, {}, {}),
        (VersionsQuery, {"after": str(MAX_NUMBER)}, {"limit": DEFAULT_PAGE, "after": MAX_NUMBER}),
        (HistoryQuery, {}, {"limit": MAX_PAGE, "after": 0}),
        (NewVersionSchema, {}, {"name": None}),
        (NewVersionSchema, {"name": "  draft 1 "}, {"name": "draft 1"}),
        (NewVersionSchema, {"name": " " + "x" * MAX_VERSION_NAME + " "}, {"name": "x" * MAX_VERSION_NAME}),
        (OperationsSchema, {"operations": [None, 1, {"op": "x"}]}, {"operations": [None, 1, {"op": "x"}]}),
    ],
)  # fmt: skip
def test_what_is_taken(schema: type[Schema], given: Any, loaded: Any) -> None:
    assert schema().load(given) == loaded


@pytest.mark.parametrize(
    ("schema", "given", "field"),
    [
        (ListQuery, {"limit": "0"}, "limit"), (ListQuery, {"limit": str(MAX_PAGE + 1)}, "limit"), (ListQuery, {"limit": "x"}, "limit"),
        (ListQuery, {"prefix": "x" * 201}, "prefix"), (ListQuery, {"prefix": "\ud800"}, "prefix"), (ListQuery, {"other": "x"}, "other"),
        (ContentQuery, {"format": "pdf"}, "format"), (ContentQuery, {"path": "/" + "x" * MAX_PATH}, "path"),
        (DiffQuery, {"state_vector": "AA */"}, "state_vector"), (DiffQuery, {"state_vector": "A"}, "state_vector"),
        (DiffQuery, {"state_vector": "é"}, "state_vector"), (VersionsQuery, {"after": "-1"}, "after"),
        (VersionsQuery, {"after": str(MAX_NUMBER + 1)}, "after"), (NewVersionSchema, {"name": ""}, "name"),
        (NewVersionSchema, {"name": "  "}, "name"), (NewVersionSchema, {"name": "a\nb"}, "name"), (NewVersionSchema, {"name": 5}, "name"),
        (NewVersionSchema, {"name": "a\u2028b"}, "name"), (NewVersionSchema, {"name": "x" * (MAX_VERSION_NAME + 1)}, "name"),
        (OperationsSchema, {}, "operations"), (OperationsSchema, {"operations": {}}, "operations"),
        (OperationsSchema, {"operations": [1] * (MAX_OPERATIONS + 1)}, "operations"),
    ],
)  # fmt: skip
def test_what_is_refused(schema: type[Schema], given: Any, field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        schema().load(given)
    assert set(refused.value.messages) == {field}


# -- a request ---------------------------------------------------------------------------------------------

MOST, TIMEOUT = 1000, 1.0


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    """Answers with what it has read, or with the problem."""
    parser = RequestParser(MOST, 10.0)
    heard: list[int] = []

    async def json(request: web.Request) -> web.Response:
        request[LOAD] = InFlight().load("192.0.2.1", lambda: None)
        try:
            query = await parser.parse(VersionsQuery(), request, location="query")
            body = await parser.parse(OperationsSchema(), request, location="json")
        except CollabError as error:
            return problem_response(error)
        return web.json_response({"query": query, "body": body})

    async def raw(request: web.Request) -> web.Response:
        heard.clear()
        try:
            body = await read_body(request, MOST, TIMEOUT, heard=heard.append)
        except CollabError as error:
            return problem_response(error)
        assert sum(heard) == len(body)
        return web.Response(body=body)

    app = web.Application(client_max_size=10**9)
    app.router.add_post("/json", json)
    app.router.add_post("/raw", raw)
    server = TestServer(app)
    await server.start_server()
    yield server
    await server.close()


async def answer(server: TestServer, path: str, body: Any, **headers: str) -> tuple[int, bytes]:
    async with (
        aiohttp.ClientSession() as http,
        http.post(server.make_url(path), data=body, headers=headers) as response,
    ):
        return response.status, await response.read()


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "x/y"])
async def test_json_is_read_whatever_it_calls_itself(server: TestServer, content_type: str) -> None:
    status, body = await answer(server, "/json?limit=5", b'{"operations": []}', **{"Content-Type": content_type})
    assert (status, orjson.loads(body)) == (200, {"query": {"limit": 5}, "body": {"operations": []}})


@pytest.mark.parametrize(
    ("path", "body", "words", "where"),
    [
        ("/json", b"{", "The body is not JSON.", None),
        ("/json", b"[]", "The body has to be a JSON object.", None),
        ("/json", b"\xff", "The body is not JSON.", None),
        ("/json", b"", "operations: Missing data for required field.", "operations"),
        ("/json", b'{"operations": [], "more": 1}', "more: Unknown field.", "more"),
        ("/json?limit=x", b'{"operations": []}', "limit: Not a valid integer.", "limit"),
        ("/json?other=x", b'{"operations": []}', "other: Unknown field.", "other"),
    ],
)
async def test_a_refusal_names_the_fault(
    server: TestServer, path: str, body: bytes, words: str, where: str | None
) -> None:
    status, told = await answer(server, path, body)
    problem = orjson.loads(told)
    assert (status, problem["code"], problem["detail"]) == (400, "invalid_payload", words)
    assert problem.get("path") == where


async def test_a_path_of_others_is_shown_in_part() -> None:
    parser = RequestParser(MOST, 10.0)
    error = ValidationError({"json": {"\ud800" + "x" * 500: {0: ["No."]}}})
    with pytest.raises(CollabError) as refused:
        parser.handle_error(error, None, None)  # type: ignore[arg-type]
    path = refused.value.detail["path"]
    assert path == "?" + "x" * 63 + ".0"


async def pieces(count: int, size: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * size


async def test_a_body_is_read_up_to_its_bound(server: TestServer) -> None:
    assert await answer(server, "/raw", b"x" * MOST) == (200, b"x" * MOST)
    assert await answer(server, "/raw", pieces(10, 100)) == (200, b"x" * MOST)
    for body in (b"x" * (MOST + 1), pieces(11, 100), pieces(1, 100_000)):
        status, told = await answer(server, "/raw", body)
        assert (status, orjson.loads(told)["code"], orjson.loads(told)["limit"]) == (413, "update_too_large", MOST)


async def test_a_body_that_is_not_encoded_as_it_says_is_refused(server: TestServer) -> None:
    status, told = await answer(server, "/raw", b"no gzip", **{"Content-Encoding": "gzip"})
    assert (status, orjson.loads(told)["code"]) == (400, "invalid_payload")


@pytest.mark.parametrize("drips", [False, True])
@pytest.mark.slow
async def test_a_body_that_does_not_come_has_an_end(
    server: TestServer, monkeypatch: pytest.MonkeyPatch, drips: bool
) -> None:
    if not drips:
        monkeypatch.setattr(requests, "BODY_PATIENCE", 0.1)
    reader, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(b"POST /raw HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")

    async def drip() -> None:
        while drips:
            writer.write(b"x")
            await asyncio.sleep(0.02)

    dripping = asyncio.create_task(drip())
    async with asyncio.timeout(20):
        head = await reader.readuntil(b"\r\n\r\n")
        told = await reader.readuntil(b"}")
    dripping.cancel()
    writer.close()
    assert b" 400 " in head
    assert orjson.loads(told)["detail"] == "The body did not arrive in time."
