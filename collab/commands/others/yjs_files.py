"""Files with Yjs updates as they are: what ``Y.encodeStateAsUpdate`` gave, or one update after the other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from collab.commands.others.found import Found, put_together


def yjs_files(path: Path) -> Iterator[Found]:
    """Documents in a file or a folder.

    A file is a document and has its name, without an ending; files of one name with numbers behind it (``notes.1.bin``,
    ``notes.2.bin``) are updates of one document. Folders in between belong to the name.

    Raises:
        ValueError: there is no file.
    """
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if _counts(path, file))
    if not files:
        raise ValueError(f"there are no files in {path}")
    folder = path.parent if path.is_file() else path
    named = sorted((_name(file.relative_to(folder)), file) for file in files)
    for name, some in groupby(named, lambda entry: entry[0]):
        yield put_together(name, [file.read_bytes() for _, file in some])


def _counts(path: Path, file: Path) -> bool:
    return file.is_file() and not any(part.startswith(".") for part in file.relative_to(path).parts)


def _name(file: Path) -> str:
    name = file.with_suffix("") if file.suffix and not file.suffix[1:].isdigit() else file
    if name.suffix[1:].isdigit():
        name = name.with_suffix("")
    return name.as_posix()
