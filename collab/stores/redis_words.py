"""What a Redis means by an error, in words for whoever looks after it."""

from __future__ import annotations

import re

from redis.exceptions import AskError, BusyLoadingError, ClusterDownError, MovedError, OutOfMemoryError, ReadOnlyError

#: what redis-py makes of an error in a pipeline
_PIPELINE = re.compile(r"""^Command # \d+ \(.*\) of pipeline caused error: \(?["']?(.*?)["']?,?\)?$""")


def words_of(error: BaseException) -> str:
    """Why something was not done: what ``error`` means where that is known, else what it says."""
    said = _PIPELINE.sub(r"\1", " ".join(str(error).split())).rstrip(".")[:200]
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OutOfMemoryError):
        return f"Redis is full: {said.removeprefix('OOM ')}"
    if isinstance(error, MovedError):
        where = f"{error.host}:{error.port}"
        return f"the answer was MOVED to {where}: that is a node of a Redis Cluster, and the key is on another one"
    if isinstance(error, AskError):
        return f"the key is on its way to another node of the Redis Cluster, {error.host}:{error.port} (ASK)"
    if isinstance(error, ClusterDownError):
        return f"the Redis Cluster is down: {said}"
    if isinstance(error, ReadOnlyError):
        return f"this Redis is a replica: {said}"
    if isinstance(error, BusyLoadingError):
        return f"Redis is starting: {said}"
    if "SELECT is not allowed in cluster mode" in said:
        return "a Redis Cluster has database 0 only: end the URL with /0"
    return said or type(error).__name__
