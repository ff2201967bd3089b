"""A Redis whose user may not do everything is found out at the start, not by the first person who joins."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from collab.stores.redis_link import RedisLink
from collab.stores.redis_probe import missing_permissions
from tests.support.editor import Editor
from tests.support.redis_server import RedisServer, needs_redis
from tests.support.server import CollabServer
from tests.support.wire import Client, WebSocketWire

pytestmark = [pytest.mark.asyncio, needs_redis]

EVERYTHING = ["~collab:*", "&collab:0:*", "+@all"]
#: what a user may do, and what is said to be missing
USERS: list[tuple[list[str], list[str]]] = [
    (["~*", "resetchannels", "+@all"], ["&collab:0:*"]),  # what Redis 7 gives a new user with all keys and commands
    (["~*", "&collab:1:*", "+@all"], ["&collab:0:*"]),
    (["~*", "&collab:0:{*", "+@all"], ["&collab:0:*"]),  # documents, and not the emits of other programs
    (["~other:*", "&*", "+@all"], ["~collab:*"]),
    (["~*", "&*", "+@all", "-@scripting"], ["+eval", "+evalsha", "+script|load"]),
    (["~*", "&*", "+@all", "-@pubsub"], ["+publish", "+pubsub|numsub", "+subscribe", "+unsubscribe"]),
    (["~*", "&*", "+@all", "-@stream"], ["+xadd", "+xrange", "+xtrim"]),
    (["~*", "&*", "+@all", "-xtrim"], ["+xtrim"]),
    (["~*", "&*", "+@all", "-info"], ["+info"]),
    (["~*", "resetchannels", "+@all", "-subscribe"], ["&collab:0:*", "+subscribe"]),
    (EVERYTHING, []),
    (["~collab:*", "&collab:0:*", "+@all", "-@admin", "-@dangerous", "+info"], []),  # what hosts give
]


def url_for(server: RedisServer, rules: list[str]) -> str:
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "app", "reset", "on", ">secret", *rules)
    return server.url.replace("redis://", "redis://app:secret@")


@pytest.mark.parametrize(("rules", "missing"), USERS, ids=lambda value: " ".join(value) or "nothing")
async def test_what_a_user_lacks_is_named(redis_server: RedisServer, rules: list[str], missing: list[str]) -> None:
    link = RedisLink(url_for(redis_server, rules))
    assert (await missing_permissions(link, "node")).split() == sorted(
        missing, key=lambda word: ("~&+".index(word[0]), word)
    )
    await link.close()
    with redis_server.client() as client:
        if not missing:
            assert client.keys("*") == [], "the probe leaves nothing behind"


def check(url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "collab", "check", "--store", url], capture_output=True, text=True, timeout=60,
        env={key: value for key, value in os.environ.items() if not key.startswith("COLLAB_")},
    )  # fmt: skip


async def test_it_is_said_by_check_and_at_the_start(
    redis_server: RedisServer, start_server: Callable[..., CollabServer]
) -> None:
    url = url_for(redis_server, ["~*", "resetchannels", "+@all"])
    done = check(url)
    assert done.returncode == 1
    assert "&collab:0:*" in done.stderr and "ACL SETUSER" in done.stderr
    assert "secret" not in done.stderr
    with pytest.raises(RuntimeError, match=r"missing: &collab:0:\*"):
        start_server(url)


async def test_what_is_named_is_enough(redis_server: RedisServer, start_server: Callable[..., CollabServer]) -> None:
    """With the very words of the refusal added, people come in and their edits are durable."""
    url = url_for(redis_server, ["~other:*", "resetchannels", "+@all", "-@stream", "-@scripting"])
    _, _, rest = check(url).stderr.replace("\n", " ").partition("missing: ")
    with redis_server.client() as client:
        client.execute_command("ACL", "SETUSER", "app", *rest.partition(" (for")[0].split())
    assert check(url).returncode == 0
    server = start_server(url)
    async with aiohttp.ClientSession() as http:
        client_: Any = Client(WebSocketWire(server.url, http), "/doc/a")
        await client_.connect()
        editor = Editor(client_)
        await editor.sync()
        assert (await editor.type("x"))["durable"]
        await client_.close()
