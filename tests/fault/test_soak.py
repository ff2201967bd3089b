"""A short soak: nothing that was said to be saved is lost, and nothing of anybody stays once all have gone."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.support.redis_server import needs_redis
from tests.support.repository import ROOT

#: seconds of traffic; after it everybody comes and goes twice more
SECONDS = float(os.environ.get("COLLAB_TEST_SOAK", "10"))

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc tells what there is"), pytest.mark.slow,
]  # fmt: skip


@pytest.mark.timeout(300 + 2 * SECONDS)
@pytest.mark.parametrize("store", ["sqlite", pytest.param("redis", marks=needs_redis)])
async def test_nothing_is_lost_and_nothing_stays(store: str, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "soaking", "--minutes", str(SECONDS / 60), "--store", store, "--people", "12", "--out",
        str(tmp_path), cwd=ROOT, env={**os.environ, "PYTHONPATH": f"{ROOT / 'scripts'}:{ROOT}"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, errors = await process.communicate()
    assert process.returncode is not None
    assert said, errors.decode()[-2000:]
    outcome = json.loads(said)
    assert (outcome["lost"], outcome["stayed"]) == ([], {}), outcome
    assert process.returncode == 0, errors.decode()[-2000:]
    assert {"socket.io", "y-socket.io", "y-websocket", "hocuspocus", "sse", "http"} <= outcome["edits"].keys()
    rows = (tmp_path / f"soak-{store}.csv").read_text().splitlines()
    assert len(rows) > 5
    drawn = ElementTree.parse(tmp_path / f"soak-{store}.svg")
    assert any(each.tag.endswith("polyline") and each.get("points") for each in drawn.iter())
    print(json.dumps({name: outcome[name] for name in ("seed", "edits", "done", "memory_mb_an_hour_and_error")}))
