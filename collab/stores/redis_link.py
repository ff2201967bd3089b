"""The way to Redis: connections that send many commands in one go, and give up in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from collab.errors import CollabError
from collab.stores.redis_outbox_scripts import OUTBOX_SCRIPTS
from collab.stores.redis_scripts import SCRIPTS, Script

#: what a command raises when Redis cannot be reached or does not do it
FAILURES = (RedisError, OSError, TimeoutError, EOFError)
#: seconds until an answer is given up
ANSWER_TIMEOUT = 3.0
#: bytes a second that are allowed for on top: large values take longer
SLOWEST = 4 * 2**20
#: seconds for what is large or seldom
BULK_TIMEOUT = 10.0
#: connections for that; after an outage every open document reads its log
ASKED_AT_ONCE = 16

#: no timeouts of its own: below Python 3.12 redis-py's lose a cancellation (``asyncio.wait_for``), and who
#: listens waits for ever anyway; ours are around every call
_OPTIONS: dict[str, Any] = {"protocol": 2, "socket_timeout": None, "socket_connect_timeout": ANSWER_TIMEOUT}

Command = Sequence[bytes | str | int | float]


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
        #: for what is large or seldom: snapshots, versions, listings; redis-py's annotations allow for text and
        #: bytes alike in every answer, so they are of no use here
        self.client: Any = Redis.from_url(url, **_OPTIONS, retry=_never())
        self._asking = asyncio.Semaphore(ASKED_AT_ONCE)
        #: known to be out of reach: nobody waits for an answer then
        self.down = False

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[Any]:
        """``async with link.asking() as client``: use :attr:`client`, within ``BULK_TIMEOUT`` seconds.

        Raises:
            CollabError: ``storage_unavailable`` where Redis did not answer, or refused.
        """
        if self.down:
            raise CollabError("storage_unavailable", "Redis is out of reach.", retry_after=1)
        async with self._asking:
            try:
                async with asyncio.timeout(BULK_TIMEOUT):
                    yield self.client
            except FAILURES as error:
                words = (str(error) or type(error).__name__).rstrip(".")
                raise CollabError("storage_unavailable", f"Redis is out of reach: {words}.", retry_after=1) from error

    def pipe(self) -> Pipe:
        """A connection of its own."""
        return Pipe(self.url)

    def connection(self) -> Any:
        """A bare connection that waits for ever for what comes; not connected yet."""
        return _bare(self.url)

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


class Pipe:
    """One connection that carries a list of commands at a time. Reconnects when it is used again.

    Callers take turns by themselves: one :meth:`run` at a time.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Any = None

    async def run(self, commands: Sequence[Command | tuple[Script, Command]]) -> list[Any]:
        """Send ``commands``; returns their answers, an exception in place of one that was refused.

        Raises:
            RedisError, OSError, TimeoutError: the connection broke or no answer came; the commands
                may have been carried out all the same.
        """
        plain = [_plain(command) for command in commands]
        size = sum(len(word) for command in plain for word in command if isinstance(word, bytes))
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT + size / SLOWEST):
                connection = await self._connected()
                answers = await _exchange(connection, plain)
                unknown = [at for at, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
                if unknown:
                    await _load_scripts(connection)
                    again = await _exchange(connection, [plain[at] for at in unknown])
                    for at, answer in zip(unknown, again, strict=True):
                        answers[at] = answer
                return answers
        except BaseException:
            await self.drop()
            raise

    async def _connected(self) -> Any:
        if self._connection is None:
            connection = _bare(self._url)
            try:
                await connection.connect()
                await _load_scripts(connection)
            except BaseException:
                await connection.disconnect(nowait=True)
                raise
            self._connection = connection
        return self._connection

    async def drop(self) -> None:
        """Close the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)


def _bare(url: str) -> Any:
    pool: Any = ConnectionPool.from_url(url, **_OPTIONS, retry=_never())
    return pool.make_connection()


def _never() -> Retry:
    """Retrying is ours: who reconnects must know that something may have been missed."""
    return Retry(NoBackoff(), 0)


def _plain(command: Command | tuple[Script, Command]) -> Command:
    first = command[0]
    if isinstance(first, Script):
        return [b"EVALSHA", first.sha, *command[1]]  # type: ignore[misc]
    return command  # type: ignore[return-value]


async def _exchange(connection: Any, commands: Sequence[Command]) -> list[Any]:
    await connection.send_packed_command(connection.pack_commands(commands), check_health=False)
    answers: list[Any] = []
    for _ in commands:
        try:
            answers.append(await connection.read_response())
        except RedisError as error:
            if not connection.is_connected:
                raise
            answers.append(error)
    return answers


async def _load_scripts(connection: Any) -> None:
    await _exchange(connection, [[b"SCRIPT", b"LOAD", script.source] for script in (*SCRIPTS, *OUTBOX_SCRIPTS)])


def _tag(document: str) -> str:
    # An empty tag is none; names hold no percent sign, so this can be undone.
    return document.replace("{", "%7B").replace("}", "%7D")
