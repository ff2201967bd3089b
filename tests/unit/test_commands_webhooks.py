"""``collab webhooks`` against a real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import aiohttp
import pytest
from click.testing import CliRunner

from collab.commands import webhooks
from collab.commands.main import main
from tests.support.receiver import Receiver
from tests.support.server import CollabServer

pytestmark = pytest.mark.slow


@pytest.fixture
def servers() -> Iterator[list[CollabServer]]:
    started: list[CollabServer] = []
    yield started
    for server in started:
        server.kill()


async def invoke(*args: str) -> tuple[int, str, str]:
    result = await asyncio.to_thread(CliRunner().invoke, main, args)
    return result.exit_code, result.stdout, result.stderr


async def run(server: CollabServer, *args: str) -> tuple[int, str, str]:
    return await invoke("webhooks", "--url", server.url, *args)


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


async def test_check_sends_a_test_and_says_what_came_of_it() -> None:
    async with Receiver() as receiver:

        async def check(*tables: dict[str, object]) -> tuple[int, str, str]:
            return await invoke("check", "--store", "memory://", "--webhooks", json.dumps(tables))

        code, out, errors = await check(receiver.table())
        assert (code, errors) == (0, "") and "takes a test" in out
        assert [each["type"] for each in receiver.taken] == ["test"]
        receiver.trouble = 404
        code, out, errors = await check(receiver.table())
        assert code == 1 and "HTTP 404" in out and errors.startswith("collab: 1 of 1 webhooks did not take a test")
        code, out, errors = await check(receiver.table(events=["thread.created"]))
        assert (code, out) == (1, "") and errors.count("\n") == 1
        assert errors.startswith("collab: webhooks: entry 1: events: 'thread.created' is not known; allowed: document")
