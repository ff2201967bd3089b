"""A disk that is full for one server: what it may write is limited (``RLIMIT_FSIZE``)."""

from __future__ import annotations

import resource
from pathlib import Path

from tests.support.server import CollabServer


def fill(server: CollabServer, path: str | Path) -> None:
    """No file of the store at ``path`` can grow any more."""
    size = min(Path(f"{path}{end}").stat().st_size for end in ("-wal", "-segment"))
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def make_room(server: CollabServer) -> None:
    """The disk has room again."""
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
