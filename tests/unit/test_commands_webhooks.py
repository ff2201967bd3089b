"""``collab webhooks`` against a real server."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator

import aiohttp
import pytest

from collab.commands import webhooks
from tests.support.receiver import Receiver
from tests.support.server import CollabServer

pytestmark = pytest.mark.slow


@pytest.fixture
def servers() -> Iterator[list[CollabServer]]:
    started: list[CollabServer] = []
    yield started
    for server in started:
        server.kill()


async def run(server: CollabServer, *args: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "collab", "webhooks", "--url", server.url, *args,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, errors = await process.communicate()
    return process.returncode, out.decode(), errors.decode()


async def test_a_receiver_that_is_gone_is_seen_tested_and_tried_again(servers: list[CollabServer]) -> None:
    async with Receiver() as receiver:
        server = CollabServer(args=receiver.args(events=["document.created"]))
        servers.append(await asyncio.to_thread(server.start))
        receiver.trouble = 410
        code, out, errors = await run(server, "test")
        assert (code, errors) == (1, "collab: 1 of 1 did not arrive\n") and "HTTP 410" in out
        async with aiohttp.ClientSession() as http, http.put(f"{server.url}/api/v1/documents/notes") as answer:
            assert answer.status == 201
        await receiver.until(lambda: [each for each in receiver.came if each["type"] == "document.created"])
        async with asyncio.timeout(30), aiohttp.ClientSession() as http:
            while True:
                async with http.get(f"{server.url}/api/v1/webhooks") as answer:
                    if (await answer.json())["webhooks"][0]["disabled_at"]:
                        break
                await asyncio.sleep(0.05)
        assert "disabled" in (await run(server, "list"))[1]
        code, out, _ = await run(server, "deliveries", "--json")
        (waiting,) = json.loads(out)["deliveries"]
        assert (waiting["document"], waiting["reason"]) == ("notes", "HTTP 410: it wants nothing any more")
        receiver.trouble = None
        code, out, _ = await run(server, "retry", "--json")
        assert (code, json.loads(out)) == (0, {"retried": 0})
        await receiver.until(lambda: receiver.of("document.created", "notes"))
        code, out, _ = await run(server, "test", "--json")
        assert code == 0 and json.loads(out)["results"][0]["ok"]
        assert (await run(server, "deliveries", "--failed"))[:2][0] == 0
        assert (await run(server, "test", "--endpoint", "0" * 12))[2] == (
            "collab: There is no such endpoint in the settings.\n"
        )


def test_every_command_has_help() -> None:
    assert set(webhooks.webhooks.commands) == {"list", "test", "deliveries", "retry"}
    assert all(command.help for command in webhooks.webhooks.commands.values())
