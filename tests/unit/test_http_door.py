"""The HTTP door, before a request is served: who asks, whether they may, and in which order that is found out."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import aiohttp
import pytest

from collab.doors.http.door import HttpDoor
from collab.doors.http.openapi import ROUTES
from collab.doors.http.rates import Rate
from collab.errors import CollabError
from tests.support.api import JWT, Api, ApiServer, mint
from tests.support.calls import Inline


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    server = ApiServer({**JWT, "cors_origins": "https://ours", "max_update_bytes": "1KiB"}, reader=Inline())
    await server.start()
    async with aiohttp.ClientSession() as http:
        yield Api(server, http, mint("*=admin"))
    await server.stop()


def door(api: Api) -> HttpDoor:
    (found,) = (each for each in api.server.app["doors"] if isinstance(each, HttpDoor))
    return found


async def test_every_route_is_served_by_exactly_one(api: Api) -> None:
    for route in ROUTES:
        assert callable(door(api)._method(route.name)), route.name
    with pytest.raises(ValueError, match="unpack"):
        door(api)._method("no_such_route")


async def test_no_two_routes_are_one() -> None:
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)
    assert len({route.name for route in ROUTES}) == len(ROUTES)


async def test_nobody_gets_anywhere_without_a_token_whatever_else_is_wrong(api: Api) -> None:
    for route in ROUTES:
        path = re.sub(r"{\w+}", "x", route.path)
        for token in (None, "nonsense"):
            answer = await api.as_(token)(route.method, path + "?limit=none&format=none", data=b"{")
            assert (answer.status, answer.code) == (401, "unauthorized"), route.name
    assert await api.server.hub.store.names() == []


async def test_the_name_is_looked_at_before_the_token_and_the_role_before_the_body(api: Api) -> None:
    assert (await api.as_(None)("GET", "/documents/a,b")).code == "invalid_document"
    reader = api.as_(mint("notes=viewer"))
    assert (await reader("PATCH", "/documents/notes/content", data=b"no json")).code == "read_only"
    assert (await reader("DELETE", "/documents/notes")).code == "forbidden"
    assert (await reader("GET", "/documents/other")).code == "forbidden"
    assert (await reader("POST", "/documents/notes/update", data=b"x" * 5000)).code == "read_only"


async def test_a_name_is_one_segment_with_anything_in_it(api: Api) -> None:
    for name in ("team%2Fnotes", "%7Bdocument%7D", "a%20b", "%C3%BC"):
        assert (await api("PUT", f"/documents/{name}")).status == 201
    assert set(await api.server.hub.store.names()) == {"team/notes", "{document}", "a b", "ü"}
    assert (await api("PUT", "/documents/team/notes")).status == 404


async def test_who_is_far_over_the_rate_is_refused_before_anybody_asks_who_it_is(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def far_over(_rate: Rate) -> None:
        raise CollabError("rate_limited", retry_after=3)

    monkeypatch.setattr(Rate, "wait", far_over)
    for token in (None, api.token):
        answer = await api.as_(token)("GET", "/documents")
        assert (answer.status, answer.code, answer.headers["Retry-After"]) == (429, "rate_limited", "3")


async def test_a_server_that_moves_serves_nobody(api: Api) -> None:
    api.server.hub.draining = True
    answer = await api("GET", "/documents")
    assert (answer.status, answer.code, answer.headers["Retry-After"]) == (503, "draining", "1")
    api.server.hub.draining = False


async def test_a_head_is_a_get_without_a_body_and_not_of_what_lasts(api: Api) -> None:
    await api("PUT", "/documents/notes")
    got, head = [await api(method, "/documents/notes") for method in ("GET", "HEAD")]
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Type"] == got.headers["Content-Type"]
    headers = {"Authorization": f"Bearer {api.token}"}
    async with api.http.head(api.url("/documents/notes/events"), headers=headers) as response:
        assert response.status == 405


async def test_what_is_no_route_is_a_problem_too(api: Api) -> None:
    for method, path in (("GET", "/nothing"), ("PATCH", "/documents"), ("POST", "/documents/notes")):
        answer = await api(method, path)
        assert answer.status in (404, 405)
        assert answer.headers["Content-Type"] == "application/problem+json"


async def test_pages_of_other_origins_are_refused_and_ours_may_read(api: Api) -> None:
    theirs = await api("GET", "/documents", headers={"Origin": "https://theirs"})
    assert (theirs.status, theirs.code, "Access-Control-Allow-Origin" in theirs.headers) == (403, "forbidden", False)
    ours = await api("GET", "/documents", headers={"Origin": "https://ours"})
    assert (ours.status, ours.headers["Access-Control-Allow-Origin"]) == (200, "https://ours")
    asked = {"Origin": "https://ours", "Access-Control-Request-Method": "PUT"}
    before = await api.as_(None)("OPTIONS", "/documents/notes", headers=asked)
    assert (before.status, "PUT" in before.headers["Access-Control-Allow-Methods"]) == (204, True)
    assert "Origin" in before.headers["Vary"]


async def test_what_is_no_bearer_is_nobody(api: Api) -> None:
    for header in ("Basic YTpi", "Bearer", "Bearer  ", "bearer {token} x", "Token {token}"):
        given = {"Authorization": header.format(token=api.token)}
        assert (await api.as_(None)("GET", "/documents", headers=given)).code == "unauthorized"


async def test_a_token_in_the_address_is_only_for_what_has_no_headers(api: Api) -> None:
    await api("PUT", "/documents/notes")
    assert (await api.as_(None)("GET", f"/documents/notes?token={api.token}")).code == "unauthorized"
    async with api.as_(None).events("notes", query=f"?token={api.token}") as stream:
        assert stream.response.status == 200


async def test_only_who_administers_everything_has_others_asked_again(api: Api) -> None:
    assert (await api("POST", "/recheck", {})).json == {"sessions": 0}
    assert (await api.as_(mint("a*=admin"))("POST", "/recheck", {})).code == "forbidden"
