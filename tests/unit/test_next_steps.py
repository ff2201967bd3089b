"""What to type next works where somebody is: with the program, the settings and the address that they have."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from collab.commands import next_steps
from collab.commands.next_steps import own_command, what_to_type
from collab.config import Settings

URL = "http://127.0.0.1:8080"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which somebody is, without a ``collab`` on the way of the shell."""
    folder = tmp_path / "some where"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return folder


def program(path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``path`` is the program that runs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(path)])
    return path


def test_the_program_that_the_shell_finds_is_called_by_its_name(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(here.parent / "bin" / "collab", monkeypatch)
    assert own_command() == "collab"


def test_any_other_by_its_way_from_here(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(here.parent / "bin" / "collab", monkeypatch)
    program(here / ".venv" / "bin" / "collab", monkeypatch)
    assert own_command() == ".venv/bin/collab", "another of this name is found by the shell"
    program(here / "collab", monkeypatch)
    assert own_command() == "./collab"
    elsewhere = program(here.parent / "other place" / "collab", monkeypatch)
    assert own_command() == f"'{elsewhere}'", "quoted for the shell"


def test_a_module_is_run_by_its_python(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [str(here / "collab" / "__main__.py")])
    python = program(here / "venv" / "python", monkeypatch)
    monkeypatch.setattr(sys, "argv", [str(here / "collab" / "__main__.py")])
    monkeypatch.setattr(sys, "executable", str(python))
    assert own_command() == "venv/python -m collab"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, f"collab docs list --url {URL}"),
        ({"auth": "jwt", "jwt_secret": "s" * 40}, "collab token create --sub me --grant '*=admin'"),
        ({"auth": "jwt", "jwt_public_key": "/key.pem"}, f"collab docs list --url {URL}"),
    ],
)
def test_a_first_command_fits_the_settings(
    here: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], words: str
) -> None:
    program(here.parent / "bin" / "collab", monkeypatch)
    assert what_to_type(Settings(**settings), URL) == words


@pytest.mark.parametrize("terminal", [True, False])
def test_people_read_words_and_programs_a_line_of_the_log(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], terminal: bool
) -> None:
    program(here.parent / "bin" / "collab", monkeypatch)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    with capture_logs() as said:
        next_steps.show(Settings(auth="jwt", jwt_secret="s" * 40), URL)
    told = capsys.readouterr()
    assert told.out == ""
    assert "ssss" not in told.err + str(said)
    if terminal:
        assert URL in told.err and "token create" in told.err
        assert said == []
    else:
        assert told.err == ""
        assert [(line["page"], "token create" in line["type"]) for line in said] == [(URL, True)]
