"""The command line: ``collab serve``, ``check``, ``backup``, ``restore``, ``docs``, ``webhooks``, ``token``."""

from __future__ import annotations

from typing import Any

import click

from collab._version import __version__
from collab.commands.backup import backup, restore
from collab.commands.check import check
from collab.commands.docs import changing, exporting, importing, looking, versions
from collab.commands.docs.group import docs
from collab.commands.failures import misuse_on_one_line
from collab.commands.init import init
from collab.commands.mcp import mcp
from collab.commands.move import move
from collab.commands.serve import serve
from collab.commands.token import token
from collab.commands.webhooks import webhooks


class _Commands(click.Group):
    """The commands; what is wrong with a command line is said as all else is."""

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


for command in (serve, init, check, backup, restore, move, docs, webhooks, token, mcp):
    main.add_command(command)
#: the modules that have put their commands below ``docs``
_DOCS = (looking, exporting, importing, changing, versions)
