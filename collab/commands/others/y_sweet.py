"""The folder of a Y-Sweet server: ``<document>/data.ysweet``, a map from keys to values as Rust's bincode 1 writes it.

Keys are those of yrs-kvstore: ``00 01 <number: 4 bytes> 00`` is the state of a document, the same with ``02 <number: 4
bytes> 00`` an update behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from collab.commands.others.found import Found, put_together

_FILE = "data.ysweet"


def y_sweet(path: Path) -> Iterator[Found]:
    """Documents in a folder.

    Raises:
        ValueError: there is none.
    """
    files = sorted(path.rglob(_FILE)) if path.is_dir() else []
    if not files:
        raise ValueError(f"there is no {_FILE} in {path}")
    for file in files:
        name = file.parent.relative_to(path).as_posix()
        if name == ".":  # the folder of one document
            name = file.resolve().parent.name
        try:
            entries = read_map(file.read_bytes())
        except ValueError as error:
            yield Found(name, None, f"{_FILE} cannot be read: {error}")
            continue
        yield put_together(name, [value for key, value in entries if _is_content(key)])


def _is_content(key: bytes) -> bool:
    return key[:2] == b"\0\1" and ((len(key) == 7 and key[6] == 0) or (len(key) == 12 and key[6] == 2))


def read_map(data: bytes) -> list[tuple[bytes, bytes]]:
    """A map of bytes in bincode: its length, and for each entry key and value behind their lengths, 8 bytes each.

    Raises:
        ValueError: it is none.
    """
    at = 0

    def number() -> int:
        nonlocal at
        at += 8
        if at > len(data):
            raise ValueError("it ends too early")
        return int.from_bytes(data[at - 8 : at], "little")

    def chunk() -> bytes:
        nonlocal at
        length = number()
        at += length
        if at > len(data):
            raise ValueError("it ends too early")
        return data[at - length : at]

    count = number()
    if count * 16 > len(data):
        raise ValueError("it is no map of keys and values")
    entries = [(chunk(), chunk()) for _ in range(count)]
    if at != len(data):
        raise ValueError("there is more than a map")
    return entries
