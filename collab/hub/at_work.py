"""Which document a library works on just now, written where it outlives the process.

A fault in native code, or a call that never returns, ends the process without a word; what stands here then says by
which document. It is written and wiped around every edit, so it is two copies of a few bytes, and no call.
"""

from __future__ import annotations

from collections.abc import Iterator
from mmap import mmap
from typing import Protocol

#: bytes: a length, and a name of at most 512 characters
ROOM = 2 + 4 * 512
#: what stands there while nothing is being worked on
NOTHING = bytes(2)

#: a place for one name; one that does not outlive the process where there is no file
Room = mmap | bytearray


def mark(document: str) -> bytes:
    """What is written at the beginning of a room while a document is being worked on."""
    name = document.encode()[: ROOM - 2]
    return len(name).to_bytes(2, "big") + name


class Quarantine(Protocol):
    """Documents that have ended the process too often, and are not opened."""

    def __contains__(self, document: object) -> bool: ...

    def __iter__(self) -> Iterator[str]: ...

    def __len__(self) -> int: ...

    def release(self, document: str) -> bool:
        """Open one from now on; False if it is not among them."""


class NoQuarantine:
    """None is."""

    def __contains__(self, document: object) -> bool:
        return False

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def release(self, document: str) -> bool:
        """See :class:`Quarantine`."""
        return False


def read(room: bytes) -> str | None:
    """Which document was being worked on; None: none, or it cannot be told."""
    size = int.from_bytes(room[:2], "big")
    name = room[2 : 2 + size]
    if not size or len(name) < size:
        return None
    try:
        return name.decode()
    except UnicodeDecodeError:
        return None
