"""A whole copy of a SQLite store, made while a server writes to it, and a store made of such a copy.

SQLite's own backup reads one moment of the file and of the write-ahead log beside it, and what the segment held at
that moment is added; a copy of the file alone would lack whatever stands in those two.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass

from collab.stores import sqlite_mark
from collab.stores import sqlite_rows as sql
from collab.stores.segment import read
from collab.stores.sqlite_place import Place
from collab.stores.sqlite_schema import APPLICATION_ID, SEGMENT_SINCE, SchemaError, check_is_ours, connect, uri

#: how a copy that is not whole yet is named
_UNFINISHED = ".unfinished"


class CopyError(Exception):
    """Nothing was copied; the message says why."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy holds: ``documents``, their newest ``position``, and ``size``, the bytes of its file."""

    documents: int
    position: int
    size: int


def back_up(store: str, file: str, *, replace: bool = False) -> Copied:
    """Copy the store at path ``store`` into one ``file``, and verify every checksum in it.

    The file appears when it is whole and on disk, with mode 0600; nothing is changed at the store.

    Args:
        replace: take the place of a file that is there.

    Raises:
        CopyError: the store cannot be read or is damaged, or ``file`` exists or cannot be written.
    """
    return _copy(store, file, replace=replace)


def restore(file: str, store: str) -> Copied:
    """Make a store at path ``store`` of what :func:`back_up` wrote; the same checks.

    Raises:
        CopyError: ``file`` is no whole copy, or there is a store already: nothing is overwritten.
    """
    return _copy(file, store, replace=False)


def _copy(source: str, target: str, *, replace: bool) -> Copied:
    if not replace and os.path.lexists(target):
        raise CopyError(f"{target} exists")
    unfinished = target + _UNFINISHED
    place = Place(unfinished)
    try:
        _check_source(source)
        place.lock()  # another copy to the same file may be under way: it is left alone
        try:
            copied = _fill(source, unfinished)
            if replace:
                os.replace(unfinished, target)
            else:
                os.link(unfinished, target)
            _sync(os.path.dirname(os.path.abspath(target)))
        finally:
            for end in ("", "-journal", "-wal", "-shm"):
                with suppress(OSError):  # not there, or the copy's own error is the one to tell
                    os.unlink(unfinished + end)
    except FileExistsError:
        raise CopyError(f"{target} exists") from None
    except (sqlite3.Error, SchemaError) as error:
        raise CopyError(f"{source} cannot be copied: {error}") from None
    except OSError as error:
        raise CopyError(f"{target} cannot be written: {error.strerror or error}") from None
    finally:
        place.unlock()
    return copied


def _check_source(path: str) -> None:
    if not os.path.isfile(path):
        raise CopyError(f"{path} is not there")
    check_is_ours(path)
    with closing(connect(path, read_only=True)) as connection:
        if connection.execute("PRAGMA application_id").fetchone() != (APPLICATION_ID,):
            raise CopyError(f"{path} is no store")


def _fill(source: str, target: str) -> Copied:
    # In one go: between two steps a server would write, and the copy begin anew.
    with (
        closing(connect(source, read_only=True)) as reading,
        closing(sqlite3.connect(uri(target, "rw"), uri=True, isolation_level=None)) as writing,
    ):
        newest, whole = _moment(reading, source)
        reading.backup(writing)
        reading.execute("COMMIT")
        if newest is not None:
            sql.insert(writing, newest)
            # A segment that is beside it by accident some day is none of its own.
            writing.execute("UPDATE segment SET salt = randomblob(16)")
        if whole:
            sqlite_mark.clear(writing)
        # One file without others beside it, whoever copies it next; a server that opens it turns the log on again.
        writing.execute("PRAGMA journal_mode = DELETE").fetchall()
        documents, damaged = sql.check(writing, deep=True)
        faults = {name: words for name, words in damaged.items() if "quarantine" not in words}
        if faults:
            name, words = next(iter(faults.items()))
            raise CopyError(f"{source} is damaged: {name}: {words}")
        position = sql.last_position(writing)
    _sync(target)
    return Copied(documents, position, os.path.getsize(target))


def _moment(reading: sqlite3.Connection, source: str) -> tuple[list[sql.Row] | None, bool]:
    """Begin to read at one moment; what the segment held then (None: this schema knows of none), and whether it exists.

    Raises:
        CopyError: the segment is damaged.
    """
    path = Place(source).segment
    with closing(connect(source, read_only=True)) as later:
        while True:
            reading.execute("BEGIN")
            (schema,) = reading.execute("PRAGMA user_version").fetchone()
            if schema < SEGMENT_SINCE:
                return None, True
            generation = sql.generation(reading)
            found = read(path, *generation)
            lacks = sqlite_mark.lacks_segment(reading, path)
            if sql.generation(later) == generation:
                lacks = lacks and sqlite_mark.is_set(later)  # unless a server ended meanwhile
                break
            reading.execute("COMMIT")  # the tables took over meanwhile
    if found.trouble:
        raise CopyError(f"{source} is damaged: its segment: {found.trouble}")
    return found.rows, not lacks


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
