"""The command line: all commands are there, and what is wrong with it is one line."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from collab._version import __version__
from collab.commands.main import main

CONTEXT = click.Context(main)
COMMANDS = sorted(main.list_commands(CONTEXT))


def paths(group: click.Group, before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for name in group.list_commands(CONTEXT):
        command = group.get_command(CONTEXT, name)
        found.append((*before, name))
        if isinstance(command, click.Group):
            found += paths(command, (*before, name))
    return found


def test_the_commands_that_the_contract_names() -> None:
    assert {"serve", "check", "docs", "token", "backup", "restore", "move", "init"} <= set(COMMANDS)
    docs = main.get_command(CONTEXT, "docs")
    assert isinstance(docs, click.Group)
    assert {"list", "show", "export", "import", "apply", "watch", "delete", "versions", "restore"} <= set(docs.commands)


@pytest.mark.parametrize("path", [(), *paths(main)], ids=" ".join)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_every_command_explains_itself(path: tuple[str, ...], flag: str) -> None:
    result = CliRunner().invoke(main, [*path, flag])
    assert result.exit_code == 0
    assert result.output.startswith("Usage: ")


def test_who_works_with_documents_does_not_wait_for_what_a_server_needs() -> None:
    """Half a second instead of one and a half; counted in modules, not in time."""
    command = (
        "import sys; from collab.commands.main import main; main(['docs', 'list', '--help'], standalone_mode=False)"
    )
    asked = "print(*(sorted({'redis', 'socketio', 'jwt', 'collab.app', 'collab.config'} & set(sys.modules))), sep=',')"
    done = subprocess.run([sys.executable, "-c", f"{command}; {asked}"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0].startswith("Usage: ")
    assert done.stdout.splitlines()[-1] == ""


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
