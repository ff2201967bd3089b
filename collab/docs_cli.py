"""``collab docs``: script the documents of a running server.

On a terminal people get tables, colours and progress bars; in a pipe every line is one thing and columns are
tabs; ``--json`` is for programs. Errors are one line on stderr, with exit code 1; 2 is for wrong usage.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import wraps
from mmap import mmap
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import click
import orjson
from click.shell_completion import CompletionItem
from pycrdt import merge_updates
from rich.json import JSON
from rich.table import Table

from collab.api_client import ApiClient, ApiError, document_path
from collab.docs_terminal import (
    ERR,
    OUT,
    SPOOL,
    binary_input,
    binary_output,
    mapped,
    output_file,
    pretty,
    print_json,
    print_table,
    progress,
    say,
    shown_size,
    shown_time,
)
from collab.docs_watch import Narrator
from collab.documents.editing import edit
from collab.documents.operations import MAX_OPERATIONS, format_pointer
from collab.documents.reading import read
from collab.errors import CollabError
from collab.formats.archive import ArchiveError, ArchiveWriter, read_archive
from collab.formats.markdown import from_markdown, to_markdown
from collab.formats.svg import to_svg
from collab.types import check_document_name

DEFAULT_URL = "http://127.0.0.1:8080"
FORMATS = ("json", "text", "markdown", "update", "svg")
_SUFFIXES = {
    ".json": "json", ".txt": "text", ".md": "markdown", ".markdown": "markdown", ".yjs": "update", ".bin": "update",
    ".svg": "svg",
}  # fmt: skip
#: names that a shell is offered, and seconds in which the server has to tell them
_COMPLETIONS = 50
_COMPLETION_TIMEOUT = 3.0


class _Failure(click.ClickException):
    """Ends a command with one line on stderr and exit code 1."""

    exit_code = 1

    def show(self, file: Any = None) -> None:
        ERR.print("[red]collab:[/red]", end=" ")
        ERR.print(" ".join(self.message.split()), soft_wrap=True, markup=False)


# -- options ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Target:
    """Which server, as whom, and whether a program reads the output."""

    url: str = DEFAULT_URL
    token: str | None = None
    json: bool = False


def _check_url(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).netloc):
        raise click.BadParameter(f"{value!r} is not http://HOST:PORT")
    return value


def _target_options(command: Callable[..., Any]) -> Callable[..., Any]:
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


def _targeted(context: click.Context, url: str | None, token: str | None, as_json: bool | None) -> _Target:
    target: _Target = context.obj if isinstance(context.obj, _Target) else _Target()
    if url is not None:
        target = replace(target, url=url)
    if token is not None:
        target = replace(target, token=token)
    return replace(target, json=True) if as_json else target


Work = Callable[..., Coroutine[Any, Any, None]]


def _command(name: str) -> Callable[[Work], click.Command]:
    """Make a command of a coroutine function whose first arguments are a client and the target."""

    def decorate(work: Work) -> click.Command:
        @docs.command(name)
        @_target_options
        @click.pass_context
        @wraps(work)
        def run(
            context: click.Context, /, *, url: str | None, token: str | None, as_json: bool | None, **arguments: Any
        ) -> None:
            target = _targeted(context, url, token, as_json)
            with _errors_in_one_line():
                asyncio.run(_with_client(work, target, arguments))

        return run

    return decorate


async def _with_client(work: Work, target: _Target, arguments: dict[str, Any]) -> None:
    async with ApiClient(target.url, target.token) as client:
        await work(client, target, **arguments)


@contextmanager
def _errors_in_one_line() -> Iterator[None]:
    try:
        yield
    except ApiError as error:
        raise _Failure(str(error)) from None
    except (CollabError, ArchiveError) as error:
        raise _Failure(getattr(error, "message", str(error))) from None
    except BrokenPipeError:
        # Who read our output has seen enough. Python would complain when it flushes at the end.
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise _Failure(f"{where}{error.strerror or error}") from None
    except (ValueError, IndexError) as error:
        raise _Failure(f"this cannot be read: {error}") from None


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@_target_options
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
    url = url or _check_url(context, click.Option(["--url"]), os.environ.get("COLLAB_URL") or None)
    token = token or os.environ.get("COLLAB_TOKEN") or None
    context.obj = _Target(url or DEFAULT_URL, token, bool(as_json))


def _name(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    try:
        return check_document_name(value)
    except CollabError as error:
        raise click.BadParameter(error.message) from None


def _complete_name(context: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
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


def _names(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_name(context, parameter, value) or "" for value in values)


# -- looking ----------------------------------------------------------------------------------------------


@_command("list")
@click.option("--prefix", default="", metavar="TEXT", help="Only documents whose name begins so.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most so many.")
async def list_documents(client: ApiClient, target: _Target, prefix: str, limit: int | None) -> None:
    """List documents."""
    found = [document async for document in client.documents(prefix, limit)]
    if target.json:
        print_json({"documents": found})
        return
    rows = [
        (each["name"], shown_size(each["size"]), shown_time(each["updated_at"]), str(each["participants"] or ""))
        for each in found
    ]
    print_table(("name", "size", "changed", "people"), rows, right=(1, 3))


@_command("show")
@click.argument("name", callback=_name, shell_complete=_complete_name)
@click.option("--path", metavar="POINTER", help="Only this part of the content, such as /body.")
async def show(client: ApiClient, target: _Target, name: str, path: str | None) -> None:
    """Show a document: what the server knows of it, who is here, and its content."""
    facts = (await client.call("GET", document_path(name))).json
    people = (await client.call("GET", document_path(name, "participants"))).json["participants"]
    content = (await client.call("GET", document_path(name, "content"), query={"path": path})).json
    if target.json:
        print_json({**facts, "participants": people, "content": content})
        return
    if OUT.is_terminal:
        table = Table(show_header=False, box=None)
        table.add_row("[bold]name[/bold]", facts["name"])
        table.add_row("[bold]size[/bold]", shown_size(facts["size"]))
        table.add_row("[bold]changed[/bold]", shown_time(facts["updated_at"]))
        table.add_row("[bold]here[/bold]", ", ".join(f"{each['user']['name']} ({each['role']})" for each in people))
        OUT.print(table)
    if isinstance(content, str):
        click.echo(content)
    elif OUT.is_terminal:
        OUT.print(JSON(pretty(content)))
    else:
        click.echo(pretty(content))


@_command("watch")
@click.argument("name", callback=_name, shell_complete=_complete_name)
@click.option("--as", "shown", metavar="TEXT", default="collab docs watch", help="The name that others see.")
async def watch(client: ApiClient, target: _Target, name: str, shown: str) -> None:
    """Show edits and people live, until Ctrl-C. With --json, one line for each event."""
    narrator = Narrator()
    with suppress(asyncio.CancelledError):
        async for event in client.events(name, name=shown):
            if isinstance(event, ApiError):
                ERR.print(f"[yellow]{event}[/yellow] Trying again.", soft_wrap=True)
            elif target.json:
                click.echo(orjson.dumps(narrator.as_json(event)).decode())
            else:
                for line in narrator.lines(event):
                    OUT.print(line, soft_wrap=True)


# -- export -----------------------------------------------------------------------------------------------


@_command("export")
@click.argument("names", nargs=-1, metavar="[NAME]...", callback=_names, shell_complete=_complete_name)
@click.option("--all", "everything", is_flag=True, help="All documents that you may see, as one archive.")
@click.option("--prefix", metavar="TEXT", help="All documents whose name begins so, as one archive.")
@click.option("--format", "kind", type=click.Choice(FORMATS), help="Of one document.  [by the file's name, or json]")
@click.option("--path", metavar="POINTER", help="Only this part of the content; of Markdown, the text.")
@click.option("-o", "--output", default="-", metavar="FILE", help="Where to write.  [stdout]")
async def export(
    client: ApiClient,
    target: _Target,
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
    kind = kind or _SUFFIXES.get(Path(output).suffix.lower(), "json")
    if kind == "update":
        with binary_output(output) as file:
            await _export_update(client, names[0], file)
        return
    content = await _exported(client, names[0], kind, path)
    with output_file(output) as file:
        file.write(content)


async def _exported(client: ApiClient, name: str, kind: str, path: str | None) -> bytes:
    if kind == "markdown":
        return to_markdown(await client.state(name), path or "/body").encode()
    if kind == "svg":
        return to_svg(read(await client.state(name), path or "/board/shapes")).encode()
    answer = await client.call("GET", document_path(name, "content"), query={"format": kind, "path": path})
    if kind == "text":
        return answer.body
    return pretty(answer.json).encode() + b"\n"


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


# -- import -----------------------------------------------------------------------------------------------


@_command("import")
@click.argument("name", required=False, callback=_name, shell_complete=_complete_name)
@click.option("-i", "--input", "source", default="-", metavar="FILE", help="What to read.  [stdin]")
@click.option("--format", "kind", type=click.Choice(FORMATS[:4]), help="What it is.  [by the file's name, or text]")
@click.option("--path", metavar="POINTER", help="Where a text goes.  [/body]")
async def import_documents(
    client: ApiClient, target: _Target, name: str | None, source: str, kind: str | None, path: str | None
) -> None:
    """Read one document, or without NAME an archive that `export` has written.

    Text, Markdown and JSON replace what is there, by the smallest edit; a Yjs state is merged with it.
    """
    if name is None:
        if kind is not None or path is not None:
            raise click.UsageError("--format and --path are for a single document.")
        with binary_input(source) as file:
            imported = await _import_archive(client, file)
        _report(target, imported)
        return
    kind = kind or _SUFFIXES.get(Path(source).suffix.lower(), "text")
    with binary_input(source) as file:
        if kind == "update":
            with mapped(file) as state:
                position = await _send(client, name, state, name)
        else:
            position = await _edit(client, name, _as_operations(file.read(), kind, path))
    _report(target, [{"name": name, "position": position}])


async def _import_archive(client: ApiClient, file: IO[bytes]) -> list[dict[str, Any]]:
    imported: list[dict[str, Any]] = []
    documents = read_archive(file)
    with progress("importing", None) as advance:
        while True:
            # Reading a pipe blocks, and the connection to the server wants to be looked after.
            found = await asyncio.to_thread(next, documents, None)
            if found is None:
                return imported
            name, content = found
            with await asyncio.to_thread(mapped, content) as state:
                if len(state) <= 2:
                    await client.call("PUT", document_path(name))
                position = await _send_pieces(client, name, state, advance)
            imported.append({"name": name, "position": position})


def _as_operations(content: bytes, kind: str, path: str | None) -> Callable[[bytes], list[dict[str, Any]]]:
    """What has to be done to a document (its state) so that it holds ``content``."""
    where = path or "/body"
    if kind == "json":
        wanted = orjson.loads(content)
        if not isinstance(wanted, dict):
            raise _Failure("a document is an object with a key for each root")
        return lambda state: _json_operations(read(state), wanted)
    text = content.decode()
    if kind == "markdown":
        return lambda state: from_markdown(text, where, state)
    return lambda _state: [{"op": "text.replace", "path": where, "text": text}]


def _json_operations(current: dict[str, Any], wanted: dict[str, Any]) -> list[dict[str, Any]]:
    operations: list[dict[str, Any]] = []
    for root, value in wanted.items():
        path = format_pointer([root])
        before = current.get(root)
        if value == before:
            continue
        if isinstance(value, str):
            operations.append({"op": "text.replace", "path": path, "text": value})
        elif isinstance(value, list):
            if isinstance(before, list) and before:
                operations.append({"op": "array.delete", "path": path, "index": 0, "length": len(before)})
            operations.append({"op": "array.insert", "path": path, "index": 0, "values": value})
        elif isinstance(value, dict):
            held = before if isinstance(before, dict) else {}
            operations += [
                {"op": "map.set", "path": format_pointer([root, key]), "value": each}
                for key, each in value.items()
                if key not in held or held[key] != each
            ]
            operations += [
                {"op": "map.delete", "path": format_pointer([root, key])} for key in held if key not in value
            ]
        else:
            raise _Failure(f"{path}: a root is a string, an object or a list")
    return operations


# -- changing ---------------------------------------------------------------------------------------------


@_command("apply")
@click.argument("name", callback=_name, shell_complete=_complete_name)
@click.argument("file", default="-", metavar="[FILE]")
@click.option("--op", "inline", multiple=True, metavar="JSON", help="An operation; instead of FILE, may be repeated.")
async def apply(client: ApiClient, target: _Target, name: str, file: str, inline: tuple[str, ...]) -> None:
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
    position = await _edit(client, name, lambda _state: operations)
    _report(target, [{"name": name, "position": position}])


async def _edit(client: ApiClient, name: str, plan: Callable[[bytes], Any]) -> int:
    """Change a document; returns the position from which on all of it is on disk."""
    state = await client.state(name, missing_is_empty=True)
    operations = plan(state)
    if not isinstance(operations, list) or len(operations) <= MAX_OPERATIONS:
        return await _send(client, name, edit(state, operations), name)
    position = 0
    for first in range(0, len(operations), MAX_OPERATIONS):
        update = edit(state, operations[first : first + MAX_OPERATIONS])
        position = await _send(client, name, update, name)
        state = merge_updates(state, update)
    return position


async def _send(client: ApiClient, name: str, update: bytes | mmap, words: str) -> int:
    with progress(words, len(update)) as advance:
        return await _send_pieces(client, name, update, advance)


async def _send_pieces(client: ApiClient, name: str, update: bytes | mmap, advance: Callable[[int], None]) -> int:
    position = 0
    async for reached, size in client.send(name, update):
        position = reached
        advance(size)
    return position


@_command("delete")
@click.argument("names", nargs=-1, required=True, metavar="NAME...", callback=_names, shell_complete=_complete_name)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
async def delete(client: ApiClient, target: _Target, names: tuple[str, ...], yes: bool) -> None:
    """Delete documents for good, with their versions and their history."""
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("There is nobody to ask; say --yes.")
        click.confirm(f"Delete {', '.join(names)} for good?", abort=True, err=True)
    for name in names:
        try:
            await client.call("DELETE", document_path(name), repeatable=False)
        except ApiError as error:
            raise ApiError(error.code, f"{name}: {error}") from None
    if target.json:
        print_json({"deleted": list(names)})
    else:
        say(f"{len(names)} document(s) deleted")


@_command("versions")
@click.argument("name", callback=_name, shell_complete=_complete_name)
@click.option("--save", metavar="TEXT", help="Keep the present state under this name.")
async def versions(client: ApiClient, target: _Target, name: str, save: str | None) -> None:
    """List the versions of a document, newest first; or keep one."""
    path = document_path(name, "versions")
    if save is not None:
        version = (await client.call("POST", path, json={"name": save}, repeatable=False)).json
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
    while True:
        page = (await client.call("GET", path, query={"limit": 1000, "after": after})).json
        for version in page["versions"]:
            yield version
        after = page["next"]
        if after is None:
            return


@_command("restore")
@click.argument("name", callback=_name, shell_complete=_complete_name)
@click.argument("version", type=click.IntRange(1))
async def restore(client: ApiClient, target: _Target, name: str, version: int) -> None:
    """Give a document the content of one of its versions, by an edit that people can undo."""
    # Twice is once: the second time there is nothing left to change.
    answer = await client.call("POST", document_path(name, "versions", version, "restore"))
    _report(target, [{"name": name, "position": answer.json["position"]}])


def _report(target: _Target, changed: list[dict[str, Any]]) -> None:
    if target.json:
        print_json(changed[0] if len(changed) == 1 else {"documents": changed})
    else:
        say(f"{len(changed)} document(s) saved" if len(changed) != 1 else f"{changed[0]['name']} saved")
