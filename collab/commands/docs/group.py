"""What all of ``collab docs`` has in common: which server, as whom, names of documents, and how commands are made.

On a terminal people get tables, colours and progress bars; in a pipe every line is one thing and columns are
tabs; ``--json`` is for programs. Errors are one line on stderr, with exit code 1; 2 is for wrong usage.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

import click
from click.shell_completion import CompletionItem

from collab.commands.api_client import ApiClient, ApiError
from collab.commands.failures import errors_on_one_line
from collab.commands.terminal import print_json, say
from collab.errors import CollabError
from collab.types import check_document_name

DEFAULT_URL = "http://127.0.0.1:8080"
#: names that a shell is offered, and seconds in which the server has to tell them
_COMPLETIONS = 50
_COMPLETION_TIMEOUT = 3.0


@dataclass(frozen=True, slots=True)
class Target:
    """Which server, as whom, and whether a program reads the output."""

    url: str = DEFAULT_URL
    token: str | None = None
    json: bool = False


def _check_url(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).netloc):
        raise click.BadParameter(f"{value!r} is not http://HOST:PORT")
    return value


def target_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--url``, ``--token`` and ``--json``, which may stand before and behind the command's name."""
    url = f"The server.  [env COLLAB_URL, default {DEFAULT_URL}]"
    options = [
        click.Option(["--token"], metavar="TEXT", help="Who you are.  [env COLLAB_TOKEN]"),
        click.Option(["--url"], callback=_check_url, metavar="URL", help=url),
        click.Option(["--json", "as_json"], is_flag=True, default=None, help="Output for programs."),
    ]
    # Click shows first what was added last: a command's own options stand above these.
    command.__dict__["__click_params__"] = options + command.__dict__.get("__click_params__", [])
    return command


def _targeted(context: click.Context, url: str | None, token: str | None, as_json: bool | None) -> Target:
    target: Target = context.obj if isinstance(context.obj, Target) else Target()
    if url is not None:
        target = replace(target, url=url)
    if token is not None:
        target = replace(target, token=token)
    return replace(target, json=True) if as_json else target


Work = Callable[..., Coroutine[Any, Any, None]]


def command(name: str, of: click.Group | None = None) -> Callable[[Work], click.Command]:
    """Make a command, below ``docs`` or ``of``, of a coroutine function that gets a client and the target first."""

    def decorate(work: Work) -> click.Command:
        @(of or docs).command(name)
        @target_options
        @click.pass_context
        @wraps(work)
        def run(
            context: click.Context, /, *, url: str | None, token: str | None, as_json: bool | None, **arguments: Any
        ) -> None:
            target = _targeted(context, url, token, as_json)
            with errors_on_one_line():
                asyncio.run(_with_client(work, target, arguments))

        return run

    return decorate


async def _with_client(work: Work, target: Target, arguments: dict[str, Any]) -> None:
    async with ApiClient(target.url, target.token) as client:
        await work(client, target, **arguments)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@target_options
@click.pass_context
def docs(context: click.Context, url: str | None, token: str | None, as_json: bool | None) -> None:
    """Work with the documents of a running server.

    \b
    collab docs list                                    who is where, how large, how old
    echo "Hello" | collab docs import notes             from and to pipes, in many formats
    collab docs export notes --format markdown
    collab docs export --all > backup.tar               everything, and back: collab docs import < backup.tar
    collab docs watch notes                             edits and people, live
    collab docs apply notes --op '{"op": "map.set", "path": "/meta/title", "value": "Notes"}'
    """
    remember_target(context, url, token, as_json)


def remember_target(context: click.Context, url: str | None, token: str | None, as_json: bool | None) -> None:
    """Keep what stands before a command's name, or in the environment, for the command."""
    url = url or _check_url(context, click.Option(["--url"]), os.environ.get("COLLAB_URL") or None)
    token = token or os.environ.get("COLLAB_TOKEN") or None
    context.obj = Target(url or DEFAULT_URL, token, bool(as_json))


def document_name(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    try:
        return check_document_name(value)
    except CollabError as error:
        raise click.BadParameter(error.message) from None


def complete_name(context: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """Names that begin so, for a shell that completes; the server is asked, and nothing is said if it is away."""
    given = [each.params for each in (context, context.parent) if each is not None]
    url = next((each["url"] for each in given if each.get("url")), os.environ.get("COLLAB_URL") or DEFAULT_URL)
    token = next((each["token"] for each in given if each.get("token")), os.environ.get("COLLAB_TOKEN"))

    async def ask() -> list[str]:
        async with asyncio.timeout(_COMPLETION_TIMEOUT), ApiClient(url, token, patience=0.0) as client:
            return [document["name"] async for document in client.documents(typed, _COMPLETIONS)]

    try:
        return [CompletionItem(name) for name in asyncio.run(ask())]
    except (ApiError, TimeoutError, OSError, ValueError):
        return []


def document_names(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(document_name(context, parameter, value) or "" for value in values)


def report(target: Target, changed: list[dict[str, Any]]) -> None:
    """Say which documents were saved: ``{name, position}`` each."""
    if target.json:
        print_json(changed[0] if len(changed) == 1 else {"documents": changed})
    else:
        say(f"{len(changed)} document(s) saved" if len(changed) != 1 else f"{changed[0]['name']} saved")
