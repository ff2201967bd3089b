"""Every line is one line, whoever writes it."""

from __future__ import annotations

import json
import subprocess
import sys

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
