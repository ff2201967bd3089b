"""What ends by itself is started again; what ends well, or is asked to, is not; nor what never began."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from collab.commands.supervise import own_command
from tests.support.repository import ROOT

PROGRAM = """
import sys
from collab.commands.supervise import supervise
from collab.logging import configure_logging
configure_logging("text", "info")
sys.exit(supervise(sys.argv[1:]))
"""
#: a server that counts its lives in a file, and does as it is told in each
SERVER = """
import os, pathlib, signal, sys, time
lives = pathlib.Path(sys.argv[1])
count = len(lives.read_text()) if lives.exists() else 0
lives.write_text("x" * (count + 1))
for word in sys.argv[2 + count].split():
    if word == "segv": os.kill(os.getpid(), signal.SIGSEGV)
    if word == "wait": time.sleep(60)
    if word == "count":
        signal.signal(signal.SIGINT, lambda *_: lives.write_text(lives.read_text() + "!"))
        lives.write_text(lives.read_text() + ("?" if os.getpgrp() == os.getpid() else "in the terminal's group"))
        end = time.monotonic() + 1.5
        while time.monotonic() < end: time.sleep(0.05)
    if word.isdigit(): sys.exit(int(word))
"""


def supervised(tmp_path: Path, *lives: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM, sys.executable, "-c", SERVER, str(tmp_path / "lives"), *lives]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lives", "code", "count"),
    [(["segv", "70", "1", "0"], 0, 4), (["0", "0"], 0, 1), (["1", "0"], 1, 1), (["2", "0"], 2, 1)],
    ids=["falls", "ends well", "never begins", "is misused"],
)
def test_who_falls_is_started_again(lives: list[str], code: int, count: int, tmp_path: Path) -> None:
    ran = supervised(tmp_path, *lives)
    _, errors = ran.communicate(timeout=60)
    assert ran.returncode == code
    assert len((tmp_path / "lives").read_text()) == count
    assert errors.count("started again") == count - 1


@pytest.mark.slow
def test_who_is_asked_to_end_ends(tmp_path: Path) -> None:
    ran = supervised(tmp_path, "70", "wait", "wait")
    lives = tmp_path / "lives"
    deadline = time.monotonic() + 30
    while not (lives.exists() and len(lives.read_text()) == 2):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    ran.send_signal(signal.SIGTERM)
    ran.communicate(timeout=30)
    assert ran.returncode == 128 + signal.SIGTERM
    assert len(lives.read_text()) == 2


@pytest.mark.slow
def test_ctrl_c_in_a_terminal_is_one_signal(tmp_path: Path) -> None:
    """A terminal sends it to all; with what is handed on it would be two, and the second ends a server unsaved."""
    ran = supervised(tmp_path, "count 0")
    lives = tmp_path / "lives"
    deadline = time.monotonic() + 30
    while not (lives.exists() and len(lives.read_text()) > 1):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(ran.pid, signal.SIGINT)
    ran.communicate(timeout=30)
    assert (ran.returncode, lives.read_text()) == (0, "x?!")


def test_the_child_has_the_same_flags_but_that_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/bin/collab", "serve", "--supervise", "--port", "1"])
    assert own_command() == [sys.executable, "-m", "collab", "serve", "--port", "1"]
