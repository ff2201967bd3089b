"""The Python client of an inbox, where the server is not what it should be; the rest is in tests/wire/test_inbox.py."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from collab.client import Backoff, inbox
from collab.errors import CollabError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
ENTRY = '{"id":%d,"type":"later","document":"a","thread":"t","from":{"name":"Ann"},"at":"x","excerpt":"e","read":false,"more":1}'


@asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/below/api/v1/inbox{rest:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/below/"
    await runner.cleanup()


def answers(*texts: str) -> tuple[Handler, list[tuple[str | None, str | None]]]:
    """One answer after the other; each is a stream, or a status."""
    left, asked = list(texts), []

    async def handler(request: web.Request) -> web.StreamResponse:
        asked.append((request.headers.get("Authorization"), request.headers.get("Last-Event-ID")))
        text = left.pop(0)
        if text.isdigit():
            return web.Response(status=int(text), text="<html>")
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for at in range(0, len(text), 7):  # in pieces
            await response.write(text.encode()[at : at + 7])
        return response

    return handler, asked


async def test_it_goes_on_behind_what_it_had() -> None:
    first = f'retry: 1000\n\nevent: inbox\ndata: {{"events":[],"unread":0}}\n\n: \n\nid: 3\nevent: inbox\ndata: {{"events":[{ENTRY % 2},{ENTRY % 3}],"unread":2}}\n\n'
    expired = 'event: notice\ndata: {"code":"token_expired","message":"m","retryable":false}\n\nretry: 86400000\n\n'
    last = f'event: other\ndata: 1\n\nid: 9\nevent: inbox\ndata: {{"events":[{ENTRY % 9}],"unread":3}}\n\n'
    handler, asked = answers(first, "502", expired, last)
    tokens = iter("abcd")
    async with served(handler) as url, inbox(url, token=lambda: next(tokens), backoff=Backoff(0.001, 0.002)) as mine:
        events = mine.events()
        entries = [await anext(events) for _ in range(3)]
        await events.aclose()
    assert [entry.id for entry in entries] == [2, 3, 9]
    assert (entries[0].type, entries[0].stream, entries[0].offset, mine.unread) == ("later", None, None, 3)
    assert asked == [("Bearer a", None), ("Bearer b", "3"), ("Bearer c", "3"), ("Bearer d", "3")]


async def test_a_refusal_ends_it() -> None:
    handler, _ = answers('event: notice\ndata: {"code":"token_expired","message":"m","retryable":false}\n\n')
    async with served(handler) as url, inbox(url, token="always the same") as mine:
        with pytest.raises(CollabError, match="token_expired"):
            await anext(mine.events())


async def test_what_is_no_server_is_said() -> None:
    handler, _ = answers("502", "200")
    async with served(handler) as url, inbox(url, token="t") as mine:
        for _ in range(2):
            with pytest.raises(ConnectionError):
                await mine.read()
    async with inbox("http://127.0.0.1:9", token="t") as mine:
        with pytest.raises(ConnectionError, match="cannot be reached"):
            await mine.mark(up_to=1)
    closed: list[Any] = [mine.read(), anext(mine.events())]
    for asked in closed:
        with pytest.raises(ConnectionError, match="not open"):
            await asked
    for url in ("127.0.0.1:8080", "ftp://a", "http://"):
        with pytest.raises(ValueError, match="no URL of a server"):
            inbox(url, token=None)
