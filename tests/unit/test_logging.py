"""A log that nobody can fill, and that one offender cannot fill for the others."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from collab import logging
from collab.logging import _BURST, _BURST_EACH, _MAX_WINDOWS, _WINDOW, _Bounded


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
