"""``collab docs versions`` and ``restore``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import click

from collab.commands.answers import POSITION, VERSION, VERSIONS, checked
from collab.commands.api_client import ApiClient, ApiError, document_path
from collab.commands.docs.group import Target, command, complete_name, document_name, report
from collab.commands.terminal import print_json, print_table, say, shown_size, shown_time

#: versions of one document that are listed
_MOST = 100_000


@command("versions")
@click.argument("name", callback=document_name, shell_complete=complete_name)
@click.option("--save", metavar="TEXT", help="Keep the present state under this name.")
@click.option("--delete", "gone", type=click.IntRange(1), metavar="ID", help="Delete this version.")
async def versions(client: ApiClient, target: Target, name: str, save: str | None, gone: int | None) -> None:
    """List the versions of a document, newest first; or keep or delete one."""
    path = document_path(name, "versions")
    if save is not None and gone is not None:
        raise click.UsageError("Either --save or --delete.")
    if gone is not None:
        await client.call("DELETE", document_path(name, "versions", gone), repeatable=False)
        if target.json:
            print_json({"deleted": gone})
        else:
            say(f"version {gone} deleted")
        return
    if save is not None:
        version = checked((await client.call("POST", path, json={"name": save}, repeatable=False)).json, VERSION)
        if target.json:
            print_json(version)
        else:
            say(f"version {version['id']} kept")
        return
    found = [version async for version in _versions(client, path)]
    if target.json:
        print_json({"versions": found})
        return
    rows = [
        (
            str(each["id"]),
            each["name"] or "",
            shown_time(each["created_at"]),
            each["participant"] or "",
            shown_size(each["size"]),
        )
        for each in found
    ]
    print_table(("id", "name", "kept", "by", "size"), rows, right=(0, 4))


async def _versions(client: ApiClient, path: str) -> AsyncIterator[dict[str, Any]]:
    after: int | None = None
    count = 0
    while True:
        page = checked((await client.call("GET", path, query={"limit": 1000, "after": after})).json, VERSIONS)
        for version in page["versions"]:
            yield version
        count += len(page["versions"])
        after = page["next"]
        if after is None:
            return
        if not page["versions"] or count > _MOST:
            raise ApiError("unreachable", "The server lists versions without end.")


@command("restore")
@click.argument("name", callback=document_name, shell_complete=complete_name)
@click.argument("version", type=click.IntRange(1))
async def restore(client: ApiClient, target: Target, name: str, version: int) -> None:
    """Give a document the content of one of its versions, by an edit that people can undo."""
    # Twice is once: the second time there is nothing left to change.
    answer = await client.call("POST", document_path(name, "versions", version, "restore"))
    report(target, [{"name": name, "position": checked(answer.json, POSITION)["position"]}])
