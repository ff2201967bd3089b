"""The pages that people copy Python from: each block is run as it is printed, and says what stands under it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_type_hints

import pytest

from collab._version import __version__
from collab.client import Session, options, sync
from collab.errors import CODES
from tests.support.repository import ROOT
from tests.support.server import CollabServer

PYTHON = (ROOT / "collab" / "PYTHON.md").read_text()
PACKAGE = ROOT / "client-demo" / "packages" / "collab-client"
SKILL = (PACKAGE / "SKILL.md").read_text()
SERVED = ROOT / "collab" / "static" / "client"
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
def test_the_python_of_the_skill_page_runs(server: CollabServer, tmp_path: Path) -> None:
    (first, _), (second, _) = blocks(SKILL, "python")
    for name, code, said in (("first.py", first, "Owl Hello\n"), ("second.py", second, "")):
        (tmp_path / name).write_text(code.replace("http://127.0.0.1:8080", server.url))
        assert run([sys.executable, "-W", "error", name], tmp_path) == said
    ((shell, _),) = blocks(SKILL, "sh")
    said = run(["bash", "-euo", "pipefail", "-c", shell.replace("http://127.0.0.1:8080", server.url)], tmp_path)
    assert said.endswith("Hello. Hello. Hello. ")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_python_of_the_pages_is_typed(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    for number, (code, _) in enumerate((*blocks(PYTHON, "python"), *blocks(SKILL, "python"))):
        (tmp_path / f"block_{number}.py").write_text(code)
    strict = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--cache-dir", str(tmp_path / "cache")]
    files = [str(path) for path in sorted(tmp_path.glob("block_*.py"))]
    assert run([*strict, "--config-file", os.devnull, "--ignore-missing-imports", *files], ROOT) == ""


def test_the_options_of_the_page_are_those_of_the_client() -> None:
    listed = set(re.findall(r"(?m)^\| `(\w+)` \|", PYTHON.partition("## Options")[2]))
    assert listed == {*get_type_hints(options.Options), "doc"}


def test_the_skill_page_is_of_this_version_and_names_what_there_is() -> None:
    head, _, body = SKILL.removeprefix("---\n").partition("---\n")
    fields = dict(line.split(": ", 1) for line in head.splitlines())
    assert fields.keys() == {"name", "description"} and len(fields["description"]) < 1024
    assert f"# collab {__version__}\n" in body
    assert {language for language, _, _ in BLOCK.findall(SKILL)} == {"ts", "tsx", "python", "sh"}, (
        "each is run or typed"
    )
    names = {
        name
        for words in re.findall(r"(?m)^(?:Attributes|Methods) of a session: (.*)\.$", SKILL)
        for name in re.findall(r"`(\w+)`", words)
    }
    assert len(names) > 10
    for kind in (Session, sync.Session):
        made = {"doc", "presence"}  # when there is one
        assert [name for name in names - made if not hasattr(kind, name)] == []
    assert set(re.findall(r"`(\w+)`", SKILL.partition("## Codes")[2])) == set(CODES)


def test_what_is_for_machines_is_served_as_it_is_written() -> None:
    for name in ("SKILL.md", "llms.txt"):
        assert (SERVED / name).read_bytes() == (PACKAGE / name).read_bytes(), "run `npm run build` in client-demo"


def test_the_hooks_and_methods_of_the_skill_page_are_those_of_the_package() -> None:
    """Typed blocks use some of them; the lists name all."""
    react = (PACKAGE / "src" / "react.ts").read_text()
    hooks = set(re.findall(r"`(use\w+)`", next(line for line in SKILL.splitlines() if line.startswith("Hooks: "))))
    assert hooks == set(re.findall(r"(?m)^export function (use\w+)", react))
    provider = (PACKAGE / "src" / "CollabProvider.ts").read_text()
    for words in re.findall(r"(?m)^(?:Fields|Methods) of a provider: (.*)\.$", SKILL):
        for name in re.findall(r"`(\w+)`", words):
            own = rf"(?m)^  (?:readonly |async |get |override )*{name}\b[^\n]*[:({{]"
            assert re.search(own, provider) or name in ("on", "off"), name


def test_llms_txt_names_the_options_events_and_hooks_that_there_are() -> None:
    page = (PACKAGE / "llms.txt").read_text()
    options = (PACKAGE / "src" / "options.ts").read_text()

    def members(of: str) -> set[str]:
        body = re.search(rf"(?ms)^export (?:interface|type) {of}\b.*?^}}", options)
        assert body
        return set(re.findall(r"(?m)^  (\w+)\??:", body[0]))

    (listed,) = re.findall(r"(?m)^- Events: (.*)\.$", page)
    assert set(re.findall(r"(\w+)(?: \{[^}]*\}|\(\w+\))?(?:, |$)", listed)) == members("ProviderEvents")
    (taken,) = re.findall(r"(?m)^new CollabProvider\(url, name, doc \| null, \{ (.*) \}\)$", page)
    assert set(re.findall(r"\w+", re.sub(r": \{[^}]*\}", "", taken))) == members("ProviderOptions") - {"ledger", "path"}
    react = (PACKAGE / "src" / "react.ts").read_text()
    assert set(re.findall(r"\buse[A-Z]\w+", page)) == set(re.findall(r"(?m)^export function (use\w+)", react))
    for said in ("Fields", "Methods"):
        (short,), (long,) = (
            re.findall(rf"(?m)^(?:- )?{said}(?: of a provider)?: (.*)\.$", text) for text in (page, SKILL)
        )
        names = set(re.findall(r"(?:^|, )`?(\w+)", re.sub(r"\([^)]*\)", "", short)))
        assert names <= set(re.findall(r"`(\w+)`", long)), said
