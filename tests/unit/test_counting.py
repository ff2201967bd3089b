"""Requests are counted by their route, whatever their path holds."""

from __future__ import annotations

import re

import pytest
import structlog
from aiohttp.test_utils import TestClient, TestServer
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

import collab
from collab.metrics import REQUEST_SECONDS, REQUESTS


@pytest.mark.slow
async def test_requests_are_counted_by_route_method_and_status() -> None:
    before = dict(REQUESTS.values)
    async with TestClient(TestServer(collab.create_app(store="memory://"))) as client:
        await client.put("/api/v1/documents/one")
        await client.get("/api/v1/documents/one/content")
        await client.get("/api/v1/documents/two/content")
        await client.get("/api/v1/nothing/of/the/kind")
        await client.get("/somewhere")
        await client.request("TRACE", "/healthz")
    news = {key: count - before.get(key, 0) for key, count in REQUESTS.values.items() if count != before.get(key, 0)}
    assert news == {
        ("/api/v1/documents/{document}", "PUT", "201"): 1,
        ("/api/v1/documents/{document}/content", "GET", "200"): 1,
        ("/api/v1/documents/{document}/content", "GET", "404"): 1,
        ("other", "GET", "404"): 1,
        ("/{path}", "GET", "404"): 1,
        ("other", "other", "405"): 1,
    }
    assert sum(REQUEST_SECONDS.at("/api/v1/documents/{document}/content").counts) >= 2


async def test_a_request_has_an_id_that_its_answer_repeats_and_its_lines_name() -> None:
    async with TestClient(TestServer(collab.create_app(store="memory://"))) as client:
        with capture_logs() as lines:
            structlog.get_config()["processors"].insert(0, merge_contextvars)  # capture_logs takes it out again
            given = await client.get("/api/v1/documents/one/content?format=odd", headers={"X-Request-Id": "abc-1"})
            made = await client.get("/healthz", headers={"X-Request-Id": "a b"})
            unknown = await client.get("/api/v1/nothing")
    assert given.headers["X-Request-Id"] == "abc-1"
    assert {line["request"] for line in lines if line["event"] == "request refused"} == {"abc-1"}
    assert re.fullmatch(r"[0-9a-f]{12}", made.headers["X-Request-Id"])
    assert unknown.headers["X-Request-Id"] != made.headers["X-Request-Id"]
