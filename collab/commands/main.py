"""The command line: ``collab serve``, ``check``, ``backup``, ``restore``, ``docs``, ``webhooks``, ``token``."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from collab._version import __version__
from collab.commands.failures import misuse_on_one_line

#: command -> the module that has it, which is imported when somebody asks for it: what a server needs takes a second
_MODULES = {
    "backup": "collab.commands.backup",
    "check": "collab.commands.check",
    "docs": "collab.commands.docs",
    "init": "collab.commands.init",
    "mcp": "collab.commands.mcp",
    "move": "collab.commands.move",
    "restore": "collab.commands.backup",
    "serve": "collab.commands.serve",
    "token": "collab.commands.token",
    "webhooks": "collab.commands.webhooks",
}


class _Commands(click.Group):
    """The commands; what is wrong with a command line is said as all else is."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _MODULES:
            return None
        command: click.Command = getattr(import_module(_MODULES[cmd_name]), cmd_name)
        return command

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        with misuse_on_one_line():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with misuse_on_one_line():
            return super().invoke(ctx)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="collab")
def main() -> None:
    """Collaborative editing over Socket.IO: what is acknowledged is on disk.

    \b
    Completion for your shell, names of documents included:
    eval "$(_COLLAB_COMPLETE=bash_source collab)", or zsh_source, or fish_source.
    """
