"""``collab docs export``: one document in some format, or many as an archive."""

from __future__ import annotations

import sys
import tempfile
from html import escape
from pathlib import PurePath
from typing import IO, Any, Final

import click

from collab.commands.api_client import ApiClient, ApiError, document_path
from collab.commands.docs.group import Target, command, complete_name, document_names
from collab.commands.terminal import (
    SPOOL,
    binary_output,
    harmless,
    output_file,
    pretty,
    progress,
    say,
)
from collab.content.formats.archive import ArchiveWriter
from collab.content.formats.sniff import suffix_format
from collab.content.formats.svg import to_svg

FORMATS: Final = ("json", "text", "markdown", "html", "update", "svg")
_BOARD: Final = "/board/shapes"


@command("export")
@click.argument("names", nargs=-1, metavar="[NAME]...", callback=document_names, shell_complete=complete_name)
@click.option("--all", "everything", is_flag=True, help="All documents that you may see, as one archive.")
@click.option("--prefix", metavar="TEXT", help="All documents whose name begins so, as one archive.")
@click.option("--format", "kind", type=click.Choice(FORMATS), help="Of one document.  [by the file's name, or json]")
@click.option("--path", metavar="POINTER", help="Only this part of the content; of Markdown and HTML, the text.")
@click.option("-o", "--output", default="-", metavar="FILE", help="Where to write.  [stdout]")
async def export(
    client: ApiClient,
    target: Target,
    names: tuple[str, ...],
    everything: bool,
    prefix: str | None,
    kind: str | None,
    path: str | None,
    output: str,
) -> None:
    """Write one document in some format, or many as an archive (a tar file of raw Yjs states)."""
    if bool(names) + everything + (prefix is not None) != 1:
        raise click.UsageError("Name documents, or use --all, or --prefix.")
    if len(names) != 1:
        if kind is not None or path is not None:
            raise click.UsageError("--format and --path are for a single document.")
        documents = [{"name": name} for name in names] or [each async for each in client.documents(prefix or "")]
        with binary_output(output) as file:
            await _export_archive(client, documents, file)
        return
    kind = kind or suffix_format(output) or "json"
    if kind == "update":
        with binary_output(output) as file:
            await _export_update(client, names[0], file)
        return
    content = await _exported(client, names[0], kind, path, whole=output != "-")
    if output == "-" and sys.stdout.isatty():
        click.echo(harmless(content), nl=False)
        return
    with output_file(output) as file:
        file.write(content.encode())


async def _exported(client: ApiClient, name: str, kind: str, path: str | None, *, whole: bool) -> str:
    """The content as text; ``whole``: for a file of its own."""
    if kind == "svg":
        answer = await client.content(name, "json", path or _BOARD)
        return to_svg(answer.json)
    answer = await client.content(name, kind, path)
    if kind == "json":
        return pretty(answer.json) + "\n"
    text = answer.body.decode()
    if kind == "html" and whole:
        title = escape(PurePath(name).name)
        return f'<!doctype html>\n<meta charset="utf-8">\n<title>{title}</title>\n{text}'
    return text


async def _export_update(client: ApiClient, name: str, file: IO[bytes]) -> None:
    with tempfile.SpooledTemporaryFile(SPOOL) as spool:
        size = await client.download(document_path(name, "content"), {"format": "update"}, spool)
        spool.seek(0)
        with progress(name, size) as advance:
            while piece := spool.read(2**20):
                file.write(piece)
                advance(len(piece))


async def _export_archive(client: ApiClient, documents: list[dict[str, Any]], file: IO[bytes]) -> None:
    total = sum(each.get("size", 0) for each in documents)
    with ArchiveWriter(file, client.url) as archive, progress("exporting", total or None) as advance:
        for document in documents:
            with tempfile.SpooledTemporaryFile(SPOOL) as spool:
                try:
                    size = await client.download(
                        document_path(document["name"], "content"), {"format": "update"}, spool
                    )
                except ApiError as error:
                    if error.code in ("not_found", "document_deleted") and "size" in document:
                        continue  # deleted since it was listed
                    raise
                spool.seek(0)
                archive.add(document["name"], spool, size)
            advance(document.get("size", size))
    say(f"{len(documents)} document(s) exported")
