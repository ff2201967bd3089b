"""``collab docs apply``, ``delete`` and ``undelete``."""

from __future__ import annotations

import sys
from typing import Any

import click
import orjson

from collab.commands.api_client import ApiClient, ApiError, document_path
from collab.commands.docs.group import Target, command, complete_name, document_name, document_names, report
from collab.commands.docs.sending import send_all
from collab.commands.terminal import binary_input, print_json, say
from collab.content.editing import edit
from collab.content.importing import edited
from collab.content.operations import MAX_OPERATIONS


@command("apply")
@click.argument("name", callback=document_name, shell_complete=complete_name)
@click.argument("file", default="-", metavar="[FILE]")
@click.option("--op", "inline", multiple=True, metavar="JSON", help="An operation; instead of FILE, may be repeated.")
async def apply(client: ApiClient, target: Target, name: str, file: str, inline: tuple[str, ...]) -> None:
    """Carry out operations, all or none.

    They come from FILE or stdin as JSON: a list, or {"operations": [...]}.

    The edit is computed here and sent as a Yjs update, so that it is made once, even where the connection
    breaks in the middle.
    """
    if inline:
        given: Any = [orjson.loads(each) for each in inline]
    else:
        with binary_input(file) as source:
            given = orjson.loads(source.read())
    operations = given.get("operations") if isinstance(given, dict) else given

    def plan(state: bytes) -> list[bytes]:
        if isinstance(operations, list) and len(operations) > MAX_OPERATIONS:
            return edited(state, operations)
        return [edit(state, operations)]

    position = await send_all(client, name, plan)
    report(target, [{"name": name, "position": position}])


@command("delete")
@click.argument(
    "names", nargs=-1, required=True, metavar="NAME...", callback=document_names, shell_complete=complete_name
)
@click.option("--forever", is_flag=True, help="For good: nothing stays, not even what the trash has of them.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
async def delete(client: ApiClient, target: Target, names: tuple[str, ...], forever: bool, yes: bool) -> None:
    """Delete documents, with their versions and their history.

    They go into the trash, if the server keeps one: `collab docs list --deleted` shows it, `collab docs undelete`
    brings them back.
    """
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("There is nobody to ask; say --yes.")
        click.confirm(f"Delete {', '.join(names)}{' for good' if forever else ''}?", abort=True, err=True)
    for name in names:
        query = {"forever": "true"} if forever else None
        try:
            await client.call("DELETE", document_path(name), query=query, repeatable=False)
        except ApiError as error:
            raise ApiError(error.code, f"{name}: {error}") from None
    if target.json:
        print_json({"deleted": list(names)})
    else:
        say(f"{len(names)} document(s) deleted")


@command("undelete")
@click.argument("names", nargs=-1, required=True, metavar="NAME...", callback=document_names)
async def undelete(client: ApiClient, target: Target, names: tuple[str, ...]) -> None:
    """Bring deleted documents back from the trash, with their versions and their history."""
    for name in names:
        try:
            await client.call("POST", document_path(name, "undelete"), repeatable=False)
        except ApiError as error:
            raise ApiError(error.code, f"{name}: {error}") from None
    if target.json:
        print_json({"undeleted": list(names)})
    else:
        say(f"{len(names)} document(s) are back")
