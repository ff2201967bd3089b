"""How commands fail: with one line on stderr. Exit code 1 is a failure, 2 wrong usage."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import click
import orjson
from rich.text import Text

from collab.commands.api_client import ApiError
from collab.commands.terminal import ERR, on_one_line
from collab.content.formats.archive import ArchiveError
from collab.errors import CollabError


class Failure(click.ClickException):
    """Ends a command with one line on stderr and exit code 1."""

    exit_code = 1

    def show(self, file: Any = None) -> None:
        # As it is: what stands in brackets or between colons is no markup of ours.
        ERR.print(Text.assemble(("collab:", "red"), " ", on_one_line(self.message)), soft_wrap=True)


class Misuse(Failure):
    """The command line cannot be read: one line, too, and click's exit code."""

    exit_code = 2

    def __init__(self, error: click.UsageError) -> None:
        words = error.format_message().strip()
        if isinstance(error, click.NoSuchOption):
            near = " or ".join(error.possibilities or ())
            words = f"{error.option_name}: no such option; " + (f"did you mean {near}? " if near else "")
            words += f"allowed: what {error.ctx.command_path if error.ctx else 'collab'} --help lists"
        super().__init__(words)


@contextmanager
def misuse_on_one_line() -> Iterator[None]:
    """Turn click's errors about usage into :class:`Misuse`."""
    try:
        yield
    except click.UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # since click 8.2: the help, as it was asked for
            raise
        raise Misuse(error) from None


@contextmanager
def errors_on_one_line() -> Iterator[None]:
    """Turn what work with a server, a file or a document may raise into a :class:`Failure`."""
    try:
        yield
    except ApiError as error:
        raise Failure(str(error)) from None
    except (CollabError, ArchiveError) as error:
        raise Failure(getattr(error, "message", str(error))) from None
    except BrokenPipeError:
        # Who read our output has seen enough. Python would complain when it flushes at the end.
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise Failure(f"{where}{error.strerror or error}") from None
    except (ValueError, IndexError, OverflowError, RecursionError, orjson.JSONEncodeError) as error:
        raise Failure(f"this cannot be read: {error}") from None
