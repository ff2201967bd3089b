"""The command line: all commands are there, and what is wrong with it is one line."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from collab._version import __version__
from collab.commands.main import main

COMMANDS = sorted(main.commands)


def paths(group: click.Group, before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for name, command in group.commands.items():
        found.append((*before, name))
        if isinstance(command, click.Group):
            found += paths(command, (*before, name))
    return found


def test_the_commands_that_the_contract_names() -> None:
    assert {"serve", "check", "docs", "token", "backup", "restore", "move", "init"} <= set(main.commands)
    docs = main.commands["docs"]
    assert isinstance(docs, click.Group)
    assert {"list", "show", "export", "import", "apply", "watch", "delete", "versions", "restore"} <= set(docs.commands)


@pytest.mark.parametrize("path", [(), *paths(main)], ids=" ".join)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_every_command_explains_itself(path: tuple[str, ...], flag: str) -> None:
    result = CliRunner().invoke(main, [*path, flag])
    assert result.exit_code == 0
    assert result.output.startswith("Usage: ")


def test_its_version() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert (result.exit_code, result.output) == (0, f"collab, version {__version__}\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["nothing"],
        ["--nothing"],
        ["serve", "--nothing"],
        ["docs", "nothing"],
        ["docs", "show"],
        ["docs", "list", "more"],
    ],
)
def test_a_wrong_command_line_is_one_line_and_code_2(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main.main(arguments, prog_name="collab")
    told = capfd.readouterr()
    assert (ended.value.code, told.out) == (2, "")
    assert told.err.startswith("collab: ")
    assert told.err.count("\n") == 1
