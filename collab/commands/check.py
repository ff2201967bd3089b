"""``collab check``."""

from __future__ import annotations

import asyncio
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from collab.auth.callback import CallbackAuthenticator
from collab.auth.jwt import JwtAuthenticator
from collab.commands.failures import Failure
from collab.commands.settings import setting_options, settings_of
from collab.commands.terminal import OUT, on_one_line
from collab.config import Settings, weaknesses
from collab.errors import CollabError
from collab.stores.base import StoreReport
from collab.stores.redis_link import shown_url
from collab.stores.sqlite import SqliteStore
from collab.stores.urls import store_from_url
from collab.webhooks.sender import Attempt, Sender


@click.command(short_help="Validate the settings, and look at the store.")
@click.option("--deep", is_flag=True, help="Verify every checksum in the store.")
@setting_options
def check(deep: bool, **flags: Any) -> None:
    """Validate the settings, reach the store, webhooks and published keys, print what was found; exit 0 or 1."""
    settings = settings_of(flags)
    try:
        keys = asyncio.run(_check_keys(settings))
        report = asyncio.run(_check(settings, deep))
        told = asyncio.run(_check_webhooks(settings))
    except CollabError as error:
        raise Failure(error.message) from None
    except ValueError as error:
        raise Failure(str(error)) from None
    rows = [("settings", "", "valid")]
    rows += [("warning", "yellow", words) for words in weaknesses(settings)]
    rows += [
        ("auth", "", settings.auth + keys),
        ("store", "", f"{report.adapter} {report.location}"),
        ("promise", "", report.promise),
        ("documents", "", str(report.documents)),
        *(("webhook", "" if attempt.result == "ok" else "red", words) for words, attempt in told),
        *(("damaged", "red", f"{name}: {words}") for name, words in report.damaged.items()),
    ]
    table = Table(show_header=False, box=None)
    table.add_column()
    table.add_column(overflow="fold")  # a path is worth nothing without its end
    for head, style, words in rows:
        table.add_row(Text(head, style), Text(on_one_line(words)))
    OUT.print(table)
    lost = sum(attempt.result != "ok" for _, attempt in told)
    if report.damaged:
        raise Failure(f"{len(report.damaged)} damaged document(s)")
    if lost:
        raise Failure(f"{lost} of {len(told)} webhooks did not take a test; allowed: an endpoint that answers 2xx")


async def _check_keys(settings: Settings) -> str:
    """What was found where keys are published; ends the command where there is none that can be used."""
    from collab.app import authenticator_for

    authenticator = authenticator_for(settings)
    if isinstance(authenticator, CallbackAuthenticator):
        return await _check_callback(settings, authenticator)
    url = settings.jwt_jwks_url
    if not isinstance(authenticator, JwtAuthenticator) or url is None:
        return ""
    try:
        count = await authenticator.published_keys()
    except ValueError as error:
        allowed = "the URL of a JWKS with keys for RS256, ES256 or EdDSA"
        raise Failure(f"jwt-jwks-url: {shown_url(url)!r} {error}; allowed: {allowed}") from None
    return f", {count} key(s) at {shown_url(url)}"


async def _check_callback(settings: Settings, authenticator: CallbackAuthenticator) -> str:
    """What the application says of a token that nobody has; ends the command where that is nothing."""
    shown = shown_url(str(settings.auth_callback_url))
    allowed = "the URL of an application that answers 200, 401 or 403"
    try:
        status = await authenticator.probe()
    except ValueError as error:
        raise Failure(f"auth-callback-url: {shown!r}: {error}; allowed: {allowed}") from None
    finally:
        await authenticator.close()
    if status == 200:
        raise Failure(
            f"auth-callback-url: {shown!r} lets in whoever brings a token that nobody has; allowed: {allowed}"
        )
    if status not in (401, 403):
        raise Failure(f"auth-callback-url: {shown!r} answers HTTP {status}; allowed: {allowed}")
    return f", {shown} answers"


async def _check_webhooks(settings: Settings) -> list[tuple[str, Attempt]]:
    """What each endpoint says of a message of type ``test``, in words, and as it is."""
    senders = [Sender(endpoint) for endpoint in settings.webhooks]
    attempts = await asyncio.gather(*(sender.test() for sender in senders))
    for sender in senders:
        await sender.close()
    return [
        (f"{endpoint.shown}: {attempt.reason or 'takes a test'}", attempt)
        for endpoint, attempt in zip(settings.webhooks, attempts, strict=True)
    ]


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
