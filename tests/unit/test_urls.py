"""A URL names one store, or is refused in words."""

from __future__ import annotations

import pytest

from collab.stores.memory import MemoryStore
from collab.stores.redis import RedisStore
from collab.stores.sqlite import SqliteStore
from collab.stores.urls import is_redis_url, store_from_url


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("memory://", MemoryStore),
        ("sqlite:///collab.db", SqliteStore),
        ("sqlite:////var/lib/collab.db", SqliteStore),
        ("sqlite:///a#b?c%d.db", SqliteStore),
        ("redis://localhost:6379/0", RedisStore),
        ("rediss://user:secret@cache.example/1", RedisStore),
        ("unix:///run/redis.sock", RedisStore),
    ],
)
def test_each_store_has_a_url(url: str, kind: type) -> None:
    assert type(store_from_url(url)) is kind


@pytest.mark.parametrize(
    "url",
    ["", "memory", "memory:", "memory://x", "sqlite://", "sqlite:///", "sqlite://host/x.db", "postgres://x/y",
     "redis:", "redis://h:port/0", "redis://h:1/many", "/var/lib/collab.db"],
)  # fmt: skip
def test_anything_else_is_refused_with_what_is_allowed(url: str) -> None:
    with pytest.raises(ValueError, match="sqlite:///PATH") as refused:
        store_from_url(url)
    assert repr(url) in str(refused.value)


@pytest.mark.parametrize("url", ["memory://", "redis.db", "redis://h:port/0", "http://redis/0"])
def test_what_is_no_redis(url: str) -> None:
    assert not is_redis_url(url)
