"""The export of many documents: a tar file that standard tools open, too.

Version 1 holds, in this order:

- ``collab-export.json``: ``{"format": "collab-export", "version": 1, "created_at": "...", "server": "..."}``
- ``documents/<name>.yjs`` for every document: one Yjs v1 update with its whole state
- ``collab-export-end.json``: ``{"documents": <how many there were>}``; a file without it is not complete

Versions and history stay where they are: they tell what happened on that server. A reader ignores members
that it does not know. Both sides work on a stream, one document at a time.
"""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import IO, Any, Self, cast

import orjson

from collab.errors import CollabError
from collab.types import check_document_name

VERSION = 1
_HEAD = "collab-export.json"
_END = "collab-export-end.json"
_FOLDER = "documents/"
_SUFFIX = ".yjs"
_MAX_NOTE = 64 * 1024


class ArchiveError(Exception):
    """The file is no complete export; the message is one line for a person."""


class ArchiveWriter:
    """Writes an export to a stream. A context manager; what is left without its end is not complete.

    Args:
        file: need not be seekable.
        server: where the documents come from.
    """

    def __init__(self, file: IO[bytes], server: str) -> None:
        self._file = _Output(file)
        self._server = server
        self._count = 0
        self._tar: tarfile.TarFile

    def __enter__(self) -> Self:
        self._tar = tarfile.open(fileobj=cast("IO[bytes]", self._file), mode="w|", format=tarfile.PAX_FORMAT)
        created_at = datetime.now(UTC).isoformat(timespec="seconds")
        self._note(
            _HEAD, {"format": "collab-export", "version": VERSION, "created_at": created_at, "server": self._server}
        )
        return self

    def __exit__(self, kind: object, *_more: object) -> None:
        if kind is None:
            self._note(_END, {"documents": self._count})
        else:
            self._file.ended = True  # whoever reads it learns by its end that something is missing
        self._tar.close()

    def add(self, document: str, content: IO[bytes], size: int) -> None:
        """Add a document, whose Yjs v1 update are the next ``size`` bytes of ``content``."""
        self._member(f"{_FOLDER}{document}{_SUFFIX}", content, size)
        self._count += 1

    def _note(self, name: str, value: dict[str, Any]) -> None:
        body = orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        self._member(name, io.BytesIO(body), len(body))

    def _member(self, name: str, content: IO[bytes], size: int) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mtime, member.mode = size, int(time.time()), 0o644
        self._tar.addfile(member, content)


class _Output:
    """Where an archive goes. Once it has ``ended`` nothing is written: a tar file that is let go writes what it has."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.ended = False

    def write(self, piece: bytes) -> None:
        if not self.ended:
            self._file.write(piece)


def read_archive(file: IO[bytes]) -> Iterator[tuple[str, IO[bytes]]]:
    """The documents of an export: name and Yjs v1 update, to be read before the next one.

    Args:
        file: need not be seekable; compressed by gzip, bzip2 or xz, or not.

    Raises:
        ArchiveError: where it is none, or ends too early, also while an update is read; what came before is good.
    """
    count = 0
    begun = False
    try:
        with tarfile.open(fileobj=file, mode="r|*") as tar:
            for index, member in enumerate(tar):
                if not member.isfile():
                    continue
                content = cast("IO[bytes]", tar.extractfile(member))
                if index == 0:
                    _check_head(member.name, content)
                    begun = True
                elif member.name == _END:
                    _check_end(content, count)
                    return
                elif member.name.startswith(_FOLDER) and member.name.endswith(_SUFFIX):
                    name = check_document_name(member.name[len(_FOLDER) : -len(_SUFFIX)])
                    yield name, io.BufferedReader(_Content(content))
                    count += 1
    except (tarfile.TarError, EOFError, OSError) as error:
        reason = f"the export is damaged: {error}" if begun else "this is no collab export"
        raise ArchiveError(reason) from None
    except CollabError as error:
        raise ArchiveError(f"the export is damaged: {error.message}") from None
    early = f"the export ends too early, behind {count} document(s)"
    raise ArchiveError(early if begun else "this is no collab export")


class _Content(io.RawIOBase):
    """A member that is being read."""

    def __init__(self, member: IO[bytes]) -> None:
        self._member = member

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            piece = self._member.read(len(buffer))
        except (tarfile.TarError, EOFError, OSError) as error:
            raise ArchiveError(f"the export is damaged: {error}") from None
        buffer[: len(piece)] = piece
        return len(piece)


def _check_head(name: str, content: IO[bytes]) -> None:
    head = _read_note(content) if name == _HEAD else {}
    if head.get("format") != "collab-export":
        raise ArchiveError("this is no collab export")
    if head.get("version") != VERSION:
        raise ArchiveError(f"this export has version {head.get('version')!r}; this program reads {VERSION}")


def _check_end(content: IO[bytes], count: int) -> None:
    expected = _read_note(content).get("documents")
    if expected != count:
        raise ArchiveError(f"the export holds {count} of {expected} documents")


def _read_note(content: IO[bytes]) -> dict[str, Any]:
    try:
        value = orjson.loads(content.read(_MAX_NOTE))
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}
