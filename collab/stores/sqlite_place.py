"""Where a SQLite file is: its name, the lock on it, and what becomes of it while it is open.

SQLite notices nothing when its file is removed, renamed or replaced: it goes on writing to what has no name any more,
and all of that is gone with the process. So we look.
"""

from __future__ import annotations

import enum
import fcntl
import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import structlog

from collab.stores import sqlite_mark
from collab.stores.base import Space
from collab.stores.sqlite_schema import check_is_ours

_SEGMENT = "-segment"
#: what SQLite keeps beside the file while it is open, and what we do
_BESIDE = ("-wal", "-shm", _SEGMENT)
#: inodes that stores of this process have locked
_HELD: set[tuple[int, int]] = set()

_log = structlog.get_logger("collab.store")

Inode = tuple[int, int]


class Whereabouts(enum.Enum):
    """What stands at the path of a file that was opened there."""

    INTACT = "what was opened"
    STRIPPED = "what was opened, without the files beside it"
    REPLACED = "another file"
    GONE = "nothing"


class Place:
    """The path of a database file, and the file that was opened there.

    Args:
        path: as it was given; symbolic links are followed anew whenever the file is opened.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._real = os.path.realpath(path)
        self._opened: tuple[Inode | None, ...] = ()
        self._lock: tuple[Inode, int] | None = None
        self._former: list[tuple[Inode, int]] = []
        self._gone_at: float | None = None
        self._still: tuple[object, float] = ((), 0.0)
        self._named = ""

    # -- opening --------------------------------------------------------------------------------

    def lock(self) -> str:
        """Create the file where there is none, and lock it; its real path.

        The lock is on the file itself: whoever comes by another name (a symbolic or a hard link) meets it. A lock on
        another file, which was at this path before, is kept until :meth:`unlock_former`.

        Raises:
            OSError: another server has it open, or it cannot be created.
        """
        self._real = os.path.realpath(self.path)
        if not os.path.lexists(self._real):
            os.close(os.open(self._real, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        # macOS takes a lock of this kind for one of SQLite's own, and would keep SQLite out.
        target = self._real if sys.platform == "linux" else self._real + ".lock"
        if sys.platform != "linux":
            os.close(os.open(target, os.O_CREAT | os.O_RDWR, 0o600))
        inode = _inode(target)
        if self._lock is None or self._lock[0] != inode:
            taken = _locked(target)
            if self._lock is not None:
                self._former.append(self._lock)
            self._lock = taken
        links = os.stat(self._real).st_nlink
        if links > 1:
            _log.warning(
                "the database file has several names: open it by one of them only, what was not folded into it is"
                " beside that one", path=self.path, names=links,
            )  # fmt: skip
        return self._real

    @property
    def segment(self) -> str:
        """Where the segment stands."""
        return self._real + _SEGMENT

    def unlock(self) -> None:
        """Give up the lock; after the last connection to the file was closed, or SQLite loses its own locks on it."""
        if self._lock is not None:
            self._former.append(self._lock)
            self._lock = None
        self.unlock_former()

    def unlock_former(self) -> None:
        """The same for files that were at this path before."""
        while self._former:
            inode, descriptor = self._former.pop()
            os.close(descriptor)
            _HELD.discard(inode)

    def remember(self) -> None:
        """What stands at the path now is what is open."""
        self._opened = self._inodes()
        self._gone_at = None
        self._named = ""

    # -- looking --------------------------------------------------------------------------------

    def look(self) -> Whereabouts:
        """What stands at the path now."""
        found = self._inodes()
        if found == self._opened:
            self._gone_at = None
            return Whereabouts.INTACT
        if found[0] is None:
            self._gone_at = self._gone_at or time.monotonic()
            return Whereabouts.GONE
        self._gone_at = None
        return Whereabouts.STRIPPED if found[0] == self._opened[0] else Whereabouts.REPLACED

    def space(self) -> Space:
        """Bytes of the file and of those beside it, and of the file system for whoever may write them."""
        taken = 0
        for path in self._paths():
            with suppress(FileNotFoundError):
                taken += os.stat(path).st_size
        system = os.statvfs(os.path.dirname(self._real) or ".")
        return Space(taken, system.f_bavail * system.f_frsize)

    def gone_for(self, seconds: float) -> bool:
        """Whether nothing has been at the path for so long."""
        return self._gone_at is not None and time.monotonic() - self._gone_at >= seconds

    def stands_still(self, seconds: float) -> bool:
        """Whether what is at the path has not changed for so long: it may be on its way there still."""
        found: list[object] = []
        for path in self._paths():
            with suppress(OSError):
                state = os.stat(path)
                found.append((state.st_ino, state.st_size, state.st_mtime_ns))
        now = time.monotonic()
        if found != self._still[0]:
            self._still = found, now
        return now - self._still[1] >= seconds

    def is_news(self, reason: str) -> bool:
        """Whether ``reason`` was not just said."""
        news, self._named = reason != self._named, reason
        return news

    def clear(self) -> None:
        """Take away what is ours beside a file that is not: whoever opens that would find our last edits in it."""
        paths = self._paths()
        if _inode(paths[0]) != self._opened[0]:
            for path, known in zip(paths[1:], self._opened[1:], strict=True):
                if known is not None and _inode(path) == known:
                    os.unlink(path)

    # -- going on -------------------------------------------------------------------------------

    def put(self, source: sqlite3.Connection) -> None:
        """Write a file that is gone anew, whole, from a connection that still has it open.

        Raises:
            OSError, sqlite3.Error: it cannot be written; there is nothing at the path then, or what somebody put there.
        """
        real = os.path.realpath(self.path)
        part = real + ".part"
        for end in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                os.unlink(part + end)
        descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        try:
            copy = sqlite3.connect(part)
            try:
                source.backup(copy)
                sqlite_mark.clear(copy)  # the tables had taken over
                copy.commit()
            finally:
                copy.close()
            os.fsync(descriptor)
            os.link(part, real)  # unlike a rename, not in the place of what somebody put there meanwhile
        finally:
            os.close(descriptor)
            os.unlink(part)
        directory = os.open(os.path.dirname(real), os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def check(self) -> None:
        """Look into the file that took the place of ours.

        Raises:
            SchemaError, OSError, sqlite3.Error: it cannot take its place.
        """
        real = os.path.realpath(self.path)
        if os.path.getsize(real):
            check_is_ours(real, alone=True)

    @contextmanager
    def neighbours_kept(self) -> Iterator[None]:
        """While connections to the old file are closed: SQLite removes what is beside it, by name, whosever it is."""
        kept = []
        if _inode(self.path) != self._opened[0]:
            for path, known in zip(self._paths()[1:], self._opened[1:], strict=True):
                if _inode(path) not in (None, known):
                    os.rename(path, path + ".kept")
                    kept.append(path)
        try:
            yield
        finally:
            for path in kept:
                os.rename(path + ".kept", path)

    def _paths(self) -> list[str]:
        return [self.path, *(self._real + suffix for suffix in _BESIDE)]

    def _inodes(self) -> tuple[Inode | None, ...]:
        return tuple(map(_inode, self._paths()))


def _inode(path: str) -> Inode | None:
    try:
        state = os.stat(path)
    except OSError:
        return None
    return state.st_dev, state.st_ino


def _locked(path: str) -> tuple[Inode, int]:
    inode = _inode(path)
    # Not opened where this process has it open: closing it would cost SQLite its own locks.
    if inode in _HELD:
        raise OSError("another server has it open")
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        state = os.fstat(descriptor)
    except BlockingIOError:
        os.close(descriptor)
        raise OSError("another server has it open") from None
    except OSError:
        os.close(descriptor)
        raise
    _HELD.add((state.st_dev, state.st_ino))
    return (state.st_dev, state.st_ino), descriptor
