"""The stores of others that can be read, by the names that ``collab docs import --from`` knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from collab.commands.others.found import Found
from collab.commands.others.sqlite_tables import hocuspocus, pycrdt_store
from collab.commands.others.y_leveldb import y_leveldb
from collab.commands.others.y_sweet import y_sweet
from collab.commands.others.yjs_files import yjs_files

#: each gives the documents in a file or folder; nothing is written there
KINDS: Final[Mapping[str, Callable[[Path], Iterator[Found]]]] = {
    "hocuspocus-sqlite": hocuspocus,
    "y-websocket-leveldb": y_leveldb,
    "pycrdt-store-sqlite": pycrdt_store,
    "y-sweet-dir": y_sweet,
    "yjs-updates": yjs_files,
}
