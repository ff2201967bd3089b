"""What is worth showing of the log is kept, and only the newest of it."""

from __future__ import annotations

from collab.observe.recent import LINES, MOST, note_line


def test_refusals_and_faults_are_kept_and_ordinary_lines_are_not() -> None:
    LINES.clear()
    for level, event in (("info", "session joined"), ("info", "session refused"), ("error", "the store fails")):
        line = {"level": level, "event": event, "code": "forbidden", "exception": [{"frames": "many"}]}
        assert note_line(None, level, line) is line
    assert [(level, event, fields) for _, level, event, fields in LINES] == [
        ("info", "session refused", {"code": "forbidden"}),
        ("error", "the store fails", {"code": "forbidden"}),
    ]


def test_only_the_newest_are_kept() -> None:
    for number in range(2 * MOST):
        note_line(None, "error", {"level": "error", "event": "e", "number": number})
    assert [fields["number"] for *_, fields in LINES] == list(range(MOST, 2 * MOST))
    LINES.clear()
