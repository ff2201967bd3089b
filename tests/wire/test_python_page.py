"""The page that people copy Python from: each block is run as it is printed, and says what stands under it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_type_hints

import pytest

from collab.client import options
from tests.support.repository import ROOT
from tests.support.server import CollabServer

PYTHON = (ROOT / "collab" / "PYTHON.md").read_text()
BLOCK = re.compile(r"(?ms)^```(\w+)\n(.*?)^```$(?:\n```text\n(.*?)^```$)?")
SOON = 120.0


def blocks(page: str, language: str) -> list[tuple[str, str]]:
    """The blocks of a page in a language, each with what it prints."""
    return [(code, said) for each, code, said in BLOCK.findall(page) if each == language]


@pytest.fixture(scope="module")
def server() -> Iterator[CollabServer]:
    """One for all blocks of all pages, as somebody has it who reads them."""
    server = CollabServer("memory://").start(60)
    yield server
    server.kill()


def run(command: list[str], folder: Path) -> str:
    env = {key: value for key, value in os.environ.items() if not key.startswith("COLLAB_")}
    done = subprocess.run(
        command, cwd=folder, env=env | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=SOON, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_each_block_of_the_page_of_the_python_client_says_what_stands_under_it(
    server: CollabServer, tmp_path: Path
) -> None:
    found = blocks(PYTHON, "python")
    assert len(found) == PYTHON.count("```python")
    for code, said in found:
        assert said, code
        (tmp_path / "block.py").write_text(code.replace("http://127.0.0.1:8080", server.url))
        assert run([sys.executable, "-W", "error", "block.py"], tmp_path) == said, code


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_python_of_the_page_is_typed(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    for number, (code, _) in enumerate(blocks(PYTHON, "python")):
        (tmp_path / f"block_{number}.py").write_text(code)
    strict = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--cache-dir", str(tmp_path / "cache")]
    files = [str(path) for path in sorted(tmp_path.glob("block_*.py"))]
    assert run([*strict, "--config-file", os.devnull, "--ignore-missing-imports", *files], ROOT) == ""


def test_the_options_of_the_page_are_those_of_the_client() -> None:
    listed = set(re.findall(r"(?m)^\| `(\w+)` \|", PYTHON.partition("## Options")[2]))
    assert listed == {*get_type_hints(options.Options), "doc"}
