"""A log that nobody can fill, and that one offender cannot fill for the others."""

from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from collab import logging
from collab.logging import _BURST, _BURST_EACH, _BURSTS, _MAX_NAME, _MAX_WINDOWS, _WINDOW, _Bounded, _on_one_line


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(logging, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def written(bounded: _Bounded, count: int, **event: Any) -> list[dict[str, Any]]:
    lines = []
    for _ in range(count):
        try:
            lines.append(dict(bounded(None, "info", dict(event))))
        except structlog.DropEvent:
            continue
    return lines


def test_a_line_that_repeats_is_written_a_few_times_and_then_counted(clock: SimpleNamespace) -> None:
    bounded = _Bounded()
    assert len(written(bounded, 1000, event="token refused")) == _BURST
    assert len(written(bounded, 1000, event="another")) == _BURST
    clock.now += _WINDOW + 1
    (line,) = written(bounded, 1, event="token refused")
    assert line["left_out"] == 1000 - _BURST


@pytest.mark.parametrize("who", ["connection", "participant", "document"])
def test_one_offender_does_not_hide_another(clock: SimpleNamespace, who: str) -> None:
    bounded = _Bounded()
    assert len(written(bounded, 1000, event="protocol error", **{who: "noisy"})) == _BURST_EACH
    assert len(written(bounded, 1000, event="protocol error", **{who: "other"})) == _BURST_EACH
    assert written(bounded, 1, event="protocol error")
    clock.now += _WINDOW + 1
    (line,) = written(bounded, 1, event="protocol error", **{who: "noisy"})
    assert line["left_out"] >= 1000 - _BURST_EACH


def test_offenders_are_not_remembered_for_ever(clock: SimpleNamespace) -> None:
    bounded = _Bounded()
    for number in range(3 * _MAX_WINDOWS):
        written(bounded, 1, event="protocol error", connection=str(number))
    assert len(bounded._windows) <= _MAX_WINDOWS


def test_people_come_and_go_more_often_than_something_goes_wrong(clock: SimpleNamespace) -> None:
    bounded = _Bounded()
    burst, each = _BURSTS["session joined"]
    assert len(written(bounded, 100, event="session joined", participant="ann", document="a")) == each
    crowd = [written(bounded, 1, event="session joined", participant=str(number)) for number in range(1000)]
    assert sum(map(len, crowd)) == burst - each
    clock.now += _WINDOW + 1
    (line,) = written(bounded, 1, event="session joined", participant="late")
    assert line["left_out"] == 1000 + each - burst


def test_whoever_connects_anew_is_the_same_offender(clock: SimpleNamespace) -> None:
    bounded = _Bounded()
    lines = [written(bounded, 1, event="session refused", participant="ann", connection=str(n)) for n in range(50)]
    assert sum(map(len, lines)) == _BURST_EACH


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
