"""What ``collab docs`` prints, and where it reads from and writes to: a terminal, a pipe, a file."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import IO, Any

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn
from rich.table import Table
from rich.text import Text

# Nothing is ever markup or an emoji's name: what is styled is a Text.
ERR = Console(stderr=True, highlight=False, markup=False, emoji=False)
OUT = Console(highlight=False, markup=False, emoji=False)
_LINE_ENDS = re.compile("[\t-\r\x1c-\x1e\x85\u2028\u2029]+")
_OTHERS = re.compile("[^\n\t -~]")
#: bytes of a document that are kept in memory while it is copied; the rest goes to a temporary file
SPOOL = 8 * 2**20


def print_json(value: Any) -> None:
    """For programs: one line; for a person who looks at it, many."""
    click.echo(shown_json(value) if OUT.is_terminal else orjson.dumps(value).decode())


def pretty(value: Any) -> str:
    """JSON over several lines."""
    # Maps come in any order; sorted, equal content makes equal files.
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()


def harmless(text: str) -> str:
    """Text of others for a terminal: what could steer it, or turn the order of letters around, is shown as U+FFFD."""
    return _OTHERS.sub(lambda found: found[0] if found[0].isprintable() or found[0] == "\u200d" else "\ufffd", text)


def on_one_line(text: str) -> str:
    """As :func:`harmless`, without line breaks."""
    return harmless(_LINE_ENDS.sub(" ", text))


def shown_json(value: Any) -> str:
    """JSON over several lines; on a terminal, letters that could steer it are written as JSON escapes."""
    if not OUT.is_terminal:
        return pretty(value)
    return _OTHERS.sub(lambda found: found[0] if found[0].isprintable() else _escaped(found[0]), pretty(value))


def _escaped(char: str) -> str:
    units = char.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def print_table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]], right: tuple[int, ...]) -> None:
    """A table for a person, tabs for a pipe; ``right`` are the columns of numbers."""
    if not OUT.is_terminal:
        for row in rows:
            click.echo("\t".join(_LINE_ENDS.sub(" ", cell) for cell in row))
        return
    if not rows:
        ERR.print("Nothing here.", style="dim")
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for number, head in enumerate(heads):
        table.add_column(head, justify="right" if number in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(on_one_line(cell)) for cell in row))
    OUT.print(table)


def say(words: str) -> None:
    """For people who look; a script sees the exit code."""
    if ERR.is_terminal:
        ERR.print(on_one_line(words), style="green")


def shown_size(count: int) -> str:
    """Bytes in words for a person, as a number for a pipe."""
    if not OUT.is_terminal:
        return str(count)
    amount = float(count)
    for unit in ("B", "KiB", "MiB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GiB"


def shown_time(time: str) -> str:
    """A time of day here for a person, as the server wrote it for a pipe."""
    if not OUT.is_terminal:
        return time
    try:
        return datetime.fromisoformat(time).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):  # no time
        return time


@contextmanager
def progress(words: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar on stderr for work that takes a while, if somebody looks; yields what advances it, in bytes."""
    if not ERR.is_terminal or (total is not None and total < 2**20):
        yield lambda _count: None
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=ERR, transient=True) as bar:
        task: TaskID = bar.add_task(on_one_line(words), total=total)
        yield lambda count: bar.advance(task, count)


def mapped(content: IO[bytes]) -> AbstractContextManager[bytes | mmap]:
    """The rest of a stream; a large one stays in a temporary file, of which memory holds what is being read."""
    start = content.read(SPOOL)
    if len(start) < SPOOL:
        return nullcontext(start)
    with tempfile.TemporaryFile() as file:
        file.write(start)
        shutil.copyfileobj(content, file, 2**20)
        file.flush()
        return mmap(file.fileno(), 0, access=ACCESS_READ)


@contextmanager
def binary_output(name: str) -> Iterator[IO[bytes]]:
    """As :func:`output_file`; refuses a terminal."""
    if name == "-" and sys.stdout.isatty():
        raise click.UsageError("This is binary; write it to a file (-o FILE) or a pipe.")
    with output_file(name) as file:
        yield file


@contextmanager
def output_file(name: str) -> Iterator[IO[bytes]]:
    """A file that appears when it is complete, or stdout."""
    if name == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(name)
    if path.exists() and not path.is_file():  # /dev/null, a named pipe
        with path.open("wb") as file:
            yield file
        return
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def binary_input(name: str) -> Iterator[IO[bytes]]:
    """A file, or stdin."""
    if name != "-":
        with Path(name).open("rb") as file:
            yield file
        return
    if sys.stdin.isatty():
        ERR.print("Reading from the terminal; end with Ctrl-D.", style="dim")
    yield sys.stdin.buffer
