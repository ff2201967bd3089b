"""Which store a URL names."""

from __future__ import annotations

from collab.stores.base import Store
from collab.stores.memory import MemoryStore
from collab.stores.sqlite import SqliteStore


def store_from_url(url: str) -> Store:
    """The store for ``memory://``, ``sqlite:///relative.db`` or ``sqlite:////absolute.db``.

    Raises:
        ValueError: the URL names no store of ours; the message says what is allowed.
    """
    scheme, separator, rest = url.partition("://")
    if separator and scheme == "memory" and not rest:
        return MemoryStore()
    if separator and scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        return SqliteStore(rest[1:])
    raise ValueError(f"store {url!r} is not memory:// or sqlite:///PATH")
