"""A flag for every setting."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import Field, fields
from typing import Any

import click
from marshmallow import fields as m

from collab.commands.failures import Failure
from collab.config import ConfigError, Settings, load_settings, setting_name, variable_name
from collab.setting_kinds import Duration


def setting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give ``command`` a flag for every setting; what is not given arrives as None."""
    for field in reversed(fields(Settings)):
        command = _option(field)(command)
    return click.option("--config", metavar="FILE", help="TOML file with settings.  [env COLLAB_CONFIG]")(command)


def _option(field: Field[Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    name, default = field.name, field.default
    words = field.metadata["help"]
    words += f"{'' if words.endswith('.') else '.'}  [env {variable_name(name)}"
    shown = field.metadata["shown"] or _shown_default(field.metadata["kind"], default)
    words += f", default {shown}]"
    flag = "--" + setting_name(name)
    if isinstance(field.metadata["kind"], m.Bool):
        if default:
            flag += f"/--no-{setting_name(name)}"
        return click.option(flag, name, is_flag=True, default=None, help=words)
    return click.option(flag, name, metavar=_metavar(field.metadata["kind"]), help=words)


def _metavar(kind: m.Field[Any]) -> str:
    words = {"Size": "SIZE", "Duration": "TIME"}
    name = type(kind).__name__
    if isinstance(kind, m.Int):
        return "N"
    return words.get(name, "URL" if name.endswith("Url") else "TEXT")


def _shown_default(kind: m.Field[Any], default: Any) -> str:
    if default is None or default == () or isinstance(kind, m.Bool):
        return ("on" if default else "off") if isinstance(kind, m.Bool) else "none"
    if isinstance(kind, Duration):
        return f"{default:g}s"
    if type(kind).__name__ == "Size":
        return f"{default >> 20}MiB" if default % 2**20 == 0 else f"{default >> 10}KiB"
    return str(default)


def settings_of(flags: dict[str, Any]) -> Settings:
    """The settings by flags, environment and file; ends the command where one is wrong."""
    file = flags.pop("config", None)
    try:
        return load_settings(flags, os.environ, file)
    except ConfigError as error:
        raise Failure(str(error)) from None
