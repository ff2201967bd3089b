"""Every line of code of the README, run as it is printed: in a fresh clone, and in folders with nothing else in them.

Only the port is another, so that several runs do not meet.
"""

from __future__ import annotations

import os
import queue
import re
import shutil
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from pycrdt import Text

from collab.client import sync
from collab.config import load_settings
from tests.support.ports import free_port
from tests.support.receiver import SECRET
from tests.support.repository import ROOT, tracked_files
from tests.wire.node import driver

SOON = 60.0
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"(?ms)^```(\w+)\n(.*?)^```$", README)
#: provider -> the line of its table
PROVIDERS = {
    name.lower(): line for name, line in re.findall(r"(?m)^\| (\S+) [^|]*\| `(new \w+Provider\(.*\))` \|$", README)
}
CLEAN = {key: value for key, value in os.environ.items() if not key.startswith(("COLLAB_", "PYTHON", "VIRTUAL_ENV"))}

# The first test that asks for the clone waits for pip.
pytestmark = pytest.mark.timeout(600)


def block(language: str, number: int) -> str:
    """The ``number``-th block in a language."""
    return [text for each, text in BLOCKS if each == language][number]


class Program:
    """A process whose lines can be waited for."""

    def __init__(self, command: list[str], folder: Path, env: Mapping[str, str] = CLEAN) -> None:
        self.seen: list[str] = []
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self.process = subprocess.Popen(
            command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        )  # fmt: skip
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def until(self, words: str, timeout: float = SOON) -> str:
        """The first line with ``words``; fails with all that was printed."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                line = None
            if line is None:
                pytest.fail(f"no line with {words!r} in: {self.seen}")
            self.seen.append(line)
            if words in line:
                return line

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def running(*command: str, folder: Path, env: Mapping[str, str] = CLEAN) -> Iterator[Program]:
    program = Program(list(command), folder, env)
    try:
        yield program
    finally:
        program.end()


@dataclass
class Clone:
    """A clone in which ``scripts/serve`` was typed."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def printed(self, text: str) -> str:
        """A block with this clone's port."""
        return text.replace("8080", str(self.port))


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    folder, port = tmp_path_factory.mktemp("clone"), free_port()
    for name in tracked_files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    serve, test = block("sh", 0).splitlines()
    assert os.access(folder / test, os.X_OK)
    assert test in (ROOT / ".ci" / "run").read_text(), "it is what every change has to pass"
    with running("bash", "-c", serve, folder=folder, env=CLEAN | {"COLLAB_PORT": str(port)}) as program:
        program.until(f"collab listening on http://127.0.0.1:{port} ", timeout=540)
        yield Clone(folder, port)


@pytest.fixture
def with_packages(tmp_path: Path) -> Path:
    """An empty folder after ``npm install``."""
    try:
        driver.install_clients()
    except driver.NodeUnavailable as missing:
        pytest.skip(str(missing))
    (tmp_path / "node_modules").symlink_to(driver.HERE / "node_modules")
    return tmp_path


def text_of(url: str, words: str) -> str:
    """The text of `notes` once ``words`` are in it."""
    with sync.connect(url, "notes") as session:
        body = session.doc.get("body", type=Text)
        session.until(lambda: words in str(body), SOON)
        return str(body)


def test_every_block_is_run_here() -> None:
    assert [language for language, _ in BLOCKS] == ["sh", "js", "python", "sh", "toml", "python"]
    assert set(PROVIDERS) == {"y-socket.io", "y-websocket", "hocuspocus"}


def test_the_settings_of_webhooks_are_taken(tmp_path: Path) -> None:
    (tmp_path / "collab.toml").write_text(block("toml", 0).replace("whsec_...", SECRET))
    (endpoint,) = load_settings({}, {}, str(tmp_path / "collab.toml")).webhooks
    assert endpoint.wants("document.changed", "team/plan") and not endpoint.wants("document.changed", "notes")


def test_the_ten_lines_edit_and_are_told_that_it_is_saved(clone: Clone, with_packages: Path) -> None:
    (with_packages / "notes.mjs").write_text(clone.printed(block("js", 0)))
    with running("node", "notes.mjs", folder=with_packages) as program:
        program.until("Hello from Ada.")
        program.until("saved")
        assert "Hello from Ada. " in text_of(clone.url, "Hello from Ada. ")
        with sync.connect(clone.url, "notes") as session:
            session.doc.get("body", type=Text).insert(0, "Seen by Ada. ")
            session.saved()
            program.until("Seen by Ada. ")


def test_the_ten_lines_say_why_they_are_not_let_in(clone: Clone, with_packages: Path) -> None:
    refused = clone.printed(block("js", 0)).replace("/doc/notes", "/doc/no//tes")
    (with_packages / "notes.mjs").write_text(refused)
    with running("node", "notes.mjs", folder=with_packages) as program:
        program.until("not connected: invalid_document")


def test_the_ten_lines_say_that_nobody_answers(with_packages: Path) -> None:
    (with_packages / "notes.mjs").write_text(block("js", 0).replace("8080", str(free_port())))
    with running("node", "notes.mjs", folder=with_packages) as program:
        program.until("not connected: ")


@pytest.mark.parametrize("package", ["y-socket.io", "y-websocket", "y-websocket-2", "@hocuspocus/provider",
                                     "hocuspocus-provider-2", "hocuspocus-provider-3"])  # fmt: skip
def test_an_editor_keeps_its_code(clone: Clone, with_packages: Path, package: str) -> None:
    kind = next(kind for kind in PROVIDERS if kind in package)
    name = re.match(r"new (\w+)", PROVIDERS[kind])
    assert name
    words = f"Hello from {package}. "
    (with_packages / "editor.mjs").write_text(
        f"""
        import {{ {name[1]} }} from "{package}";
        import WebSocket from "ws";
        import * as Y from "yjs";
        globalThis.WebSocket ??= WebSocket; // as a page has it, and Node from 22 on
        const doc = new Y.Doc();
        const provider = {clone.printed(PROVIDERS[kind])};
        provider.on("status", ({{ status }}) => console.log(status));
        doc.getText("body").insert(0, "{words}");
        """
    )
    with running("node", "editor.mjs", folder=with_packages) as program:
        program.until("connected")
        text_of(clone.url, words)


def test_the_lines_of_python(clone: Clone, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(clone.printed(block("python", 0)))
    with running(str(clone.folder / ".venv/bin/python"), "script.py", folder=tmp_path) as program:
        program.until("Hello from a script. ")
        assert program.process.wait(SOON) == 0


def test_the_lines_for_a_shell(clone: Clone) -> None:
    assert shutil.which("curl"), "the README uses it"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", clone.printed(block("sh", 1))],
        cwd=clone.folder, env=CLEAN | {"COLLAB_URL": clone.url}, capture_output=True, text=True, timeout=SOON, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "notes" in done.stdout
    assert (clone.folder / "backup.tar").stat().st_size > 0
    text_of(clone.url, "Hello from a shell. ")


def test_the_server_inside_another_application(clone: Clone, tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "application.py").write_text(block("python", 1).replace("8080", str(port)))
    with running(str(clone.folder / ".venv/bin/python"), "-u", "application.py", folder=tmp_path) as program:
        program.until("Running on")
        asked = urllib.request.Request(f"http://127.0.0.1:{port}/greet", method="POST")
        with urllib.request.urlopen(asked, timeout=SOON) as answer:
            assert answer.read() == b"saved"
        assert "Hello from the inside. " in text_of(f"http://127.0.0.1:{port}/collab", "Hello from the inside. ")
