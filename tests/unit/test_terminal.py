"""What others write does not steer a terminal, and is verbatim in a pipe."""

from __future__ import annotations

import json

import pytest
from rich.console import Console

from collab.commands import terminal
from collab.commands.failures import Failure

HOSTILE = [
    "\x1b[2J\x1b]0;title\x07", "\x9b31m", "\r\x08\x08", "\u202etxt.exe", r"\[/foo]", "[/foo]", "[bold]x[/bold]", ":smile:", "a\\", "\u2028",
]  # fmt: skip


@pytest.fixture(params=[True, False], ids=["terminal", "pipe"])
def on_terminal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    shown: bool = request.param
    for name in ("OUT", "ERR"):
        console = Console(
            force_terminal=shown,
            highlight=False,
            markup=False,
            emoji=False,
            width=200,
            stderr=name == "ERR",
            color_system=None,
        )
        monkeypatch.setattr(terminal, name, console)
    monkeypatch.setattr("collab.commands.failures.ERR", terminal.ERR)
    return shown


def _is_quiet(shown: str) -> bool:
    return all(char.isprintable() or char == "\n" for char in shown)


@pytest.mark.parametrize("words", HOSTILE)
def test_tables(words: str, on_terminal: bool, capsys: pytest.CaptureFixture[str]) -> None:
    terminal.print_table(("name", "n"), [(words, "1"), ("plain  two", "2")], right=(1,))
    shown = capsys.readouterr().out
    if on_terminal:
        assert _is_quiet(shown), repr(shown)
        if words.isprintable():
            assert words in shown
    else:
        assert shown.splitlines()[-1] == "plain  two\t2", "verbatim"
        assert shown.count("\n") == 2
        if words.isprintable():
            assert shown.startswith(words + "\t")


@pytest.mark.parametrize("words", HOSTILE)
def test_json_is_json_and_quiet(words: str, on_terminal: bool, capsys: pytest.CaptureFixture[str]) -> None:
    terminal.print_json({"a": words, words: "\U000e0001"})
    shown = capsys.readouterr().out
    assert json.loads(shown) == {"a": words, words: "\U000e0001"}
    assert not on_terminal or _is_quiet(shown)


@pytest.mark.parametrize("words", HOSTILE)
def test_failures_are_one_quiet_line(words: str, on_terminal: bool, capsys: pytest.CaptureFixture[str]) -> None:
    Failure(f"a\n{words}\nb").show()
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert _is_quiet(shown), repr(shown)
    if words.isprintable():
        assert words in shown


def test_times_and_sizes(on_terminal: bool) -> None:
    assert terminal.shown_time("no time") == "no time"
    assert terminal.shown_time("9999-12-31T23:59:59+00:00")
    assert terminal.shown_size(5) == ("5 B" if on_terminal else "5")


def test_harmless_keeps_what_people_write() -> None:
    assert terminal.harmless("Grüße 👩‍💻\tа\n") == "Grüße 👩‍💻\tа\n"
    assert terminal.harmless("a\x1b\x7f\x9b\u202e") == "a\ufffd\ufffd\ufffd\ufffd"
