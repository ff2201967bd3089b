"""Which store a URL names."""

from __future__ import annotations

from collab.stores.base import Store
from collab.stores.memory import MemoryStore
from collab.stores.redis import RedisStore
from collab.stores.redis_link import RedisLink, parse
from collab.stores.sqlite import SqliteStore

#: what begins the URL of a Redis
REDIS_SCHEMES = ("redis://", "rediss://", "unix://")


def is_redis_url(url: str) -> bool:
    """Whether ``url`` names a database of a Redis."""
    if not url.startswith(REDIS_SCHEMES):
        return False
    try:
        parse(url)
    except ValueError:
        return False
    return True


def store_from_url(url: str) -> Store:
    """The store for ``memory://``, ``sqlite:///relative.db``, ``sqlite:////absolute.db`` or ``redis://...``.

    Raises:
        ValueError: the URL names no store of ours; the message says what is allowed.
    """
    scheme, separator, rest = url.partition("://")
    if separator and scheme == "memory" and not rest:
        return MemoryStore()
    if separator and scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        return SqliteStore(rest[1:])
    if is_redis_url(url):
        return RedisStore(RedisLink(url))
    raise ValueError(f"store {url!r} is not memory://, sqlite:///PATH or redis://HOST:PORT/DATABASE")
