"""``collab backup`` and ``collab restore``."""

from __future__ import annotations

from typing import Any

import click

from collab.commands.failures import Failure
from collab.commands.settings import setting_options, settings_of
from collab.commands.terminal import ERR, on_one_line
from collab.config import Settings
from collab.stores.sqlite_copy import Copied, CopyError, back_up
from collab.stores.sqlite_copy import restore as restored

_SQLITE = "sqlite:///"


@click.command(short_help="Copy a whole store into a file, while the server runs.")
@click.argument("file")
@click.option("--force", is_flag=True, help="Take the place of a FILE that is there.")
@setting_options
def backup(file: str, force: bool, **flags: Any) -> None:
    """Copy the store into FILE: documents, versions, history, everything that was acknowledged before this began.

    The server may run and be written to. Every checksum in the copy is verified, and FILE appears when it is whole.
    """
    store = _path_of(settings_of(flags))
    try:
        _say(file, back_up(store, file, replace=force))
    except CopyError as error:
        raise Failure(
            f"{error}; allowed: a store that is sound, and a FILE that is not there yet (or --force)"
        ) from None


@click.command(short_help="Make a store of a backup.")
@click.argument("file")
@setting_options
def restore(file: str, **flags: Any) -> None:
    """Make the store of FILE, which `collab backup` wrote. There may be none yet: nothing is overwritten."""
    settings = settings_of(flags)
    try:
        _say(settings.store, restored(file, _path_of(settings)))
    except CopyError as error:
        raise Failure(f"{error}; allowed: a whole backup, and a --store that is not there yet") from None


def _path_of(settings: Settings) -> str:
    if settings.redis is not None or not settings.store.startswith(_SQLITE):
        raise Failure(
            "store: only sqlite:///PATH can be copied by this command; allowed: sqlite:///PATH, or for a Redis"
            " its own backup (its AOF and RDB files hold everything)"
        )
    return settings.store.removeprefix(_SQLITE)


def _say(name: str, copied: Copied) -> None:
    megabytes = copied.size / 1e6
    ERR.print(
        on_one_line(f"{name}: {copied.documents} document(s), {megabytes:.1f} MB, every checksum verified"),
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
