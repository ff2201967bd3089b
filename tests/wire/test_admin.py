"""The admin page: who may see it, what others get, and that no token is ever in an address."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from tests.support.api import SECRET, mint
from tests.support.server import CollabServer, line
from tests.wire.conftest import Connect

Start = Callable[..., CollabServer]
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def guarded(start_server: Start) -> CollabServer:
    return start_server(args=["--auth", "jwt", "--jwt-secret", SECRET])


def bearer(*grants: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {mint(*grants)}"}


PATHS = ("/admin", "/admin/now", "/admin/events")
SECRETS = ('"people"', '"about"', '"rates"')


@pytest.mark.parametrize("path", PATHS)
async def test_others_get_no_data(guarded: CollabServer, http: aiohttp.ClientSession, path: str) -> None:
    cases: list[tuple[dict[str, str], int]] = [
        ({}, 401), (bearer("*=editor"), 403), (bearer("team/*=admin"), 403), ({"Authorization": "Bearer nonsense"}, 401),
        ({"Cookie": "collab_admin=nonsense"}, 401), ({"Cookie": f"collab_admin={mint('*=viewer')}"}, 403),
    ]  # fmt: skip
    for headers, status in cases:
        async with http.get(guarded.url + path, headers=headers) as answer:
            text = await answer.text()
            assert answer.status == status
            assert "Content-Security-Policy" in answer.headers
            assert not any(word in text for word in SECRETS)
            assert 'id="documents"' not in text
    url = f"{guarded.url}{path}?token={mint('*=admin')}"
    async with http.get(url) as answer:
        assert answer.status == 401, "never in the address"


async def test_an_administrator_sees_who_is_here_and_sends_somebody_away(
    guarded: CollabServer, http: aiohttp.ClientSession, connect: Connect
) -> None:
    client = await connect("/doc/plan", {"token": mint("plan=editor", sub="ann")}, server=guarded)
    session = await client.event("session")
    headers = bearer("*=admin")
    async with http.get(guarded.url + "/admin/events", headers=headers) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        shown: dict[str, Any] = {}
        while not shown.get("people"):
            event = await answer.content.readuntil(b"\n\n")
            shown = json.loads(event.removeprefix(b"data: "))
    (person,) = shown["people"]
    assert (person["participant"], person["document"], person["role"]) == ("ann", "plan", "editor")
    wanted = {"action": "disconnect", "document": "plan", "session": person["session"]}
    assert person["session"] == session["session"]
    async with http.post(guarded.url + "/admin/do", headers=headers | JSON, json=wanted) as answer:
        assert (answer.status, (await answer.json())["ok"]) == (200, True)
    assert (await client.event("notice"))["code"] == "forbidden"
    assert (await line(guarded, "an administrator did something", action="disconnect"))["by"] == "ann"


async def test_signing_in_sets_a_cookie_that_scripts_and_other_sites_cannot_use(
    guarded: CollabServer, http: aiohttp.ClientSession
) -> None:
    token = mint("*=admin")
    url = guarded.url + "/admin"
    async with http.get(url) as answer:
        assert answer.status == 401
        assert '<form method="post"' in await answer.text()
    for wrong, status in (("nonsense", 401), (mint("*=editor"), 403)):
        async with http.post(url, data={"token": wrong}, allow_redirects=False) as answer:
            assert (answer.status, answer.cookies) == (status, {})
    async with http.post(url, data={"token": token}, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/admin")
        cookie = answer.headers["Set-Cookie"]
        assert all(word in cookie for word in ("HttpOnly", "SameSite=Strict", "Path=/admin"))
    cookies = {"Cookie": f"collab_admin={token}"}
    async with http.get(url, headers=cookies) as answer:
        assert answer.status == 200
        assert 'id="documents"' in await answer.text()
    elsewhere = cookies | JSON | {"Origin": "https://evil.example"}
    async with http.post(url + "/do", headers=elsewhere, json={"action": "check"}) as answer:
        assert answer.status == 403
    async with http.post(url + "/do", headers=cookies, data=b'{"action": "check"}') as answer:
        assert answer.status == 400, "a form cannot send JSON"
    async with http.post(url + "/sign-out", headers=cookies, allow_redirects=False) as answer:
        assert "Max-Age=0" in answer.headers["Set-Cookie"]


async def test_without_auth_it_is_for_this_machine(start_server: Start, http: aiohttp.ClientSession) -> None:
    server = start_server()
    async with http.get(server.url + "/admin") as answer:
        assert answer.status == 200
    async with http.get(server.url + "/no-such-page") as answer:
        unknown = await answer.text()
    for path in (*PATHS, "/admin/admin.js"):
        for headers in ({"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"}):
            async with http.get(server.url + path, headers=headers) as answer:
                assert (answer.status, await answer.text()) == (404, unknown)
        async with http.get(server.url + path, headers={"Host": "evil.example"}) as answer:
            assert answer.status in (403, 404)
    async with http.post(server.url + "/admin/do", headers={"X-Real-IP": "127.0.0.1"} | JSON, data="{}") as answer:
        assert answer.status == 404


async def test_it_can_be_switched_off(start_server: Start, http: aiohttp.ClientSession) -> None:
    server = start_server(args=["--no-admin"])
    for path in PATHS:
        async with http.get(server.url + path) as answer:
            assert answer.status == 404


async def test_a_stream_does_not_hold_up_the_end(start_server: Start, http: aiohttp.ClientSession) -> None:
    server = start_server()
    async with http.get(server.url + "/admin/events") as answer:
        await answer.content.readuntil(b"\n\n")
        assert server.stop() == 0
    assert (await line(server, "drained"))["seconds"] < 2
