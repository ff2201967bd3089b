"""``collab mcp``: documents for agents, over the Model Context Protocol."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec

import click

from collab.commands.docs.group import DEFAULT_URL
from collab.commands.failures import Failure, errors_on_one_line
from collab.types import is_loopback


def _place(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[str, int] | None:
    if value is None:
        return None
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise click.BadParameter(f"{value!r} is not HOST:PORT, such as 127.0.0.1:8090")
    host = host.strip("[]")
    if not is_loopback(host):
        # Whoever reaches it does what its token may: who that is has to be somebody else's to say.
        raise click.BadParameter(
            f"{value!r} is open to other machines; allowed: 127.0.0.1:PORT, behind a proxy with auth"
        )
    return host, int(port)


@click.command(short_help="Documents for agents: an MCP server.")
@click.option("--url", envvar="COLLAB_URL", default=DEFAULT_URL, metavar="URL",
              help=f"The server of the documents.  [env COLLAB_URL, default {DEFAULT_URL}]")  # fmt: skip
@click.option("--token", envvar="COLLAB_TOKEN", metavar="TEXT", help="Who the agent is.  [env COLLAB_TOKEN]")
@click.option("--name", default="Agent", show_default=True, metavar="NAME", help="Its name, if no token says it.")
@click.option("--http", callback=_place, metavar="HOST:PORT", help="Serve streamable HTTP at /mcp, not stdio.")
def mcp(url: str, token: str | None, name: str, http: tuple[str, int] | None) -> None:
    """Let an agent work with the documents of a running server, over the Model Context Protocol.

    On stdio, for whoever starts it; or over HTTP, on this machine. The agent is a participant with the role of its
    token, best one of a grant with `"agent": true`: people see that it is no person, and where it writes.
    """
    if find_spec("mcp") is None:
        raise Failure("this needs pip install 'collab-server[mcp]'")
    with errors_on_one_line():
        asyncio.run(_serve(url, token or None, name, http))


async def _serve(url: str, token: str | None, name: str, http: tuple[str, int] | None) -> None:
    # These take a second that no other command has to pay.
    from mcp.server.stdio import stdio_server

    from collab.commands.agent.mcp_server import DocumentServer
    from collab.commands.agent.workspace import Workspace

    async with Workspace(url, token, name) as workspace:
        server = DocumentServer(workspace).server
        if http is None:
            async with stdio_server() as (reading, writing):
                await server.run(reading, writing, server.create_initialization_options())
            return
        import uvicorn

        host, port = http
        app = server.streamable_http_app(host=host)
        config = uvicorn.Config(app, host, port, log_level="warning", timeout_graceful_shutdown=1)
        await uvicorn.Server(config).serve()
