"""``collab docs`` against a server that means harm: at most one line on stderr, in bounded time, and a quiet terminal."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from click.testing import CliRunner, Result
from rich.console import Console

from collab.commands import api_client
from collab.commands.docs import looking
from collab.commands.main import main
from tests.support.heavy_updates import hostile_samples

pytestmark = pytest.mark.asyncio

STEERING = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202e\\[/foo][bold]"
DOCUMENT = {"name": "notes", "size": 1, "updated_at": "2026-01-01T00:00:00Z", "participants": 0}
VERSION = {"id": 1, "name": STEERING, "created_at": STEERING, "participant": STEERING, "size": 1}
PROBLEM = {"code": "not_found", "detail": STEERING + "\nsecond line"}

COMMANDS = [
    ["list"], ["show", "notes"], ["versions", "notes"], ["export", "notes"], ["export", "--all", "-o", "/dev/null"],
    ["export", "notes", "--format", "svg"], ["apply", "notes", "--op", '{"op": "map.set", "path": "/a/b", "value": 1}'],
    ["import", "notes", "--format", "text"], ["watch", "notes"], ["restore", "notes", "1"], ["versions", "notes", "--save", "x"],
]  # fmt: skip

#: what every request is answered with
ANSWERS: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"<html>",
    "a list": b"[]",
    "null": b"null",
    "deep": b"[" * 100_000,
    "wrong types": json.dumps({"documents": [{"name": 7}], "next": 5, "versions": "x", "participants": None}).encode(),
    "names that cannot be": json.dumps({"documents": [DOCUMENT | {"name": STEERING}], "next": None}).encode(),
    "names that lead out": json.dumps({"documents": [DOCUMENT | {"name": "../x"}], "next": None}).encode(),
    "steering": json.dumps({
        **DOCUMENT, "name": STEERING, "updated_at": STEERING, "documents": [DOCUMENT], "next": None, "versions": [VERSION],
        "participants": [{"session": "s", "user": {"name": STEERING}, "role": STEERING}], "position": 5, "x": STEERING,
    }).encode(),
    "random bytes": bytes(range(256)) * 10,
}  # fmt: skip


async def _served(answer: Any) -> TestServer:
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    server = TestServer(app)
    await server.start_server()
    return server


async def collab(server: TestServer, *arguments: str) -> Result:
    line = ["docs", "--url", str(server.make_url("")).rstrip("/"), *arguments]
    async with asyncio.timeout(60):
        return await asyncio.to_thread(CliRunner().invoke, main, line, input=b"words")


def check(result: Result) -> None:
    """One line at most, and no traceback."""
    assert result.exit_code in (0, 1), (result.exit_code, result.output)
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    lines = [line for line in result.stderr.splitlines() if not line.endswith(" Trying again.")]  # `watch` does, once
    assert len(lines) <= 1, result.stderr
    assert result.stderr.count("\n") <= 2
    assert all(char.isprintable() or char == "\n" for char in result.stderr), repr(result.stderr)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_client, "PATIENCE", 0.2)
    monkeypatch.setattr(api_client.ApiClient.__init__, "__kwdefaults__", {"patience": 0.2})


@pytest.mark.parametrize("what", ANSWERS)
async def test_nonsense_costs_a_line(what: str) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=ANSWERS[what], content_type="application/json")

    server = await _served(answer)
    try:
        for command in COMMANDS:
            check(await collab(server, *command))
    finally:
        await server.close()


@pytest.mark.parametrize("status", [400, 404, 418, 429, 503])
async def test_refusals_are_quiet(status: int) -> None:
    async def answer(_request: web.Request) -> web.Response:
        body = PROBLEM | {"retryable": True, "retry_after": "soon" if status == 429 else 1e9}
        return web.json_response(body, status=status)

    server = await _served(answer)
    try:
        for command in COMMANDS:
            result = await collab(server, *command)
            check(result)
            assert result.exit_code == 1
            assert "second line" in result.stderr
    finally:
        await server.close()


async def test_answers_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_client, "_MOST_ANSWER", 2**20)
    monkeypatch.setattr(api_client, "_MOST_EVENT", 2**20)
    sent = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(status=404 if request.path.endswith("/restore") else 200)
        await response.prepare(request)
        try:
            for _ in range(1000):
                await response.write(b"x" * 2**17)
                sent += 2**17
        except ConnectionResetError:
            pass
        return response

    server = await _served(answer)
    try:
        for command in COMMANDS:
            if command[:2] == ["export", "--all"]:
                continue
            sent = 0
            result = await collab(server, *command)
            check(result)
            assert result.exit_code == 1
            assert sent < 2**25, command
    finally:
        await server.close()


async def test_lists_end() -> None:
    async def answer(request: web.Request) -> web.Response:
        page = {"documents": [], "versions": [], "next": 7 if "versions" in request.path else "notes"}
        return web.json_response(page)

    server = await _served(answer)
    try:
        for command in (["list"], ["versions", "notes"], ["export", "--all", "-o", "/dev/null"]):
            result = await collab(server, *command)
            check(result)
            assert "without end" in result.stderr
    finally:
        await server.close()


@pytest.mark.parametrize(("name", "updates"), hostile_samples())
async def test_documents_that_harm_a_library_are_not_read(name: str, updates: list[bytes]) -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.path.endswith("/events"):
            if request.headers.get("Last-Event-ID"):
                return web.json_response(PROBLEM, status=404)
            events = [f"id: 1\nevent: update\ndata: {base64.b64encode(update).decode()}\n\n" for update in updates]
            return web.Response(text="".join(events), content_type="text/event-stream")
        return web.Response(body=updates[-1])

    server = await _served(answer)
    try:
        for command in (
            ["apply", "notes", "--op", '{"op": "map.set", "path": "/a/b", "value": 1}'],
            ["watch", "notes"],
        ):
            check(await collab(server, *command))
    finally:
        await server.close()


async def test_events_do_not_steer(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    console = Console(force_terminal=True, highlight=False, markup=False, emoji=False, width=200, color_system=None)
    monkeypatch.setattr(looking, "OUT", console)
    person = {"session": "s", "user": {"name": STEERING}}
    events = [
        ("presence", {"joined": [person], "updated": [], "left": [person]}), ("notice", {"code": "x", "message": STEERING}),
        ("broadcast", {"event": STEERING}), (STEERING.replace("\x1b", ""), {}), ("presence", {"joined": 5}),
    ]  # fmt: skip

    async def answer(_request: web.Request) -> web.Response:
        text = "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events)
        return web.Response(text=text, content_type="text/event-stream")

    server = await _served(answer)
    try:
        result = await collab(server, "watch", "notes")
        check(result)
        assert "makes no sense" in result.stderr
        assert "[/foo][bold]" in result.stdout, "as it is: no markup"
        assert all(char.isprintable() or char == "\n" for char in result.stdout), repr(result.stdout)
    finally:
        await server.close()
