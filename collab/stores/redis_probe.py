"""What the user of a Redis may do there, found out by doing it: users of Redis 7 may use no channel unless told so.

Whatever stores and nodes do is tried once, on keys and channels of a name that no document has. What is missing is
named as it stands in an access list, because it is missed late otherwise: when somebody opens a document, or when a
log is summed up.
"""

from __future__ import annotations

import asyncio
import re

from redis.exceptions import NoPermissionError

from collab.stores.redis_link import RedisLink
from collab.stores.redis_nodes import ANSWER_TIMEOUT, Command

#: a name with a space in front is no document's
_NAME = " probe"
_COMMAND = re.compile(r"'([a-z|]+)' command")
#: seconds after which what is left of a probe goes by itself
_EXPIRES = 60


async def missing_permissions(link: RedisLink, node: str) -> str:
    """What the user of ``link`` lacks, in words of an access list; empty where nothing is missing.

    Raises:
        RedisError, OSError, TimeoutError: Redis cannot be reached.
    """
    commands: set[str] = set()
    keys: set[str] = set()
    channels: set[str] = set()
    try:
        await link.nodes.meet()
        refusals = [*await _try_commands(link, node), *await _try_channels(link)]
    except NoPermissionError as error:  # to ask a Redis Cluster where its keys are
        refusals = [error]
    for refusal in refusals:
        words = str(refusal)
        found = _COMMAND.search(words)
        if found is not None:
            commands.add("+" + found[1])
        elif "channel" in words:
            channels.add(f"&collab:{link.database}:*")
        else:
            keys.add("~collab:*")
    return " ".join([*sorted(keys), *sorted(channels), *sorted(commands)])


async def _try_commands(link: RedisLink, node: str) -> list[NoPermissionError]:
    pipe = link.pipe()
    try:
        answers = await pipe.run(_commands(link, node))
    finally:
        await pipe.drop()
    return [answer for answer in answers if isinstance(answer, NoPermissionError)]


def _commands(link: RedisLink, node: str) -> list[Command]:
    """Every command that scripts, stores and nodes use, with what it takes, and leaving nothing behind."""

    def key(kind: str) -> str:
        return link.key(f"{_NAME} {node}", kind)

    hash_, log, list_, string, shared = key("meta"), key("log"), key("history"), key("snapshot"), key("names")
    people, nodes = link.shared_key(f"people:probe-{node}"), link.shared_key(f"probe:{node}")
    channel, emit = link.channel(_NAME), link.shared_channel("emit")
    return [
        ["INFO", "server"], ["TIME"], ["PING"],
        ["SCRIPT", "LOAD", "return 1"], ["EVAL", "return 1", 1, hash_],
        ["EVALSHA", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", 1, hash_],
        ["HSET", hash_, "a", 1], ["HSETNX", hash_, "a", 1], ["HINCRBY", hash_, "a", 1], ["HGET", hash_, "a"],
        ["HMGET", hash_, "a"], ["HGETALL", hash_], ["HEXISTS", hash_, "a"], ["HVALS", hash_], ["HDEL", hash_, "a"],
        ["HLEN", hash_], ["HKEYS", hash_],
        ["EXISTS", hash_], ["RENAME", string, string],
        ["XADD", log, "1-0", "a", "b"], ["XRANGE", log, "-", "+", "COUNT", 1], ["XTRIM", log, "MINID", "2-0"],
        ["RPUSH", list_, "a"], ["LRANGE", list_, 0, 1], ["RPOP", list_], ["LPUSH", list_, "a"], ["LLEN", list_],
        ["LTRIM", list_, 0, 1], ["LREM", list_, 1, "a"],
        ["SET", string, "a", "EX", _EXPIRES], ["GET", string], ["STRLEN", string],
        ["EXPIRE", string, _EXPIRES], ["PEXPIRE", string, 1000 * _EXPIRES], ["PERSIST", string],
        ["ZADD", shared, 1, "a"], ["ZCARD", shared], ["ZRANGE", shared, 0, 1], ["ZSCORE", shared, "a"],
        ["ZRANGEBYLEX", shared, "-", "+"],
        ["ZREMRANGEBYSCORE", shared, "-inf", "-inf"], ["ZREM", shared, "a"],
        ["SET", people, "a", "EX", _EXPIRES], ["SET", nodes, "a", "EX", _EXPIRES],
        ["PUBLISH", channel, ""], ["PUBLISH", emit, ""], ["PUBSUB", "NUMSUB", channel],
        *(["DEL", each] for each in (hash_, log, list_, string, shared, people, nodes)),
    ]  # fmt: skip


async def _try_channels(link: RedisLink) -> list[NoPermissionError]:
    connection = link.connection()
    refused: list[NoPermissionError] = []
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT):
            await connection.connect()
            for channel in (link.channel(_NAME), link.shared_channel("emit")):
                for word in ("SUBSCRIBE", "UNSUBSCRIBE"):
                    await connection.send_command(word, channel)
                    try:
                        await connection.read_response()
                    except NoPermissionError as error:
                        refused.append(error)
    finally:
        await connection.disconnect(nowait=True)
    return refused
