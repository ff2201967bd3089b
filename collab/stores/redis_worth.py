"""What a Redis is worth to those who keep documents in it: what an ack means there, and how much room it has."""

from __future__ import annotations

from itertools import count
from typing import Any

from collab.errors import CollabError
from collab.stores.base import Space
from collab.stores.redis_link import RedisLink
from collab.stores.redis_nodes import Address, passes

#: keys that are looked through for one on each node
_MOST_PROBES = 1000


def probes(link: RedisLink, node: str) -> list[str]:
    """Keys for ``node`` to try out, one on each node of Redis that has any keys."""
    found: dict[Address, str] = {}
    for number in count():
        probe = link.shared_key(f"probe:{node}" + (f":{number}" if number else ""))
        found.setdefault(link.nodes.of(probe), probe)
        if len(found) >= len(link.nodes.masters) or number > _MOST_PROBES:
            return list(found.values())
    raise AssertionError("counting does not end")


async def space(link: RedisLink) -> Space:
    """The memory of ``link``, whatever else is in it. Of several nodes the room is that of the fullest: it refuses
    what falls to it, whatever the others have.

    Raises:
        CollabError: ``storage_unavailable``.
    """
    async with link.asking() as client:
        infos = [await node.info("memory") for node in client.masters()]
    taken = [int(info.get("used_memory", 0)) for info in infos]
    most = [int(info.get("maxmemory", 0)) for info in infos]
    rooms = [max(0, its - used) for its, used in zip(most, taken, strict=True) if its]
    return Space(sum(taken), min(rooms, default=None))


async def promise(link: RedisLink) -> str:
    """What an ack is worth, in words; where the masters of a Redis Cluster differ, on each.

    Raises:
        CollabError: ``storage_unavailable``.
    """
    async with link.asking() as client:
        addresses = link.nodes.masters
    promises = {address: await _promise_of(link, client.at(address)) for address in addresses}
    if len(set(promises.values())) == 1:
        return promises[addresses[0]]
    return "; ".join(f"{address[0]}:{address[1]}: {its}" for address, its in promises.items() if address is not None)


async def _promise_of(link: RedisLink, node: Any) -> str:
    try:
        async with link.asking():
            settings = await node.config_get("appendonly", "appendfsync", "maxmemory", "maxmemory-policy")
    except CollabError as error:
        if passes(error.__cause__):
            raise  # or the promise would be another one once it is back
        # Hosted Redis often hides its configuration.
        async with link.asking():
            on = (await node.info("persistence")).get("aof_enabled")
        settings = {"appendonly": "yes" if on else "no", "appendfsync": "unknown"}
    words = {_text(key): _text(value) for key, value in settings.items()}
    promise = promise_of(words.get("appendonly", "no"), words.get("appendfsync", "unknown"))
    policy = words.get("maxmemory-policy", "noeviction")
    if words.get("maxmemory", "0") != "0" and policy.startswith("allkeys"):
        promise += f". DANGER: maxmemory-policy {policy} throws documents away when memory is full; set noeviction"
    return promise


def promise_of(appendonly: str, appendfsync: str) -> str:
    """What an ack is worth with these settings of Redis, in words."""
    if appendonly != "yes":
        return (
            "an ack means: in the memory of Redis (appendonly no); if Redis restarts, what its last RDB"
            " snapshot lacks is gone, except for documents that a node holds, which are written again"
        )
    if appendfsync == "always":
        return "an ack means: on the disk of Redis (appendonly yes, appendfsync always)"
    if appendfsync == "everysec":
        return (
            "an ack means: in the log of Redis (appendonly yes, appendfsync everysec); a crash of its machine"
            " may lose the last second, a crash of Redis what it held back while the disk was busy (2 s at most)"
        )
    return (
        f"an ack means: in the log of Redis (appendonly yes, appendfsync {appendfsync}); a crash of the Redis"
        " process loses nothing, a crash of its machine what the system had not written yet"
    )


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
