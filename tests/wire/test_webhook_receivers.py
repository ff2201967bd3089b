"""Receivers of others verify what comes: the starts of `collab init`, one with the npm library of Standard Webhooks."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import aiohttp
import pytest

from collab.protocol.webhooks import Signer
from tests.support.ports import free_port
from tests.support.receiver import SECRET, SOON
from tests.support.server import CollabServer
from tests.support.starts import COMMANDS, application

#: seconds for programs that start one after the other on a machine with other work, and are told again after a failure
PATIENCE = 6 * SOON
NAMES = ("notes", "gr\u00fc\u00dfe \U0001f600")


@pytest.mark.timeout(2 * PATIENCE)
@pytest.mark.parametrize("kind", COMMANDS)
async def test_a_start_of_collab_init_is_told_and_believes_nobody_else(kind: str, tmp_path: Path) -> None:
    hook = f"http://127.0.0.1:{(port := free_port())}/webhook"
    table = {"url": hook, "secret": SECRET, "events": ["document.created", "document.deleted"]}
    server = CollabServer(args=["--webhooks", json.dumps([table])])
    await asyncio.to_thread(server.start)
    said = tmp_path / "said"
    try:
        with said.open("w") as out, application(kind, tmp_path / kind, server.url, port, out) as program:
            # A connection for each: which of them such a server keeps open for how long is its own affair.
            connector = aiohttp.TCPConnector(force_close=True)
            async with asyncio.timeout(PATIENCE), aiohttp.ClientSession(connector=connector) as http:
                while True:
                    assert program.poll() is None, "it has ended"
                    async with http.post(f"{server.url}/api/v1/webhooks/test", json={}) as answer:
                        (result,) = (await answer.json())["results"]
                    if result["ok"]:
                        assert result["status"] == 204
                        break
                    await asyncio.sleep(0.1)
                for name in NAMES:
                    async with http.put(f"{server.url}/api/v1/documents/{name}") as answer:
                        assert answer.status == 201
                # Documents do not wait for each other: either may come first.
                while not all(f"told: document.created {name}\n" in said.read_text("utf-8") for name in NAMES):
                    assert program.poll() is None, "it has ended"
                    await asyncio.sleep(0.05)
                body = b'{"type": "document.deleted", "data": {"document": "notes"}}'
                forged = Signer("whsec_Zm9yZ2VkIHNlY3JldCB0aGF0IG5vYm9keSBrbm93cw==").headers("msg_1", body)
                true = Signer(SECRET).headers("msg_1", body)
                for headers, status in ((forged, 400), ({**true, "webhook-id": "msg_2"}, 400), (true, 204)):
                    async with http.post(hook, data=body, headers=headers) as answer:
                        assert answer.status == status
    finally:
        await asyncio.to_thread(server.kill)
