"""The command line: ``collab serve``, ``check``, ``docs``, ``token``."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import Field, fields
from typing import Any

import click
import jwt
from marshmallow import ValidationError
from marshmallow import fields as m
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from collab import __version__
from collab.auth.jwt import JwtAuthenticator, is_subject
from collab.config import ConfigError, Duration, Settings, load_settings, setting_name, variable_name, weaknesses
from collab.docs_cli import docs
from collab.errors import CollabError
from collab.logging import configure_logging
from collab.stores.base import StoreReport
from collab.stores.redis_link import shown_url
from collab.stores.sqlite import SqliteStore
from collab.stores.urls import store_from_url
from collab.types import Role

#: seconds that a token of ours is valid at most: a hundred years
_LONGEST_TTL = 36500 * 86400.0

_err = Console(stderr=True, highlight=False)


class _Failure(click.ClickException):
    """Ends a command with one line on stderr and exit code 1."""

    exit_code = 1

    def show(self, file: Any = None) -> None:
        # As it is: what stands in brackets or between colons is no markup of ours.
        words = " ".join(self.message.splitlines())
        _err.print(Text.assemble(("collab:", "red"), " ", words), soft_wrap=True)


class _Misuse(_Failure):
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
def _misuse_on_one_line() -> Iterator[None]:
    try:
        yield
    except click.UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # since click 8.2: the help, as it was asked for
            raise
        raise _Misuse(error) from None


class _Commands(click.Group):
    """The commands; what is wrong with a command line is said as all else is."""

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        with _misuse_on_one_line():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with _misuse_on_one_line():
            return super().invoke(ctx)


def _setting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give ``command`` a flag for every setting; what is not given arrives as None."""
    for field in reversed(fields(Settings)):
        command = _option(field)(command)
    return click.option(
        "--config", metavar="FILE", help="TOML file with settings.  [env COLLAB_CONFIG]"
    )(command)


def _option(field: Field[Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    name, default = field.name, field.default
    words = field.metadata["help"]
    words += f"{'' if words.endswith('.') else '.'}  [env {variable_name(name)}"
    shown = field.metadata["shown"] or _shown_default(field.metadata["kind"], default)
    words += f", default {shown}]"
    flag = "--" + setting_name(name)
    if isinstance(field.metadata["kind"], m.Bool):
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
        return "off" if isinstance(kind, m.Bool) else "none"
    if isinstance(kind, Duration):
        return f"{default:g}s"
    if type(kind).__name__ == "Size":
        return f"{default >> 20}MiB" if default % 2**20 == 0 else f"{default >> 10}KiB"
    return str(default)


def _settings(flags: dict[str, Any]) -> Settings:
    file = flags.pop("config", None)
    try:
        return load_settings(flags, os.environ, file)
    except ConfigError as error:
        raise _Failure(str(error)) from None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="collab")
def main() -> None:
    """Collaborative editing over Socket.IO: what is acknowledged is on disk.

    \b
    Completion for your shell, names of documents included:
    eval "$(_COLLAB_COMPLETE=bash_source collab)", or zsh_source, or fish_source.
    """


@main.command()
@_setting_options
def serve(**flags: Any) -> None:
    """Run the server.

    Every setting is a flag, an environment variable, or a key in the TOML file; a flag beats the
    environment, which beats the file.
    """
    import uvloop

    from collab.app import serve as run_server  # half a second that other commands do not pay

    settings = _settings(flags)
    configure_logging(settings.log_format, settings.log_level)
    try:
        code = uvloop.run(run_server(settings))
    except CollabError as error:
        raise _Failure(error.message) from None
    except (ConfigError, OSError, ValueError) as error:
        raise _Failure(str(error)) from None
    sys.exit(code)


@main.command(short_help="Validate the settings, and look at the store.")
@click.option("--deep", is_flag=True, help="Verify every checksum in the store.")
@_setting_options
def check(deep: bool, **flags: Any) -> None:
    """Validate the settings, reach the store and whoever publishes keys, print what was found; exit 0 or 1."""
    settings = _settings(flags)
    try:
        keys = asyncio.run(_check_keys(settings))
        report = asyncio.run(_check(settings, deep))
    except CollabError as error:
        raise _Failure(error.message) from None
    except ValueError as error:
        raise _Failure(str(error)) from None
    table = Table(show_header=False, box=None)
    table.add_row("settings", "valid")
    for words in weaknesses(settings):
        table.add_row("[yellow]warning[/yellow]", escape(words))
    table.add_row("auth", escape(settings.auth + keys))
    table.add_row("store", escape(f"{report.adapter} {report.location}"))
    table.add_row("promise", report.promise)
    table.add_row("documents", str(report.documents))
    for name, words in report.damaged.items():
        table.add_row("[red]damaged[/red]", escape(f"{name}: {words}"))
    Console(highlight=False, emoji=False).print(table)
    if report.damaged:
        raise _Failure(f"{len(report.damaged)} damaged document(s)")


async def _check_keys(settings: Settings) -> str:
    """What was found where keys are published; ends the command where there is none that can be used."""
    from collab.app import authenticator_for

    authenticator = authenticator_for(settings)
    url = settings.jwt_jwks_url
    if not isinstance(authenticator, JwtAuthenticator) or url is None:
        return ""
    try:
        count = await authenticator.published_keys()
    except ValueError as error:
        allowed = "the URL of a JWKS with keys for RS256, ES256 or EdDSA"
        raise _Failure(f"jwt-jwks-url: {shown_url(url)!r} {error}; allowed: {allowed}") from None
    return f", {count} key(s) at {shown_url(url)}"


async def _check(settings: Settings, deep: bool) -> StoreReport:
    store = store_from_url(settings.redis or settings.store)
    try:
        try:
            await store.open()
        except CollabError as error:
            if "another server" not in error.message:
                raise
            # A running server has it: look without writing.
            store = SqliteStore(settings.store.removeprefix("sqlite:///"), read_only=True)
            await store.open()
        return await store.check(deep)
    finally:
        await store.close()


main.add_command(docs)


@main.group()
def token() -> None:
    """Mint tokens."""


def _grant(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> list[dict[str, str]]:
    grants = []
    for value in values:
        pattern, _, role = value.rpartition("=")
        if not pattern:
            raise click.BadParameter(f"{value!r} is not PATTERN=ROLE, such as 'team/*=editor'")
        try:
            grants.append({"documents": pattern, "role": Role.parse(role).word})
        except ValueError as error:
            raise click.BadParameter(f"{value!r}: {error}") from None
    return grants


def _subject(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if not is_subject(value):
        raise click.BadParameter(f"{value!r} is nobody's name; allowed: at least one character that can be seen")
    return value


def _ttl(_context: click.Context, _parameter: click.Parameter, value: str) -> float:
    try:
        seconds: float = Duration().deserialize(value)
    except ValidationError as error:
        raise click.BadParameter(f"{value!r} is not {error.messages[0]}") from None
    if not 1 <= seconds <= _LONGEST_TTL:
        raise click.BadParameter(f"{value!r} is not a duration from 1s to {_LONGEST_TTL / 86400:g}d")
    return seconds


@token.command("create")
@click.option("--sub", required=True, callback=_subject, metavar="ID", help="Who the token is for.")
@click.option("--name", metavar="NAME", help="The name that others see.")
@click.option("--color", metavar="COLOR", help="The colour that others see.")
@click.option(
    "--grant", "grants", multiple=True, required=True, callback=_grant, metavar="PATTERN=ROLE",
    help="A role (viewer, editor, admin) on all documents that match; may be repeated.",
)  # fmt: skip
@click.option("--ttl", default="1h", callback=_ttl, show_default=True, metavar="TIME", help="How long it is valid.")
@click.option(
    "--jwt-secret", envvar="COLLAB_JWT_SECRET", metavar="TEXT", help="The server's secret.  [env COLLAB_JWT_SECRET]"
)
@click.option("--jwt-issuer", envvar="COLLAB_JWT_ISSUER", metavar="TEXT", help="`iss`.  [env COLLAB_JWT_ISSUER]")
@click.option(
    "--jwt-audience", envvar="COLLAB_JWT_AUDIENCE", metavar="TEXT", help="`aud`.  [env COLLAB_JWT_AUDIENCE]"
)
@click.option("--config", metavar="FILE", help="TOML file with settings.  [env COLLAB_CONFIG]")
def token_create(
    sub: str,
    name: str | None,
    color: str | None,
    grants: list[dict[str, str]],
    ttl: float,
    jwt_secret: str | None,
    jwt_issuer: str | None,
    jwt_audience: str | None,
    config: str | None,
) -> None:
    """Mint a JWT with the configured secret, and print it."""
    flags = {"jwt_secret": jwt_secret, "jwt_issuer": jwt_issuer, "jwt_audience": jwt_audience}
    settings = _settings({**flags, "config": config})
    if settings.jwt_secret is None:
        raise _Failure("jwt-secret: not set; allowed: the secret of the server (HS256)")
    now = int(time.time())
    claims: dict[str, Any] = {"sub": sub, "iat": now, "exp": now + int(ttl), "grants": grants}
    optional = {"name": name, "color": color, "iss": settings.jwt_issuer, "aud": settings.jwt_audience}
    claims |= {key: value for key, value in optional.items() if value is not None}
    click.echo(jwt.encode(claims, settings.jwt_secret, algorithm="HS256"))
