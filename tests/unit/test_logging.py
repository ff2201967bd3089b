"""Every line is one line, whoever writes it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from collab.logging import _MAX_NAME, _on_one_line


def test_names_do_not_steer_a_terminal_nor_fill_the_log() -> None:
    event = {
        "event": "session joined",
        "participant": "a\x1b[2Jb\n",
        "document": "\u2028" + "x" * 5000,
        "session": "abcdef",
    }
    shown = _on_one_line(None, "info", dict(event))
    assert shown["participant"] == "a\\x1b[2Jb\\n"
    assert shown["document"].isprintable()
    assert len(shown["document"]) < 2 * _MAX_NAME
    assert _on_one_line(None, "info", {"event": "x", "document": "Übersicht"})["document"] == "Übersicht"


_SPEAKS = """
import logging, sys, threading, warnings
from collab.logging import catch_the_rest, configure_logging
configure_logging("json", "info")
catch_the_rest()
logging.getLogger("asyncio").error("socket.accept() out of system resource")
warnings.warn("this is old")
def fail(): raise OSError("in a thread")
thread = threading.Thread(target=fail, name="writer"); thread.start(); thread.join()
class Late:
    def __del__(self): raise ValueError("at the end")
Late()
raise RuntimeError("at last")
"""


@pytest.mark.slow
def test_every_line_of_a_json_log_is_json_whoever_writes_it() -> None:
    ended = subprocess.run([sys.executable, "-c", _SPEAKS], capture_output=True, text=True, timeout=60, check=False)
    lines = [json.loads(line) for line in ended.stderr.splitlines()]
    assert [line["event"] for line in lines] == ["a library says", "a library says", *["nobody caught this"] * 3]
    assert (lines[0]["logger"], lines[0]["message"]) == ("asyncio", "socket.accept() out of system resource")
    assert "this is old" in lines[1]["message"]
    assert [line["where"] for line in lines[2:]] == ["writer", "finaliser", "main"]
    assert lines[-1]["exception"][0]["exc_value"] == "at last"


_ENDS = """
import structlog
from collab.logging import configure_logging
configure_logging("json", "info")
log = structlog.get_logger("test")
for _ in range(100): log.info("token refused", address="192.0.2.1")
"""


@pytest.mark.slow
def test_what_was_held_back_last_is_told_at_the_end_of_the_process() -> None:
    ended = subprocess.run([sys.executable, "-c", _ENDS], capture_output=True, text=True, timeout=60, check=True)
    *lines, last = [json.loads(line) for line in ended.stderr.splitlines()]
    assert {line["event"] for line in lines} == {"token refused"}
    assert (last["event"], last["events"]) == ("lines were held back", {"token refused": 100 - len(lines)})


def test_a_full_disk_costs_lines_and_nobody_who_writes_them(tmp_path: Path) -> None:
    """As of `collab serve 2>> log` on the disk of the store."""
    program = """
import resource, sys, structlog
from collab.logging import configure_logging
configure_logging("json", "info")
log = structlog.get_logger("x")
log.error("before")
everything = resource.RLIM_INFINITY
resource.setrlimit(resource.RLIMIT_FSIZE, (sys.stderr.tell() if sys.stderr.seekable() else 0, everything))
for number in range(3):
    log.error("meanwhile", number=number)
resource.setrlimit(resource.RLIMIT_FSIZE, (everything, everything))
log.error("after")
"""
    path = tmp_path / "log"
    with path.open("a") as log:
        subprocess.run([sys.executable, "-c", program], stderr=log, check=True, timeout=60)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[0]["event"] == "before"
    assert "after" in [line["event"] for line in lines]
    (told,) = [line for line in lines if line["event"] == "lines could not be written"]
    assert (told["count"], told["level"]) == (3, "warning")


def test_a_pipe_that_nobody_reads_ends_nobody() -> None:
    program = "import structlog; from collab.logging import configure_logging; configure_logging('json', 'info')"
    program += "; [structlog.get_logger('x').error('line') for _ in range(3)]; print('went on')"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        process.stderr.close()
        assert process.stdout.read() == "went on\n"
