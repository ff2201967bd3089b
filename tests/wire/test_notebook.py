"""The notebook of `scripts/examples`, run as it is in the repository: what its cells print is what stands below them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.repository import ROOT
from tests.support.server import CollabServer

NOTEBOOK = ROOT / "scripts" / "examples" / "notebook.ipynb"
#: in a process of its own, whose libraries may warn as they like
EXECUTE = """
import sys
import nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=120, startup_timeout=120, kernel_name="python3").execute()
print(nbformat.writes(notebook))
"""


def shown(notebook: dict[str, Any]) -> dict[str, str]:
    """Cell -> what stands below it."""
    said: dict[str, str] = {}
    for cell in notebook["cells"]:
        texts = [output.get("text") or output["data"]["text/plain"] for output in cell.get("outputs", ())]
        said[cell["id"]] = "".join("".join(text) for text in texts)
    return said


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_notebook_says_what_it_says(start_server: Callable[..., CollabServer], tmp_path: Path) -> None:
    pytest.importorskip("nbclient")
    server = start_server("memory://")
    homes = {name: str(tmp_path / name) for name in ("HOME", "IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR")}
    done = subprocess.run(
        [sys.executable, "-c", EXECUTE, NOTEBOOK],
        env=os.environ | homes | {"COLLAB_URL": server.url, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert shown(json.loads(done.stdout)) == shown(json.loads(NOTEBOOK.read_text()))
