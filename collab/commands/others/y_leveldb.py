"""LevelDB databases of y-leveldb, where y-websocket keeps documents (``YPERSISTENCE``).

Keys are lists of texts and numbers: ``["v1", <document>, "update", <number>]``. LevelDB is read by plyvel, which has to
be installed beside (``collab-server[leveldb]``).
"""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from collab.commands.others.found import Found, put_together
from collab.protocol.codec import DecodeError, Reader

_TEXT, _NUMBER = 0, 1


def y_leveldb(path: Path) -> Iterator[Found]:
    """Documents of a database, which stays as it is: LevelDB is given a copy.

    Raises:
        ValueError: it is none, is in use, or cannot be read here.
    """
    try:
        import plyvel
    except ImportError:
        raise ValueError("LevelDB is read by plyvel: pip install 'collab-server[leveldb]'") from None
    if not (path / "CURRENT").is_file():
        raise ValueError(f"{path} is no folder of LevelDB")
    _check_unused(path / "LOCK")
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copytree(path, Path(folder) / "copy", ignore=shutil.ignore_patterns("LOCK", "LOG*"))
        try:
            database = plyvel.DB(str(copy))
        except plyvel.Error as error:
            raise ValueError(f"{path} cannot be opened: {error}") from None
        try:
            with database.iterator() as rows:
                entries = ((name, bytes(value)) for key, value in rows if (name := document_of(bytes(key))) is not None)
                for name, some in groupby(entries, lambda entry: entry[0]):
                    yield put_together(name, [update for _, update in some])
        finally:
            database.close()


def _check_unused(lock: Path) -> None:
    """Raise ValueError where a process has the database open: what it is just writing would be missing."""
    if not lock.exists():
        return
    with lock.open("rb+") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ValueError(f"{lock.parent} is in use: stop its server first") from None


def document_of(key: bytes) -> str | None:
    """Of which document a key holds an update; None: it holds something else."""
    reader = Reader(key)
    parts: list[str | int] = []
    try:
        while reader.left:
            kind = reader.take(1)[0]
            if kind == _TEXT:
                parts.append(reader.var_string())
            elif kind == _NUMBER:
                parts.append(int.from_bytes(reader.take(4), "big"))
            else:
                return None
    except DecodeError:
        return None
    if len(parts) == 4 and parts[0] == "v1" and parts[2] == "update" and isinstance(parts[1], str):
        return parts[1]
    return None
