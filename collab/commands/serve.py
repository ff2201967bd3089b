"""``collab serve``."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import click

from collab.commands import next_steps
from collab.commands.failures import Failure
from collab.commands.processes import Processes, count_of
from collab.commands.processes import own_command as command_of_one
from collab.commands.settings import setting_options, settings_of
from collab.commands.supervise import own_command
from collab.commands.supervise import supervise as run_supervised
from collab.config import ConfigError, Settings, load_settings
from collab.errors import CollabError
from collab.logging import catch_the_rest, configure_logging
from collab.observe.trimming import share_heaps


@click.command()
@click.option("--supervise", is_flag=True, help="Start the server again whenever it ends by itself.")
@click.option(
    "--processes",
    metavar="N|auto",
    help="So many processes behind the one address, auto: one for each core; nodes of a cluster, which needs --redis.",
)
@click.option("--link", type=int, hidden=True)
@setting_options
def serve(supervise: bool, processes: str | None, link: int | None, **flags: Any) -> None:
    """Run the server.

    Every setting is a flag, an environment variable, or a key in the TOML file; a flag beats the
    environment, which beats the file.
    """
    file, given = flags.get("config"), {name: value for name, value in flags.items() if name != "config"}
    settings = settings_of(flags)
    configure_logging(settings.log_format, settings.log_level)
    if supervise:
        sys.exit(run_supervised(own_command()))
    catch_the_rest()
    read = partial(load_settings, given, os.environ, file)
    if processes is not None and link is None:
        sys.exit(_serve_by_many(settings, processes, read))
    share_heaps()
    import uvloop

    from collab.app import serve as run_server  # half a second that others do not pay

    try:
        code = uvloop.run(run_server(settings, next_steps.show, read, link))
    except CollabError as error:
        raise Failure(error.message) from None
    except (ConfigError, OSError, ValueError) as error:
        raise Failure(str(error)) from None
    sys.exit(code)


def _serve_by_many(settings: Settings, processes: str, read: Callable[[], Settings]) -> int:
    try:
        count = count_of(processes, settings)
        command = command_of_one()

        async def run() -> int:
            return await Processes(settings, count, command, next_steps.show, read).run()

        return asyncio.run(run())
    except ConfigError as error:
        raise Failure(str(error)) from None
