"""Three incidents that an operator could not solve from the log: a full disk, keys that are gone, a slow Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from structlog.testing import capture_logs

from collab.auth import published_keys
from collab.auth.published_keys import PublishedKeys
from collab.errors import CollabError
from tests.support.api import http_session
from tests.support.full_disk import fill, make_room
from tests.support.redis_server import RedisServer, needs_redis
from tests.support.server import CollabServer, line, lines
from tests.support.typists import opened

Start = Callable[..., CollabServer]


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with http_session() as session:
        yield session


# -- the disk ---------------------------------------------------------------------------------------------


async def test_a_full_disk_is_named_when_it_begins_and_when_it_ends(
    start_server: Start, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    path = f"{tmp_path}/store.db"
    server = start_server(f"sqlite:///{path}")
    editor = await opened(server, http, "full")
    assert (await editor.type("saved "))["durable"]
    for _ in range(3):  # the log of this server is a file, too: there is room for that
        assert (await editor.type("much " * 20_000))["durable"]
    fill(server, path)
    for word in ("one ", "two "):
        assert (await editor.client.call("sync-update", editor.typed(word)))["ok"] is False
    began = await line(server, "the store fails")
    assert began["error"].startswith(("SQLITE_IOERR", "SQLITE_FULL"))
    assert began["errno"] in ("EIO", "ENOSPC")
    assert (began["path"], began["unsaved"], began["level"]) == (path, 1, "error")
    assert began["free_bytes"] > 0, "it is not the disk that is full, but what this process may write"
    assert (await line(server, "edits cannot be saved", document="full"))["unsaved"] == 1
    make_room(server)
    assert (await line(server, "all edits are saved", document="full"))["seconds"] > 0
    assert (await line(server, "the store works again", path=path))["seconds"] > 0
    assert len(lines(server, "the store fails")) == 1, "once, however often it fails"
    await editor.client.close()


# -- the keys ---------------------------------------------------------------------------------------------


class Issuer:
    """Publishes keys."""

    def __init__(self) -> None:
        self.kids = ["old"]
        self.down = False
        self.keys = {kid: generate_private_key(SECP256R1()) for kid in ("old", "new")}

    async def serve(self, _request: web.Request) -> web.Response:
        if self.down:
            raise web.HTTPServiceUnavailable
        entries = []
        for kid in self.kids:
            entry: dict[str, Any] = jwt.algorithms.ECAlgorithm.to_jwk(self.keys[kid].public_key(), as_dict=True)
            entries.append(entry | {"kid": kid, "use": "sig", "alg": "ES256"})
        return web.json_response({"keys": entries})


@pytest.fixture
async def issuer() -> AsyncIterator[tuple[Issuer, str]]:
    issuer = Issuer()
    app = web.Application()
    app.router.add_get("/keys", issuer.serve)
    async with TestServer(app) as server:
        yield issuer, str(server.make_url("/keys"))


def told(log: list[Any], event: str) -> list[Any]:
    return [each for each in log if each["event"] == event]


async def test_keys_that_change_go_or_grow_old_are_named(
    issuer: tuple[Issuer, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher, url = issuer
    for name in ("COOLDOWN", "RETRY_AFTER"):
        monkeypatch.setattr(published_keys, name, 0.0)
    shown = url.replace(f":{url.split(':')[2].split('/')[0]}", "")
    keys = PublishedKeys(url)
    with capture_logs() as log:
        await keys.key("old")
        publisher.kids = ["new"]
        await keys.key("new")
        (changed,) = told(log, "published keys have changed")
        assert (changed["new"], changed["gone"]) == (["new"], ["old"])
        with pytest.raises(jwt.PyJWTError):
            await keys.key("old")
        (unknown,) = told(log, "no key of this id is published")
        assert (unknown["kid"], unknown["published"], unknown["url"]) == ("old", ["new"], shown)
        publisher.down = True
        for _ in range(3):
            with pytest.raises(CollabError):
                await keys.key("other")
        (gone,) = told(log, "keys cannot be fetched")
        assert (gone["url"], gone["reason"], gone["known"]) == (shown, "HTTP 503", ["new"])
        monkeypatch.setattr(published_keys, "STALE_AFTER", 0.0)
        for _ in range(3):
            with pytest.raises(CollabError):
                await keys.key("new")
        (stale,) = told(log, "published keys are too old: sign-in is refused")
        assert (stale["kid"], stale["url"]) == ("new", shown)
        publisher.down = False
        monkeypatch.setattr(published_keys, "STALE_AFTER", 3600.0)
        monkeypatch.setattr(published_keys, "LIFESPAN", 0.0)
        async with asyncio.timeout(10):
            while not told(log, "keys are fetched again"):
                await keys.key("new")
                await asyncio.sleep(0.01)
        assert len(told(log, "published keys are fresh again")) == 1


# -- Redis ------------------------------------------------------------------------------------------------


@needs_redis
async def test_a_slow_redis_is_named_when_it_begins_and_when_it_ends(
    start_server: Start, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    redis = RedisServer(tmp_path).start()
    try:
        server = start_server(redis.url)
        editor = await opened(server, http, "slow")
        assert (await editor.type("a"))["durable"]
        redis.pause()
        typing = asyncio.create_task(editor.type("b"))
        await asyncio.sleep(0.9)
        redis.go_on()
        assert (await typing)["durable"]
        slow = await line(server, "Redis is slow")
        assert slow["url"] == redis.url
        assert 0.5 < slow["took"] < 60
        assert slow["unsaved"] >= 1
        assert (await editor.type("c"))["durable"]
        assert (await line(server, "Redis is quick again"))["url"] == redis.url
        redis.kill()
        typing = asyncio.create_task(editor.type("d"))
        silent = await line(server, "Redis does not answer appends", within=30)
        assert (silent["url"], bool(silent["reason"]), silent["unsaved"]) == (redis.url, True, 1)
        gone = await line(server, "the cluster is out of reach", within=30)
        assert gone["url"] == redis.url
        assert gone["parts"]
        redis.start()
        assert (await typing)["durable"]
        await line(server, "the cluster is back", within=30)
        await line(server, "Redis answers appends again", within=30)
        await editor.client.close()
    finally:
        redis.kill()
