"""What a Redis URL says: which database, and what of it may be shown."""

from __future__ import annotations

import pytest
from redis.exceptions import ClusterDownError, NoPermissionError, OutOfMemoryError, TryAgainError

from collab.stores.redis_link import parse, same_database, shown_url, unavailable


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://host:6379/1", "redis://host:6379/1"),
        ("redis://:secret@host/1?x=y", "redis://:***@host/1?x=y"),
        ("rediss://ann:secret@host:6380", "rediss://ann:***@host:6380"),
        ("redis://ann:s%40cret@[::1]:1/0", "redis://ann:***@[::1]:1/0"),
        ("redis://ann:a@b@host/0", "redis://ann:***@host/0"),
        ("redis://ann@host/0", "redis://ann@host/0"),
    ],
)
def test_a_password_is_not_shown(url: str, shown: str) -> None:
    assert shown_url(url) == shown


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("redis://localhost", "redis://localhost:6379/0", True),
        ("redis://:one@host/2", "redis://ann:other@host:6379/2", True),
        ("redis://host/2", "redis://host/2?socket_timeout=5", True),
        ("redis://host/1", "redis://host/2", False),
        ("redis://host:1/1", "redis://host:2/1", False),
        ("redis://a/1", "redis://b/1", False),
        ("redis://host/1", "rediss://host/1", False),
        ("unix:///run/a.sock?db=1", "unix:///run/a.sock?db=1", True),
        ("unix:///run/a.sock?db=1", "unix:///run/b.sock?db=1", False),
        ("unix:///run/a.sock", "unix:///run/a.sock?db=1", False),
    ],
)
def test_whether_two_name_the_same_database(one: str, other: str, same: bool) -> None:
    assert same_database(one, other) is same
    assert same_database(other, one) is same


@pytest.mark.parametrize(
    "url", ["redis://host/notes", "redis://host/0x1", "redis://host/-1", "http://host", "host", ""]
)
def test_what_is_no_url_of_a_database(url: str) -> None:
    """redis-py would take 0 for a name."""
    with pytest.raises(ValueError, match=r"."):
        parse(url)


def test_the_number_of_a_database() -> None:
    assert parse("redis://host/3")["db"] == 3
    assert "db" not in parse("redis://host")
    assert parse("redis://host/3/")["db"] == 3


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ClusterDownError("Hash slot not served"), "storage_unavailable", "Redis is out of reach: the Redis Cluster"),
        (TryAgainError("Multiple keys"), "storage_unavailable", "Redis is out of reach: Multiple keys"),
        (TimeoutError(), "storage_unavailable", "Redis is out of reach: no answer in time."),
        (NoPermissionError("no permissions"), "storage_unavailable", "Redis refuses: no permissions."),
        (OutOfMemoryError("OOM command not allowed"), "store_full", "Redis is full: command not allowed"),
    ],
)
def test_what_a_cluster_says_of_itself_is_an_outage_and_no_refusal(error: Exception, code: str, words: str) -> None:
    told = unavailable(error)
    assert (told.code, told.retry_after) == (code, 1)
    assert told.message.startswith(words)
