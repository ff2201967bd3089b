"""Tomorrow's aiohttp: the server starts, says so once, and does the main thing by aiohttp's public parts."""

from __future__ import annotations

from pathlib import Path

import pytest
from pycrdt import Text

from collab.client import connect
from tests.support.server import CollabServer

ROOT = Path(__file__).parents[2]


@pytest.mark.asyncio
async def test_a_newer_aiohttp_serves_by_its_public_parts(tmp_path: Path) -> None:
    told = tmp_path / "aiohttp-3.99.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: aiohttp\nVersion: 3.99.0\n")
    server = CollabServer(env={"PYTHONPATH": f"{tmp_path}:{ROOT}"}).start()
    try:
        async with connect(server.url, "a") as ada, connect(server.url, "a") as bob:
            seen = bob.doc.get("body", type=Text)
            ada.doc.get("body", type=Text).insert(0, "hello")
            await ada.saved()
            await bob.until(lambda: str(seen) == "hello", timeout=10)
        lines = [line for line in server.stderr().splitlines() if "never tested" in line]
        assert len(lines) == 1
        assert "3.99.0" in lines[0]
    finally:
        server.kill()
