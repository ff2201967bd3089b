"""A loop that stands still ends its process, whatever it hangs in; one that was stopped does not."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from collab.observe import watchdog
from collab.observe.watchdog import EXIT_CODE, tell_systemd
from tests.support.repository import ROOT

PROGRAM = """
import asyncio, re, sys, time
from collab.logging import configure_logging
from collab.observe import watchdog
configure_logging("text", "info")
watchdog.BEAT = 0.2
def sleeps():
    time.sleep(100)
def holds_the_lock():
    re.match("(a+)+$", "a" * 60 + "b")
async def main():
    dog = watchdog.Watchdog(0.5)
    dog.start()
    print("watched", flush=True)
    await asyncio.sleep(1.2)
    {what}
    dog.stop()
    dog.stop()
    print("well", flush=True)
asyncio.run(main())
"""


def started(what: str) -> subprocess.Popen[str]:
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(what=what)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert program.stdout is not None and program.stdout.readline() == "watched\n"
    return program


@pytest.mark.slow
def test_who_sleeps_is_named_and_ended() -> None:
    program = started("sleeps()")
    _, errors = program.communicate(timeout=30)
    assert program.returncode == EXIT_CODE
    assert "loop silent" in errors and "sleeps" in errors


@pytest.mark.slow
def test_who_never_gives_the_interpreter_back_is_named_and_ended() -> None:
    program = started("holds_the_lock()")
    _, errors = program.communicate(timeout=30)
    assert program.returncode == -signal.SIGPROF
    assert "holds_the_lock" in errors


@pytest.mark.slow
def test_time_in_which_the_process_was_stopped_does_not_count() -> None:
    program = started("await asyncio.sleep(0.5)")
    program.send_signal(signal.SIGSTOP)
    time.sleep(3)
    program.send_signal(signal.SIGCONT)
    out, errors = program.communicate(timeout=30)
    assert (program.returncode, out) == (0, "well\n"), errors


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_is_told(abstract: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"@collab-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0" + name[1:] if abstract else name)
        systemd.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        tell_systemd("READY=1")
        assert systemd.recv(100) == b"READY=1"
    tell_systemd("READY=1")  # it is gone: a line of the log, and nothing else
    monkeypatch.delenv("NOTIFY_SOCKET")
    tell_systemd("READY=1")
    assert watchdog.BEAT == 1.0
