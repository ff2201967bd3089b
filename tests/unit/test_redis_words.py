"""What a Redis means by an error, in words."""

from __future__ import annotations

import pytest
from redis import exceptions as faults

from collab.stores.redis_words import words_of

FULL = "command not allowed when used memory > 'maxmemory'."


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(), "no answer in time"),
        (faults.OutOfMemoryError(FULL), f"Redis is full: {FULL[:-1]}"),
        (
            faults.OutOfMemoryError(f'Command # 1 (SET a b) of pipeline caused error: ("{FULL}",)'),
            f"Redis is full: {FULL[:-1]}",
        ),
        (faults.ResponseError("Command # 2 (GET a\nb) of pipeline caused error: wrong type"), "wrong type"),
        (
            faults.MovedError("9323 10.0.0.7:7002"),
            "the answer was MOVED to 10.0.0.7:7002: that is a node of a Redis Cluster, and the key is on another one",
        ),
        (
            faults.AskError("9323 10.0.0.7:7002"),
            "the key is on its way to another node of the Redis Cluster, 10.0.0.7:7002 (ASK)",
        ),
        (faults.ClusterDownError("Hash slot not served"), "the Redis Cluster is down: Hash slot not served"),
        (faults.ReadOnlyError("You can't write."), "this Redis is a replica: You can't write"),
        (faults.BusyLoadingError("Redis is loading"), "Redis is starting: Redis is loading"),
        (
            faults.ResponseError("SELECT is not allowed in cluster mode"),
            "a Redis Cluster has database 0 only: end the URL with /0",
        ),
        (ConnectionError("  gone\n away. "), "gone away"),
        (EOFError(), "EOFError"),
    ],
)
def test_words(error: Exception, words: str) -> None:
    assert words_of(error) == words


def test_they_are_bounded() -> None:
    assert len(words_of(faults.ResponseError("x" * 5000))) == 200
