"""A flag for every setting, with its variable and its default; what is given beats the environment and the file."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from collab.commands.failures import Failure
from collab.commands.settings import setting_options, settings_of
from collab.config import Settings, setting_name, variable_name

SETTINGS = fields(Settings)


def program(seen: list[dict[str, Any]]) -> click.Command:
    @click.command()
    @setting_options
    def command(**flags: Any) -> None:
        seen.append(flags)

    return command


@pytest.fixture(scope="module")
def shown() -> str:
    """What ``--help`` says, without its line breaks."""
    return " ".join(CliRunner().invoke(program([]), ["--help"], terminal_width=1000).output.split())


@pytest.mark.parametrize("field", SETTINGS, ids=lambda field: field.name)
def test_every_setting_has_a_flag_that_says_its_variable_and_default(shown: str, field: Any) -> None:
    found = re.search(
        rf"--{re.escape(setting_name(field.name))} .*?\[env {variable_name(field.name)}, default ([^\]]+)\]", shown
    )
    assert found is not None
    default = found[1]
    if field.metadata["shown"]:
        assert default == field.metadata["shown"]
    elif isinstance(field.default, bool):
        assert default == ("on" if field.default else "off")
    elif field.default in (None, ()):
        assert default == "none"
    else:
        assert re.match(r"[\w.:/-]+", default)


def test_defaults_are_shown_in_the_units_in_which_they_are_given(shown: str) -> None:
    for setting in ("max-update-bytes", "drain-timeout"):
        told = re.search(rf"--{setting} (\w+) .*?default (\S+)\]", shown)
        assert told is not None
        name = setting.replace("-", "_")
        assert re.fullmatch(r"\d+(MiB|s)", told[2])
        flags = {name: told[2]}
        assert getattr(settings_of(flags), name) == getattr(settings_of({}), name), "and can be given so"


def test_what_is_not_given_is_none_so_that_others_decide() -> None:
    seen: list[dict[str, Any]] = []
    result = CliRunner().invoke(
        program(seen), ["--port", "81", "--insecure", "--config", "x.toml"], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    (flags,) = seen
    assert (flags["port"], flags["insecure"], flags["config"]) == ("81", True, "x.toml")
    assert {name for name, value in flags.items() if value is not None} == {"port", "insecure", "config"}
    assert set(flags) == {field.name for field in SETTINGS} | {"config"}


def test_nothing_given_decides_nothing() -> None:
    seen: list[dict[str, Any]] = []
    CliRunner().invoke(program(seen), [], catch_exceptions=False)
    assert set(seen[0].values()) == {None}


def test_flags_beat_the_environment_which_beats_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (variable_name(field.name) for field in SETTINGS):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "collab.toml"
    file.write_text('port = 1001\nhost = "127.0.0.3"\nstore = "memory://"\n')
    monkeypatch.setenv("COLLAB_PORT", "1002")
    monkeypatch.setenv("COLLAB_HOST", "127.0.0.2")
    settings = settings_of({"port": "1003", "host": None, "config": str(file)})
    assert (settings.port, settings.host, settings.store) == (1003, "127.0.0.2", "memory://")


def test_a_wrong_one_ends_the_command_with_its_name() -> None:
    with pytest.raises(Failure, match="port"):
        settings_of({"port": "many"})
    with pytest.raises(Failure, match=r"nothing\.toml"):
        settings_of({"config": "/nothing.toml"})
