"""What people do is in the metrics of a real server, and a real Prometheus reads them."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families as parse
from pycrdt import Text

from collab.client import connect
from tests.support.ports import free_port
from tests.support.server import CollabServer
from tests.support.wire import Client, WebSocketWire

PROMETHEUS = shutil.which("prometheus")


@pytest.fixture
def server(start_server: Callable[..., CollabServer]) -> CollabServer:
    """A server that nobody else counts on."""
    return start_server()


def read(server: CollabServer) -> dict[tuple[str, tuple[str, ...]], float]:
    """Every sample, by name and values of labels in the order of their names."""
    with urllib.request.urlopen(server.url + "/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return {
        (sample.name, tuple(sample.labels[key] for key in sorted(sample.labels))): sample.value
        for family in parse(text)
        for sample in family.samples
    }


async def test_edits_of_two_people_are_counted_on_their_way(server: CollabServer) -> None:
    async with connect(server.url, "metered") as ann, connect(server.url, "metered") as ben:
        before = read(server)
        body = ann.doc.get("body", type=Text)
        for word in ("one ", "two ", "three "):
            body += word
            await ann.saved()
        async with asyncio.timeout(20):
            while str(ben.doc.get("body", type=Text)) != "one two three ":
                await asyncio.sleep(0.01)
        after = read(server)
    news = {key: value - before.get(key, 0.0) for key, value in after.items()}
    edits = news["collab_updates_received_total", ("socket.io",)]
    assert edits >= 3
    assert news["collab_updates_sent_total", ("socket.io",)] == edits
    assert 1 <= news["collab_sends_total", ("socket.io", "update", "websocket")] <= edits
    assert news["collab_sends_total", ("socket.io", "answer", "websocket")] >= edits
    assert news["collab_sent_bytes_total", ("socket.io",)] > 100
    for name in ("edit_ack_seconds", "edit_visible_seconds", "update_bytes"):
        assert news[f"collab_{name}_count", ()] >= edits
    assert after["collab_sessions", ("socket.io", "live", "websocket")] == 2
    assert after["collab_documents_loaded", ()] >= 1
    assert after["collab_unsaved_bytes", ()] == 0
    assert after["collab_document_join_seconds_count", ("socket.io",)] >= 2


async def test_who_is_not_let_in_is_counted_with_the_code(server: CollabServer) -> None:
    before = read(server)
    async with aiohttp.ClientSession() as http:
        client = Client(WebSocketWire(server.url, http), "/doc/..")
        answer = await client.connect(None)
        assert answer.data["data"]["code"] == "invalid_document"
        await client.close()
    after = read(server)
    key = "collab_connections_refused_total", ("invalid_document",)
    assert after[key] == before[key] + 1


@pytest.mark.slow
@pytest.mark.skipif(PROMETHEUS is None, reason="prometheus is not installed")
async def test_prometheus_scrapes_a_server(server: CollabServer, tmp_path: Path) -> None:
    assert PROMETHEUS is not None
    config, port = tmp_path / "prometheus.yml", free_port()
    config.write_text(
        json.dumps(
            {
                "global": {"scrape_interval": "1s"},
                "scrape_configs": [
                    {"job_name": "collab", "static_configs": [{"targets": [f"127.0.0.1:{server.port}"]}]}
                ],
            }
        )
    )
    process = subprocess.Popen(  # noqa: ASYNC220
        [
            PROMETHEUS, f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}", "--log.level=error",
        ],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip

    def ask(query: str) -> Any:
        url = f"http://127.0.0.1:{port}/api/v1/query?query={quote(query)}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)["data"]["result"]

    try:
        found: Any = []
        until = time.monotonic() + 60
        while not found and time.monotonic() < until:
            try:
                found = await asyncio.to_thread(ask, "collab_build_info")
            except OSError:
                found = []
            await asyncio.sleep(0.2)
        (row,) = found
        assert row["value"][1] == "1"
        assert row["metric"]["store"] == "memory"
        assert await asyncio.to_thread(ask, "count by (__name__) ({__name__=~'collab_.*'})")
    finally:
        process.terminate()
        process.wait(20)
