"""`/metrics` is for this machine and for whoever has the token; to anybody else there is no such page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

import collab

TOKEN = "t" * 32
LOCAL: dict[str, Any] = {"store": "memory://", "metrics_token": TOKEN}
#: behind a proxy on this machine
PROXIED = LOCAL | {"trusted_proxies": "127.0.0.1"}

Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    async with TestClient(TestServer(collab.create_app(**request.param))) as client:
        yield client


async def answer(client: Client, **headers: str) -> tuple[int, str]:
    response = await client.get("/metrics", headers={name.replace("_", "-"): value for name, value in headers.items()})
    return response.status, await response.text()


@pytest.mark.parametrize("client", [LOCAL], indirect=True)
@pytest.mark.parametrize("headers", [{}, {"Authorization": f"Bearer {TOKEN}"}, {"Authorization": "Basic eDp5"}])
async def test_this_machine_and_the_token_may_read(client: Client, headers: dict[str, str]) -> None:
    status, text = await answer(client, **headers)
    assert status == 200
    assert "collab_draining 0.0" in text


@pytest.mark.parametrize("client", [LOCAL], indirect=True)
@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer"}, {"Authorization": "bearer \u00e9"},
        {"Forwarded": "for=127.0.0.1"}, {"X_Forwarded_For": "127.0.0.1"}, {"X_Real_IP": "127.0.0.1"},
    ],
)  # fmt: skip
async def test_for_others_there_is_no_such_page(client: Client, headers: dict[str, str]) -> None:
    unknown = await client.get("/no-such-page")
    assert await answer(client, **headers) == (404, await unknown.text())


@pytest.mark.parametrize("client", [LOCAL], indirect=True)
async def test_somebody_elsewhere_with_the_token_may_read(client: Client) -> None:
    status, _ = await answer(client, X_Forwarded_For="203.0.113.9", Authorization=f"Bearer {TOKEN}")
    assert status == 200


@pytest.mark.parametrize("client", [{"store": "memory://"}], indirect=True)
async def test_without_a_token_in_the_settings_no_bearer_is_right(client: Client) -> None:
    assert (await answer(client, Authorization="Bearer "))[0] == 404
    assert (await answer(client))[0] == 200


@pytest.mark.parametrize("client", [PROXIED], indirect=True)
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X_Forwarded_For": "127.0.0.1"}, 200), ({"X_Forwarded_For": "127.0.0.1", "X_Real_IP": "127.0.0.1"}, 200),
        ({"X_Forwarded_For": "203.0.113.9"}, 404), ({"X_Forwarded_For": "127.0.0.1, 203.0.113.9"}, 404),
        ({"X_Real_IP": "203.0.113.9"}, 404), ({"X_Forwarded_For": "127.0.0.1", "X_Real_IP": "203.0.113.9"}, 404),
        ({"X_Forwarded_For": "127.0.0.1", "Forwarded": "for=203.0.113.9"}, 404), ({"X_Forwarded_For": "unknown"}, 404),
    ],
)  # fmt: skip
@pytest.mark.slow
async def test_a_trusted_proxy_says_who_is_on_this_machine(
    client: Client, headers: dict[str, str], status: int
) -> None:
    assert (await answer(client, **headers))[0] == status
