"""``collab serve``."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from collab.commands import next_steps
from collab.commands.failures import Failure
from collab.commands.settings import setting_options, settings_of
from collab.commands.supervise import own_command
from collab.commands.supervise import supervise as run_supervised
from collab.config import ConfigError, load_settings
from collab.errors import CollabError
from collab.logging import catch_the_rest, configure_logging


@click.command()
@click.option("--supervise", is_flag=True, help="Start the server again whenever it ends by itself.")
@setting_options
def serve(supervise: bool, **flags: Any) -> None:
    """Run the server.

    Every setting is a flag, an environment variable, or a key in the TOML file; a flag beats the
    environment, which beats the file.
    """
    import uvloop

    from collab.app import serve as run_server  # half a second that other commands do not pay

    file, given = flags.get("config"), {name: value for name, value in flags.items() if name != "config"}
    settings = settings_of(flags)
    configure_logging(settings.log_format, settings.log_level)
    if supervise:
        sys.exit(run_supervised(own_command()))
    catch_the_rest()
    try:
        code = uvloop.run(run_server(settings, next_steps.show, lambda: load_settings(given, os.environ, file)))
    except CollabError as error:
        raise Failure(error.message) from None
    except (ConfigError, OSError, ValueError) as error:
        raise Failure(str(error)) from None
    sys.exit(code)
