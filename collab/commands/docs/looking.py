"""``collab docs list``, ``show`` and ``watch``."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from typing import Final

import click
import orjson
from rich.table import Table
from rich.text import Text

from collab.commands.answers import DOCUMENT, PARTICIPANTS, checked
from collab.commands.api_client import ApiClient, ApiError, document_path
from collab.commands.docs.group import Target, command, complete_name, document_name
from collab.commands.terminal import (
    ERR,
    OUT,
    harmless,
    on_one_line,
    print_json,
    print_table,
    shown_json,
    shown_size,
    shown_time,
)
from collab.commands.watch import Narrator

_FORMATS: Final = ("json", "text", "markdown", "html")


@command("list")
@click.option("--prefix", default="", metavar="TEXT", help="Only documents whose name begins so.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most so many.")
@click.option("--deleted", is_flag=True, help="What lies in the trash, and until when.")
async def list_documents(client: ApiClient, target: Target, prefix: str, limit: int | None, deleted: bool) -> None:
    """List documents."""
    found = [document async for document in client.documents(prefix, limit, deleted=deleted)]
    if target.json:
        print_json({"documents": found})
        return
    if deleted:
        trash = [
            (each["name"], shown_size(each["size"]), shown_time(each["deleted_at"]), shown_time(each["expires_at"]))
            for each in found
        ]
        print_table(("name", "size", "deleted", "kept until"), trash, right=(1,))
        return
    rows = [
        (each["name"], shown_size(each["size"]), shown_time(each["updated_at"]), str(each["participants"] or ""))
        for each in found
    ]
    print_table(("name", "size", "changed", "people"), rows, right=(1, 3))


@command("show")
@click.argument("name", callback=document_name, shell_complete=complete_name)
@click.option("--path", metavar="POINTER", help="Only this part of the content, such as /body.")
@click.option("--format", "kind", type=click.Choice(_FORMATS), help="How the content is shown.  [json]")
async def show(client: ApiClient, target: Target, name: str, path: str | None, kind: str | None) -> None:
    """Show a document: what the server knows of it, who is here, and its content."""
    facts = checked((await client.call("GET", document_path(name))).json, DOCUMENT)
    people = checked((await client.call("GET", document_path(name, "participants"))).json, PARTICIPANTS)["participants"]
    answer = await client.content(name, kind or "json", path)
    content = answer.json if kind in (None, "json") else answer.body.decode()
    if target.json:
        print_json({**facts, "participants": people, "content": content})
        return
    if OUT.is_terminal:
        here = ", ".join(f"{each['user']['name']} ({each['role']})" for each in people)
        table = Table(show_header=False, box=None)
        for head, words in [
            ("name", facts["name"]), ("size", shown_size(facts["size"])),
            ("changed", shown_time(facts["updated_at"])), ("here", here),
        ]:  # fmt: skip
            table.add_row(Text(head, "bold"), Text(on_one_line(words)))
        OUT.print(table)
    if isinstance(content, str):
        # With color=True nothing is left out of it on its way into a pipe.
        click.echo(harmless(content) if sys.stdout.isatty() else content, color=True)
    else:
        click.echo(shown_json(content))


@command("watch")
@click.argument("name", callback=document_name, shell_complete=complete_name)
@click.option("--as", "shown", metavar="TEXT", default="collab docs watch", help="The name that others see.")
async def watch(client: ApiClient, target: Target, name: str, shown: str) -> None:
    """Show edits and people live, until Ctrl-C. With --json, one line for each event."""
    narrator = Narrator()
    with suppress(asyncio.CancelledError):
        async for event in client.events(name, name=shown):
            if isinstance(event, ApiError):
                ERR.print(Text.assemble((on_one_line(str(event)), "yellow"), " Trying again."), soft_wrap=True)
            elif target.json:
                click.echo(orjson.dumps(narrator.as_json(event)).decode())
            else:
                for line in narrator.lines(event):
                    OUT.print(line, soft_wrap=True)
