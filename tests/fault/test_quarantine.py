"""A document that ends its process twice is not opened any more; everything else is served, and it can be read."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest
from pycrdt import Doc, Text

from tests.support.api import http_session
from tests.support.editor import Editor
from tests.support.redis_server import RedisServer, needs_redis
from tests.support.repository import ROOT
from tests.support.server import CollabServer, lines
from tests.support.wire import Client, Packet, WebSocketWire

#: native code that ends the process, and code that never comes back
HARM = {"a fault": "import faulthandler; faulthandler._sigsegv()", "a stall": "import time; time.sleep(60)"}
_HARMFUL = """
from collab.documents.document import Document
apply = Document.apply

def harmful(self, update, *args, **keywords):
    if b"do harm" in update:
        {harm}
    return apply(self, update, *args, **keywords)

Document.apply = harmful
"""


async def join(server: CollabServer, http: aiohttp.ClientSession, document: str) -> tuple[Client, Packet]:
    client = Client(WebSocketWire(server.url, http), f"/doc/{document}")
    return client, await client.connect()


async def edit(server: CollabServer, http: aiohttp.ClientSession, document: str, words: str) -> None:
    client, _ = await join(server, http, document)
    editor = Editor(client)
    await editor.sync()
    await editor.type(words)
    await client.close()


@pytest.mark.parametrize("harm", HARM)
async def test_who_ends_the_process_twice_is_not_opened_again(
    start_server: Callable[..., CollabServer], tmp_path: Path, harm: str
) -> None:
    await _ends_it_twice(start_server, tmp_path, HARM[harm], f"sqlite:///{tmp_path}/store.db")


@needs_redis
async def test_nor_by_a_node_of_a_cluster_that_no_systemd_looks_after(
    start_server: Callable[..., CollabServer], tmp_path: Path
) -> None:
    redis = RedisServer(tmp_path).start()
    try:
        await _ends_it_twice(start_server, tmp_path, HARM["a fault"], redis.url)
    finally:
        redis.kill()


async def _ends_it_twice(start_server: Callable[..., CollabServer], tmp_path: Path, harm: str, store: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(_HARMFUL.format(harm=harm))
    server = start_server(
        store, args=["--log-format", "json", "--watchdog", "1s"],
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}"},
    )  # fmt: skip
    async with http_session() as http:
        await edit(server, http, "good", "kept")
        await edit(server, http, "bad", "kept, too")
        for times in (1, 2):
            with contextlib.suppress(Exception):  # how a connection looks that ends so is another matter
                await asyncio.wait_for(edit(server, http, "bad", "do harm"), 20)
            assert server.process is not None
            assert await asyncio.to_thread(server.process.wait, 20) != 0
            await asyncio.to_thread(server.start)
            (told,) = lines(server, "a document ended the process before this one")
            assert (told["document"], told["times"]) == ("bad", times)
        assert lines(server, "a document is in quarantine", document="bad")

        await edit(server, http, "good", " and kept")
        _, refused = await join(server, http, "bad")
        assert refused.data["data"]["code"] == "storage_unavailable"
        assert "quarantine" in refused.data["message"]
        async with http.get(f"{server.url}/metrics") as answer:
            assert "\ncollab_documents_quarantined 1.0\n" in await answer.text()
        async with http.get(f"{server.url}/api/v1/documents/bad/content?format=text&path=/body") as answer:
            assert (answer.status, await answer.text()) == (200, "kept, too")
        async with http.get(f"{server.url}/api/v1/documents/bad/update") as answer:
            doc: Doc = Doc()
            doc.apply_update(await answer.read())
            assert str(doc.get("body", type=Text)) == "kept, too"
        async with http.patch(f"{server.url}/api/v1/documents/bad/content", json={"operations": []}) as answer:
            assert answer.status == 503

        async with http.post(f"{server.url}/admin/do", json={"action": "release", "document": "bad"}) as answer:
            assert (await answer.json())["ok"]
        client, _ = await join(server, http, "bad")
        editor = Editor(client)
        await editor.sync()
        assert str(editor.text) == "kept, too"
        await client.close()


async def test_a_second_server_leaves_the_notes_of_the_first_alone(
    start_server: Callable[..., CollabServer], tmp_path: Path
) -> None:
    store = f"sqlite:///{tmp_path}/store.db"
    start_server(store)
    notes = tmp_path / "store.db-faults"
    notes.write_text("what the first one wrote")
    with pytest.raises(RuntimeError, match="another server"):
        await asyncio.to_thread(CollabServer(store).start)
    assert notes.read_text() == "what the first one wrote"
