"""``collab serve``: how a start fails, what becomes of the exit code, and how settings are read again."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from collab import app
from collab.commands import serve as serve_module
from collab.commands.main import main
from collab.config import ConfigError, Settings
from collab.errors import CollabError


class Runs:
    """Stands for the server, and notes how it was called; what is around it stays quiet."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.settings: list[Settings] = []
        self.logging: list[tuple[str, str]] = []
        self.supervised: list[list[str]] = []
        #: what the server does: ends with a code, or raises
        self.end: int | BaseException = 0
        self.meanwhile: Callable[[Callable[[], Settings]], Any] = lambda read: None

        async def run(settings: Settings, _show: Any, read: Callable[[], Settings], _link: int | None) -> int:
            self.settings.append(settings)
            self.meanwhile(read)
            if isinstance(self.end, BaseException):
                raise self.end
            return self.end

        def supervise(command: list[str]) -> int:
            self.supervised.append(command)
            return 3

        monkeypatch.setattr(app, "serve", run)
        monkeypatch.setattr(serve_module, "configure_logging", lambda *words: self.logging.append(words))
        monkeypatch.setattr(serve_module, "catch_the_rest", lambda: None)
        monkeypatch.setattr(serve_module, "run_supervised", supervise)

    def __call__(self, *arguments: str, **variables: str) -> Result:
        without = dict.fromkeys(name for name in os.environ if name.startswith("COLLAB_"))
        return CliRunner(env={**without, **variables}).invoke(main, ["serve", *arguments])


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    return Runs(monkeypatch)


@pytest.mark.parametrize("code", [0, 1])
def test_the_code_with_which_the_server_ends_is_that_of_the_program(runs: Runs, code: int) -> None:
    runs.end = code
    ended = runs("--store", "memory://", "--log-format", "json", "--log-level", "debug")
    assert (ended.exit_code, ended.output) == (code, "")
    assert runs.settings[0].store == "memory://"
    assert runs.logging == [("json", "debug")]
    assert runs.supervised == []


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (CollabError("storage_unavailable", "Another server has it."), "Another server has it."),
        (ConfigError("port: 80 is taken"), "port: 80 is taken"),
        (PermissionError(13, "Permission denied"), "Permission denied"),
        (ValueError("no key"), "no key"),
    ],
)
def test_a_start_that_fails_is_one_line(runs: Runs, error: Exception, words: str) -> None:
    runs.end = error
    ended = runs()
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.startswith("collab: ") and ended.stderr.count("\n") == 1
    assert words in ended.stderr


def test_a_fault_of_ours_is_not_taken_for_a_bad_setting(runs: Runs) -> None:
    runs.end = ZeroDivisionError()
    assert runs().exception is runs.end


def test_settings_are_read_again_from_where_they_came(runs: Runs, tmp_path: Path) -> None:
    file = tmp_path / "collab.toml"
    file.write_text('rate-updates = 5\nlog-level = "error"\nnode-name = "file"\nmax-participants = 3\n')
    read_again: list[Settings] = []

    def meanwhile(read: Callable[[], Settings]) -> None:
        file.write_text('rate-updates = 50\nlog-level = "warning"\nnode-name = "file"\n')
        read_again.append(read())
        file.write_text("rate-updates = no")
        with pytest.raises(ConfigError):
            read()

    runs.meanwhile = meanwhile
    ended = runs("--config", str(file), "--log-level", "debug", COLLAB_NODE_NAME="variable")
    assert (ended.exit_code, ended.output) == (0, "")
    before, after = runs.settings[0], read_again[0]
    assert (before.rate_updates, after.rate_updates) == (5, 50)
    assert (before.max_participants, after.max_participants != 3) == (3, True), "what left the file has its default"
    assert before.log_level == after.log_level == "debug", "a flag beats the file, also the second time"
    assert before.node_name == after.node_name == "variable"


def test_whoever_supervises_serves_nothing_itself(runs: Runs) -> None:
    ended = runs("--supervise", "--store", "memory://")
    assert (ended.exit_code, runs.settings, len(runs.supervised)) == (3, [], 1)


@pytest.mark.parametrize("supervise", [[], ["--supervise"]])
def test_a_bad_setting_starts_nothing(runs: Runs, supervise: list[str]) -> None:
    ended = runs(*supervise, "--port", "high")
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.startswith("collab: port: 'high' is not allowed; allowed: ")
    assert (runs.settings, runs.supervised) == ([], [])
