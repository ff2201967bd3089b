"""``collab docs import``: what ``export`` has written, and files of others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final

import click
import orjson
from rich.text import Text

from collab.commands.api_client import ApiClient, ApiError, document_path
from collab.commands.docs.group import Target, command, complete_name, document_name, report
from collab.commands.docs.sending import send, send_all, send_pieces
from collab.commands.failures import Failure
from collab.commands.others.kinds import KINDS
from collab.commands.terminal import ERR, binary_input, mapped, on_one_line, print_json, progress
from collab.content.formats.archive import ArchiveError, read_archive
from collab.content.formats.sniff import what_is
from collab.content.importing import import_json, import_markdown, import_text
from collab.errors import CollabError
from collab.types import check_document_name

#: what is no document's fault, and would be said of each
_OF_THE_SERVER: Final = frozenset({"unreachable", "unauthorized", "token_expired", "storage_unavailable", "store_full"})
FORMATS: Final = ("json", "text", "markdown", "update")


def _name_or_path(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    return value if context.params.get("origin") is not None else document_name(context, parameter, value)


@command("import")
@click.argument("name", required=False, callback=_name_or_path, shell_complete=complete_name)
@click.option("-i", "--input", "source", default="-", metavar="FILE", help="What to read.  [stdin]")
@click.option("--format", "kind", type=click.Choice(FORMATS), help="What it is.  [by its content, then by its name]")
@click.option("--path", metavar="POINTER", help="Where a text goes.  [the one XML root that is there, or /body]")
@click.option(
    "--from",
    "origin",
    type=click.Choice(list(KINDS)),
    is_eager=True,
    help="NAME is the file or folder in which another server keeps documents; all are read.",
)
async def import_documents(
    client: ApiClient,
    target: Target,
    name: str | None,
    source: str,
    kind: str | None,
    path: str | None,
    origin: str | None,
) -> None:
    """Read one document, or without NAME an archive that `export` has written.

    Text, Markdown and JSON replace what is there, by the smallest edit; a Yjs state is merged with it.

    \b
    collab docs import --from y-websocket-leveldb ./dbDir     documents of another server; nothing is written there
    """
    if origin is not None:
        if name is None or kind is not None or path is not None or source != "-":
            raise click.UsageError("--from takes a file or a folder, and no other option.")
        await _import_from(client, target, origin, Path(name))
        return
    if name is None:
        if kind is not None or path is not None:
            raise click.UsageError("--format and --path are for a single document.")
        with binary_input(source) as file:
            imported = await _import_archive(client, file)
        report(target, imported)
        return
    with binary_input(source) as file, mapped(file) as content:
        found = kind or what_is(content, source)
        if found == "archive":
            raise Failure("this is an archive of documents; leave out NAME to import all of them")
        if found == "update":
            position = await send(client, name, content, name)
        else:
            position = await send_all(client, name, _plan(bytes(content), found, path))
    report(target, [{"name": name, "position": position}])


async def _import_from(client: ApiClient, target: Target, origin: str, path: Path) -> None:
    """Bring in all documents of another server; what cannot be read is said, and the rest comes all the same."""
    imported: list[dict[str, Any]] = []
    problems: list[dict[str, Any]] = []
    documents = KINDS[origin](path)
    with progress("importing", None) as advance:
        while (found := await asyncio.to_thread(next, documents, None)) is not None:
            problem = found.problem
            if found.state is not None:
                try:
                    name = check_document_name(found.name)
                    if len(found.state) <= 2:
                        await client.call("PUT", document_path(name))
                    position = await send_pieces(client, name, found.state, advance)
                    imported.append({"name": name, "position": position})
                except (CollabError, ApiError) as error:
                    if isinstance(error, ApiError) and error.code in _OF_THE_SERVER:
                        raise
                    problem = getattr(error, "message", str(error))
            if problem is not None:
                problems.append({"name": found.name, "problem": problem})
    if not target.json:
        for one in problems:
            ERR.print(Text(on_one_line(f"{one['name']}: {one['problem']}")), soft_wrap=True)
    if target.json:
        print_json({"documents": imported, "problems": problems})
    elif imported:
        report(target, imported)
    if problems or not imported:
        raise Failure(
            f"{len(problems)} document(s) could not be read, or not completely" if problems else "no documents"
        )


def _plan(content: bytes, kind: str, path: str | None) -> Callable[[bytes], list[bytes]]:
    """What makes a document (its state) hold ``content``: updates."""
    if kind == "json":
        if path is not None:
            raise click.UsageError("--path is for text and Markdown.")
        wanted = orjson.loads(content)
        return lambda state: import_json(state, wanted)
    text = content.decode()
    if kind == "markdown":
        return lambda state: import_markdown(state, text, path)
    return lambda state: import_text(state, text, path)


async def _import_archive(client: ApiClient, file: IO[bytes]) -> list[dict[str, Any]]:
    imported: list[dict[str, Any]] = []
    documents = read_archive(file)
    with progress("importing", None) as advance:
        while True:
            # Reading a pipe blocks, and the connection to the server wants to be looked after.
            try:
                found = await asyncio.to_thread(next, documents, None)
            except ArchiveError as error:
                if imported:
                    raise
                raise ArchiveError(f"{error}; to import one document, say its NAME") from None
            if found is None:
                return imported
            name, content = found
            with await asyncio.to_thread(mapped, content) as state:
                if len(state) <= 2:
                    await client.call("PUT", document_path(name))
                position = await send_pieces(client, name, state, advance)
            imported.append({"name": name, "position": position})
