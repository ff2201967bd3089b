"""An incident has one line when it begins and one when it ends."""

from __future__ import annotations

import structlog
from structlog.testing import capture_logs

from collab.incidents import Incident


def test_it_is_told_once_however_often_it_is_seen() -> None:
    with capture_logs() as lines:
        incident = Incident(structlog.get_logger("test"), "it burns", "it is out", level="warning")
        incident.end()
        incident.begin(cause="match")
        incident.begin(cause="candle")
        assert incident.lasts
        incident.end(saved=3)
        incident.end()
        assert not incident.lasts
        incident.begin(cause="candle")
    told = [(line["log_level"], line["event"], line.get("cause"), line.get("saved")) for line in lines]
    assert told == [
        ("warning", "it burns", "match", None),
        ("info", "it is out", None, 3),
        ("warning", "it burns", "candle", None),
    ]
    assert lines[1]["seconds"] >= 0
