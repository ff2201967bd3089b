"""``collab webhooks``: who a running server tells what, and what did not arrive."""

from __future__ import annotations

from typing import Any

import click

from collab.commands.answers import DELIVERIES, RETRIED, TESTED, WEBHOOKS, checked
from collab.commands.api_client import ApiClient
from collab.commands.docs.group import Target, command, remember_target, target_options
from collab.commands.failures import Failure
from collab.commands.terminal import print_json, print_table, say, shown_time


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@target_options
@click.pass_context
def webhooks(context: click.Context, url: str | None, token: str | None, as_json: bool | None) -> None:
    """Look at the webhooks of a running server, for administrators of all documents.

    \b
    collab webhooks list                       where what goes, and what waits
    collab webhooks test                       send a message of type test, now
    collab webhooks deliveries --failed        what has failed for good, and why
    collab webhooks retry                      send it again; enables what a 410 has disabled
    """
    remember_target(context, url, token, as_json)


_ENDPOINT = click.option("--endpoint", metavar="ID", help="Only this one, as `list` shows it.")


@command("list", webhooks)
async def list_(client: ApiClient, target: Target) -> None:
    """List the endpoints of the settings, and how they stand."""
    found = checked((await client.call("GET", "/webhooks")).json, WEBHOOKS)
    if target.json:
        print_json(found)
        return
    rows = [
        (
            each["id"],
            each["url"],
            "disabled" if each["disabled_at"] else "on",
            str(each["waiting"]),
            f"{each['oldest_seconds']:.0f} s" if each["waiting"] else "",
            str(each["failed"]),
            ", ".join(each["documents"]),
            ", ".join(each["events"]),
        )
        for each in found["webhooks"]
    ]
    heads = ("id", "url", "state", "waiting", "oldest", "failed", "documents", "events")
    print_table(heads, rows, right=(3, 4, 5))


@command("test", webhooks)
@_ENDPOINT
async def test(client: ApiClient, target: Target, endpoint: str | None) -> None:
    """Send a message of type `test`, now and once; exit 1 if it did not arrive everywhere."""
    answer = await client.call("POST", "/webhooks/test", json={"endpoint": endpoint}, repeatable=False)
    results = checked(answer.json, TESTED)["results"]
    if target.json:
        print_json({"results": results})
    else:
        rows = [
            (each["endpoint"], each["url"], "arrived" if each["ok"] else each["reason"], f"{each['seconds']:.3f} s")
            for each in results
        ]
        print_table(("id", "url", "result", "took"), rows, right=(3,))
    lost = sum(not each["ok"] for each in results)
    if lost:
        raise Failure(f"{lost} of {len(results)} did not arrive")


@command("deliveries", webhooks)
@_ENDPOINT
@click.option("--failed", is_flag=True, help="What has failed for good, the latest first.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many.")
async def deliveries(client: ApiClient, target: Target, endpoint: str | None, failed: bool, limit: int) -> None:
    """List what waits, the oldest first."""
    query: dict[str, Any] = {"endpoint": endpoint, "failed": "true" if failed else None, "limit": limit}
    found = checked((await client.call("GET", "/webhooks/deliveries", query=query)).json, DELIVERIES)
    if target.json:
        print_json(found)
        return
    rows = [
        (
            each["id"],
            each["endpoint"],
            each["type"],
            each["document"],
            shown_time(each["at"]),
            str(each["attempts"]) if not failed else "",
            shown_time(each["failed_at"] if failed else each["next_at"])
            if each["failed_at"] or each["next_at"]
            else "",
            each["reason"] or "",
        )
        for each in found["deliveries"]
    ]
    heads = ("id", "endpoint", "type", "document", "happened", "attempts", "failed" if failed else "next", "reason")
    print_table(heads, rows, right=(5,))


@command("retry", webhooks)
@_ENDPOINT
@click.argument("ids", nargs=-1)
async def retry(client: ApiClient, target: Target, endpoint: str | None, ids: tuple[str, ...]) -> None:
    """Send again what has failed for good (of these IDS, or all), and try at once what waits."""
    body = {"endpoint": endpoint, "ids": list(ids) or None}
    retried = checked((await client.call("POST", "/webhooks/retry", json=body, repeatable=False)).json, RETRIED)
    if target.json:
        print_json(retried)
    else:
        count = retried["retried"]
        say(f"{count} deliveries wait again" if count != 1 else "1 delivery waits again")


def _shown(time: str | None) -> str:
    return shown_time(time) if time is not None else ""
