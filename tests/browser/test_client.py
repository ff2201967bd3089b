"""The demo's own tests: its types, and Vitest over its pure parts and over the provider with a real server."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DEMO = Path(__file__).parents[2] / "client-demo"


@pytest.mark.timeout(450)
@pytest.mark.parametrize("script", ["check", "test"])
def test_of_the_demo(script: str) -> None:
    """Run ``npm run check`` and ``npm run test``."""
    if shutil.which("npm") is None or not (DEMO / "node_modules" / "vitest").is_dir():
        pytest.skip("the demo's npm packages are not installed: run `npm ci` in client-demo")
    done = subprocess.run(
        ["npm", "run", "--silent", script],
        cwd=DEMO,
        env={**os.environ, "COLLAB_PYTHON": sys.executable, "CI": "1", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
