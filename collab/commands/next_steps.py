"""What somebody who has just started a server may type next, in a way that works where they are."""

from __future__ import annotations

import os
import shlex
import shutil
import sys

import structlog

from collab.config import Settings

_log = structlog.get_logger("collab")


def own_command() -> str:
    """How this program is called from here: ``collab`` where the shell finds it, its path otherwise."""
    program = os.path.abspath(sys.argv[0])
    if os.path.basename(program) == "__main__.py":
        return f"{_short(sys.executable)} -m collab"
    found = shutil.which("collab")
    return "collab" if found is not None and os.path.samefile(found, program) else _short(program)


def what_to_type(settings: Settings, url: str) -> str:
    """A first command for another terminal."""
    if settings.auth == "jwt" and settings.jwt_secret is not None:
        return f"{own_command()} token create --sub me --grant '*=admin'"
    return f"{own_command()} docs list --url {url}"


def show(settings: Settings, url: str) -> None:
    """Say it: to a person in plain words, to whoever reads logs as a line of the log."""
    command = what_to_type(settings, url)
    if sys.stderr.isatty():
        print(f"Open {url} in a browser. In another terminal: {command}", file=sys.stderr)
    else:
        _log.info("ready for people and programs", page=url, type=command)


def _short(path: str) -> str:
    path = os.path.abspath(path)
    here = os.path.relpath(path)
    shown = path if here.startswith("..") else here if os.sep in here else os.path.join(os.curdir, here)
    return shlex.quote(shown)
