"""``collab token``: mint tokens."""

from __future__ import annotations

import time
from typing import Any

import click
import jwt
from marshmallow import ValidationError
from rich.text import Text

from collab.auth.base import is_subject
from collab.commands.failures import Failure
from collab.commands.settings import settings_of
from collab.commands.terminal import ERR, on_one_line
from collab.errors import CollabError
from collab.setting_kinds import Duration
from collab.types import Grant, Role, check_document_name

#: seconds that a token of ours is valid at most: a hundred years
_LONGEST_TTL = 36500 * 86400.0


@click.group()
def token() -> None:
    """Mint tokens."""


def _parsed(value: str, what: str, example: str) -> tuple[str, str]:
    """``WHAT=ROLE``, read from the end: names and patterns may hold the sign, too."""
    begin, _, role = value.rpartition("=")
    if not begin:
        raise click.BadParameter(f"{value!r} is not {what}=ROLE, such as {example}")
    try:
        return begin, Role.parse(role).word
    except ValueError as error:
        raise click.BadParameter(f"{value!r}: {error}") from None


def _grants(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> list[dict[str, str]]:
    found = [_parsed(value, "PATTERN", "'team/*=editor'") for value in values]
    return [{"documents": pattern, "role": role} for pattern, role in found]


def _documents(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> list[dict[str, str]]:
    grants = []
    for value in values:
        name, role = _parsed(value, "NAME", "'notes=editor'")
        try:
            grants.append({"documents": Grant.pattern_for(check_document_name(name)), "role": role})
        except CollabError as error:
            raise click.BadParameter(f"{name!r}: {error.message}") from None
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
    "--grant", "grants", multiple=True, callback=_grants, metavar="PATTERN=ROLE",
    help="A role (viewer, commenter, editor, admin) on all documents that match; may be repeated. `*` is any letters,"
    " slashes included, `?` any one letter, `[...]` one of several.",
)  # fmt: skip
@click.option(
    "--document", "documents", multiple=True, callback=_documents, metavar="NAME=ROLE",
    help="A role on one document, whose name is taken as it is; may be repeated.",
)  # fmt: skip
@click.option("--agent", is_flag=True, help="For a program that acts by itself: it is shown as an agent.")
@click.option("--ttl", default="1h", callback=_ttl, show_default=True, metavar="TIME", help="How long it is valid.")
@click.option(
    "--jwt-secret", envvar="COLLAB_JWT_SECRET", metavar="TEXT", help="The server's secret.  [env COLLAB_JWT_SECRET]"
)
@click.option("--jwt-issuer", envvar="COLLAB_JWT_ISSUER", metavar="TEXT", help="`iss`.  [env COLLAB_JWT_ISSUER]")
@click.option("--jwt-audience", envvar="COLLAB_JWT_AUDIENCE", metavar="TEXT", help="`aud`.  [env COLLAB_JWT_AUDIENCE]")
@click.option("--config", metavar="FILE", help="TOML file with settings.  [env COLLAB_CONFIG]")
def token_create(
    sub: str,
    name: str | None,
    color: str | None,
    grants: list[dict[str, str]],
    documents: list[dict[str, str]],
    agent: bool,
    ttl: float,
    jwt_secret: str | None,
    jwt_issuer: str | None,
    jwt_audience: str | None,
    config: str | None,
) -> None:
    """Mint a JWT with the configured secret, and print it."""
    if not grants and not documents:
        raise click.UsageError("Say what the token opens: --document NAME=ROLE, or --grant PATTERN=ROLE.")
    for grant in grants:
        _warn_of_pattern(grant["documents"])
    flags = {"jwt_secret": jwt_secret, "jwt_issuer": jwt_issuer, "jwt_audience": jwt_audience}
    settings = settings_of({**flags, "config": config})
    if settings.jwt_secret is None:
        raise Failure("jwt-secret: not set; allowed: the secret of the server (HS256)")
    now = int(time.time())
    opened: list[dict[str, Any]] = [*grants, *documents]
    if agent:
        opened = [{**grant, "agent": True} for grant in opened]
    claims: dict[str, Any] = {"sub": sub, "iat": now, "exp": now + int(ttl), "grants": opened}
    optional = {"name": name, "color": color, "iss": settings.jwt_issuer, "aud": settings.jwt_audience}
    claims |= {key: value for key, value in optional.items() if value is not None}
    click.echo(jwt.encode(claims, settings.jwt_secret, algorithm="HS256"))


def _warn_of_pattern(pattern: str) -> None:
    """Tell a person what a pattern opens that they may have taken for a name."""
    if not ERR.is_terminal or (not any(sign in pattern for sign in "?[") and pattern.strip("*/")):
        return
    opens = "every document" if pattern.strip("*/") == "" else "every document that it matches"
    words = f"--grant takes a pattern: {pattern} opens {opens}; for one document of this name use --document."
    ERR.print(Text.assemble(("collab:", "yellow"), " ", on_one_line(words)), soft_wrap=True)
