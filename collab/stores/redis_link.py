"""The way to Redis: connections that send many commands in one go, and give up in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from redis.asyncio import ConnectionPool
from redis.exceptions import NoScriptError, OutOfMemoryError, ResponseError

from collab.errors import CollabError
from collab.stores.redis_client import Client
from collab.stores.redis_nodes import FAILURES, Address, Nodes, passes
from collab.stores.redis_pipe import Pipe
from collab.stores.redis_scripts import Script
from collab.stores.redis_words import words_of

#: seconds for what is large or seldom
BULK_TIMEOUT = 10.0
#: connections for that; after an outage every open document reads its log
ASKED_AT_ONCE = 16


def shown_url(url: str) -> str:
    """``url`` without its password."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:***@{host}"))


def same_database(one: str, other: str) -> bool:
    """Whether two URLs name the same database of the same server, as far as their words say."""
    return _identity(one) == _identity(other)


def _identity(url: str) -> tuple[str, int, str, str, int]:
    options = parse(url)
    where = str(options.get("path", "")), str(options.get("host", "localhost"))
    return urlsplit(url).scheme, int(options.get("port", 6379)), *where, int(options.get("db", 0))


def parse(url: str) -> dict[str, Any]:
    """The connection options in a Redis URL.

    Raises:
        ValueError: it is none.
    """
    options: dict[str, Any] = dict(ConnectionPool.from_url(url).connection_kwargs)
    database = "" if url.startswith("unix:") else urlsplit(url).path.strip("/")
    if database and not database.isdecimal():
        raise ValueError(f"{database!r} is not the number of a database")  # redis-py would take 0 for it
    return options


class RedisLink:
    """Where Redis is, and what its keys and channels are called.

    Keys of one document carry its name as hash tag, so that a Redis Cluster keeps them together.
    Channels are not divided into databases as keys are, so their names hold the number.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.database = int(parse(url).get("db", 0))
        self.nodes = Nodes(url)
        #: for what is large or seldom: snapshots, versions, listings; redis-py's annotations allow for text and
        #: bytes alike in every answer, so they are of no use here
        self.client: Any = Client.to(url, self.nodes)
        self._asking = asyncio.Semaphore(ASKED_AT_ONCE)
        #: known to be out of reach: nobody waits for an answer then
        self.down = False

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[Any]:
        """``async with link.asking() as client``: use :attr:`client`, within ``BULK_TIMEOUT`` seconds.

        Raises:
            CollabError: ``storage_unavailable`` where Redis did not answer, or refused; ``store_full``.
        """
        if self.down:
            raise CollabError("storage_unavailable", "Redis is out of reach.", retry_after=1)
        async with self._asking:
            try:
                async with asyncio.timeout(BULK_TIMEOUT):
                    if not self.nodes.settled:
                        await self.nodes.meet()
                    yield self.client
            except FAILURES as error:
                raise unavailable(error) from error

    def pipe(self) -> Pipe:
        """Connections of its own."""
        return Pipe(self.nodes)

    def connection(self, address: Address = None) -> Any:
        """A bare connection to a node that waits for ever for what comes; not connected yet."""
        return self.nodes.connection(address)

    async def run(self, script: Script, keys: Sequence[str], *words: bytes | str | int | float) -> Any:
        """Have Redis run ``script``; raises as :meth:`asking`."""
        try:
            async with self.asking() as client:
                return await client.evalsha(script.sha, len(keys), *keys, *words)
        except CollabError as error:
            if not isinstance(error.__cause__, NoScriptError):
                raise
        async with self.asking() as client:
            return await client.eval(script.source, len(keys), *keys, *words)

    def urls(self) -> list[str]:
        """Where Redis can be reached: its URL first, then those of the masters of a Redis Cluster."""
        parts = urlsplit(self.url)
        user, at, _ = parts.netloc.rpartition("@")
        others = [
            urlunsplit(parts._replace(netloc=f"{user}{at}{f'[{host}]' if ':' in host else host}:{port}"))
            for host, port in (address for address in self.nodes.masters if address is not None)
        ]
        return [self.url, *others] if parts.scheme != "unix" else [self.url]

    def keys(self, document: str, *kinds: str) -> list[str]:
        """Keys of several kinds of data of a document."""
        return [self.key(document, kind) for kind in kinds]

    def key(self, document: str, kind: str) -> str:
        """The key of one kind of data of a document."""
        return f"collab:{{{_tag(document)}}}:{kind}"

    def channel(self, document: str) -> str:
        """The channel over which nodes hear of a document."""
        return f"collab:{self.database}:{{{_tag(document)}}}"

    def shared_channel(self, kind: str) -> str:
        """A channel that belongs to no document."""
        return f"collab:{self.database}:{kind}"

    def shared_key(self, kind: str) -> str:
        """The key of something that belongs to no document."""
        return f"collab:{kind}"

    async def close(self) -> None:
        """Let go of the connections."""
        await self.client.aclose()


def unavailable(error: BaseException) -> CollabError:
    """What is told where Redis did not do something."""
    words = words_of(error)
    if isinstance(error, OutOfMemoryError):
        return CollabError("store_full", f"{words}. Deleting still works.", retry_after=1)
    if isinstance(error, ResponseError) and not passes(error):
        return CollabError("storage_unavailable", f"Redis refuses: {words}.", retry_after=1)
    return CollabError("storage_unavailable", f"Redis is out of reach: {words}.", retry_after=1)


def _tag(document: str) -> str:
    # An empty tag is none; names hold no percent sign, so this can be undone.
    return document.replace("{", "%7B").replace("}", "%7D")
